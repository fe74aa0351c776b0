package ticket

import "time"

// Undelivered is why a mail did not arrive.
type Undelivered struct {
	// To is whom it was for.
	To Address `json:"to,omitempty"`
	// Reason is what the host said, or what kept us from its answer.
	Reason string `json:"reason"`
	// TooLarge is set where the host takes no mail of its Size, in bytes. Limit is
	// the most that it takes, where it said so.
	TooLarge bool  `json:"too_large,omitempty"`
	Size     int64 `json:"size,omitempty"`
	Limit    int64 `json:"limit,omitempty"`
}

// DeliveryFailed is what a ticket keeps of a notice that was given up: an event,
// and word of it to the agents. Whoever wrote the answer that it brought is told
// more, whatever they chose to hear of; answer is nil for other notices. A failed
// word to an agent is an event only, or it would make another that fails.
func (m Mint) DeliveryFailed(t *Ticket, n Notice, answer *Article, u Undelivered, now time.Time) TicketChange {
	t = t.Clone()
	t.Articles++
	t.Changed = now
	event := Article{Number: t.Articles, Kind: EventArticle, At: now, Event: EventDeliveryFailed, Detail: u.Reason}
	to, ok := t.Participant(n.To)
	if ok {
		u.To, event.Text = to.Address, string(to.Address)
	}
	if n.Kind != Answer {
		answer = nil
	}
	if answer != nil && ok && to.Role == Requester && t.State == Waiting {
		t.SetState(Open, now) // nobody can be waited for who was not asked
	}
	c := TicketChange{Ticket: t, Articles: []Article{event}}
	if n.Kind.ForAgents() {
		return c
	}
	for _, agent := range t.Active(AgentRole) {
		if answer == nil || answer.Author != agent.Number {
			c.Notices = append(c.Notices, m.Notice(AgentEvent, t, agent, event.Number, now))
			continue
		}
		failed := m.Notice(AnswerFailed, t, agent, answer.Number, now)
		failed.Undelivered = &u
		c.Notices = append(c.Notices, failed)
	}
	return c
}

// Delivery is a notice on its way out.
type Delivery struct {
	Notice   Notice        `json:"notice"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	Due      time.Time     `json:"due"`
	// Error is what the last attempt met, without addresses.
	Error string `json:"error,omitempty"`
	// Tries are the newest of its attempts, oldest first.
	Tries []Try `json:"tries,omitempty"`
	// Lease is the worker's right to it; the store checks it when it is settled.
	Lease string `json:"-"`
}

// DeliveryState is where a notice stands.
type DeliveryState string

const (
	Queued    DeliveryState = "queued"
	OnHold    DeliveryState = "hold" // until somebody releases it
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed"  // given up
	Braked    DeliveryState = "braked"  // a brake kept it from leaving
	Dropped   DeliveryState = "dropped" // by somebody
)

// Outcome settles a leased delivery: its new state, when it is due again if
// still Queued, the attempt where there was one, and a change to commit with it,
// or nil.
type Outcome struct {
	State  DeliveryState
	Try    *Try
	Due    time.Time
	Error  string
	Change *Change
}

// Try is one attempt to deliver a notice. It is sealed with the notice, and
// erased with it.
type Try struct {
	At   time.Time     `json:"at"` // when it began
	Took time.Duration `json:"took,omitempty"`
	// Host is whom the mail was given to, if it came so far.
	Host string `json:"host,omitempty"`
	// Code and Answer are what the host said, or what kept us from its answer;
	// without addresses.
	Code   int    `json:"code,omitempty"`
	Answer string `json:"answer,omitempty"`
}

// TriesKept is how many attempts of a notice are kept, the newest.
const TriesKept = 10
