package store_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

func (w *world) material(n ticket.Notice) ticket.Material {
	w.Helper()
	n.Site = "acme"
	m, err := w.Material(ctx, n)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// write adds articles to a ticket and gives it as it is read back.
func (w *world) write(t *ticket.Ticket, kinds ...ticket.Kind) *ticket.Ticket {
	w.Helper()
	c := ticket.TicketChange{Ticket: t}
	for _, kind := range kinds {
		t.Articles++
		c.Articles = append(c.Articles, ticket.Article{Number: t.Articles, Kind: kind, At: w.now(), Text: fmt.Sprint(t.Articles)})
	}
	w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Tickets: []ticket.TicketChange{c}})
	return w.ticket(t.ID)
}

func TestMaterialOfOnesOwn(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		one, two, erased := w.open("One"), w.open("Two"), w.open("Erased")
		for range 5 { // more than are read at once
			kinds := make([]ticket.Kind, 50)
			for i := range kinds {
				kinds[i] = []ticket.Kind{ticket.PublicArticle, ticket.InternalArticle}[i%2]
			}
			two = w.write(two, kinds...)
		}
		if err := w.Erase(ctx, "acme", erased.ID); err != nil {
			t.Fatal(err)
		}
		about := &ticket.About{Tickets: []ticket.ID{two.ID, erased.ID, one.ID}}
		for _, kind := range []ticket.NoticeKind{ticket.Status, ticket.Export} {
			m := w.material(ticket.Notice{Kind: kind, About: about})
			if m.Ticket != nil || len(m.Tickets) != 2 || m.Tickets[0].ID != two.ID || m.Tickets[1].ID != one.ID {
				t.Errorf("%s: tickets are %+v", kind, m.Tickets)
			}
			if kind == ticket.Status {
				if m.Entries != nil {
					t.Errorf("a status has %d entries", len(m.Entries))
				}
				continue
			}
			if len(m.Entries[two.ID]) != 251 || len(m.Entries[one.ID]) != 1 || m.Entries[two.ID][250].Number != 251 {
				t.Errorf("entries are %d and %d", len(m.Entries[two.ID]), len(m.Entries[one.ID]))
			}
		}
	})
}

func TestMaterialOfAWholeHistoryIsPublic(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		for range 7 {
			kinds := make([]ticket.Kind, 100)
			for i := range kinds {
				kinds[i] = []ticket.Kind{ticket.PublicArticle, ticket.PublicArticle, ticket.PublicArticle, ticket.InternalArticle, ticket.EventArticle}[i%5]
			}
			made = w.write(made, kinds...)
			m := w.material(ticket.Notice{Kind: ticket.History, Ticket: made.ID, To: 1})
			if want := min(500, 1+(made.Articles-1)*3/5); m.Ticket.ID != made.ID || len(m.History) != want {
				t.Errorf("of %d articles %d are told, want %d", made.Articles, len(m.History), want)
			}
			for i, a := range m.History {
				if a.Kind != ticket.PublicArticle || i > 0 && m.History[i-1].Number >= a.Number {
					t.Fatalf("article %d of the history is number %d, %s", i, a.Number, a.Kind)
				}
			}
		}
	})
}

func TestMaterialOfADigestIsTheQueuesHeldMail(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		var want []string
		for i := range 4 {
			w.advance(time.Second)
			h := ticket.Held{Queue: []string{"help", "billing"}[i%2], Why: ticket.HeldStranger}
			if i == 0 {
				h.Ticket = made.ID
			}
			if h = w.hold(h); h.Queue == "help" {
				want = append(want, h.ID)
			}
		}
		decided := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger})
		if err := w.DropHeld(ctx, "acme", decided.ID); err != nil {
			t.Fatal(err)
		}
		waiting := func() (ids []string) {
			for _, h := range w.material(ticket.Notice{Kind: ticket.HeldDigest, Queue: "help"}).Waiting {
				ids = append(ids, h.ID)
			}
			return ids
		}
		if diff := cmp.Diff(want, waiting()); diff != "" {
			t.Error(diff)
		}
		if err := w.Erase(ctx, "acme", made.ID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[1:], waiting()); diff != "" {
			t.Error("after its ticket was erased:", diff)
		}
		for range 110 {
			w.hold(ticket.Held{Queue: "help", Why: ticket.HeldStranger})
		}
		if n := len(waiting()); n != 100 {
			t.Errorf("a digest tells of %d", n)
		}
	})
}

// TestACodeIsForgottenOnceItsMailIsOver: whoever traces a mail later does not
// read the code that it brought.
func TestACodeIsForgottenOnceItsMailIsOver(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		w.lease(9, time.Hour) // its acknowledgement
		for _, about := range []ticket.ID{{}, made.ID} {
			for _, state := range []ticket.DeliveryState{ticket.Queued, ticket.Delivered, ticket.Failed, ticket.Braked, ticket.Dropped} {
				_, code := w.challenge(ticket.Challenge{Action: ticket.CloseOwn, Ticket: about})
				d := w.lease(1, time.Minute)
				if len(d) != 1 || d[0].Notice.Code != code {
					t.Fatalf("leased %+v", d)
				}
				if err := w.Settle(ctx, d[0], ticket.Outcome{State: state, Due: w.now().Add(999 * day)}); err != nil {
					t.Fatal(err)
				}
				left := d[0].Notice
				if left.Code = ""; state == ticket.Queued {
					left.Code = code
				}
				traced, err := w.Notice(ctx, "acme", left.ID)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(left, traced.Notice); diff != "" {
					t.Errorf("%s: %s", state, diff)
				}
			}
		}
	})
}

func TestACodeThatIsForgottenIsNotSentAgain(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		w.challenge(ticket.Challenge{Action: ticket.AskStatus})
		d := w.lease(1, time.Minute)[0]
		if err := w.Settle(ctx, d, ticket.Outcome{State: ticket.Failed}); err != nil {
			t.Fatal(err)
		}
		wantError(t, w.Redirect(ctx, "acme", d.Notice.ID, ticket.Queued), store.ErrCodeSpent)
		if err := w.Redirect(ctx, "acme", d.Notice.ID, ticket.Dropped); err != nil {
			t.Error(err)
		}
		// Dropped by hand before it left: forgotten too. On hold: not yet.
		_, code := w.challenge(ticket.Challenge{Action: ticket.AskStatus})
		page, err := w.Outbox(ctx, "acme", nil, "", 9)
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("outbox is %+v, %v", page, err)
		}
		id := page.Items[0].Notice.ID
		for _, step := range []struct {
			to   ticket.DeliveryState
			want string
		}{{ticket.OnHold, code}, {ticket.Queued, code}, {ticket.Dropped, ""}} {
			if err := w.Redirect(ctx, "acme", id, step.to); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Notice(ctx, "acme", id); err != nil || n.Notice.Code != step.want {
				t.Errorf("%s: the code is %q, %v", step.to, n.Notice.Code, err)
			}
		}
	})
}
