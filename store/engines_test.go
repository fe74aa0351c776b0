package store_test

import (
	"crypto/rand"
	"testing"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// eachEngine runs a test on every engine.
func eachEngine(t *testing.T, test func(*world)) {
	t.Run("embedded", func(t *testing.T) { test(embedded(t)) })
}

func embedded(t *testing.T) *world {
	c := newClock()
	return openWorld(t, options(t, c), c.Now, c.add)
}

func options(t *testing.T, c *clock) store.Options {
	return store.Options{
		Data: t.TempDir(), Now: c.Now,
		Sites: []store.Site{
			{Name: "acme", Prefix: "ACM", KeepClosed: 180 * day, KeepRaw: 14 * day},
			{Name: "globex", Prefix: "GLO"},
		},
	}
}

func openWorld(t *testing.T, opt store.Options, now func() time.Time, advance func(time.Duration)) *world {
	s, err := store.Open(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{T: t, Store: s, opt: opt, now: now, advance: advance,
		mint: ticket.Mint{Signer: s.Signer(), Random: rand.Reader, Hostname: "mx.example.com"}}
}
