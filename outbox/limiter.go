package outbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limiter bounds how much is under way to one destination. Who waits is served in
// turn.
type limiter struct {
	mu           sync.Mutex
	destinations map[string]*destination
}

// destination is one that something is under way to.
type destination struct {
	used    int
	waiting []*waiter
}

// waiter waits for a place among limit.
type waiter struct {
	limit int
	given chan struct{} // closed when it has its place
}

func newLimiter() *limiter {
	return &limiter{destinations: map[string]*destination{}}
}

// patience is how long a worker waits for a destination before it takes up
// something else: a host that stalls must not stop the mail to all others.
const patience = 5 * time.Second

// acquire takes one of limit places, and reports whether it got one.
func (l *limiter) acquire(ctx context.Context, name string, limit int) bool {
	if ctx.Err() != nil {
		return false
	}
	l.mu.Lock()
	d := l.destinations[name]
	if d == nil {
		d = &destination{}
		l.destinations[name] = d
	}
	if d.used < limit {
		d.used++
		l.mu.Unlock()
		return true
	}
	w := &waiter{limit, make(chan struct{})}
	d.waiting = append(d.waiting, w)
	l.mu.Unlock()

	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-w.given:
		return true
	case <-timeout.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(d.waiting, w)
	if i < 0 {
		return true // it was given in this moment
	}
	d.waiting = slices.Delete(d.waiting, i, i+1)
	return false
}

// release gives a place back, and to those who wait for one.
func (l *limiter) release(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.destinations[name]
	d.used--
	for len(d.waiting) > 0 && d.used < d.waiting[0].limit {
		d.used++
		close(d.waiting[0].given)
		d.waiting = d.waiting[1:]
	}
	if d.used == 0 {
		delete(l.destinations, name)
	}
}
