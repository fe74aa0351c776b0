package store_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/ticket"
)

func TestSpammersAreRememberedUntilTheyAreWelcome(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		change := func(c ticket.Change) {
			c.Site, c.Operation, c.At = "acme", rand.Text(), w.now()
			w.commit(&c)
		}
		eve := ticket.Address("eve@else.example")
		remembered := func(want *ticket.Spammer) {
			t.Helper()
			if diff := cmp.Diff(want, w.facts(ticket.Query{Sender: "Eve@else.example"}).Spammer, cmp.Transformer("key", func(a ticket.Address) string { return a.Key() })); diff != "" {
				t.Error(diff)
			}
		}
		remembered(nil)
		change(ticket.Change{Spammers: []ticket.Spammer{{Address: eve}}})
		remembered(&ticket.Spammer{Address: eve})
		change(ticket.Change{Spammers: []ticket.Spammer{{Address: eve, Proved: true}}})
		change(ticket.Change{Spammers: []ticket.Spammer{{Address: eve}}})
		remembered(&ticket.Spammer{Address: eve, Proved: true})
		if f := w.facts(ticket.Query{Sender: "ben@else.example"}); f.Spammer != nil {
			t.Error("her neighbour is taken for her")
		}
		change(ticket.Change{Welcome: []ticket.Address{eve}})
		remembered(nil)
		change(ticket.Change{Spammers: []ticket.Spammer{{Address: eve}}})
		w.advance(181 * 24 * time.Hour)
		remembered(nil)
	})
}

func TestADigestListsWhatWaitsAndCountsTheRest(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		var held []ticket.Held
		for i, why := range []ticket.Why{ticket.HeldAutoReply, ticket.HeldStranger, ticket.HeldBounce, ticket.HeldNoSender, ticket.HeldPostmaster} {
			held = append(held, ticket.Held{ID: ticket.NewID(rand.Reader).String(), Site: "acme", Queue: "help", Why: why, Subject: string(why), At: w.now().Add(time.Duration(i) * time.Minute)})
		}
		held[4].Queue = ""
		w.commit(&ticket.Change{Site: "acme", Operation: "hold", At: w.now(), Held: held})
		if m, err := w.Morning(ctx, "acme", "help", "anna@acme.example", w.now()); err != nil || m.Held != 2 || m.Empty() {
			t.Fatalf("%+v, %v", m, err)
		}
		m, err := w.Material(ctx, ticket.Notice{ID: "x", Kind: ticket.HeldDigest, Site: "acme", Queue: "help"})
		if err != nil || len(m.Waiting) != 2 || m.Waiting[0].ID != held[1].ID || m.Waiting[1].Subject != "no-sender" || m.Further != 0 || m.Aside != 2 {
			t.Fatalf("the digest is made from %+v, %v", m, err)
		}
		w.consistent()
		w.commit(&ticket.Change{Site: "acme", Operation: "decide", At: w.now(), Release: []string{held[0].ID, held[1].ID}})
		if m, err = w.Material(ctx, ticket.Notice{ID: "x", Kind: ticket.HeldDigest, Site: "acme", Queue: "help"}); err != nil || len(m.Waiting) != 1 || m.Aside != 1 {
			t.Fatalf("after deciding the digest is made from %+v, %v", m, err)
		}
	})
}

// TestWhoIsForgottenIsNoSpammerEither: a digest of their address is still
// something that is known of them.
func TestWhoIsForgottenIsNoSpammerEither(t *testing.T) {
	eachEngine(t, func(w *world) {
		made := w.open("Cold heating")
		marie := made.Requester().Address
		made.EraseAt = w.now().Add(time.Hour)
		w.change(made)
		w.commit(&ticket.Change{Site: "acme", Operation: "spam", At: w.now(), Spammers: []ticket.Spammer{{Address: marie}}})
		w.advance(2 * time.Hour)
		w.timers()
		if f := w.facts(ticket.Query{Sender: marie}); f.Spammer != nil {
			w.TB.Errorf("what is left of her: %+v", f.Spammer)
		}
	})
}

// TestAnEmptyChangeIsDoneOnce: a day without a digest is remembered as one.
func TestAnEmptyChangeIsDoneOnce(t *testing.T) {
	eachEngine(t, func(w *world) {
		for i := range 2 {
			r, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: "digest help 2026-03-02", At: w.now()})
			if err != nil || r.Repeat != (i == 1) {
				w.TB.Errorf("time %d: %+v, %v", i+1, r, err)
			}
		}
	})
}
