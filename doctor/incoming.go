package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// mx looks where the mail of a domain goes.
func (e *exam) mx(ctx context.Context, d Domain) []Finding {
	const check = "mx"
	record := absolute(d.Name) + " MX 10 " + absolute(e.exchanger(ctx, d))
	if trial(d.Name) {
		return []Finding{note(check, d.Name, "is a name for trials; no DNS knows it")}
	}
	found, err := e.dns.mx(ctx, d.Name)
	if err != nil {
		return []Finding{silent(check, d.Name, err).publish(record)}
	}
	if len(found) == 0 {
		return []Finding{e.noExchanger(ctx, d, record)}
	}
	var hosts []string
	for _, each := range found {
		if host := plainName(each.Host); host != "" {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) == 0 { // RFC 7505
		return []Finding{problem(check, d.Name, "says that it takes no mail (a null MX)").so("publish instead:").publish(record)}
	}
	var all []Finding
	ours, front := false, []netip.Addr{}
	us, _ := e.dns.ip(ctx, e.Hostname)
	for _, host := range hosts {
		if _, err := netip.ParseAddr(host); err == nil {
			all = append(all, problem(check, d.Name, "names the address %s where a name must stand (RFC 5321 §5.1)", host).so("publish instead:").publish(record))
			continue
		}
		at, err := e.dns.ip(ctx, host)
		switch {
		case err != nil:
			all = append(all, silent(check, host, err))
		case len(at) == 0:
			all = append(all, problem(check, d.Name, "points to %s, which has no address", host).so("give that host an address, or publish instead:").publish(record))
		case host == plainName(e.Hostname) || overlap(at, us) || overlap(at, e.Own):
			ours = true
		default:
			front = append(front, at...)
		}
	}
	if len(all) > 0 && !ours && len(front) == 0 {
		return all
	}
	return append(all, e.reached(d, hosts, ours, front, record)...)
}

// exchanger is the host that a domain's MX should name: ourselves, or whatever
// is in front of us for another domain.
func (e *exam) exchanger(ctx context.Context, d Domain) string {
	for _, other := range e.Domains {
		if e.outward() || other.Name == d.Name || other.Alias || trial(other.Name) {
			continue
		}
		found, err := e.dns.mx(ctx, other.Name)
		if err != nil || len(found) == 0 {
			continue
		}
		if host := plainName(found[0].Host); host != "" {
			return host
		}
	}
	return e.Hostname
}

// noExchanger is the finding for a domain without MX records.
func (e *exam) noExchanger(ctx context.Context, d Domain, record string) Finding {
	const check = "mx"
	at, err := e.dns.ip(ctx, d.Name)
	us, _ := e.dns.ip(ctx, e.Hostname)
	switch {
	case err != nil:
		return silent(check, d.Name, err).publish(record)
	case len(at) > 0 && overlap(at, append(us, e.Own...)):
		return warning(check, d.Name, "has no MX record; mail comes here by its address only, which not every host tries").so("publish:").publish(record)
	}
	return problem(check, d.Name, "has no MX record, so no mail comes in").so("publish:").publish(record)
}

// reached judges exchangers that exist: ourselves, or a server in front.
func (e *exam) reached(d Domain, hosts []string, ours bool, front []netip.Addr, record string) []Finding {
	const check = "mx"
	names := strings.Join(hosts, ", ")
	named := slices.ContainsFunc(front, func(a netip.Addr) bool { return contains(e.Relays, a) }) ||
		slices.ContainsFunc(e.Relays, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })
	var f Finding
	switch {
	case ours && len(front) == 0 && e.outward():
		return []Finding{ok(check, d.Name, "points here: %s", names)}
	case ours && e.outward():
		f = ok(check, d.Name, "points here and to others: %s", names)
	case d.Alias:
		f = ok(check, d.Name, "is served by %s, which forwards %s", names, d.Address)
	case ours && !named:
		f = warning(check, d.Name, "points to this machine (%s), and we listen to this machine only", names).so("set smtp.listen to [\":25\"], or name the mail server in front of us in trust.relays")
	case named || len(e.Listen) > 0 && !e.outward():
		f = ok(check, d.Name, "points to %s, which must pass on %s", names, d.Address)
	default:
		f = warning(check, d.Name, "points to %s, which is not this host", names).
			so("if that server passes mail on to us, name its network in trust.relays; if not, publish:").publish(record)
	}
	return append([]Finding{f}, e.plus(d)...)
}

// plus tells what a server in front must not lose.
func (e *exam) plus(d Domain) []Finding {
	switch {
	case d.Replies:
		return []Finding{note("replies", d.Name, "the server in front must pass on every address of the domain")}
	case d.Plus && !d.Alias:
		local, domain, _ := strings.Cut(d.Address, "@")
		return []Finding{note("replies", d.Name, "the server in front must pass on %s%sANYTHING@%s too: replies and bounces come there", local, d.Separator, domain).
			so("in Postfix: recipient_delimiter = %s; where that cannot be, set reply_domain on the queue", d.Separator)}
	}
	return nil
}

func overlap(a, b []netip.Addr) bool {
	return slices.ContainsFunc(a, func(each netip.Addr) bool { return public(each) && slices.Contains(b, each) })
}

// transport looks at MTA-STS (RFC 8461) and at reports on TLS (RFC 8460), for
// domains whose mail comes straight here.
func (e *exam) transport(ctx context.Context, d Domain) []Finding {
	if trial(d.Name) || e.Certificate == "" || d.Alias {
		return nil
	}
	records, err := e.dns.txt(ctx, "_mta-sts."+d.Name)
	if err != nil {
		return []Finding{silent("mta-sts", d.Name, err)}
	}
	records = beginning(records, "v=STSv1")
	switch {
	case len(records) > 1:
		return []Finding{warning("mta-sts", d.Name, "has %d records, so none counts", len(records)).so("leave one")}
	case len(records) == 0:
		return []Finding{note("mta-sts", d.Name, "is not published; it keeps mail to you from being read on the way").
			so("to have it, serve https://mta-sts.%s/.well-known/mta-sts.txt with \"version: STSv1\", \"mode: testing\", \"mx: %s\", \"max_age: 86400\" on a line each, and publish:", d.Name, e.Hostname).
			publish(TXT("_mta-sts."+d.Name, "v=STSv1; id="+e.Now().UTC().Format("20060102T150405")) + "\n" + e.reports(d))}
	}
	all := []Finding{e.policy(ctx, d)}
	reports, err := e.dns.txt(ctx, "_smtp._tls."+d.Name)
	switch {
	case err != nil:
		all = append(all, silent("tls-rpt", d.Name, err))
	case len(beginning(reports, "v=TLSRPTv1")) == 0:
		all = append(all, note("tls-rpt", d.Name, "is not published, so nobody tells you when encryption fails").so("publish:").publish(e.reports(d)))
	default:
		all = append(all, ok("tls-rpt", d.Name, "is published"))
	}
	return all
}

func (e *exam) reports(d Domain) string {
	return TXT("_smtp._tls."+d.Name, "v=TLSRPTv1; rua=mailto:"+e.admin(d.Name))
}

// admin is whom reports of a domain can go to.
func (e *exam) admin(domain string) string {
	if e.Admin != "" {
		return e.Admin
	}
	return "postmaster@" + domain
}

// policy reads the MTA-STS policy as senders do: one that does not name the
// exchangers of the domain stops its mail.
func (e *exam) policy(ctx context.Context, d Domain) Finding {
	const check = "mta-sts"
	text, err := e.fetch(ctx, "https://mta-sts."+d.Name+"/.well-known/mta-sts.txt")
	if err != nil {
		return warning(check, d.Name, "is published, and its policy cannot be fetched: %s", err).so("serve the policy, or remove the record _mta-sts.%s", d.Name)
	}
	mode, patterns := "", []string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		switch value = plainName(strings.TrimSpace(value)); strings.TrimSpace(name) {
		case "mode":
			mode = value
		case "mx":
			patterns = append(patterns, value)
		}
	}
	found, err := e.dns.mx(ctx, d.Name)
	if err != nil {
		return silent(check, d.Name, err)
	}
	for _, each := range found {
		host := plainName(each.Host)
		if mode == "none" || slices.ContainsFunc(patterns, func(p string) bool { return covers(p, host) }) {
			continue
		}
		fault := warning
		if mode == "enforce" {
			fault = problem
		}
		return fault(check, d.Name, "the policy (mode %s) does not name %s, to which the MX points", mode, host).so("add to the policy the line \"mx: %s\", and change id= in the record", host)
	}
	return ok(check, d.Name, "is published, mode %s", mode)
}

// covers reports whether a pattern of a policy covers a host (RFC 8461 §4.1).
func covers(pattern, host string) bool {
	if rest, wild := strings.CutPrefix(pattern, "*."); wild {
		_, parent, _ := strings.Cut(host, ".")
		return parent == rest
	}
	return pattern == host
}

// fetch gets a small text over HTTPS.
func (e *exam) fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	transport := &http.Transport{DialContext: e.connect, TLSClientConfig: &tls.Config{RootCAs: e.Roots, Time: e.Now}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", reason(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK { // redirects do not count (RFC 8461 §3.3)
		return "", fmt.Errorf("HTTP %s", response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return string(text), err
}

// connect dials a host whose address our own resolver is asked for.
func (e *exam) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	at := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		at = append(at, a)
	} else if at, err = e.dns.ip(ctx, host); err != nil {
		return nil, err
	}
	if len(at) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	slices.SortStableFunc(at, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() }) // IPv4 is there more often
	each := lookupTime / time.Duration(min(len(at), 3))
	for _, a := range at[:min(len(at), 3)] {
		dialing, cancel := context.WithTimeout(ctx, each)
		var conn net.Conn
		conn, err = e.Dial(dialing, network, net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// beginning are the texts that begin so.
func beginning(texts []string, with string) []string {
	return slices.DeleteFunc(texts, func(text string) bool {
		return !strings.HasPrefix(strings.ToLower(text), strings.ToLower(with))
	})
}
