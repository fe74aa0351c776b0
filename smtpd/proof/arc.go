package proof

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// A host that changes mail on its way breaks its signatures. With ARC (RFC 8617)
// it writes down, before it does, what it found the mail to be, and seals that
// under its own name, above the seals of those before it. A seal says nothing
// about whether its maker is honest, so a chain counts only where the settings
// name who closed it.

// maxSets bounds a chain (RFC 8617 §4.2.1).
const maxSets = 50

// arcSet is the three fields that one host left (RFC 8617 §4.1).
type arcSet struct {
	results, message, seal field
	messageTags, sealTags  map[string]string
}

// weighSeals looks for domain proof in what named relays sealed: those at the
// end of the chain, down to the first that the settings do not name. Nothing is
// verified before it is clear that it would matter.
func (v *Verdict) weighSeals(dns *lookups, h *header, trust Trust, author ticket.Address, now time.Time) {
	sets, ok := h.chain()
	if !ok || len(sets) == 0 || !sets[len(sets)-1].covers(now) {
		return
	}
	var by, signed, sent string
	for i := len(sets) - 1; i >= 0 && signed == "" && trust.seals(sets[i].sealTags["d"]); i-- {
		by = strings.ToLower(sets[i].sealTags["d"])
		var s string
		if signed, s = h.sealedResults(sets[i], author).standing(v.policy, author); s != "" {
			sent = s
		}
	}
	if signed == "" && sent == "" {
		return
	}
	switch v.ARC = h.verifyChain(dns, sets); {
	case v.ARC == TempError:
		v.Doubt = true
	case v.ARC != Pass:
	case signed != "":
		v.vouched = true
		v.prove(ticket.ByRelay, signed, "found signed by "+signed+" by a relay that is trusted ("+by+", ARC)")
	default:
		v.vouched = true
		v.prove(ticket.BySPF, sent, "a relay that is trusted ("+by+", ARC) found that "+sent+" stands behind it")
	}
}

// seals reports whether the settings name somebody who seals with this domain.
func (t Trust) seals(domain string) bool {
	for _, r := range t.Relays {
		if r.Seals != "" && strings.EqualFold(r.Seals, domain) {
			return true
		}
	}
	return false
}

// chain gathers the sets, the first of them first. It reports false for what is
// no chain, whoever sealed it (RFC 8617 §5.2, steps 1 to 3).
func (h *header) chain() ([]arcSet, bool) {
	var sets []arcSet
	last := 0
	for _, f := range h.fields {
		if f.name != "arc-authentication-results" && f.name != "arc-message-signature" && f.name != "arc-seal" {
			continue
		}
		if sets == nil {
			sets = make([]arcSet, maxSets)
		}
		tags, ok := h.arcTags(f)
		n, err := strconv.Atoi(tags["i"])
		if !ok || err != nil || n < 1 || n > maxSets || !sets[n-1].add(f, tags) {
			return nil, false
		}
		last = max(last, n)
	}
	for i := range sets[:last] {
		if !sets[i].complete(i == 0) {
			return nil, false
		}
	}
	return sets[:last], true
}

// arcTags is what a field of a chain says; of results the instance alone.
func (h *header) arcTags(f field) (map[string]string, bool) {
	if f.name == "arc-authentication-results" {
		instance, _ := instanceOf(h.value(f))
		return map[string]string{"i": instance}, true
	}
	return parseTags(h.value(f), true)
}

// add puts a field in its place, and reports false where one stands already.
func (s *arcSet) add(f field, tags map[string]string) bool {
	place := &s.results
	switch f.name {
	case "arc-message-signature":
		place, s.messageTags = &s.message, tags
	case "arc-seal":
		place, s.sealTags = &s.seal, tags
	}
	free := place.name == ""
	*place = f
	return free
}

// complete reports whether the set has all that it must, and claims that the
// chain was whole when it was made.
func (s *arcSet) complete(first bool) bool {
	want := "pass"
	if first {
		want = "none"
	}
	_, h := s.sealTags["h"]
	_, bh := s.sealTags["bh"]
	return s.results.name != "" && s.message.name != "" && s.sealTags["cv"] == want && !h && !bh
}

// instanceOf reads "i=N;" at the start of ARC-Authentication-Results, and gives
// the results after it.
func instanceOf(value string) (instance, results string) {
	head, results, _ := strings.Cut(value, ";")
	name, instance, _ := strings.Cut(head, "=")
	if strings.TrimSpace(name) != "i" {
		return "", ""
	}
	return strings.TrimSpace(instance), results
}

// sealedResults is what a set says about the author's organisation. The sender
// that its SPF is about is not ours to know, so it is taken from there.
func (h *header) sealedResults(set arcSet, author ticket.Address) vouching {
	var out vouching
	_, text := instanceOf(h.value(set.results))
	_, results, ok := parseResults(strings.TrimSpace(text))
	if !ok {
		return out
	}
	for _, r := range results {
		sender := r.properties["smtp.mailfrom"]
		if a, err := ticket.ParseAddress(sender); err == nil {
			sender = a.Domain()
		}
		out.add(r, author, sender)
	}
	return out
}

// covers reports whether the signature of a set is one that we count: by the
// rules that hold for DKIM's too, over From and the whole body, and fresh.
func (s *arcSet) covers(now time.Time) bool {
	_, partly := s.messageTags["l"]
	made, expires, ok := timesOf(s.messageTags)
	fresh := made.IsZero() || now.Sub(made) <= maxAge && made.Sub(now) <= maxAhead
	return ok && fresh && !partly && listed(s.messageTags["h"], "from") && (expires.IsZero() || now.Before(expires))
}

// verifyChain checks the signature of the last host over the message, and the
// seals of all, the last first (RFC 8617 §5.2, steps 4 to 6): Pass, Fail, or
// TempError.
func (h *header) verifyChain(dns *lookups, sets []arcSet) Result {
	found := h.verifyMessage(dns, sets[len(sets)-1])
	for n := len(sets); n > 0 && found == Pass; n-- {
		found = h.verifySeal(dns, sets[:n])
	}
	if found != Pass && found != TempError {
		return Fail
	}
	return found
}

// verifyMessage checks an ARC-Message-Signature, which is made as DKIM's are
// (RFC 8617 §4.1.2). Where c= is left out, the makers of ARC mean relaxed,
// unlike DKIM's.
func (h *header) verifyMessage(dns *lookups, set arcSet) Result {
	tags := maps.Clone(set.messageTags)
	if _, there := tags["c"]; !there {
		tags["c"] = "relaxed/relaxed"
	}
	covered, there := tags["h"]
	if _, _, ok := timesOf(tags); !ok || !there || listed(covered, "arc-seal") {
		return Fail
	}
	return h.check(dns, set.message, tags)
}

// verifySeal checks the seal of the last of these sets: over all of them, and
// nothing else (RFC 8617 §5.1.1).
func (h *header) verifySeal(dns *lookups, sets []arcSet) Result {
	last := sets[len(sets)-1]
	hash := newHash()
	for _, set := range sets {
		for _, f := range []field{set.results, set.message, set.seal} {
			text := h.data[f.start:f.end]
			if f == last.seal {
				text = unsigned(text)
			}
			relaxed(hash, f.name, text)
		}
	}
	if _, _, ok := timesOf(last.sealTags); !ok {
		return Fail
	}
	return checkSignature(dns, last.sealTags, hash)
}
