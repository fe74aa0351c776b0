package outbox

import (
	"context"
	"sync"
	"time"
)

// limiter bounds how much is under way to one destination.
type limiter struct {
	mu    sync.Mutex
	used  map[string]int
	freed chan struct{} // closed, and made anew, when something is released
}

func newLimiter() *limiter {
	return &limiter{used: map[string]int{}, freed: make(chan struct{})}
}

// patience is how long a worker waits for a destination before it takes up
// something else: a host that stalls must not stop the mail to all others.
const patience = 5 * time.Second

// acquire takes one of limit places, and reports whether it got one.
func (l *limiter) acquire(ctx context.Context, destination string, limit int) bool {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		if l.used[destination] < limit && ctx.Err() == nil {
			l.used[destination]++
			l.mu.Unlock()
			return true
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
		case <-timeout.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (l *limiter) release(destination string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used[destination]--; l.used[destination] == 0 {
		delete(l.used, destination)
	}
	close(l.freed)
	l.freed = make(chan struct{})
}
