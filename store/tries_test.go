package store_test

import (
	"fmt"
	"testing"
	"time"

	"guichet/ticket"
)

// The newest attempts of a notice are kept with what the host said, and no more
// than a few of them.
func TestTheNewestTriesAreKept(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		w.commit(c)
		for i := range ticket.TriesKept + 3 {
			leased := w.lease(1, time.Minute)
			if len(leased) != 1 {
				t.Fatalf("attempt %d: nothing is due", i)
			}
			try := &ticket.Try{At: w.now(), Took: time.Second, Host: "relay.example", Code: 451, Answer: fmt.Sprintf("4.3.0 busy %d", i)}
			if err := w.Settle(ctx, leased[0], ticket.Outcome{State: ticket.Queued, Due: w.now(), Error: "busy", Try: try}); err != nil {
				t.Fatal(err)
			}
			w.advance(time.Minute)
		}
		// What was only put off is no attempt.
		leased := w.lease(1, time.Minute)
		if err := w.Settle(ctx, leased[0], ticket.Outcome{State: ticket.OnHold}); err != nil {
			t.Fatal(err)
		}
		found, err := w.Notices(ctx, "acme", made.ID)
		if err != nil || len(found) != 1 || len(found[0].Tries) != ticket.TriesKept {
			t.Fatalf("%+v %v", found, err)
		}
		first, last := found[0].Tries[0], found[0].Tries[ticket.TriesKept-1]
		if first.Answer != "4.3.0 busy 3" || last.Answer != fmt.Sprintf("4.3.0 busy %d", ticket.TriesKept+2) || last.Host != "relay.example" || last.Took != time.Second {
			t.Errorf("from %+v to %+v", first, last)
		}
	})
}
