package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"guichet/store"
	"guichet/ticket"
)

func (w *world) gone(id ticket.ID) bool {
	w.Helper()
	_, err := w.Ticket(ctx, "acme", id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Fatal(err)
	}
	return err != nil
}

func (w *world) hold(h ticket.Held, blobs ...ticket.Blob) ticket.Held {
	w.Helper()
	h.ID, h.Site, h.At = ticket.NewID(rand.Reader).String(), "acme", w.now()
	w.commit(&ticket.Change{Site: "acme", Operation: "hold " + h.ID, At: w.now(), Held: []ticket.Held{h}, Blobs: blobs})
	return h
}

func (w *world) isHeld(h ticket.Held) bool {
	w.Helper()
	_, err := w.Held(ctx, "acme", h.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Fatal(err)
	}
	return err == nil
}

func TestTheWishToBeForgottenIsCarriedOut(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		wished, calledOff, closed := w.open("Wished"), w.open("Called off"), w.open("Closed")
		marie := wished.Participants[0].Mailbox
		w.commit(&ticket.Change{Site: "acme", Operation: "enrol", At: w.now(), Enrol: []ticket.Mailbox{marie}})
		for _, each := range []*ticket.Ticket{wished, calledOff, closed} {
			each.EraseAt = w.now().Add(3 * day)
		}
		closed.SetState(ticket.Closed, w.now().Add(-179*day))
		w.change(wished, calledOff, closed)
		w.advance(2 * day)
		w.timers()
		if w.gone(wished.ID) || !w.gone(closed.ID) {
			t.Errorf("after two days: wished gone %v, closed long ago gone %v", w.gone(wished.ID), w.gone(closed.ID))
		}
		kept := w.ticket(calledOff.ID)
		kept.EraseAt = time.Time{}
		w.change(kept)
		w.commit(&ticket.Change{Site: "acme", Operation: "enrol again", At: w.now(), Enrol: []ticket.Mailbox{marie}})
		w.advance(2 * day)
		w.timers()
		if !w.gone(wished.ID) || w.gone(calledOff.ID) {
			t.Errorf("after four days: wished gone %v, called off gone %v", w.gone(wished.ID), w.gone(calledOff.ID))
		}
		if w.facts(ticket.Query{Address: marie.Address}).Enrolled {
			t.Error("who wants to be forgotten is still enrolled")
		}
		if n := w.timers(); n != 0 {
			t.Errorf("%d timers are left", n)
		}
	})
}

// TestAStopLeavesNoTimerTaken: whenever a daemon is told to stop, the next one has
// not to wait for what it had taken.
func TestAStopLeavesNoTimerTaken(t *testing.T) {
	eachEngine(t, func(w *world) {
		for stop := 1; stop <= 2; stop++ { // when the site is taken, and when its timer is
			t := w.open("Wished")
			t.EraseAt = w.now().Add(day)
			w.change(t)
			w.advance(2 * day)
			stopped, cancel := context.WithCancel(ctx)
			leases := 0
			w.WhenLeasing(func() {
				if leases++; leases == stop {
					cancel()
				}
			})
			if _, err := w.RunTimers(stopped); err != nil {
				w.Error(err)
			}
			if stopped.Err() == nil {
				w.Error("nothing was taken")
			}
			if w.timers(); !w.gone(t.ID) {
				w.Errorf("stopped at lease %d, the ticket is still there", stop)
			}
			cancel()
		}
	})
}

func TestALegalHoldKeepsAll(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs([]byte("raw"), nil)
		w.commit(c)
		held := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger, Ticket: made.ID})
		now := w.ticket(made.ID)
		now.LegalHold, now.EraseAt = true, w.now().Add(day)
		now.SetState(ticket.Closed, w.now())
		w.change(now)
		w.advance(200 * day)
		w.timers()
		if w.gone(made.ID) || !w.isHeld(held) {
			t.Errorf("gone: ticket %v, held mail %v", w.gone(made.ID), !w.isHeld(held))
		}
		r, err := w.OpenBlob(ctx, "acme", made.ID, "raw")
		if string(readBlob(t, r, err)) != "raw" {
			t.Error("the raw mail came back otherwise")
		}
		wantError(t, w.Erase(ctx, "acme", made.ID), store.ErrLegalHold)
		lifted := w.ticket(made.ID)
		if !lifted.LegalHold {
			t.Fatal("nobody sees the hold")
		}
		lifted.LegalHold = false
		w.change(lifted)
		w.timers()
		if !w.gone(made.ID) || w.isHeld(held) {
			t.Errorf("after it was lifted, gone: ticket %v, held mail %v", w.gone(made.ID), !w.isHeld(held))
		}
	})
}

// TestRawMailsGoOnceALegalHoldIsLifted, though their time was over before.
func TestRawMailsGoOnceALegalHoldIsLifted(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs([]byte("raw"), nil)
		made.LegalHold = true
		w.commit(c)
		w.advance(15 * day)
		w.timers()
		lifted := w.ticket(made.ID)
		lifted.LegalHold = false
		w.change(lifted)
		w.advance(25 * time.Hour)
		w.timers()
		_, err := w.OpenBlob(ctx, "acme", made.ID, "raw")
		wantError(t, err, store.ErrBlobGone)
	})
}

func TestHeldMailGoesWhenItsTimeIsOver(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		raw := func() ticket.Blob { return blobOf("raw", randomBytes(20<<10)) }
		unconfirmed := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnconfirmed, Raw: "raw"}, raw())
		stranger := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger, Raw: "raw", Ticket: made.ID}, raw())
		postmaster := w.hold(ticket.Held{Why: ticket.HeldPostmaster, Raw: "raw"}, raw())
		dropped := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnconfirmed, Raw: "raw"}, raw())
		if err := w.DropHeld(ctx, "acme", dropped.ID); err != nil {
			t.Fatal(err)
		}
		check := func(when string, wants ...bool) {
			t.Helper()
			w.timers()
			files := 0
			for i, h := range []ticket.Held{unconfirmed, stranger, postmaster} {
				if is := w.isHeld(h); is != wants[i] {
					t.Errorf("%s: mail held as %s is there: %v", when, h.Why, is)
				}
				if wants[i] {
					files++
				}
			}
			if n := len(w.contents()); n != files {
				t.Errorf("%s: %d files, want %d", when, n, files)
			}
		}
		w.advance(6 * day)
		check("after 6 days", true, true, true)
		w.advance(2 * day)
		check("after 8 days", false, true, true)
		w.advance(171 * day)
		check("after 179 days", false, true, true)
		w.advance(2 * day)
		check("after 181 days", false, false, false)
		if w.gone(made.ID) {
			t.Error("its ticket went with it")
		}
		if n := w.timers(); n != 0 {
			t.Errorf("%d timers are left", n)
		}
	})
}

func TestHeldMailWaitsAsTheSettingsSayByThen(t *testing.T) {
	w := embedded(t)
	h := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnconfirmed})
	set := func(keep time.Duration) {
		w.SetSites([]store.Site{{Name: "acme", Prefix: "ACM", KeepUnconfirmed: keep}})
	}
	set(30 * day)
	w.advance(8 * day)
	w.timers()
	if !w.isHeld(h) {
		t.Fatal("it went after the time that the settings named once")
	}
	w.advance(23 * day)
	if w.timers(); w.isHeld(h) {
		t.Error("it stayed")
	}
}

// unproved opens a ticket whose sender is asked to confirm it.
func (w *world) unproved(subject string) *ticket.Ticket {
	w.Helper()
	c, t := w.opening(subject)
	t.Unproved = true
	t.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "anna@acme.example"}})
	asked, n := w.mint.Challenge(ticket.Challenge{Site: "acme", Queue: "help", Action: ticket.ConfirmOwn, Ticket: t.ID, Participant: 1,
		Mailbox: t.Participants[0].Mailbox}, ticket.Receipt, ticket.ValidationFormat{Length: 8, Valid: 7 * day}, w.now())
	t.Challenges = []ticket.ID{asked.ID}
	c.Challenges, c.Notices = []ticket.Challenge{asked}, []ticket.Notice{n}
	w.commit(c)
	return w.ticket(t.ID)
}

func TestWhatNobodyConfirmedIsErased(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		neglected, confirmed, noted, unasked := w.unproved("Neglected"), w.unproved("Confirmed"), w.unproved("Noted"), w.open("Unasked")
		confirmed.Unproved, unasked.Unproved = false, true
		w.change(confirmed, unasked)
		noted.Articles++
		w.commit(&ticket.Change{Site: "acme", Operation: "note", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: noted,
			Articles: []ticket.Article{{Number: 2, Kind: ticket.InternalArticle, Author: 2, At: w.now()}}}}})
		w.advance(7*day - time.Minute)
		w.timers()
		if w.gone(neglected.ID) {
			t.Error("it went too early")
		}
		w.advance(2 * time.Minute)
		w.timers()
		for want, tickets := range map[bool][]*ticket.Ticket{true: {neglected}, false: {confirmed, noted, unasked}} {
			for _, each := range tickets {
				if is := w.gone(each.ID); is != want {
					t.Errorf("%s: gone %v", each.Subject, is)
				}
			}
		}
		if n := w.timers(); n != 0 {
			t.Errorf("%d timers are left", n)
		}
	})
}

func TestALegalHoldKeepsWhatNobodyConfirmed(t *testing.T) {
	eachEngine(t, func(w *world) {
		made := w.unproved("Held")
		made.LegalHold = true
		w.change(made)
		w.advance(8 * day)
		w.timers()
		if w.gone(made.ID) {
			w.Fatal("it is gone")
		}
		now := w.ticket(made.ID)
		now.LegalHold = false
		w.change(now)
		w.advance(25 * time.Hour)
		if w.timers(); !w.gone(made.ID) {
			w.Error("it stayed when the hold was lifted")
		}
	})
}
