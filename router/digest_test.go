package router_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

// digested is the world with digests at half past seven in Paris, and one mail
// that waits for a decision.
func digested(t *testing.T) (*world, *router.Digests) {
	w := newWorld(t)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	w.sites[0].Zone, w.sites[0].Queues[0].Digest = paris, "07:30"
	w.reload()
	w.now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC) // 7 o'clock there
	w.stranger()
	return w, w.router.Digests(w.store)
}

// stranger leaves a mail that waits.
func (w *world) stranger() {
	w.t.Helper()
	w.send(mail{from: "eve@else.example", to: []string{"help@acme.example"}, noAuthor: true, text: "Subject: x\n\nHello\n"}).held(ticket.HeldNoSender)
}

// digest has the digests made that are due, and gives whom they are owed to.
func (w *world) digest(d *router.Digests) (to []string) {
	w.t.Helper()
	before := len(w.store.changes)
	if err := d.Due(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range w.store.changes[before:] {
		for _, n := range c.Notices {
			if n.Kind != ticket.HeldDigest || n.Locale != "en" || c.Site != "acme" || n.Queue != "help" {
				w.t.Errorf("owes %+v", n)
			}
			to = append(to, string(n.Mailbox.Address))
		}
	}
	return to
}

func (w *world) wantDigest(d *router.Digests, want bool) {
	w.t.Helper()
	var to []string
	if want {
		to = []string{"anna@acme.example", "ben@acme.example"}
	}
	if got := w.digest(d); !slices.Equal(got, to) {
		w.t.Errorf("at %s digests are owed to %q, want %q", w.now, got, to)
	}
}

func TestADigestGoesToEachAgentOnceADay(t *testing.T) {
	w, d := digested(t)
	w.wantDigest(d, false)
	w.now = w.now.Add(30 * time.Minute)
	w.wantDigest(d, true)
	w.wantDigest(d, false)
	w.wantDigest(w.router.Digests(w.store), false) // another daemon, or this one started again
	w.now = w.now.Add(23*time.Hour + 59*time.Minute)
	w.wantDigest(d, false)
	w.now = w.now.Add(time.Minute)
	w.wantDigest(d, true)
}

// A day on which nothing waited is over: what comes after the hour is for the
// next day.
func TestNoDigestWhereNothingWaits(t *testing.T) {
	w, d := digested(t)
	w.store.sites["acme"].held = nil
	w.now = w.now.Add(time.Hour)
	w.wantDigest(d, false)
	w.send(mail{from: "robot@else.example", to: []string{"help@acme.example"}, null: true, text: "Subject: x\n\nUndeliverable\n"})
	w.stranger()
	w.wantDigest(d, false)
	w.wantDigest(w.router.Digests(w.store), false)
	w.now = w.now.Add(24 * time.Hour)
	w.wantDigest(d, true)
}

// A daemon that was down at the hour makes up for it, for half a day.
func TestALateDigestStillLeaves(t *testing.T) {
	for _, c := range []struct {
		late time.Duration
		want bool
	}{{30 * time.Minute, true}, {12*time.Hour - time.Minute, true}, {12 * time.Hour, false}} {
		w, d := digested(t)
		w.now = w.now.Add(30*time.Minute + c.late)
		w.wantDigest(d, c.want)
	}
	w, d := digested(t)
	w.sites[0].Queues[0].Digest = "23:55"
	w.reload()
	w.now = time.Date(2026, 3, 2, 23, 5, 0, 0, time.UTC) // five past midnight there
	w.wantDigest(d, true)
	w.now = time.Date(2026, 3, 3, 22, 56, 0, 0, time.UTC)
	w.wantDigest(d, true)
}

func TestNoDigestWithoutAnHour(t *testing.T) {
	w, d := digested(t)
	w.sites[0].Queues[0].Digest = ""
	w.reload()
	w.now = w.now.Add(2 * time.Hour)
	w.wantDigest(d, false)
}

// A queue that fails is tried again, and keeps no other from its digest.
func TestADigestThatFailsIsTriedAgain(t *testing.T) {
	w, d := digested(t)
	w.now = w.now.Add(time.Hour)
	away := errors.New("the store is away")
	w.store.before = func(*ticket.Change) error { return away }
	if err := d.Due(t.Context()); !errors.Is(err, away) {
		t.Errorf("it says %v", err)
	}
	w.store.before = nil
	w.wantDigest(d, true)
}

// Two daemons that make the digest at the same moment owe it once.
func TestTwoDaemonsOweOneDigest(t *testing.T) {
	w, one := digested(t)
	w.now = w.now.Add(time.Hour)
	other := router.New(w.store, w.directory(), w.mint, func() time.Time { return w.now }, slog.New(slog.DiscardHandler)).Digests(w.store)
	before := len(w.store.changes)
	failed := make(chan error, 2)
	for _, d := range []*router.Digests{one, other} {
		go func() { failed <- d.Due(t.Context()) }()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if made := len(w.store.changes) - before; made != 1 {
		t.Errorf("%d digests were made", made)
	}
}
