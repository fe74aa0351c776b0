package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"guichet/store"
)

// stock is what lies in the store, over all sites, for Prometheus. It is read
// when somebody asks. All daemons of one store tell the same.
type stock struct {
	sites  func() []string
	counts func(ctx context.Context, site string) (store.Counts, error)
	now    func() time.Time

	mu   sync.Mutex
	at   time.Time
	last inventory
	err  error
}

// inventory is the sum of all sites' counts.
type inventory struct {
	tickets, notices map[string]int
	held, unindexed  int
	oldestDue        time.Time
}

var (
	stockUp      = prometheus.NewDesc("guichet_store_up", "1 if the store answers, else 0.", nil, nil)
	stockTickets = prometheus.NewDesc("guichet_tickets", "Tickets in the store, by state.", []string{"state"}, nil)
	stockNotices = prometheus.NewDesc("guichet_notices", "Mails that are owed and did not leave yet, by state.", []string{"state"}, nil)
	stockOverdue = prometheus.NewDesc("guichet_notices_overdue_seconds", "How long the mail that is due longest waits for a worker; 0 when none is due.", nil, nil)
	stockBehind  = prometheus.NewDesc("guichet_tickets_unindexed", "Tickets that changed, and that searches find as they were.", nil, nil)
	stockHeld    = prometheus.NewDesc("guichet_held_messages", "Messages kept aside that nobody has decided on.", nil, nil)
)

// Describe names what there is to tell.
func (s *stock) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stockUp, stockTickets, stockBehind, stockNotices, stockOverdue, stockHeld} {
		to <- d
	}
}

// Collect tells it. Of a store that does not answer, only that is told.
func (s *stock) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	found, err := s.read()
	if err != nil {
		gauge(stockUp, 0)
		return
	}
	gauge(stockUp, 1)
	for state, n := range found.tickets {
		gauge(stockTickets, float64(n), state)
	}
	gauge(stockBehind, float64(found.unindexed))
	for state, n := range found.notices {
		gauge(stockNotices, float64(n), state)
	}
	gauge(stockOverdue, found.overdue(s.now()).Seconds())
	gauge(stockHeld, float64(found.held))
}

func (i inventory) overdue(now time.Time) time.Duration {
	if i.oldestDue.IsZero() {
		return 0
	}
	return max(0, now.Sub(i.oldestDue))
}

// freshFor is how long what was read is told again: several who ask cost no more
// than one.
const freshFor = 10 * time.Second

// sitesAtOnce bounds how many sites are read at a time.
const sitesAtOnce = 16

// read gives what lies in the store, perhaps as it was a moment ago.
func (s *stock) read() (inventory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.at.IsZero() || now.Sub(s.at) >= freshFor || s.err != nil {
		s.last, s.err = s.gather()
		s.at = now
	}
	return s.last, s.err
}

func (s *stock) gather() (inventory, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sitesAtOnce)
	var mu sync.Mutex
	sum := inventory{tickets: map[string]int{}, notices: map[string]int{}}
	for _, site := range s.sites() {
		group.Go(func() error {
			c, err := s.counts(ctx, site)
			mu.Lock()
			defer mu.Unlock()
			sum.add(c)
			return err
		})
	}
	err := group.Wait()
	return sum, err
}

func (i *inventory) add(c store.Counts) {
	for state, n := range c.Tickets {
		i.tickets[string(state)] += n
	}
	for state, n := range c.Outbox {
		i.notices[string(state)] += n
	}
	i.held += c.Held
	i.unindexed += c.Unindexed
	if i.oldestDue.IsZero() || !c.OldestDue.IsZero() && c.OldestDue.Before(i.oldestDue) {
		i.oldestDue = c.OldestDue
	}
}
