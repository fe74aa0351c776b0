// Command grow fills a store with tickets of the usual size, to measure what
// their number costs: straight through package store, without mail. Each has a
// requester and two agents, three articles, and the two mails that it came and
// was answered by. The newest are whole, as a month of them would be: with the
// mails that left for them, and with what keeps repeats out. Of the older ones
// that has gone, as time takes it. With -owed the mails of the newest are left in
// the outbox.
//
//	grow -data DIR -n 100000                        the embedded store
//	grow -redis unix:///run/redis.sock -data DIR -n 100000
//
// The site is acme, its queue help@acme.example, as in the other scripts here: a
// daemon whose settings name them can serve what was filled. Said again, it adds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"guichet/store"
)

func main() {
	log.SetFlags(0)
	var opt store.Options
	flag.StringVar(&opt.Redis, "redis", "", "URL of a Redis; without it the embedded store in -data")
	flag.StringVar(&opt.Data, "data", "", "directory of the store, or of its master key")
	n := flag.Int("n", 1000, "how many tickets")
	recent := flag.Int("recent", -1, "how many of them are of the last 30 days; -1 is a twelfth")
	owed := flag.Bool("owed", false, "the mails of the recent ones, which then are of the last hours, have not left: as when a relay is away")
	raw := flag.Bool("raw", true, "with the mails as they came; without them as retention.raw leaves it")
	together := flag.Int("together", 25, "how many older tickets one commit makes")
	workers := flag.Int("workers", 8, "how many commits are under way at a time")
	flag.Parse()
	if opt.Data == "" || *n < 1 || *together < 1 || *workers < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *recent < 0 {
		*recent = *n / 12
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	opt.Now, opt.Local, opt.Sites = time.Now, true, sites
	g := &growth{opt: opt, tickets: *n, recent: min(*recent, *n), raw: *raw, owed: *owed, together: *together, workers: *workers}
	if err := g.run(ctx, os.Stdout); err != nil {
		log.Fatal("grow: ", err)
	}
}

// sites keep everything for longer than the oldest ticket is old.
var sites = []store.Site{{Name: site, Prefix: "ACM", KeepClosed: 3 * 365 * 24 * time.Hour, KeepRaw: 3 * 365 * 24 * time.Hour}}

// growth is a store that is being filled.
type growth struct {
	opt               store.Options
	tickets, recent   int
	raw               bool // also of those that are not recent
	owed              bool // the mails of the recent ones
	together, workers int
	store             *store.Store
	done              atomic.Int64
}

func (g *growth) run(ctx context.Context, out io.Writer) (err error) {
	if g.store, err = store.Open(ctx, g.opt); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	begun := time.Now()
	told := g.tell(out, begun)
	old := g.tickets - g.recent
	commits := (old + g.together - 1) / g.together
	err = g.spread(ctx, commits, func(ctx context.Context, l *lives, i int) error {
		n := min(g.together, old-i*g.together)
		defer g.done.Add(int64(n))
		return l.past(ctx, i, commits, n, g.raw)
	})
	if err == nil {
		err = g.spread(ctx, g.recent, func(ctx context.Context, l *lives, i int) error {
			defer g.done.Add(1)
			return l.present(ctx, g.span()*time.Duration(g.recent-i)/time.Duration(g.recent))
		})
	}
	if err == nil && g.recent > 0 && !g.owed {
		err = g.deliver(ctx)
	}
	told()
	if err == nil {
		took := time.Since(begun)
		fmt.Fprintf(out, "%d tickets in %s, %.0f a second\n", g.tickets, took.Round(time.Second), float64(g.tickets)/took.Seconds())
	}
	return err
}

// span is how old a recent ticket may be. Mails that are owed for longer than some
// days would be given up at once.
func (g *growth) span() time.Duration {
	if g.owed {
		return 6 * time.Hour
	}
	return 28 * 24 * time.Hour
}

// spread has the workers do n pieces of work, and gives the first error.
func (g *growth) spread(ctx context.Context, n int, do func(context.Context, *lives, int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range g.workers {
		group.Go(func() {
			l := newLives(g.store)
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, l, i); err != nil {
					stop(err)
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// toldEvery is how often progress is told.
const toldEvery = 5 * time.Second

// tell says how far it has come until the function that it gives is called.
func (g *growth) tell(out io.Writer, begun time.Time) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(toldEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case now := <-tick.C:
				n := g.done.Load()
				fmt.Fprintf(out, "%d of %d tickets, %.0f a second\n", n, g.tickets, float64(n)/now.Sub(begun).Seconds())
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
