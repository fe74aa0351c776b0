package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"
)

// proven is whether receivers can prove our mail, as far as it is known.
type proven int

const (
	unknown proven = iota
	no
	yes
)

// sender looks at what receivers of our mail ask DNS: SPF, DKIM, DMARC.
func (e *exam) sender(ctx context.Context, s Sender) []Finding {
	switch {
	case s.Route.Maildir:
		return nil
	case trial(s.Domain):
		return []Finding{note("spf", s.Domain, "is a name for trials; no DNS knows it")}
	}
	all, sent := e.spf(ctx, s)
	keys, signed := e.dkim(ctx, s)
	return append(append(all, keys...), e.dmarc(ctx, s, sent, signed)...)
}

// spf asks whether the hosts that our mail leaves from may send for the domain
// of envelope senders (RFC 7208).
func (e *exam) spf(ctx context.Context, s Sender) ([]Finding, proven) {
	const check = "spf"
	fault := warning // what a relay adds is not known here
	if s.Route.Direct {
		fault = problem
	}
	records, err := e.dns.txt(ctx, s.Return)
	if err != nil {
		return []Finding{silent(check, s.Return, err).publish(e.spfRecord(ctx, s, ""))}, unknown
	}
	records = slices.DeleteFunc(records, func(r string) bool {
		version, _, _ := strings.Cut(strings.ToLower(r), " ")
		return version != "v=spf1"
	})
	switch len(records) {
	case 0:
		return []Finding{fault(check, s.Return, "has no SPF record, so nobody knows our mail from a forger's").so("publish, with whatever else sends for the domain:").publish(e.spfRecord(ctx, s, ""))}, no
	case 1:
	default:
		return []Finding{problem(check, s.Return, "has %d SPF records, so none counts (RFC 7208 §4.5)", len(records)).so("leave one, with all that they name:").publish(e.spfRecord(ctx, s, mergeSPF(records)))}, no
	}
	hosts, err := e.leavesFrom(ctx, s.Route)
	switch {
	case err != nil:
		return []Finding{silent(check, s.Return, err)}, unknown
	case len(hosts) == 0:
		return []Finding{note(check, s.Return, "has a record; from which address our mail leaves is not known here, so it was not tried").so("see that it allows that address: %s", records[0])}, unknown
	}
	return e.trySPF(ctx, s, records[0], hosts)
}

// trySPF evaluates the record for each host as receivers do.
func (e *exam) trySPF(ctx context.Context, s Sender, record string, hosts []netip.Addr) ([]Finding, proven) {
	const check = "spf"
	var refused []netip.Addr
	worst := spf.Pass
	for _, a := range hosts {
		result, err := spf.CheckHostWithSender(net.IP(a.AsSlice()), e.Hostname, "postmaster@"+s.Return, spf.WithContext(ctx), spf.WithResolver(answers{e.dns}))
		switch result {
		case spf.Pass:
			continue
		case spf.TempError:
			return []Finding{silent(check, s.Return, err)}, unknown
		case spf.PermError:
			return []Finding{problem(check, s.Return, "has a record that cannot be evaluated, so it counts for nothing: %s", err).so("%s", whySPF(err)).publish(TXT(s.Return, record))}, no
		}
		refused = append(refused, a)
		if worst != spf.Fail {
			worst = result
		}
	}
	terms := strings.Fields(strings.ToLower(record))
	switch {
	case len(refused) == 0 && (slices.Contains(terms, "+all") || slices.Contains(terms, "all")):
		return []Finding{warning(check, s.Return, "allows the whole world to send for the domain").so("end it with -all or ~all instead of +all: %s", record)}, yes
	case len(refused) == 0:
		return []Finding{ok(check, s.Return, "allows %s", join(hosts))}, yes
	case s.Route.Direct:
		return []Finding{problem(check, s.Return, "does not allow %s, from which our mail leaves (%s)", join(refused), worst).so("publish instead:").publish(e.spfRecord(ctx, s, record))}, no
	}
	return []Finding{warning(check, s.Return, "does not allow %s (%s), from which our mail may leave by %s", join(refused), worst, s.Route.Name).
		so("unless that relay sends from elsewhere (its admin tells what to include), publish instead:").publish(e.spfRecord(ctx, s, record))}, unknown
}

func whySPF(err error) string {
	if errors.Is(err, spf.ErrLookupLimitReached) || errors.Is(err, spf.ErrVoidLookupLimitReached) {
		return "it asks DNS more often than is allowed (10 times, twice in vain); remove includes that nothing needs:"
	}
	return "correct it:"
}

// leavesFrom are the addresses that receivers see our mail come from, as far as
// they can be known: of a relay, its own; of one on this or a private network,
// ours.
func (e *exam) leavesFrom(ctx context.Context, r Route) ([]netip.Addr, error) {
	strangers := func(all []netip.Addr) []netip.Addr {
		return slices.DeleteFunc(all, func(a netip.Addr) bool { return !public(a) })
	}
	if !r.Direct && !loopback(r.Host) {
		if a, err := netip.ParseAddr(r.Host); err == nil {
			return strangers([]netip.Addr{a.Unmap()}), nil
		}
		found, err := e.dns.ip(ctx, r.Host)
		return strangers(found), err
	}
	found, err := e.dns.ip(ctx, e.Hostname)
	found = strangers(append(found, e.ownPublic()...))
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found), err
}

// spfRecord is the record that allows us, made of the one that is there.
func (e *exam) spfRecord(ctx context.Context, s Sender, old string) string {
	host := e.Hostname
	if !s.Route.Direct && !loopback(s.Route.Host) {
		host = s.Route.Host
	}
	term := "a:" + host
	if _, err := netip.ParseAddr(host); err == nil {
		term = "ip4:" + host
		if strings.Contains(host, ":") {
			term = "ip6:" + host
		}
	}
	extra := []string{term}
	if host == e.Hostname { // a machine may send from an address that its name does not have
		if named, err := e.dns.ip(ctx, host); err == nil {
			for _, a := range e.ownPublic() {
				if len(named) > 0 && !slices.Contains(named, a) {
					extra = append(extra, map[bool]string{true: "ip4:", false: "ip6:"}[a.Is4()]+a.String())
				}
			}
		}
	}
	terms := []string{"~all"}
	if fields := strings.Fields(old); len(fields) > 1 {
		terms = slices.DeleteFunc(fields[1:], func(t string) bool { return slices.Contains(extra, t) })
	}
	return TXT(s.Return, strings.Join(append(append([]string{"v=spf1"}, extra...), terms...), " "))
}

// mergeSPF makes one record of several: the terms of all, and the last's end.
func mergeSPF(records []string) string {
	var terms []string
	end := "~all"
	for _, r := range records {
		for _, t := range strings.Fields(r)[1:] {
			switch bare := strings.ToLower(strings.TrimLeft(t, "+-~?")); {
			case bare == "all":
				end = t
			case !slices.Contains(terms, t):
				terms = append(terms, t)
			}
		}
	}
	return strings.Join(append(append([]string{"v=spf1"}, terms...), end), " ")
}

// dkim compares each key's record with the key (RFC 6376 §3.6).
func (e *exam) dkim(ctx context.Context, s Sender) ([]Finding, proven) {
	const check = "dkim"
	if len(s.Keys) == 0 {
		const remedy = "make a key (openssl genrsa -out dkim.pem 2048), name it in outgoing.dkim, and doctor tells the record to publish"
		if s.Route.Direct {
			return []Finding{problem(check, s.Domain, "no key signs its mail; large providers refuse such mail").so(remedy)}, no
		}
		return []Finding{note(check, s.Domain, "no key of ours signs its mail; the relay must").so("where it does not: %s", remedy)}, unknown
	}
	var all []Finding
	best := unknown
	for _, k := range s.Keys {
		f, signed := e.keyRecord(ctx, s, k)
		all, best = append(all, f), max(best, signed)
	}
	return all, best
}

func (e *exam) keyRecord(ctx context.Context, s Sender, k Key) (Finding, proven) {
	const check = "dkim"
	name := dkimName(k.Selector, k.Domain)
	if k.Err != nil {
		return problem(check, name, "the key %s cannot be used: %s", k.File, reason(k.Err)).so("name a private key in PEM, of RSA with 2048 bits or Ed25519, that the daemon's user may read"), unknown
	}
	record, err := DKIMRecord(k.Selector, k.Domain, k.Public)
	if err != nil {
		return problem(check, name, "the key %s cannot be used: %s", k.File, err), unknown
	}
	wrong := func(format string, args ...any) (Finding, proven) {
		return problem(check, name, format, args...).so("publish instead:").publish(record), no
	}
	texts, err := e.dns.txt(ctx, name)
	switch {
	case err != nil:
		return silent(check, name, err).publish(record), unknown
	case len(texts) == 0:
		return problem(check, name, "is not published, so our signatures count for nothing").so("publish:").publish(record), no
	case len(texts) > 1:
		return wrong("has %d records, and receivers take any of them", len(texts))
	}
	p, err := readDKIM(texts[0])
	switch {
	case err != nil:
		return wrong("cannot be read: %s", err)
	case len(p.key) == 0:
		return problem(check, name, "is revoked (its p= is empty)").so("make a new key under a new selector; or publish instead:").publish(record), no
	case !p.is(k.Public):
		return wrong("is of another key than %s", k.File)
	case p.lists("t", "y"):
		return warning(check, name, "is in test mode (t=y), so receivers may ignore it").so("publish instead:").publish(record), no
	case p.lists("t", "s") && s.Domain != k.Domain:
		return wrong("signs for %s alone (t=s), not for %s", k.Domain, s.Domain)
	case p.tags["h"] != "" && !p.lists("h", "sha256"):
		return wrong("does not allow SHA-256 (h=%s)", p.tags["h"])
	case p.tags["s"] != "" && !p.lists("s", "*", "email"):
		return wrong("is not for mail (s=%s)", p.tags["s"])
	}
	if _, young := k.Public.(ed25519.PublicKey); young && len(s.Keys) == 1 {
		return warning(check, name, "is published; not every receiver knows Ed25519").so("add an RSA key beside it in outgoing.dkim"), yes
	}
	return ok(check, name, "is the record of %s", k.File), yes
}

// dmarc looks at the policy (RFC 7489), and whether our own mail would pass it.
func (e *exam) dmarc(ctx context.Context, s Sender, sent, signed proven) []Finding {
	const check = "dmarc"
	suggested := TXT("_dmarc."+s.Domain, "v=DMARC1; p=none; rua=mailto:"+e.admin(s.Domain))
	texts, at, err := e.policyOf(ctx, s.Domain)
	switch {
	case err != nil:
		return []Finding{silent(check, s.Domain, err).publish(suggested)}
	case len(texts) == 0:
		return []Finding{warning(check, s.Domain, "has no DMARC policy; large providers ask for one").so("publish, and p=quarantine once the reports are clean:").publish(suggested)}
	case len(texts) > 1:
		return []Finding{problem(check, at, "has %d DMARC records, so none counts (RFC 7489 §6.6.3)", len(texts)).so("leave one")}
	}
	r, err := dmarc.Parse(texts[0])
	if err != nil {
		return []Finding{problem(check, at, "has a record that cannot be read: %s", strings.TrimPrefix(err.Error(), "dmarc: ")).so("publish instead:").publish(suggested)}
	}
	policy := r.Policy
	if at != s.Domain && r.SubdomainPolicy != "" {
		policy = r.SubdomainPolicy
	}
	// DMARC wants a proof whose domain fits From (RFC 7489 §3.1).
	if !fits(s.Return, s.Domain, r.SPFAlignment == dmarc.AlignmentStrict) && sent == yes {
		sent = no
	}
	strict := r.DKIMAlignment == dmarc.AlignmentStrict
	if signed == yes && !slices.ContainsFunc(s.Keys, func(k Key) bool { return fits(k.Domain, s.Domain, strict) }) {
		signed = no
	}
	switch {
	case sent == no && signed == no && policy != dmarc.PolicyNone:
		return []Finding{problem(check, s.Domain, "asks receivers to %s mail without aligned SPF or DKIM, and ours has neither", policy).so("mend DKIM above")}
	case sent == no && signed == no:
		return []Finding{warning(check, s.Domain, "is p=none, and our mail would fail anything stricter: neither SPF nor DKIM is aligned").so("mend DKIM above")}
	case signed == no && policy != dmarc.PolicyNone:
		return []Finding{warning(check, s.Domain, "is p=%s, and our mail passes by SPF alone, which every forwarder breaks", policy).so("mend DKIM above")}
	}
	return []Finding{ok(check, s.Domain, "is p=%s at %s", policy, at)}
}

// policyOf gives the DMARC records of a domain, or of its organisation (RFC
// 7489 §6.6.3), and where they are.
func (e *exam) policyOf(ctx context.Context, domain string) (texts []string, at string, err error) {
	organisation, _ := publicsuffix.EffectiveTLDPlusOne(domain)
	for _, at = range []string{domain, organisation} {
		if at == "" {
			continue
		}
		texts, err = e.dns.txt(ctx, "_dmarc."+at)
		texts = beginning(texts, "v=DMARC1")
		if err != nil || len(texts) > 0 {
			return texts, at, err
		}
	}
	return nil, domain, nil
}

// fits reports whether the domain of a proof is aligned with that of From.
func fits(proof, from string, strict bool) bool {
	if strict || proof == from {
		return proof == from
	}
	a, errA := publicsuffix.EffectiveTLDPlusOne(proof)
	b, errB := publicsuffix.EffectiveTLDPlusOne(from)
	return errA == nil && errB == nil && a == b
}
