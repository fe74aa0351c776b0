package store_test

import (
	"testing"
	"time"

	"guichet/ticket"
)

// What an agent chose is found by any address of theirs, comes with the mails to
// them, and changes only at the version that was read.
func TestProfiles(t *testing.T) {
	eachEngine(t, func(w *world) {
		anna := ticket.Profile{Address: "anna@acme.example", Notify: ticket.NotifyMine, Away: w.now().Add(time.Hour), Others: []ticket.Address{"anna@phone.example"}}
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Profiles: []ticket.Profile{anna}})
		facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Profiles: []ticket.Address{"Anna@acme.example", "anna@phone.example", "ben@acme.example"}})
		if err != nil {
			t.Fatal(err)
		}
		by, from, none := facts.Profiles[anna.Address.Key()], facts.Profiles["anna@phone.example"], facts.Profiles["ben@acme.example"]
		if by == nil || from == nil || none != nil || by.Notify != ticket.NotifyMine || !by.Away.Equal(anna.Away) || from.Address != anna.Address {
			t.Fatalf("%+v, %+v, %+v", by, from, none)
		}
		_, err = w.Commit(ctx, &ticket.Change{Site: "acme", At: w.now(), Profiles: []ticket.Profile{anna}})
		wantError(t, err, ticket.ErrConflict)
		by.Others = nil
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Profiles: []ticket.Profile{*by}})
		facts, err = w.Facts(ctx, ticket.Query{Site: "acme", Profiles: []ticket.Address{"anna@phone.example"}})
		if err != nil || facts.Profiles["anna@phone.example"] != nil {
			t.Fatalf("an address that is hers no more leads to %+v, %v", facts.Profiles, err)
		}

		made := w.open("Cold heating")
		p := made.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "anna@acme.example"}})
		made.Assignee = p.Number
		n := w.mint.Notice(ticket.AgentNew, made, p, 1, w.now())
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: made, Notices: []ticket.Notice{n}}}})
		if m, err := w.Material(ctx, n); err != nil || m.Profile == nil || m.Profile.Notify != ticket.NotifyMine {
			t.Fatalf("%+v, %v", m.Profile, err)
		}
		// Who has a ticket is asked about unasked.
		facts, err = w.Facts(ctx, ticket.Query{Site: "acme", Tickets: []ticket.ID{made.ID}})
		if err != nil || facts.Profiles["anna@acme.example"] == nil {
			t.Fatalf("%+v, %v", facts.Profiles, err)
		}
	})
}
