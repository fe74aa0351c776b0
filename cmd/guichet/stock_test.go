package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"guichet/store"
	"guichet/ticket"
)

// gauges are what a collector tells, by name and label.
func gauges(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetGauge().GetValue()
		}
	}
	return all
}

func TestStockIsTheSumOfAllSites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		failing := false
		s := &stock{sites: func() []string { return []string{"acme", "bolt"} }, now: time.Now,
			counts: func(_ context.Context, site string) (store.Counts, error) {
				asked.Add(1)
				if failing {
					return store.Counts{}, errors.New("gone")
				}
				c := store.Counts{Tickets: map[ticket.State]int{ticket.New: 2}, Outbox: map[ticket.DeliveryState]int{ticket.Queued: 3}, Held: 1, Unindexed: 5}
				if site == "bolt" {
					c.OldestDue = time.Now().Add(-time.Minute)
				}
				return c, nil
			}}
		got := gauges(t, s)
		for name, want := range map[string]float64{"guichet_store_up": 1, "guichet_tickets new": 4, "guichet_notices queued": 6,
			"guichet_held_messages": 2, "guichet_tickets_unindexed": 10, "guichet_notices_overdue_seconds": 60} {
			if got[name] != want {
				t.Errorf("%s is %v, not %v", name, got[name], want)
			}
		}
		gauges(t, s)
		if n := asked.Load(); n != 2 {
			t.Errorf("two who ask in the same moment cost %d reads", n)
		}
		time.Sleep(freshFor)
		failing = true
		if got := gauges(t, s); len(got) != 1 || got["guichet_store_up"] != 0 {
			t.Errorf("of a store that does not answer is told: %v", got)
		}
		failing = false
		if got := gauges(t, s); got["guichet_store_up"] != 1 {
			t.Error("a store that is back is not asked again at once")
		}
	})
}

func TestOverdueIsNeverBeforeItsTime(t *testing.T) {
	now := time.Now()
	for due, want := range map[time.Time]time.Duration{{}: 0, now.Add(time.Hour): 0, now.Add(-time.Second): time.Second} {
		if got := (inventory{oldestDue: due}).overdue(now); got != want {
			t.Errorf("due %v: %v", due, got)
		}
	}
}
