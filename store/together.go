package store

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// together does at once what many callers ask for of one site: what comes while
// some is under way waits, and then goes together. A is what each asks, R what
// each gets.
type together[A, R any] struct {
	mu sync.Mutex
	// waiting is by site; a site that has none here has nothing under way.
	waiting map[string][]*asked[A, R]
	// all fills in result and err of a group.
	all func(ctx context.Context, site string, group []*asked[A, R])
}

// asked is what one caller asks, and gets.
type asked[A, R any] struct {
	ask    A
	result R
	err    error
	done   chan struct{} // closed when result and err are set
}

const (
	// mostTogether bounds how many go together.
	mostTogether = 64
	// togetherFor is how long a group may take. Whoever asked may give up before.
	togetherFor = time.Minute
)

func newTogether[A, R any](all func(context.Context, string, []*asked[A, R])) *together[A, R] {
	return &together[A, R]{waiting: map[string][]*asked[A, R]{}, all: all}
}

// do gives what is asked for. When ctx ends first, it may be done all the same.
func (t *together[A, R]) do(ctx context.Context, site string, ask A) (R, error) {
	a := &asked[A, R]{ask: ask, done: make(chan struct{})}
	t.mu.Lock()
	others, under := t.waiting[site]
	t.waiting[site] = append(others, a)
	t.mu.Unlock()
	if !under {
		go t.carry(site)
	}
	select {
	case <-a.done:
		return a.result, a.err
	case <-ctx.Done():
		var none R
		return none, ctx.Err()
	}
}

// carry does group after group until nobody waits.
func (t *together[A, R]) carry(site string) {
	runtime.Gosched() // who was woken with the first comes along
	for group := t.next(site); group != nil; group = t.next(site) {
		ctx, cancel := context.WithTimeout(context.Background(), togetherFor)
		t.all(ctx, site, group)
		cancel()
		for _, a := range group {
			close(a.done)
		}
	}
}

func (t *together[A, R]) next(site string) []*asked[A, R] {
	t.mu.Lock()
	defer t.mu.Unlock()
	waiting := t.waiting[site]
	if len(waiting) == 0 {
		delete(t.waiting, site)
		return nil
	}
	n := min(len(waiting), mostTogether)
	t.waiting[site] = waiting[n:]
	return waiting[:n:n]
}
