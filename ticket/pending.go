package ticket

import (
	"slices"
	"time"
)

// Pending is an agent's answer that has not left: it waits out the hold of its
// queue, or for its writer's word where a colleague has answered meanwhile.
// Until it leaves, its article is internal.
type Pending struct {
	Article int    `json:"article"`
	By      uint16 `json:"by"` // its writer
	// Until is when it leaves by itself; zero is with #send alone.
	Until time.Time `json:"until,omitzero"`
	// State is where the ticket stands once it has left.
	State State `json:"state"`
}

// PendingOf gives the newest answer of a participant that has not left.
func (t *Ticket) PendingOf(by uint16) (Pending, bool) {
	for _, p := range slices.Backward(t.Pending) {
		if p.By == by {
			return p, true
		}
	}
	return Pending{}, false
}

// Settle takes a pending answer off the list: it has left, or never will.
func (t *Ticket) Settle(p Pending) {
	t.Pending = slices.DeleteFunc(t.Pending, func(other Pending) bool { return other.Article == p.Article })
}

// Wake is when something is to be done to the ticket though nobody writes; zero
// is never.
func (t *Ticket) Wake() time.Time {
	var at time.Time
	sooner := func(other time.Time) {
		if !other.IsZero() && (at.IsZero() || other.Before(at)) {
			at = other
		}
	}
	for _, p := range t.Pending {
		sooner(p.Until)
	}
	sooner(t.Snoozed)
	sooner(t.Service.Remind)
	sooner(t.Service.Close)
	for _, p := range []Promise{t.Service.FirstAnswer, t.Service.Solution} {
		sooner(p.Remind)
		sooner(p.Due)
		if !p.Missed.IsZero() && !p.Since.IsZero() && !p.Escalated {
			sooner(p.Missed)
		}
	}
	if t.pastDue() {
		sooner(t.Due)
	}
	return at
}

// pastDue reports whether the team is still to be told once the time that it
// wants the ticket done by is over.
func (t *Ticket) pastDue() bool { return !t.Due.IsZero() && !t.Overdue.Equal(t.Due) && !t.State.Done() }

// PastDue reports whether that is to be told now.
func (t *Ticket) PastDue(now time.Time) bool {
	return t.pastDue() && !now.Before(t.Due)
}
