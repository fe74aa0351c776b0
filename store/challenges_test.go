package store_test

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/ticket"
)

var validation = ticket.ValidationFormat{Length: 8, Valid: 15 * time.Minute}

// challenge parks an action, as a decision does, and gives it as it is read
// back, with its code.
func (w *world) challenge(c ticket.Challenge) (*ticket.Challenge, string) {
	w.Helper()
	c.Site, c.Queue = "acme", "help"
	if c.Mailbox.Address == "" {
		c.Mailbox = ticket.Mailbox{Name: "Marie Martin", Address: "marie@customer.example"}
	}
	made, n := w.mint.Challenge(c, ticket.Validation, validation, w.now())
	w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(),
		Challenges: []ticket.Challenge{made}, Notices: []ticket.Notice{n}})
	read := w.facts(ticket.Query{Challenges: []ticket.ID{made.ID}}).Challenges[made.ID]
	made.Version = 1
	if diff := cmp.Diff(&made, read); diff != "" {
		w.Error(diff)
	}
	return read, n.Code
}

func (w *world) facts(q ticket.Query) *ticket.Facts {
	w.Helper()
	q.Site = "acme"
	f, err := w.Facts(ctx, q)
	if err != nil {
		w.Fatal(err)
	}
	return f
}

// change commits a change of tickets that were read.
func (w *world) change(tickets ...*ticket.Ticket) {
	w.Helper()
	c := &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now()}
	for _, t := range tickets {
		c.Tickets = append(c.Tickets, ticket.TicketChange{Ticket: t})
	}
	w.commit(c)
}

func TestFactsBringAllThatAChallengeNames(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		h := ticket.Held{ID: ticket.NewID(rand.Reader).String(), Site: "acme", Queue: "help", Why: ticket.HeldStranger, Ticket: made.ID, At: w.now()}
		w.commit(&ticket.Change{Site: "acme", Operation: "hold", At: w.now(), Held: []ticket.Held{h}})
		other, _ := w.challenge(ticket.Challenge{Action: ticket.ChangeAddress, Ticket: made.ID, Participant: 1})
		c, code := w.challenge(ticket.Challenge{Action: ticket.ChangeAddress, Ticket: made.ID, Participant: 1,
			Parked: ticket.Parked{Address: "new@customer.example", Held: h.ID, Other: other.ID}})
		f := w.facts(ticket.Query{Challenges: []ticket.ID{c.ID, ticket.NewID(rand.Reader)}})
		if len(f.Challenges) != 2 || f.Challenges[other.ID] == nil || f.Held[h.ID] == nil || f.Tickets[made.ID] == nil {
			t.Errorf("facts are %+v", f)
		}
		if !w.mint.Pepper.Meets(f.Challenges[c.ID], []string{code}) {
			t.Error("the code does not meet the challenge")
		}
		f = w.facts(ticket.Query{Held: []string{h.ID, "none"}})
		if len(f.Held) != 1 || f.Tickets[made.ID] == nil {
			t.Errorf("facts of held mail are %+v", f)
		}
		f = w.facts(ticket.Query{Tracking: []string{made.Tracking, "UNKNOWN"}})
		if diff := cmp.Diff(map[string]ticket.ID{made.Tracking: made.ID}, f.ByTracking); diff != "" || f.Tickets[made.ID] == nil {
			t.Error(diff, f.Tickets)
		}
	})
}

func TestFactsBringTheChallengesOfATicketThatStillAre(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		c, _ := w.challenge(ticket.Challenge{Action: ticket.CloseOwn, Ticket: made.ID, Participant: 1})
		made.Challenges = []ticket.ID{ticket.NewID(rand.Reader), c.ID}
		w.change(made)
		f := w.facts(ticket.Query{References: []uint64{1}})
		if diff := cmp.Diff([]ticket.ID{c.ID}, f.Tickets[made.ID].Challenges); diff != "" || f.Challenges[c.ID] == nil {
			t.Error(diff, f.Challenges)
		}
		w.advance(26 * time.Hour)
		f = w.facts(ticket.Query{Tickets: []ticket.ID{made.ID}, Challenges: []ticket.ID{c.ID}})
		if len(f.Challenges) != 0 || len(f.Tickets[made.ID].Challenges) != 0 {
			t.Errorf("a day after its end the challenge is still there: %+v", f.Challenges)
		}
	})
}

// TestOrdinaryMailCostsOneRoundTrip: only who waits for a code pays for another.
func TestOrdinaryMailCostsOneRoundTrip(t *testing.T) {
	w := embedded(t)
	c, ordinary := w.opening("Cold heating")
	w.commit(c)
	h := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger, Ticket: ordinary.ID})
	asked := w.open("Wet cellar")
	ch, _ := w.challenge(ticket.Challenge{Action: ticket.CloseOwn, Ticket: asked.ID, Participant: 1})
	asked.Challenges = []ticket.ID{ch.ID}
	w.change(asked)
	reads := w.Reads()
	for name, c := range map[string]struct {
		query ticket.Query
		want  int
	}{
		"ordinary": {ticket.Query{Tickets: []ticket.ID{ordinary.ID}, MessageIDs: c.Tickets[0].MessageIDs, References: []uint64{1}, Seen: c.Seen}, 1},
		"asked":    {ticket.Query{References: []uint64{2}}, 2},
		"code":     {ticket.Query{Challenges: []ticket.ID{ch.ID}}, 1},
		"held":     {ticket.Query{Held: []string{h.ID}}, 1},
		"own":      {ticket.Query{Address: "marie@customer.example"}, 2},
	} {
		*reads = 0
		w.facts(c.query)
		if *reads != c.want {
			t.Errorf("%s: %d round trips, want %d", name, *reads, c.want)
		}
	}
}

func TestAChallengeIsAlteredAsItWasRead(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		for _, about := range []ticket.ID{{}, made.ID} {
			c, _ := w.challenge(ticket.Challenge{Action: ticket.ReadHistory, Ticket: about})
			tried := *c
			tried.Tries++
			alter := func(c ticket.Challenge) error {
				_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Challenges: []ticket.Challenge{c}})
				return err
			}
			if err := alter(tried); err != nil {
				t.Fatal(err)
			}
			wantError(t, alter(tried), ticket.ErrConflict)
			again := *c
			again.Version = 0
			wantError(t, alter(again), ticket.ErrConflict)
			now := w.facts(ticket.Query{Challenges: []ticket.ID{c.ID}}).Challenges[c.ID]
			if now.Tries != 1 || now.Version != 2 {
				t.Errorf("it is %+v", now)
			}
		}
	})
}

// TestOfTwoAnswersWithTheCodeOneCommits has many answers with the right code
// arrive at once.
func TestOfTwoAnswersWithTheCodeOneCommits(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		for _, about := range []ticket.ID{{}, made.ID} {
			c, _ := w.challenge(ticket.Challenge{Action: ticket.EraseOwn, Ticket: about})
			var won atomic.Int32
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Spent: []ticket.Challenge{*c}})
					if err == nil {
						won.Add(1)
					} else if !errors.Is(err, ticket.ErrConflict) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if n := won.Load(); n != 1 {
				t.Errorf("%d answers spent the challenge", n)
			}
			if f := w.facts(ticket.Query{Challenges: []ticket.ID{c.ID}}); len(f.Challenges) != 0 {
				t.Error("it is still there")
			}
		}
	})
}

// TestASpentChallengeTakesItsActWithIt: what was decided for it is not done
// either.
func TestASpentChallengeTakesItsActWithIt(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		c, _ := w.challenge(ticket.Challenge{Action: ticket.CloseOwn, Ticket: made.ID, Participant: 1})
		w.commit(&ticket.Change{Site: "acme", Operation: "first", At: w.now(), Spent: []ticket.Challenge{*c}})
		made.SetState(ticket.Closed, w.now())
		_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: "second", At: w.now(),
			Spent: []ticket.Challenge{*c}, Tickets: []ticket.TicketChange{{Ticket: made}}})
		wantError(t, err, ticket.ErrConflict)
		if now := w.ticket(made.ID); now.State != ticket.New {
			t.Errorf("the ticket is %s", now.State)
		}
	})
}

func TestAChallengeGoesWithItsTicket(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		c, _ := w.challenge(ticket.Challenge{Action: ticket.CloseOwn, Ticket: made.ID, Participant: 1})
		if err := w.Erase(ctx, "acme", made.ID); err != nil {
			t.Fatal(err)
		}
		if f := w.facts(ticket.Query{Challenges: []ticket.ID{c.ID}}); len(f.Challenges) != 0 {
			t.Errorf("left over: %+v", f.Challenges)
		}
		c.Tries++
		_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: "tried", At: w.now(), Challenges: []ticket.Challenge{*c}})
		wantError(t, err, ticket.ErrConflict)
	})
}

// TestADeliveryKnowsTheMailThatItWasHeldAs: a repeat with more proof finds it,
// with the ticket that it would go to, until somebody decided on it.
func TestADeliveryKnowsTheMailThatItWasHeldAs(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		h := ticket.Held{ID: ticket.NewID(rand.Reader).String(), Site: "acme", Queue: "help", Why: ticket.HeldUnproved, Ticket: made.ID, At: w.now()}
		w.commit(&ticket.Change{Site: "acme", Operation: "hold", At: w.now(), Held: []ticket.Held{h},
			Seen: []string{"m help", "m #ticket", "n help"}, SeenAs: map[string]string{"m help": h.ID, "m #ticket": h.ID}})
		query := ticket.Query{Site: "acme", Seen: []string{"m help", "m #ticket", "n help"}}
		facts, err := w.Facts(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"m help": h.ID, "m #ticket": h.ID}, facts.SeenAs); diff != "" {
			t.Error(diff)
		}
		if len(facts.Seen) != 3 || facts.Held[h.ID] == nil || facts.Held[h.ID].Why != ticket.HeldUnproved || facts.Tickets[made.ID] == nil {
			t.Errorf("found %+v", facts)
		}
		w.commit(&ticket.Change{Site: "acme", Operation: "raise", At: w.now(), Release: []string{h.ID}, Seen: []string{"m help"}})
		if facts, err = w.Facts(ctx, query); err != nil || !facts.Seen["m help"] || facts.SeenAs["m help"] != "" || facts.Held[h.ID] != nil {
			t.Errorf("afterwards %+v, %v", facts, err)
		}
	})
}
