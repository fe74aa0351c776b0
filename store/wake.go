package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// WakeTimer is due when something is to be done to a ticket though nobody
// writes: what that is, the router says.
const WakeTimer TimerKind = "wake"

// wakeAgain is when a ticket is looked at again for which something is due that
// nobody did.
const wakeAgain = time.Hour

// Waker does what is due on a ticket. It commits a change of the ticket, which
// sets the timer anew, or gives false when there was nothing to do.
type Waker func(ctx context.Context, site string, id ticket.ID) (bool, error)

// OnWake says who does what is due on tickets; without it their timers wait.
func (s *Store) OnWake(w Waker) { s.waker.Store(&w) }

// wakeAt sets the timer of what is next due on a ticket.
func (d *draft) wakeAt(t *ticket.Ticket) {
	at := t.Wake()
	if at.IsZero() && t.Version == 0 {
		return
	}
	d.scheduleAt(Timer{Kind: WakeTimer, Ticket: t.ID}, at)
}

// wakeTicket hands a ticket on whose timer is due. A timer with nothing to do is
// moved to the time that the ticket says now.
func wakeTicket(ctx context.Context, r room, t Timer) error {
	waker := r.waker.Load()
	if waker == nil {
		return errors.New("store: nobody does what is due on tickets")
	}
	done, err := (*waker)(ctx, r.Name, t.Ticket)
	if err != nil || done {
		return err
	}
	found, err := r.Ticket(ctx, r.Name, t.Ticket)
	if errors.Is(err, ErrNotFound) {
		return r.postpone(ctx, t, time.Time{})
	}
	if err != nil {
		return err
	}
	next := found.Wake()
	if now := r.now(); !next.IsZero() && !next.After(now) {
		next = now.Add(wakeAgain) // its site may have left the settings
	}
	return r.postpone(ctx, t, next)
}

// publish makes internal articles public.
func (d *draft) publish(ctx context.Context, id ticket.ID, k key, numbers []int) error {
	for _, n := range numbers {
		articles, err := d.articles(ctx, id, n-1, 1)
		if err != nil {
			return err
		}
		if len(articles) != 1 {
			return fmt.Errorf("store: article %d of ticket %s is not there: %w", n, id, ticket.ErrConflict)
		}
		a := articles[0]
		a.Kind = ticket.PublicArticle
		record, field := recordTicket(id), fieldArticle(n)
		sealed, err := d.sealJSON(k, d.at(record, field), a)
		if err != nil {
			return err
		}
		d.step(engine.Put(record, field, sealed))
	}
	return nil
}
