package smtpd

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLargeMessagesTakeTurns: what is beyond the bound waits, and only for so
// long; small messages pass by it, and so does nobody who came later.
func TestLargeMessagesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, start := newWorkload(), time.Now()
		var ends []func()
		for range 2 {
			end, err := w.begin(t.Context(), 25<<20, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		if _, err := w.begin(t.Context(), 25<<20, time.Minute); !errors.Is(err, errFull) || time.Since(start) != time.Minute {
			t.Errorf("the third: %v after %v", err, time.Since(start))
		}
		for range 100 {
			end, err := w.begin(t.Context(), inMemory, time.Millisecond)
			if err != nil {
				t.Fatalf("a small one: %v", err)
			}
			defer end()
		}
		time.AfterFunc(time.Second, ends[0])
		if end, err := w.begin(t.Context(), 25<<20, time.Minute); err != nil {
			t.Errorf("when one is done: %v", err)
		} else {
			end()
		}
		ends[1]()
		// A message larger than the bound has it for itself.
		end, err := w.begin(t.Context(), 10*largeWork, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := w.begin(ctx, 1<<20, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("called back: %v", err)
		}
		end()
	})
}

// TestFull: where nothing can be kept, the sender is told to come again, before
// it sends the message if that is known.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, nil)
		c := d.dial(t, "192.0.2.7")
		c.greet()
		c.mail("", "x: y\r\n\r\n", "250")
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<full@acme.example>", "250")
		c.say("DATA", "354")
		c.say("x: y\r\n.", "452 4.3.1")
		if d.tally.get(RefusedFull) != 1 {
			t.Errorf("counted %v", d.tally.counts)
		}
		d.Update(Settings{Hostname: "mx.acme.example", MinimumFree: 1 << 62})
		c = d.dial(t, "192.0.2.7")
		c.greet()
		c.say("MAIL FROM:<>", "452 4.3.1")
		if d.tally.get(RefusedFull) != 2 {
			t.Errorf("counted %v", d.tally.counts)
		}
	})
}
