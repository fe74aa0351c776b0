package outbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// direct gives each mail to a mail exchanger of its recipient's domain (RFC
// 5321 §5.1).
type direct struct {
	pool     *pool
	resolver Resolver
	tls      string
}

// mostHosts bounds how many addresses are tried for one mail.
const mostHosts = 6

func (d direct) send(ctx context.Context, m *outgoing) error {
	hosts, err := d.exchangers(ctx, m.to.Domain(), m.hostname)
	if err != nil {
		return err
	}
	var last *failure
	tried := 0
	for _, host := range hosts {
		addresses, err := d.addresses(ctx, host)
		if err != nil {
			last = worse(last, refused(err))
			continue
		}
		for _, ip := range addresses {
			if tried++; tried > mostHosts {
				return last
			}
			m.host = host
			err := d.pool.send(ctx, peer{address: net.JoinHostPort(ip, "25"), name: host, hostname: m.hostname, tls: d.tls}, m)
			f := refused(err)
			if f == nil {
				return nil
			}
			if !f.before {
				return f
			}
			last = worse(last, f)
		}
	}
	return last
}

// worse is the failure that stands for two: one of the moment before one for
// good, for then the other host may take the mail later.
func worse(a, b *failure) *failure {
	if a != nil && !a.permanent {
		return a
	}
	return b
}

// exchangers are the hosts of a domain, the preferred first.
func (d direct) exchangers(ctx context.Context, domain, ours string) ([]string, error) {
	records, err := d.resolver.LookupMX(ctx, domain)
	if len(records) == 0 {
		if err != nil && !notFound(err) {
			return nil, err
		}
		// A domain without exchangers is its own.
		return []string{domain}, nil
	}
	if len(records) == 1 && strings.TrimSuffix(records[0].Host, ".") == "" { // RFC 7505
		return nil, &failure{permanent: true, code: 556, reason: "556 5.1.10 the domain takes no mail"}
	}
	var hosts []string
	for _, r := range records {
		host := strings.ToLower(strings.TrimSuffix(r.Host, "."))
		if host == strings.ToLower(ours) {
			break // we are an exchanger of it: only better ones may be tried
		}
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) == 0 {
		return nil, &failure{permanent: true, code: 554, reason: "554 5.4.6 the domain's mail comes to this host, which does not serve it"}
	}
	return hosts, nil
}

// addresses are those of a host that somebody else can have. Whoever writes to
// us chooses the domain that we answer to, and must not choose to have us talk
// to ourselves.
func (d direct) addresses(ctx context.Context, host string) ([]string, error) {
	found, err := d.resolver.LookupIPAddr(ctx, host)
	if err != nil && len(found) == 0 {
		if notFound(err) {
			return nil, &failure{permanent: true, code: 550, reason: "550 5.1.2 no mail exchanger of that name: " + host}
		}
		return nil, err
	}
	var out []string
	for _, a := range found {
		if ip := a.IP; !ip.IsLoopback() && !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() {
			out = append(out, a.String())
		}
	}
	if len(out) == 0 {
		return nil, &failure{permanent: true, code: 550, reason: fmt.Sprintf("550 5.1.2 %s has no address of another host", host)}
	}
	return out, nil
}

func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
