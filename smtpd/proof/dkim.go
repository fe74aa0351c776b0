package proof

import (
	"strings"
	"sync"
	"time"
)

const (
	maxSignatures = 5
	maxAge        = 72 * time.Hour // of a signature; an older one may be a replay
	maxAhead      = 24 * time.Hour // of a signer's clock
)

// Signature is what became of one DKIM signature.
type Signature struct {
	Domain string // d=
	Result Result
	Reason string // a sentence, for people

	aged bool // it would count but for its age, as far as could be found out
}

// verify checks the first signatures of a message, by our rules as well as by
// the RFC's, their keys being asked for at the same time.
func verify(dns *lookups, h *header, now time.Time) []Signature {
	var there []field
	for _, f := range h.fields {
		if f.name == "dkim-signature" && len(there) < maxSignatures {
			there = append(there, f)
		}
	}
	signatures := make([]Signature, len(there))
	var asked sync.WaitGroup
	for i, f := range there {
		asked.Go(func() { signatures[i] = h.assess(dns, f, now) })
	}
	asked.Wait()
	return signatures
}

// assess applies our own rules to one signature. Those that make it worthless
// come first, and spare the look-up.
func (h *header) assess(dns *lookups, f field, now time.Time) Signature {
	tags, ok := parseTags(h.value(f), false)
	s := Signature{Domain: strings.ToLower(tags["d"]), Result: Pass}
	if !ok || !validName(s.Domain) {
		return Signature{Result: PermError, Reason: "a signature names no domain"}
	}
	not := func(result Result, why string) Signature {
		s.Result, s.Reason = result, "the signature of "+s.Domain+" "+why
		return s
	}
	made, expires, times := timesOf(tags)
	_, partly := tags["l"]
	switch {
	case partly:
		return not(Policy, "covers only a part of the message")
	case !times || !h.usable(tags):
		return not(PermError, "is not usable")
	case !expires.IsZero() && !now.Before(expires):
		return not(Fail, "has expired")
	case !made.IsZero() && made.Sub(now) > maxAhead:
		return not(Policy, "is dated in the future")
	}
	found := h.check(dns, f, tags)
	if !made.IsZero() && now.Sub(made) > maxAge {
		s.aged = found == Pass || found == TempError
		return not(Policy, "is older than three days")
	}
	switch found {
	case Pass:
		return s
	case TempError:
		return not(TempError, "could not be checked: a look-up failed")
	case Neutral:
		return not(Neutral, "uses a key in test mode")
	case PermError:
		return not(PermError, "is not usable, or its key is not there")
	}
	return not(Fail, "does not fit the message")
}

// usable reports whether a signature has what one must have (RFC 6376 §3.5,
// §6.1.1): From among the fields that it covers, and an identity of its domain.
func (h *header) usable(tags map[string]string) bool {
	for _, tag := range []string{"a", "b", "bh", "d", "h", "s"} {
		if tags[tag] == "" {
			return false
		}
	}
	if query, there := tags["q"]; there && !listed(query, "dns/txt") {
		return false
	}
	if identity, there := tags["i"]; there {
		_, domain, at := strings.Cut(strings.ToLower(identity), "@")
		if d := strings.ToLower(tags["d"]); !at || domain != d && !strings.HasSuffix(domain, "."+d) {
			return false
		}
	}
	return tags["v"] == "1" && listed(tags["h"], "from")
}

// check verifies a signature over body and header (RFC 6376 §6.1).
func (h *header) check(dns *lookups, f field, tags map[string]string) Result {
	if _, there := tags["c"]; !there {
		tags["c"] = "simple/simple"
	}
	canonical, relaxedBody, ok := canonicalizations(tags["c"])
	if !ok {
		return PermError
	}
	if !sameHash(tags["bh"], h.hashOfBody(relaxedBody)) {
		return Fail
	}
	hash := newHash()
	for _, covered := range h.pick(tags["h"]) {
		canonical(hash, covered.name, h.data[covered.start:covered.end])
	}
	canonical(hash, f.name, unsigned(h.data[f.start:f.end]))
	return checkSignature(dns, tags, hash)
}
