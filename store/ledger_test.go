package store_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
