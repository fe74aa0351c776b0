package ticket

import (
	"slices"
	"time"
)

// Course is when the things happened to a ticket that reports count.
type Course struct {
	// Answered is when an agent's answer first left; AnsweredBy is that agent's
	// number.
	Answered   time.Time `json:"answered,omitzero"`
	AnsweredBy uint16    `json:"answered_by,omitempty"`
	// Finished are the times at which the team was done with it, Reopened those at
	// which it was not any more: the newest few of each, oldest first.
	Finished []time.Time `json:"finished,omitempty"`
	Reopened []time.Time `json:"reopened,omitempty"`
}

// courseLength is how many times of a kind a ticket remembers: one that goes to
// and fro more often is counted by the newest.
const courseLength = 8

// moves notes that a ticket goes from one state to another.
func (c *Course) moves(from, to State, now time.Time) {
	switch {
	case !from.Done() && to.Done():
		c.Finished = newest(c.Finished, now)
	case from.Done() && !to.Done():
		c.Reopened = newest(c.Reopened, now)
	}
}

// newest appends a time, and forgets the oldest beyond courseLength.
func newest(times []time.Time, now time.Time) []time.Time {
	times = append(slices.Clone(times), now)
	return times[max(0, len(times)-courseLength):]
}

// AnsweredNow notes that an agent's answer leaves.
func (t *Ticket) AnsweredNow(by uint16, now time.Time) {
	if t.Course.Answered.IsZero() {
		t.Course.Answered, t.Course.AnsweredBy = now, by
	}
}

// finished are the times at which the team was done with the ticket. One that was
// closed before these were kept has that of its closing.
func (t *Ticket) finished() []time.Time {
	if len(t.Course.Finished) == 0 && !t.Closed.IsZero() {
		return []time.Time{t.Closed}
	}
	return t.Course.Finished
}
