package doctor

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// locally are endings that no public DNS knows (RFC 6761, RFC 6762, RFC 8375,
// and habits).
var locally = []string{"localhost", "localdomain", "local", "internal", "lan", "home.arpa", "test", "invalid"}

// trial reports whether a name is known on this machine at most, so that
// looking for it is idle.
func trial(name string) bool {
	name = plainName(name)
	return !strings.Contains(name, ".") || slices.ContainsFunc(locally, func(end string) bool {
		return strings.HasSuffix(name, "."+end)
	})
}

// hostname looks at our name as such.
func (e *exam) hostname(context.Context) []Finding {
	const check = "hostname"
	fault := note
	if e.direct() || e.outward() {
		fault = problem
	}
	const remedy = "set hostname to a full name that DNS knows, as mx.example.com"
	switch {
	case !strings.Contains(plainName(e.Hostname), "."):
		return []Finding{fault(check, e.Hostname, "is no full name; other hosts refuse mail from such").so(remedy)}
	case trial(e.Hostname):
		return []Finding{fault(check, e.Hostname, "is a name that only this network can know").so(remedy)}
	}
	return []Finding{ok(check, e.Hostname, "is a full name")}
}

// addresses looks for the addresses of our name, and for the names of those.
func (e *exam) addresses(ctx context.Context) []Finding {
	const check = "address"
	if trial(e.Hostname) {
		return nil // hostname has told
	}
	fault := note
	if e.direct() || e.outward() {
		fault = problem
	}
	found, err := e.dns.ip(ctx, e.Hostname)
	if err != nil {
		return []Finding{silent(check, e.Hostname, err).publish(e.hostRecords())}
	}
	usable := slices.DeleteFunc(slices.Clone(found), func(a netip.Addr) bool { return !public(a) })
	own := e.ownPublic()
	switch {
	case len(found) == 0:
		return []Finding{fault(check, e.Hostname, "has no address in DNS").so("publish:").publish(e.hostRecords())}
	case len(usable) == 0:
		return []Finding{fault(check, e.Hostname, "has only the private address %s in DNS", join(found)).so("publish the address at which strangers reach this host:").publish(e.hostRecords())}
	case len(own) > 0 && len(e.Proxied) == 0 && !slices.ContainsFunc(own, func(a netip.Addr) bool { return slices.Contains(usable, a) }):
		return append([]Finding{warning(check, e.Hostname, "is %s in DNS, and this machine has %s", join(usable), join(own)).so("unless something in between translates addresses, publish:").publish(e.hostRecords())}, e.pointers(ctx, usable)...)
	}
	return append([]Finding{ok(check, e.Hostname, "is %s", join(usable))}, e.pointers(ctx, usable)...)
}

// hostRecords are the address records of our name, as far as they can be known
// from here.
func (e *exam) hostRecords() string {
	text := ""
	for _, a := range e.ownPublic() {
		text = lines(text, addressRecord(e.Hostname, a))
	}
	if text == "" {
		return absolute(e.Hostname) + " A <the public address of this host>"
	}
	return text
}

// pointers looks whether our addresses have our name. Many hosts take no mail
// from one whose address and name do not confirm one another.
func (e *exam) pointers(ctx context.Context, addresses []netip.Addr) []Finding {
	const check, remedy = "ptr", "have it set by whoever gave you the address:"
	fault := note
	if e.direct() {
		fault = problem
	}
	var all []Finding
	for _, a := range addresses[:min(len(addresses), 8)] {
		subject, record := a.String(), pointer(a, e.Hostname)
		found, err := e.dns.ptr(ctx, a)
		confirmed := slices.DeleteFunc(slices.Clone(found), func(name string) bool {
			back, fault := e.dns.ip(ctx, name)
			if fault != nil {
				err = fault
			}
			return !slices.Contains(back, a)
		})
		switch {
		case slices.Contains(confirmed, plainName(e.Hostname)):
			all = append(all, ok(check, subject, "is %s, there and back", e.Hostname))
		case err != nil:
			all = append(all, silent(check, subject, err).publish(record))
		case len(found) == 0:
			all = append(all, fault(check, subject, "has no name").so(remedy).publish(record))
		case len(confirmed) == 0:
			all = append(all, fault(check, subject, "is called %s, a name which does not lead back to it", strings.Join(found, ", ")).so(remedy).publish(record))
		case e.direct():
			all = append(all, warning(check, subject, "is called %s, while we greet as %s", strings.Join(confirmed, ", "), e.Hostname).so("use one name for both: set hostname, or "+remedy).publish(record))
		default:
			all = append(all, ok(check, subject, "is %s, there and back", strings.Join(confirmed, ", ")))
		}
	}
	return all
}

func join(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
