package proof

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver is what we ask of DNS. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// lookups is the resolver as one message may use it: a number of questions
// that is bounded, names that are names, and errors of one kind. Whatever is not
// a clear "there is no such thing" is temporary.
type lookups struct {
	ctx      context.Context
	resolver Resolver
	left     int64
}

var errTooManyLookups = errors.New("too many look-ups for one message")

func (l *lookups) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return look(l, ctx, name, l.resolver.LookupTXT)
}

func (l *lookups) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return look(l, ctx, name, l.resolver.LookupMX)
}

func (l *lookups) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return look(l, ctx, host, l.resolver.LookupIPAddr)
}

func (l *lookups) LookupAddr(ctx context.Context, address string) ([]string, error) {
	if atomic.AddInt64(&l.left, -1) < 0 {
		return nil, errTooManyLookups
	}
	names, err := l.resolver.LookupAddr(ctx, address)
	return names, plain(address, err)
}

// look asks for a name. It asks for it absolutely, with the last dot, so that
// no search list of the machine makes another name of it.
func look[T any](l *lookups, ctx context.Context, name string, ask func(context.Context, string) (T, error)) (T, error) {
	var nothing T
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !validName(name) {
		return nothing, &net.DNSError{Err: "no name", Name: name, IsNotFound: true}
	}
	if atomic.AddInt64(&l.left, -1) < 0 {
		return nothing, errTooManyLookups
	}
	answer, err := ask(ctx, name+".")
	return answer, plain(name, err)
}

// plain makes an error one that the libraries tell apart: not there, or not
// now.
func plain(name string, err error) error {
	if err == nil {
		return nil
	}
	if dns := new(net.DNSError); errors.As(err, &dns) && dns.IsNotFound {
		return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return &net.DNSError{Err: "look-up failed", Name: name, IsTemporary: true}
}

// validName reports whether a name may be asked for: letters, digits, hyphens
// and underscores in labels of at most 63, 253 in all, not an address.
func validName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
				return false
			}
		}
	}
	return true
}

// How long answers are kept. The standard resolver does not tell their own
// time to live; these are below what nearly all domains ask for.
const (
	keepAnswer  = 5 * time.Minute
	keepNothing = time.Minute
	cacheSize   = 4096
	maxKept     = 32 // records of one answer
)

// Cache is a Resolver that remembers answers for a few minutes, and at most
// some eight thousand. Failures are not remembered.
type Cache struct {
	resolver Resolver
	now      func() time.Time

	// Two generations: when the young one is full it becomes the old one, and
	// what was not asked for since is forgotten with the next.
	mu         sync.Mutex
	young, old map[string]cached
}

type cached struct {
	answer any
	err    error
	until  time.Time
}

// NewCache puts a memory before a resolver.
func NewCache(resolver Resolver, now func() time.Time) *Cache {
	return &Cache{resolver: resolver, now: now, young: map[string]cached{}, old: map[string]cached{}}
}

// LookupTXT is Resolver's.
func (c *Cache) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return remember(c, ctx, "TXT ", name, c.resolver.LookupTXT)
}

// LookupMX is Resolver's.
func (c *Cache) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return remember(c, ctx, "MX ", name, c.resolver.LookupMX)
}

// LookupIPAddr is Resolver's.
func (c *Cache) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return remember(c, ctx, "IP ", host, c.resolver.LookupIPAddr)
}

// LookupAddr is Resolver's.
func (c *Cache) LookupAddr(ctx context.Context, address string) ([]string, error) {
	return remember(c, ctx, "PTR ", address, c.resolver.LookupAddr)
}

func remember[E any](c *Cache, ctx context.Context, kind, name string, ask func(context.Context, string) ([]E, error)) ([]E, error) {
	key := kind + name
	if known, ok := c.get(key); ok {
		answer, _ := known.answer.([]E)
		return slices.Clone(answer), known.err
	}
	answer, err := ask(ctx, name)
	keep := keepAnswer
	if err != nil {
		dns := new(net.DNSError)
		if !errors.As(err, &dns) || !dns.IsNotFound {
			return answer, err
		}
		keep = keepNothing
	}
	if len(answer) <= maxKept {
		c.put(key, cached{slices.Clone(answer), err, c.now().Add(keep)})
	}
	return answer, err
}

func (c *Cache) get(key string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.young[key]
	if !ok {
		if known, ok = c.old[key]; ok {
			c.young[key] = known
		}
	}
	return known, ok && c.now().Before(known.until)
}

func (c *Cache) put(key string, answer cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= cacheSize {
		c.young, c.old = map[string]cached{}, c.young
	}
	c.young[key] = answer
}
