package store_test

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/ticket"
)

// benchWorld is a store with the machine's own clock.
func benchWorld(b *testing.B, onRedis bool) *world {
	b.Helper()
	opt := store.Options{Data: b.TempDir(), Now: time.Now, Replicas: -1,
		Sites: []store.Site{{Name: "acme", Prefix: "ACM", KeepClosed: 180 * day, KeepRaw: 14 * day}}}
	if onRedis {
		opt.Redis = testkit.RedisFor(b).URL()
	}
	return openWorld(b, opt, nil)
}

// benchmark measures do in messages a second, with 1 and 50 at once, on both
// engines; Redis syncs its append-only file with each write.
func benchmark(b *testing.B, do func(*world, func() bool)) {
	for _, engine := range []string{"embedded", "redis"} {
		for _, workers := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/%d", engine, workers), func(b *testing.B) {
				w := benchWorld(b, engine == "redis")
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan struct{}, workers)
				b.ResetTimer()
				for range workers {
					go func() {
						do(w, func() bool { return left.Add(-1) >= 0 })
						done <- struct{}{}
					}()
				}
				for range workers {
					<-done
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

// BenchmarkCommit opens tickets: one article, its raw mail of 4 KiB, two
// notices.
func BenchmarkCommit(b *testing.B) {
	raw := randomBytes(4 << 10)
	benchmark(b, func(w *world, more func() bool) {
		for more() {
			c, _ := w.withBlobs(raw, nil)
			c.Tickets[0].Notices = append(c.Tickets[0].Notices,
				w.mint.Notice(ticket.AgentNew, c.Tickets[0].Ticket, &c.Tickets[0].Ticket.Participants[0], 1, w.now()))
			if _, err := w.Commit(ctx, c); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkFacts reads what a decision about an answer needs: the ticket of a
// token, of eight Message-IDs and of a reference, and whether it was seen.
func BenchmarkFacts(b *testing.B) {
	benchmark(b, func(w *world, more func() bool) {
		c, t := w.opening("Cold heating")
		for range 7 {
			c.Tickets[0].MessageIDs = append(c.Tickets[0].MessageIDs, rand.Text())
		}
		if _, err := w.Commit(ctx, c); err != nil {
			b.Error(err)
			return
		}
		q := ticket.Query{Site: "acme", Tickets: []ticket.ID{t.ID}, MessageIDs: c.Tickets[0].MessageIDs,
			References: []uint64{1}, Seen: []string{rand.Text()}}
		for more() {
			if _, err := w.Facts(ctx, q); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkSearch looks for tickets in a store of 1,000 and one of 100,000: by a
// word that ten have, by that and one that all have, by somebody who wrote ten, and
// the list of what is open.
// Filling the larger one takes some minutes:
//
//	go test ./store -run '^$' -bench Search -benchtime 200x -timeout 30m
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		w := benchWorld(b, false)
		began := time.Now()
		var all *ticket.Change
		for i := range n {
			c, t := w.opening(fmt.Sprintf("Machine number%d group%d", i, i%(n/10)))
			c.Tickets[0].Notices = nil
			t.Participants[0].Address = ticket.MustAddress(fmt.Sprintf("marie%d@customer.example", i%(n/10)))
			if i%100 != 0 {
				t.SetState(ticket.Closed, w.now())
			}
			if i%100 == 0 {
				all = c
			} else {
				all.Tickets = append(all.Tickets, c.Tickets...)
			}
			if i%100 == 99 {
				w.commit(all)
			}
		}
		filled := time.Since(began)
		if _, err := w.Index(ctx); err != nil {
			b.Fatal(err)
		}
		b.Logf("%d tickets: %s to write, %s to index", n, filled.Round(time.Millisecond), (time.Since(began) - filled).Round(time.Millisecond))
		for name, l := range map[string]ticket.Worklist{
			"rare": words("group7"), "person": {View: ticket.ViewContact, From: "marie7@customer.example"}, "rare-and-common": words("machine group7"), "open": {View: ticket.ViewOpen},
			"common-open": {View: ticket.ViewSearch, Words: ticket.SearchWords("machine", 1), States: []ticket.State{ticket.New}},
		} {
			l.Agent, l.Queues, l.Page = "anna@acme.example", []string{"help"}, 1
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for range b.N {
					f, err := w.Facts(ctx, ticket.Query{Site: "acme", Lists: []ticket.Worklist{l}})
					if err != nil || f.Lists[l.Key()].Total == 0 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
