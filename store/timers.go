package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// TimerKind is what is done when a timer is due.
type TimerKind string

const (
	// RawTimer removes a mail as it came. Name is the digest of its blob.
	RawTimer TimerKind = "raw"
	// EraseTimer erases a ticket that has been closed long enough, or whose
	// requester wants it so.
	EraseTimer TimerKind = "erase"
	// ConfirmTimer erases a request that its sender was asked to confirm, and did
	// not.
	ConfirmTimer TimerKind = "confirm"
	// HeldTimer throws held mail away that nobody decided on. Name is its id.
	HeldTimer TimerKind = "held"
	// NoticeTimer forgets a notice that failed. Name is its id.
	NoticeTimer TimerKind = "notice"
	// WakeTimer is due when something is to be done to a ticket though nobody
	// writes: what that is, the router says.
	WakeTimer TimerKind = "wake"
)

// Timer is something to be done at a time. Kind, Ticket and Name together name
// it in its site: scheduled again, it moves.
type Timer struct {
	Site   string
	Kind   TimerKind
	Ticket ticket.ID // zero for a timer without a ticket
	Name   string    // tells apart the timers of a kind on one ticket; nothing personal
	Due    time.Time
	// lease is where the timer stands while somebody handles it.
	lease engine.Entry
}

func (t Timer) member() string { return string(t.Kind) + ":" + timerTicket(t.Ticket) + ":" + t.Name }

func parseTimer(site string, e engine.Entry) (Timer, error) {
	kind, rest, _ := strings.Cut(e.Member, ":")
	id, name, found := strings.Cut(rest, ":")
	t := Timer{Site: site, Kind: TimerKind(kind), Name: name, Due: e.Score.Time(), lease: e}
	if !found {
		return t, fmt.Errorf("store: %q is no timer", e.Member)
	}
	return t, t.Ticket.UnmarshalText([]byte(id))
}

// schedule adds a timer to the draft, or moves it.
func (d *draft) schedule(t Timer, due time.Time) {
	at := engine.At(due)
	d.timer = earliest(d.timer, at)
	d.step(engine.Add(indexTimers, t.member(), at))
}

func (d *draft) unschedule(t Timer) { d.step(engine.Remove(indexTimers, t.member())) }

const (
	timersAtOnce = 50
	timerLease   = 5 * time.Minute
	// timersLast is how long what was taken may go on when a daemon stops.
	timersLast = 20 * time.Second
)

// timerHandlers are what is done for each kind. A handler leaves the timer gone
// or moved; a failure is tried again when the lease is over.
var timerHandlers = map[TimerKind]func(context.Context, room, Timer) error{
	RawTimer:     dropRaw,
	EraseTimer:   eraseOver,
	ConfirmTimer: eraseUnconfirmed,
	HeldTimer:    dropHeld,
	NoticeTimer:  forgetNotice,
	WakeTimer:    wakeTicket,
}

// RunTimers handles the timers of all sites that are due, and gives how many it
// handled. A timer that fails is logged and tried again. When ctx ends it takes no
// more of them, and handles those that it took.
func (s *Store) RunTimers(ctx context.Context) (handled int, err error) {
	if err := s.healHints(ctx); err != nil {
		return 0, err
	}
	// Cut short, what was taken would lie until its lease is over.
	begun, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(timersLast, cancel) })()
	err = s.eachDueSite(begun, indexHintTimers, indexTimers, func(r room) (bool, error) {
		for ctx.Err() == nil {
			due, err := s.engine.Lease(begun, r.space, indexTimers, timersAtOnce, timerLease)
			if err != nil || len(due) == 0 {
				return true, err
			}
			for _, e := range due {
				if err := r.handle(begun, e); err != nil {
					s.log.Error("a timer failed and will be tried again", "site", r.Name, "timer", e.Member, "error", err)
					continue
				}
				handled++
			}
		}
		return false, nil
	})
	if err != nil {
		return handled, fmt.Errorf("store: handling timers: %w", err)
	}
	return handled, nil
}

func (r room) handle(ctx context.Context, e engine.Entry) error {
	t, err := parseTimer(r.Name, e)
	if err != nil {
		return err
	}
	do, known := timerHandlers[t.Kind]
	if !known {
		return fmt.Errorf("store: no handler for timers of kind %q", t.Kind)
	}
	err = do(ctx, r, t)
	if errors.Is(err, ticket.ErrConflict) {
		return nil // moved or handled meanwhile
	}
	return err
}

// finish is a draft that ends a timer.
func (r room) finish(t Timer) *draft {
	d := newDraft(r, r.now())
	d.check(engine.Leased(indexTimers, t.lease))
	d.unschedule(t)
	return d
}

func forgetNotice(ctx context.Context, r room, t Timer) error {
	d := r.finish(t)
	d.step(engine.Unplace(recordNotice(t.Name), fieldInOutbox, t.Name), engine.Drop(recordNotice(t.Name)), engine.Drop(recordTaken(t.Name)))
	_, err := d.commit(ctx)
	return err
}

// timerTicket is a ticket as part of a timer's name.
func timerTicket(id ticket.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}
