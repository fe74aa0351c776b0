package store

import (
	"context"
	"errors"
	"time"

	"guichet/ticket"
)

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
