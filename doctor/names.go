package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Resolver is what is asked of DNS. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// names is DNS as an examination uses it: each question is asked once, under a
// time limit, and what is not there is an empty answer. An error is silence.
type names struct {
	resolver Resolver

	mu    sync.Mutex
	known map[string]func() (any, error)
	// answered counts answers, found those that were not empty.
	answered, found int
	silence         error // the last one
}

func newNames(r Resolver) *names { return &names{resolver: r, known: map[string]func() (any, error){}} }

func (n *names) txt(ctx context.Context, name string) ([]string, error) {
	return ask(ctx, n, "TXT", name, n.resolver.LookupTXT)
}

// mx gives the exchangers of a domain, the preferred first.
func (n *names) mx(ctx context.Context, name string) ([]*net.MX, error) {
	return ask(ctx, n, "MX", name, n.resolver.LookupMX)
}

func (n *names) ip(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := ask(ctx, n, "IP", host, n.resolver.LookupIPAddr)
	var out []netip.Addr
	for _, each := range found {
		if a, ok := netip.AddrFromSlice(each.IP); ok {
			out = append(out, a.Unmap())
		}
	}
	return out, err
}

// ptr gives the names of an address, without their last dot.
func (n *names) ptr(ctx context.Context, a netip.Addr) ([]string, error) {
	found, err := ask(ctx, n, "PTR", a.String(), n.resolver.LookupAddr)
	out := make([]string, len(found))
	for i, name := range found {
		out[i] = plainName(name)
	}
	return out, err
}

// ask asks a question that was not asked before. Names are asked for
// absolutely, with the last dot, so that no search list makes others of them.
func ask[T any](ctx context.Context, n *names, kind, name string, lookup func(context.Context, string) ([]T, error)) ([]T, error) {
	name = plainName(name)
	n.mu.Lock()
	answer, asked := n.known[kind+name]
	if !asked {
		answer = sync.OnceValues(func() (any, error) {
			ctx, cancel := context.WithTimeout(ctx, lookupTime)
			defer cancel()
			if kind != "PTR" {
				name += "."
			}
			found, err := lookup(ctx, name)
			return found, n.count(len(found), err)
		})
		n.known[kind+name] = answer
	}
	n.mu.Unlock()
	found, err := answer()
	list, _ := found.([]T)
	return slices.Clone(list), err
}

// count keeps the score, and makes an absence no error.
func (n *names) count(found int, err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	dns := new(net.DNSError)
	absent := errors.As(err, &dns) && dns.IsNotFound
	switch {
	case err == nil || absent || found > 0:
		n.answered++
		if found > 0 {
			n.found++
		}
		return nil
	case errors.As(err, &dns) && !dns.IsTimeout:
		err = errors.New(dns.Err)
	default:
		err = errors.New("no answer in time")
	}
	n.silence = err
	return err
}

// rootServer is a name that DNS knows wherever it reaches the outside.
const rootServer = "a.root-servers.net"

// dead reports, and says how, that DNS told nothing at all: it was silent, or
// it does not even know where the root is, as behind a wall.
func (n *names) dead(ctx context.Context) (how string, dead bool) {
	n.mu.Lock()
	answered, found, silence := n.answered, n.found, n.silence
	n.mu.Unlock()
	switch {
	case found > 0 || answered == 0 && silence == nil:
		return "", false
	case answered == 0:
		return "DNS does not answer (" + silence.Error() + ")", true
	}
	if known, err := n.ip(ctx, rootServer); err == nil && len(known) > 0 {
		return "", false
	}
	return "the resolver of this machine knows no name of the outside", true
}

// answers is names as the SPF library asks: what is not there is an error.
type answers struct{ *names }

func (a answers) LookupTXT(ctx context.Context, name string) ([]string, error) {
	found, err := a.txt(ctx, name)
	return orAbsent(name, found, err)
}

func (a answers) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	found, err := a.mx(ctx, name)
	return orAbsent(name, found, err)
}

func (a answers) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	found, err := ask(ctx, a.names, "IP", name, a.resolver.LookupIPAddr)
	return orAbsent(name, found, err)
}

func (a answers) LookupAddr(ctx context.Context, address string) ([]string, error) {
	found, err := ask(ctx, a.names, "PTR", address, a.resolver.LookupAddr)
	return orAbsent(address, found, err)
}

func orAbsent[T any](name string, found []T, err error) ([]T, error) {
	switch {
	case err != nil:
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case len(found) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return found, nil
}

// silent is the finding where DNS did not answer.
func silent(check, subject string, err error) Finding {
	return warning(check, subject, "DNS did not answer: %s", err).so("ask again")
}

func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
