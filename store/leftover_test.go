package store_test

import (
	"strings"
	"testing"

	"guichet/ticket"
)

// TestNoNameOfAPersonIsLeftWhenTheyAreErased, by which who has all keys could tell
// that they ever wrote: neither in a name nor in a value of the store, also where
// the look-up keys were renewed meanwhile.
func TestNoNameOfAPersonIsLeftWhenTheyAreErased(t *testing.T) {
	eachEngine(t, func(w *world) {
		l := w.liveOn()
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Spammers: []ticket.Spammer{{Address: eve}}})
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		names, err := w.NamesOf(ctx, "acme", eve, l.eves)
		if err != nil {
			w.Fatal(err)
		}
		if n := w.grep(names); n < 5 {
			w.Errorf("before, %d of her names stand in the store", n)
		}
		w.eraseEve()
		if n := w.grep(names); n != 0 {
			w.Errorf("after, %d of her names stand in the store", n)
		}
	})
}

// grep counts the items of the store that hold one of the names.
func (w *world) grep(names []string) (n int) {
	w.Helper()
	err := w.Each(ctx, func(item string) {
		for _, name := range names {
			if strings.Contains(item, name) {
				n++
				return
			}
		}
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// TestWhoWishesToBeForgottenIsForgottenOutsideOfTickets too: held mail and letters.
func TestWhoWishesToBeForgottenIsForgottenOutsideOfTickets(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		_, eves := w.office()
		eves.EraseAt = w.now().Add(day)
		w.change(eves)
		paul := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnproved, From: ticket.Mailbox{Address: "paul@customer.example"}})
		w.advance(2 * day)
		w.timers()
		if !w.gone(eves.ID) {
			t.Fatal("her ticket is there")
		}
		left, err := w.Person(ctx, eve, []string{"acme"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := left[0]; len(p.Own)+len(p.Held)+len(p.Letters) > 0 || p.Enrolled {
			t.Errorf("left of her: %d tickets, %d held mails, %d letters, enrolled %v", len(p.Own), len(p.Held), len(p.Letters), p.Enrolled)
		}
		if !w.isHeld(paul) {
			t.Error("somebody else's mail is gone")
		}
		if page, err := w.Outbox(ctx, "acme", nil, "", 100); err != nil || len(page.Items) == 0 {
			t.Errorf("the mails of others are gone: %v", err)
		}
		w.consistent()
	})
}
