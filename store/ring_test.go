package store_test

import (
	"context"
	"testing"
	"time"

	"guichet/ticket"
)

// A timer that is due before the next look is handled when it is due: the test
// would wait for ten seconds otherwise.
func TestTimersThatAreSoonDueRing(t *testing.T) { wakes(embedded(t), func() {}) }

// A chore may take minutes, and timers do not wait for it.
func TestTimersRingWhileTheFileIsCopied(t *testing.T) {
	w := embedded(t)
	begun := w.CompactUntilTheEnd()
	wakes(w, func() { <-begun })
}

// wakes holds that a ticket is woken in time by a daemon, once that is ready.
func wakes(w *world, ready func()) {
	w.Helper()
	woken := make(chan ticket.ID, 1)
	w.OnWake(func(_ context.Context, _ string, id ticket.ID) (bool, error) {
		select {
		case woken <- id:
		default:
		}
		return false, nil
	})
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { w.Maintain(running); close(done) }()
	ready()
	made := w.open("Cold heating")
	made.Snoozed = w.now().Add(50 * time.Millisecond)
	w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: made}}})
	w.advance(time.Second)
	if id := <-woken; id != made.ID {
		w.Errorf("woken is %s", id)
	}
	stop()
	<-done
}
