package store

import (
	"context"
	"errors"

	"guichet/store/engine"
	"guichet/ticket"
)

// Spoil does to a site's part of the store what no program of ours does, and
// gives how many differences that makes.
func (s *Store) Spoil(ctx context.Context, site string, t *ticket.Ticket, held, notice string) (map[string]int, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	id, record := t.ID.String(), recordTicket(t.ID)
	gone := ticket.ID{1, 2, 3}
	for _, steps := range [][]engine.Step{
		{engine.Remove(indexState(t.State), id)},
		{engine.Add("tickets:closed", id, 1), engine.Add("tickets:closed:help", id, 1), engine.Add(indexOwn("nobody"), id, 1)},
		{engine.Add(indexState(ticket.Open), gone.String(), 1), engine.Add(indexHeld, "gone", 1), engine.Add(indexDue, "gone", 1)},
		{engine.Add(indexTimers, Timer{Kind: EraseTimer, Ticket: gone}.member(), 1<<60)},
		{postingOfNumber(t.Reference.Number).drop(), postingOfNumber(99).put(gone)},
		{r.trackingPosting(t.Tracking).put(gone)},
		{engine.Put(prefixOldNumber+"99", fieldTicket, []byte(id))},
		{engine.Remove(indexHeldIn("help"), held)},
		{engine.Remove(indexDue, notice)},
		{engine.Put(record, fieldLegalHold, []byte("1"))},
		{engine.Put(recordNumbers, fieldTickets, []byte("0"))},
		{engine.Put(recordHeld("orphan"), fieldSealed, []byte("x")), engine.Put(recordHeld("orphan"), fieldTicket, []byte(gone.String()))},
	} {
		if _, err := s.engine.Commit(ctx, r.space, engine.Batch{Steps: steps}); err != nil {
			return nil, err
		}
	}
	return map[string]int{
		record:                               4, // its own, and three entries
		recordTicket(gone):                   2,
		recordHeld("gone"):                   1,
		recordNotice("gone"):                 1,
		postingOfNumber(99).record:           1,
		prefixOldNumber + "99":               1,
		recordNumbers:                        1,
		recordHeld(held):                     1,
		recordNotice(notice):                 1,
		recordHeld("orphan"):                 1,
		r.trackingPosting(t.Tracking).record: 1,
	}, nil
}

// MaintainOnce does what a daemon does every few seconds.
func (s *Store) MaintainOnce(ctx context.Context) error {
	_, err := s.RunTimers(ctx)
	return errors.Join(err, s.daily(ctx))
}
