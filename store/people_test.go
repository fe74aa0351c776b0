package store_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

// own are the subjects of an address's tickets, in order.
func (w *world) own(a ticket.Address) []string {
	w.Helper()
	f := w.facts(ticket.Query{Address: a})
	var subjects []string
	for _, id := range f.Own {
		subjects = append(subjects, f.Tickets[id].Subject)
	}
	return subjects
}

// openFor opens a ticket of a requester.
func (w *world) openFor(a ticket.Address, subject string) *ticket.Ticket {
	w.Helper()
	w.advance(time.Second)
	c, t := w.opening(subject)
	t.Participants[0].Address = a
	w.commit(c)
	return w.ticket(t.ID)
}

func TestOnesOwnTicketsAreFoundByAddress(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		const marie, paul = ticket.Address("marie@customer.example"), ticket.Address("paul@customer.example")
		one := w.openFor(marie, "One")
		w.openFor(paul, "Paul's")
		two := w.openFor("Marie@customer.example", "Two")
		three := w.openFor(marie, "Three")
		if diff := cmp.Diff([]string{"Three", "Two", "One"}, w.own(marie)); diff != "" {
			t.Error(diff)
		}
		// A change moves it nowhere: they stand by when they were opened.
		one.SetState(ticket.Open, w.now())
		one.Changed = w.now()
		two.Participants[0].Address = paul
		w.change(one, two)
		if err := w.Erase(ctx, "acme", three.ID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"One"}, w.own(marie)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Two", "Paul's"}, w.own(paul)); diff != "" {
			t.Error(diff)
		}
		if got := w.own("nobody@customer.example"); got != nil {
			t.Errorf("nobody has %v", got)
		}
		if f, err := w.Facts(ctx, ticket.Query{Site: "globex", Address: marie}); err != nil || len(f.Own) > 0 {
			t.Errorf("another site gives %+v, %v", f, err)
		}
	})
}

func TestOnesOwnTicketsAreBounded(t *testing.T) {
	w := embedded(t)
	for i := range ticket.MaxOwn + 3 {
		w.openFor("marie@customer.example", fmt.Sprint(i))
	}
	got := w.own("marie@customer.example")
	if len(got) != ticket.MaxOwn || got[0] != fmt.Sprint(ticket.MaxOwn+2) {
		t.Errorf("%d tickets from %s on", len(got), got[0])
	}
}

// Sight of the whole site goes with the enrolment, and is nothing without one.
func TestSightOfTheWholeSite(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		w.openFor("zoe@elsewhere.example", "The heating")
		const lea = ticket.Address("lea@customer.example")
		enrol := &ticket.Change{Site: "acme", Enrol: []ticket.Mailbox{{Address: lea}}}
		see := &ticket.Change{Site: "acme", Sight: []ticket.Address{"LEA@customer.example"}}
		blind := &ticket.Change{Site: "acme", NoSight: []ticket.Address{lea}}
		leave := &ticket.Change{Site: "acme", Leave: []ticket.Address{lea}}
		for i, step := range []struct {
			change          *ticket.Change
			enrolled, sight bool
		}{
			{see, false, false}, {enrol, true, false}, {see, true, true}, {enrol, true, true}, {blind, true, false}, {blind, true, false},
			{see, true, true}, {leave, false, false}, {blind, false, false}, {enrol, true, false},
		} {
			c := *step.change
			c.Operation, c.At = rand.Text(), w.now()
			w.commit(&c)
			f := w.facts(ticket.Query{Address: lea, IfSighted: true})
			if f.Enrolled != step.enrolled || f.Sight != step.sight || (len(f.Whole) == 1) != step.sight {
				t.Errorf("step %d: enrolled %v, sight %v, told of %d", i, f.Enrolled, f.Sight, len(f.Whole))
			}
			m, err := w.Material(ctx, ticket.Notice{Site: "acme", Mailbox: ticket.Mailbox{Address: lea}, About: &ticket.About{Action: ticket.SeeSite}})
			if err != nil || m.Sight != step.sight {
				t.Errorf("step %d: its mail sees %v, %v", i, m.Sight, err)
			}
		}
	})
}

func TestEnrolledUntilErased(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		m := ticket.Mailbox{Name: "Marie Martin", Address: "Marie@customer.example"}
		const other = ticket.Address("MARIE@customer.example")
		enrolled := func() bool { return w.facts(ticket.Query{Address: other}).Enrolled }
		if enrolled() {
			t.Error("enrolled before")
		}
		for range 2 { // again changes nothing
			w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Enrol: []ticket.Mailbox{m}})
		}
		if !enrolled() {
			t.Error("not enrolled after")
		}
		if got, err := w.Enrolment(ctx, "acme", other); err != nil || got != m {
			t.Errorf("enrolment is %+v, %v", got, err)
		}
		if err := w.EraseEnrolment(ctx, "acme", other); err != nil || enrolled() {
			t.Errorf("still enrolled: %v", err)
		}
		_, err := w.Enrolment(ctx, "acme", other)
		wantError(t, err, store.ErrNotFound)
		wantError(t, w.EraseEnrolment(ctx, "acme", other), store.ErrNotFound)
	})
}

// TestTheFirstTicketOfAMessageKeepsIt: naming a message of another's thread
// moves nothing.
func TestTheFirstTicketOfAMessageKeepsIt(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, first := w.opening("First")
		w.commit(c)
		messageID := c.Tickets[0].MessageIDs[0]
		d, second := w.opening("Second")
		d.Tickets[0].MessageIDs = append(d.Tickets[0].MessageIDs, messageID)
		w.commit(d)
		leads := func() ticket.ID {
			return w.facts(ticket.Query{MessageIDs: []string{messageID}}).ByMessageID[messageID]
		}
		if got := leads(); got != first.ID {
			t.Errorf("it leads to %s", got)
		}
		if err := w.Erase(ctx, "acme", second.ID); err != nil {
			t.Fatal(err)
		}
		if got := leads(); got != first.ID {
			t.Errorf("when the second is erased it leads to %s", got)
		}
	})
}

// TestWhatIsOpenAtASite: the newest of all states but closed, what changed last
// first, and how many there are.
func TestWhatIsOpenAtASite(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		var open []ticket.ID
		states := []ticket.State{ticket.New, ticket.Open, ticket.Waiting, ticket.Solved, ticket.Closed}
		for i := range ticket.MaxWhole + 10 {
			c, made := w.opening("Cold heating")
			made.SetState(states[i%len(states)], w.now())
			made.Changed = w.now().Add(time.Duration(i) * time.Second)
			w.commit(c)
			if made.State != ticket.Closed {
				open = append(open, made.ID)
			}
		}
		for range 10 {
			c, made := w.opening("Colder")
			made.Changed = w.now().Add(-time.Hour)
			w.commit(c)
		}
		slices.Reverse(open)
		facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		if facts.Open != len(open)+10 || len(facts.Whole) != ticket.MaxWhole {
			t.Fatalf("%d of %d are open", len(facts.Whole), facts.Open)
		}
		if diff := cmp.Diff(open, facts.Whole[:len(open)]); diff != "" {
			t.Error(diff)
		}
		for _, id := range facts.Whole {
			if facts.Tickets[id] == nil {
				t.Error("one of them was not read")
			}
		}
		if facts, err = w.Facts(ctx, ticket.Query{Site: "globex", Whole: true}); err != nil || len(facts.Whole)+facts.Open > 0 {
			t.Errorf("another site has %d, %v", facts.Open, err)
		}
	})
}
