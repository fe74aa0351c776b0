package ticket

import (
	"slices"
	"time"
)

// Standing is what commands change of a ticket.
type Standing struct {
	State    State     `json:"state"`
	Closed   time.Time `json:"closed,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	Assignee uint16    `json:"assignee,omitempty"`
	Queue    string    `json:"queue"`
	Priority Priority  `json:"priority,omitempty"`
	Tags     []string  `json:"tags,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Snoozed  time.Time `json:"snoozed,omitzero"`
	Merged   ID        `json:"merged,omitzero"`
	// Finished and Reopened are those of the Course.
	Finished []time.Time `json:"finished,omitempty"`
	Reopened []time.Time `json:"reopened,omitempty"`
	Linked   []ID        `json:"linked,omitempty"`
	// Active are the participants who get mail.
	Active []uint16 `json:"active"`
}

// Undo is where a ticket stood before an agent's last act, and whose act it was.
type Undo struct {
	By uint16    `json:"by"`
	At time.Time `json:"at"`
	// Articles is how many there were before, and After how many once it was done.
	// Wrote is set when it wrote an answer or a note, which stays.
	Articles int  `json:"articles"`
	After    int  `json:"after"`
	Wrote    bool `json:"wrote,omitempty"`
	Standing
	// With is another ticket that the act was about too: it is put back as well.
	With ID `json:"with,omitzero"`
}

// Standing is where the ticket stands now.
func (t *Ticket) Standing() Standing {
	s := Standing{State: t.State, Closed: t.Closed, Since: t.Since, Assignee: t.Assignee, Queue: t.Queue, Priority: t.Priority,
		Tags: slices.Clone(t.Tags), Due: t.Due, Snoozed: t.Snoozed, Merged: t.Merged, Linked: slices.Clone(t.Linked),
		Finished: t.Course.Finished, Reopened: t.Course.Reopened}
	for _, p := range t.Participants {
		if !p.Removed {
			s.Active = append(s.Active, p.Number)
		}
	}
	return s
}

// Restore puts the ticket back to where it stood. Who left since takes part
// again; who joined is taken off, and what they were given is void.
func (t *Ticket) Restore(s Standing) {
	t.State, t.Closed, t.Since, t.Assignee, t.Queue, t.Priority = s.State, s.Closed, s.Since, s.Assignee, s.Queue, s.Priority
	t.Tags, t.Due, t.Snoozed, t.Merged, t.Linked = s.Tags, s.Due, s.Snoozed, s.Merged, s.Linked
	t.Course.Finished, t.Course.Reopened = s.Finished, s.Reopened
	for i := range t.Participants {
		p := &t.Participants[i]
		removed := !slices.Contains(s.Active, p.Number)
		if removed && !p.Removed {
			p.Epoch++
		}
		p.Removed = removed
	}
}

// Equal reports whether two standings are the same.
func (s Standing) Equal(o Standing) bool {
	return s.State == o.State && s.Closed.Equal(o.Closed) && s.Assignee == o.Assignee && s.Queue == o.Queue &&
		s.Priority == o.Priority && slices.Equal(s.Tags, o.Tags) && s.Due.Equal(o.Due) && s.Snoozed.Equal(o.Snoozed) &&
		s.Merged == o.Merged && slices.Equal(s.Linked, o.Linked) && slices.Equal(s.Active, o.Active)
}
