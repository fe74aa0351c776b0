package store_test

import (
	"crypto/rand"
	"testing"

	"guichet/ticket"
)

// What was decided on without asking holds where the store knows nothing of it,
// and changes nothing where it does.
func TestWhatIsTakenForUnknownMustBe(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		commit := func(u ticket.Unknown) error {
			_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Seen: []string{rand.Text()}, Unknown: &u})
			return err
		}
		known, _ := w.opening("Till")
		known.Spammers = []ticket.Spammer{{Address: "eve@else.example"}}
		w.commit(known)
		if err := commit(ticket.Unknown{MessageIDs: []string{"help b@customer.example"}, Seen: []string{"n help"}, Sender: "marie@customer.example"}); err != nil {
			t.Error(err)
		}
		for _, u := range []ticket.Unknown{
			{MessageIDs: append([]string{"help b@customer.example"}, known.Tickets[0].MessageIDs[0])},
			{Seen: append([]string{"o help"}, known.Seen[0])},
			{Sender: "Eve@else.example"},
		} {
			wantError(t, commit(u), ticket.ErrConflict)
		}
		w.consistent()
	})
}
