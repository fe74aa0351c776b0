package store_test

import (
	"strings"
	"testing"
	"time"

	"guichet/ticket"
)

// Who has a further address of theirs erased goes on without that one; the rest
// goes with the address that is listed.
func TestProfilesAreErased(t *testing.T) {
	w := onRedis(t) // which tells its keys
	anna := ticket.Profile{Address: "anna@acme.example", Notify: ticket.NotifyMine, Others: []ticket.Address{"anna@phone.example", "anna@home.example"}}
	w.commit(&ticket.Change{Site: "acme", At: w.now(), Profiles: []ticket.Profile{anna}})
	erase := func(a ticket.Address) {
		t.Helper()
		found, err := w.Person(ctx, a, []string{"acme"}, nil)
		if err == nil && (found[0].Empty() || found[0].Profile == nil) {
			t.Fatalf("nothing is found of %s", a)
		}
		if err == nil {
			err = w.EraseLoose(ctx, found[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		if found, err = w.Person(ctx, a, []string{"acme"}, nil); err != nil || !found[0].Empty() {
			t.Fatalf("still there: %+v, %v", found[0], err)
		}
	}
	erase("anna@phone.example")
	facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Profiles: []ticket.Address{"anna@home.example"}})
	if err != nil || facts.Profiles["anna@home.example"] == nil || len(facts.Profiles["anna@home.example"].Others) != 1 {
		t.Fatalf("of another address of hers: %+v, %v", facts.Profiles, err)
	}
	erase("anna@acme.example")
	for key := range w.everything() {
		if strings.Contains(key, "agent:") || strings.Contains(key, "alias:") {
			t.Errorf("%s is left", key)
		}
	}
}

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
