package store

import (
	"context"
	"fmt"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// morningScan is how many tickets of each list a morning looks at; what is beyond
// is not counted one by one.
const morningScan = 100

// morningDue is how far ahead a time counts as due.
const morningDue = 24 * time.Hour

// Morning gives what an agent is told of a queue, in one round trip.
func (s *Store) Morning(ctx context.Context, site, queue string, agent ticket.Address, now time.Time) (*ticket.Morning, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	tickets := func(index string) engine.Ask {
		return engine.Ask{Fields: ticketFields, Page: &engine.Page{Index: index, Record: prefixTicket, N: morningScan}}
	}
	answers, err := r.read(ctx, "a morning",
		tickets(indexQueue(ticket.New, queue)),
		tickets(indexQueue(ticket.Open, queue)),
		tickets(indexSearch(r.term(ticket.Term{Kind: ticket.DueTerm, Value: queue}))),
		tickets(indexSearch(r.term(ticket.Term{Kind: ticket.MineTerm, Value: agent.Key()}))),
		engine.Ask{Page: &engine.Page{Index: indexHeldIn(queue), N: 1}},
		engine.Ask{Page: &engine.Page{Index: indexFailed, Reverse: true, N: morningScan, Record: prefixNotice}, Fields: []string{fieldTicket}, Follow: toTicket})
	if err != nil {
		return nil, err
	}
	m := &ticket.Morning{Held: answers[4].Total}
	awake := func(t *ticket.Ticket) bool { return t.Queue == queue && t.Snoozed.IsZero() && !t.State.Done() }
	long := func(t *ticket.Ticket) bool { return awake(t) && now.Sub(t.Changed) >= ticket.LongWait }
	for i, lists := range [][]morningList{
		{{&m.New, awake}, {&m.Long, long}},
		{{&m.Long, long}},
		{{&m.Due, func(t *ticket.Ticket) bool {
			at := t.Deadline()
			return t.Queue == queue && !t.State.Done() && !at.IsZero() && at.Before(now.Add(morningDue))
		}}},
		{{&m.Mine, func(t *ticket.Ticket) bool {
			p, ok := t.Participant(t.Assignee)
			return awake(t) && ok && p.Is(agent)
		}}},
	} {
		if err := r.fill(answers[i], lists); err != nil {
			return nil, err
		}
	}
	if further := answers[0].Total - len(answers[0].Rows); further > 0 {
		m.New.Total += further
	}
	return m, r.failures(answers[5], queue, now, &m.Failed)
}

// morningList is a list and what belongs on it.
type morningList struct {
	*ticket.MorningList
	wants func(*ticket.Ticket) bool
}

// fill adds the tickets of an answer to the lists that want them.
func (r room) fill(a engine.Answer, lists []morningList) error {
	for _, row := range a.Rows {
		if row.Fields[fieldSealed] == nil {
			continue // erased in the same moment
		}
		t, err := r.parseTicket(row.Member, row.Fields)
		if err != nil {
			return fmt.Errorf("store: a morning: %w", err)
		}
		for _, l := range lists {
			if l.wants(t) {
				l.Add(t)
			}
		}
	}
	return nil
}

// failures adds the tickets of which a mail was given up within the last day.
func (r room) failures(a engine.Answer, queue string, now time.Time, failed *ticket.MorningList) error {
	for _, row := range a.Rows {
		if now.Sub(row.Score.Time()) > 24*time.Hour {
			break
		}
		if row.Reached == "" || row.Followed[fieldSealed] == nil {
			continue
		}
		t, err := r.parseTicket(row.Reached, row.Followed)
		if err != nil {
			return fmt.Errorf("store: a morning: %w", err)
		}
		if t.Queue == queue {
			failed.Add(t)
		}
	}
	return nil
}
