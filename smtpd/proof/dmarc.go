package proof

import (
	"errors"
	"net"
	"strings"

	"guichet/ticket"
)

// dmarc is what a domain has published about mail under its name (RFC 7489).
type dmarc struct {
	// result is Pass where a policy was found, None where there is none, and
	// TempError where nobody could be asked.
	result     Result
	wants      ticket.Policy
	strictDKIM bool
	strictSPF  bool
}

// findPolicy asks a domain for its policy, and then its organisational domain,
// by the public suffix list (RFC 7489 §6.6.3). Two records in one place are
// none, by the same section.
func findPolicy(dns *lookups, domain string) dmarc {
	domain = strings.ToLower(domain)
	policy, there := askPolicy(dns, domain, "p")
	if org := organisation(domain); !there && org != "" && org != domain {
		policy, _ = askPolicy(dns, org, "sp")
	}
	return policy
}

// askPolicy reads the record at one name; there reports whether there was any,
// or might have been. tag is the one that speaks for the author's domain.
func askPolicy(dns *lookups, domain, tag string) (policy dmarc, there bool) {
	policy.result = None
	texts, err := dns.LookupTXT(dns.ctx, "_dmarc."+domain)
	if missing := new(net.DNSError); err != nil && !(errors.As(err, &missing) && missing.IsNotFound) {
		policy.result = TempError
		return policy, true
	}
	var records []string
	for _, text := range texts {
		if version, _, _ := strings.Cut(text, ";"); strings.Join(strings.Fields(version), "") == "v=DMARC1" {
			records = append(records, text)
		}
	}
	if len(records) != 1 {
		return policy, len(records) > 0
	}
	return parsePolicy(records[0], tag), true
}

// parsePolicy reads a record. What it cannot read in a tag counts as that tag's
// default (RFC 7489 §6.3).
//
// pct= is read as its successor t= is meant (DMARCbis): a domain that asks for
// none of its mail to be treated so is trying its policy out, and gets the next
// milder one; any other share is taken for all of it, because a door that lets
// some forgeries through by lot stops none.
func parsePolicy(record, tag string) dmarc {
	tags, _ := parseTags(record, false)
	value := func(tag string) string { return strings.ToLower(tags[tag]) }
	wants := value(tag)
	if wants == "" {
		wants = value("p")
	}
	policy := dmarc{result: Pass, strictDKIM: value("adkim") == "s", strictSPF: value("aspf") == "s"}
	trial := value("t") == "y" || value("pct") == "0"
	switch {
	case wants == "reject" && !trial:
		policy.wants = ticket.Reject
	case wants == "reject", wants == "quarantine" && !trial:
		policy.wants = ticket.Quarantine
	}
	return policy
}

// stands reports whether a domain that was proved speaks for the author's:
// they are the same, or of one organisation where the author's does not insist
// on the same (RFC 7489 §3.1). As long as nobody knows whether it insists,
// only the same will do.
func (p dmarc) stands(domain string, author ticket.Address, strict bool) bool {
	if strings.EqualFold(domain, author.Domain()) {
		return true
	}
	return !strict && p.result != TempError && aligned(domain, author.Domain())
}

func (p dmarc) signs(domain string, author ticket.Address) bool {
	return p.stands(domain, author, p.strictDKIM)
}

func (p dmarc) sends(domain string, author ticket.Address) bool {
	return p.stands(domain, author, p.strictSPF)
}

// apply is what becomes of a message that the author's domain does not stand
// behind.
func (v *Verdict) apply(author ticket.Address) {
	e := &v.Evidence
	if e.Policy = v.policy.wants; e.Policy == ticket.Reject && v.aged(author) {
		e.Policy = ticket.Quarantine
	}
	switch e.Policy {
	case ticket.Reject:
		e.Reason += "; " + author.Domain() + " wants such mail refused"
	case ticket.Quarantine:
		e.Reason += "; " + author.Domain() + " wants such mail set aside"
	}
}

// aged reports a signature of the author's domain that fails for its age
// alone: mail that waited long in a queue is not to be turned away for that.
func (v *Verdict) aged(author ticket.Address) bool {
	for _, s := range v.DKIM {
		if s.aged && v.policy.signs(s.Domain, author) {
			return true
		}
	}
	return false
}

// Refuses reports whether the message is to be turned away for its domain's
// policy: by a host that hands over its own mail, to addresses none of which is
// an old one that is forwarded to us (alias). All other mail that the policy is
// against has come by somebody else, who would have to bounce it, and who may
// have broken the signature: it is held. And so is mail about which a look-up
// failed for longer than it could wait, or whose signatures were not looked at.
func (v *Verdict) Refuses(alias bool) bool {
	return v.Evidence.Policy == ticket.Reject && v.direct && !alias && !v.Doubt && v.huge == ""
}

// Relayed reports that a relay of the settings handed the message over.
func (v *Verdict) Relayed() bool { return v.relayed }

// DMARC is what our own Authentication-Results say (RFC 8601 §2.7.1, and RFC
// 7489 §11.2); "" where nobody was asked. A relay's word does not count here.
func (v *Verdict) DMARC() Result {
	switch {
	case !v.checked:
		return ""
	case v.policy.result != Pass:
		return v.policy.result
	case v.Evidence.Method == ticket.ByDKIM, v.Evidence.Method == ticket.BySPF && !v.vouched:
		return Pass
	case v.huge != "":
		return PermError
	}
	return Fail
}
