package doctor

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// asked is DNS that writes down what it is asked for.
type asked struct {
	*world
	mu    sync.Mutex
	names []string
}

func (a *asked) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a.mu.Lock()
	a.names = append(a.names, name)
	a.mu.Unlock()
	return a.world.LookupTXT(ctx, name)
}

// TestNamesAreAskedForOnce, and absolutely: no search list makes others of them.
func TestNamesAreAskedForOnce(t *testing.T) {
	w := perfect(t)
	resolver := &asked{world: w}
	w.Resolver = resolver
	w.examine(t)
	slices.Sort(resolver.names)
	if len(resolver.names) == 0 || len(slices.Compact(slices.Clone(resolver.names))) != len(resolver.names) {
		t.Errorf("asked for %q", resolver.names)
	}
	for _, name := range resolver.names {
		if !strings.HasSuffix(name, ".") {
			t.Errorf("asked for %q", name)
		}
	}
}

// TestLookupsEnd: each under a time limit of its own.
func TestLookupsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames(voice{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		if _, err := n.txt(t.Context(), "acme.example"); err == nil {
			t.Error("silence is an answer")
		}
	})
}
