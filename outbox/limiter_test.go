package outbox

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestADestinationServesInTurn: whoever waited longest is next, and a place that is
// given to somebody who has just given up is not lost.
func TestADestinationServesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		if !l.acquire(t.Context(), "a", 1) || !l.acquire(t.Context(), "b", 1) {
			t.Fatal("no place where nothing is under way")
		}
		impatient, giveUp := context.WithCancel(t.Context())
		served := make(chan int, 3)
		for i, ctx := range []context.Context{impatient, t.Context(), t.Context()} {
			go func() {
				if l.acquire(ctx, "a", 1) {
					served <- i
				}
			}()
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		var order []int
		for range 2 {
			l.release("a")
			synctest.Wait()
			for len(served) > 0 {
				order = append(order, <-served)
			}
		}
		if !slices.Equal(order, []int{1, 2}) {
			t.Errorf("served %v", order)
		}
		l.release("a")
		l.release("b")
		if len(l.destinations) != 0 {
			t.Errorf("%d destinations are remembered though nothing is under way", len(l.destinations))
		}
	})
}

// TestAPlaceIsWaitedForSoLong: and it is held to the limit of whoever waits, which
// may have been set lower meanwhile.
func TestAPlaceIsWaitedForSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.acquire(t.Context(), "a", 2)
		l.acquire(t.Context(), "a", 2)
		time.AfterFunc(time.Second, func() { l.release("a") })
		began := time.Now()
		if l.acquire(t.Context(), "a", 1) {
			t.Error("two are under way where one may be")
		}
		if took := time.Since(began); took != patience {
			t.Errorf("waited for %v", took)
		}
		l.release("a")
		if !l.acquire(t.Context(), "a", 1) {
			t.Error("no place though all were given back")
		}
	})
}
