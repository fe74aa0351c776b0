package store_test

import (
	"context"
	"testing"
	"time"

	"guichet/ticket"
)

// A ticket is handed on when the time comes that it names, and an answer that
// waited becomes public in the commit that lets it leave.
func TestTicketsWake(t *testing.T) {
	eachEngine(t, func(w *world) {
		made := w.open("Cold heating")
		made.Articles++
		made.Pending = []ticket.Pending{{Article: 2, By: 1, Until: w.now().Add(time.Minute), State: ticket.Waiting}}
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: made,
			Articles: []ticket.Article{{Number: 2, Kind: ticket.InternalArticle, At: w.now(), Text: "Turn it up."}}}}})

		var woken []ticket.ID
		w.OnWake(func(_ context.Context, site string, id ticket.ID) (bool, error) {
			woken = append(woken, id)
			now := w.ticket(id)
			if len(now.Pending) == 0 {
				return false, nil
			}
			now.Pending = nil
			w.commit(&ticket.Change{Site: site, At: w.now(), Tickets: []ticket.TicketChange{{Ticket: now, Publish: []int{2}}}})
			return true, nil
		})
		if w.timers(); len(woken) != 0 {
			t.Fatal("woken early")
		}
		w.advance(time.Minute)
		w.timers()
		articles, err := w.Articles(ctx, "acme", made.ID, 0, 10)
		if err != nil || len(woken) != 1 || len(articles) != 2 || articles[1].Kind != ticket.PublicArticle || articles[1].Text != "Turn it up." {
			t.Fatalf("woken %v, %+v, %v", woken, articles, err)
		}
		w.advance(time.Hour)
		if w.timers(); len(woken) != 1 {
			t.Fatalf("woken %d times", len(woken))
		}
	})
}

// A ticket for which nobody does what is due is looked at again later, as long as
// it is there.
func TestTicketsWakeAgain(t *testing.T) {
	eachEngine(t, func(w *world) {
		made := w.open("Cold heating")
		made.Snoozed = w.now().Add(time.Hour)
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: made}}})
		woken := 0
		w.OnWake(func(context.Context, string, ticket.ID) (bool, error) { woken++; return false, nil })
		for range 2 {
			w.advance(time.Hour)
			w.timers()
		}
		if woken != 2 {
			t.Fatalf("woken %d times in two hours", woken)
		}
		wantError(t, w.Erase(ctx, "acme", made.ID), nil)
		w.advance(time.Hour)
		if w.timers(); woken != 2 {
			t.Fatal("an erased ticket was woken")
		}
	})
}

// Facts go on to the ticket that a merged one goes on in, and bring what its
// requester wrote last.
func TestFactsOfMergedTickets(t *testing.T) {
	eachEngine(t, func(w *world) {
		into, merged := w.open("Cold heating"), w.open("No heating")
		merged.Merged = into.ID
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: merged}}})
		facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Tickets: []ticket.ID{merged.ID}, Newest: true})
		if err != nil || facts.Tickets[into.ID] == nil || facts.Newest[merged.ID] == nil || facts.Newest[merged.ID].Number != 1 {
			t.Fatalf("%+v, %v", facts, err)
		}
	})
}
