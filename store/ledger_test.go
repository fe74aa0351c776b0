package store_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/store"
	"guichet/ticket"
)

func (w *world) ledger() string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.opt.Data, "erased.ledger"))
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	return string(text)
}

// TestEveryErasureStandsInTheLedger, whoever wanted it.
func TestEveryErasureStandsInTheLedger(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		byHand, closed, wished := w.open("By hand"), w.open("Closed"), w.open("Wished")
		closed.SetState(ticket.Closed, w.now())
		wished.EraseAt = w.now().Add(day)
		w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Tickets: []ticket.TicketChange{{Ticket: closed}, {Ticket: wished}},
			Enrol: []ticket.Mailbox{{Address: eve}}})
		if w.ledger() != "" {
			t.Errorf("the ledger is %s", w.ledger())
		}
		if err := w.Erase(ctx, "acme", byHand.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.EraseEnrolment(ctx, "acme", eve); err != nil {
			t.Fatal(err)
		}
		w.advance(2 * day)
		w.timers()
		if strings.Contains(w.ledger(), closed.ID.String()) {
			t.Error("what is kept is in the ledger")
		}
		w.advance(200 * day)
		w.timers()
		for _, one := range []*ticket.Ticket{byHand, closed, wished} {
			if !strings.Contains(w.ledger(), " erased acme ticket:"+one.ID.String()+"\n") {
				t.Errorf("the erasure of %s is not in %s", one.Subject, w.ledger())
			}
		}
		if !strings.Contains(w.ledger(), " erased acme enrolled:") || strings.Contains(w.ledger(), "eve") {
			t.Errorf("the ledger is %s", w.ledger())
		}
	})
}

// TestHeldMailThatWasThrownAwayDoesNotComeBack with yesterday's backup, whoever
// threw it away, and whether it lay alone or in somebody else's ticket; neither
// does what was filed into a ticket that is erased since. The rest is as it was.
func TestHeldMailThatWasThrownAwayDoesNotComeBack(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		raw := func() ticket.Blob { return blobOf("raw", randomBytes(20<<10)) }
		alone := func() ticket.Held {
			return w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnproved, Raw: "raw"}, raw())
		}
		inTicket := func() ticket.Held {
			return w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger, Ticket: made.ID}, raw())
		}
		dropped, rejected, filed, expired := alone(), inTicket(), alone(), w.hold(ticket.Held{Queue: "help", Why: ticket.HeldUnconfirmed})
		kept := []ticket.Held{alone(), inTicket()}
		dir := t.(*testing.T).TempDir()
		w.backup(dir)

		w.advance(day)
		if err := w.DropHeld(ctx, "acme", dropped.ID); err != nil {
			t.Fatal(err)
		}
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Discard: []string{rejected.ID}})
		c, into := w.opening("What was held")
		c.Release = []string{filed.ID}
		w.commit(c)
		if strings.Contains(w.ledger(), filed.ID) {
			t.Error("what was filed is in the ledger")
		}
		if err := w.Erase(ctx, "acme", into.ID); err != nil {
			t.Fatal(err)
		}
		w.advance(7 * day)
		w.timers() // expired is over

		opt := w.elsewhere(false)
		if done := restore(t, opt, dir, ""); len(done.Broken) > 0 {
			t.Errorf("restored: %+v", done)
		}
		there := openWorld(t, opt, w.advance)
		for i, h := range []ticket.Held{dropped, rejected, filed, expired} {
			if there.isHeld(h) {
				t.Errorf("the held mail number %d came back", i)
			}
		}
		for _, h := range kept {
			if !there.isHeld(h) {
				t.Error("what nobody decided on is gone")
			}
		}
		there.ticket(made.ID)
		there.consistent()
	})
}

// TestALegalHoldKeepsHeldMailFromEveryHand that would throw it away.
func TestALegalHoldKeepsHeldMailFromEveryHand(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		held := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger, Ticket: made.ID, From: ticket.Mailbox{Address: eve}})
		made.LegalHold = true
		w.change(made)
		wantError(t, w.DropHeld(ctx, "acme", held.ID), store.ErrLegalHold)
		_, err := w.Commit(ctx, &ticket.Change{Site: "acme", At: w.now(), Discard: []string{held.ID}})
		wantError(t, err, store.ErrLegalHold)
		w.eraseEve()
		w.advance(200 * day)
		w.timers()
		if !w.isHeld(held) || w.ledger() != "" {
			t.Errorf("it is gone; the ledger is %q", w.ledger())
		}
		lifted := w.ticket(made.ID)
		lifted.LegalHold = false
		w.change(lifted)
		if err := w.DropHeld(ctx, "acme", held.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestNothingIsErasedThatTheLedgerCannotTake: what a backup would bring back must
// not be forgotten in silence.
func TestNothingIsErasedThatTheLedgerCannotTake(t *testing.T) {
	w := embedded(t)
	made := w.open("Cold heating")
	if err := os.Mkdir(filepath.Join(w.opt.Data, "erased.ledger"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.Erase(ctx, "acme", made.ID); err == nil {
		t.Error("it was erased")
	}
	w.ticket(made.ID)
}

// TestOldKeyFilesAreDeletedByTheDaemon, in the directory that its settings name.
func TestOldKeyFilesAreDeletedByTheDaemon(t *testing.T) {
	w := embedded(t)
	w.opt.Backups, w.opt.KeepBackupKeys = t.TempDir(), 30*day
	w = w.again()
	first := w.backup(w.opt.Backups)
	w.advance(31 * day)
	second := w.backup(w.opt.Backups)
	if err := w.MaintainOnce(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.opt.Backups, first.Keys.Name)); !os.IsNotExist(err) {
		t.Errorf("the old keys: %v", err)
	}
	for _, name := range []string{first.Data.Name, second.Keys.Name} {
		if _, err := os.Stat(filepath.Join(w.opt.Backups, name)); err != nil {
			t.Error(err)
		}
	}
}
