package ticket

import "time"

// Morning is what an agent is told of a queue once a day.
type Morning struct {
	// New nobody has answered; Due are to be done within a day, or should have been;
	// Long wait for the team since LongWait or more; Mine are what the agent has
	// taken.
	New, Due, Long, Mine MorningList
	// Failed are mails of the last day that could not be delivered.
	Failed MorningList
	// Held is how much held mail waits for a decision.
	Held int
}

// MorningList is a part of it: the first few, and how many there are.
type MorningList struct {
	Tickets []*Ticket
	Total   int
}

// morningLength is how many tickets of each list a morning tells of.
const morningLength = 10

// LongWait is how long a requester waits before the team is reminded.
const LongWait = 48 * time.Hour

// Empty reports whether there is nothing to say.
func (m *Morning) Empty() bool {
	return m.New.Total+m.Due.Total+m.Long.Total+m.Mine.Total+m.Failed.Total+m.Held == 0
}

// Add puts a ticket on the list.
func (l *MorningList) Add(t *Ticket) {
	if l.Total++; len(l.Tickets) < morningLength {
		l.Tickets = append(l.Tickets, t)
	}
}
