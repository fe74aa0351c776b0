package store

import (
	"context"
	"errors"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

const (
	// reported is how many tickets a report counts at most, and reportedAtOnce how
	// many of them one round trip reads.
	reported       = 50_000
	reportedAtOnce = 250
)

// Report counts what happened in a site, or in some of its queues. It reads the
// tickets that are open and those that changed in that time, a page at a time
// and beside the way of the mail; of no others does anything count. Beyond its
// bound closed ones are left out first, and of these those that changed longest ago.
func (s *Store) Report(ctx context.Context, site string, body ticket.ReportBody) (*ticket.Report, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	tally := ticket.NewTally(body, s.now())
	left := reported
	for _, state := range ticket.States { // of a ticket that moves on meanwhile, the later state is met too
		since := body.From
		if !state.Done() {
			since = time.Time{}
		}
		for _, index := range reportIndexes(state, body) {
			if left, err = r.tallyIndex(ctx, tally, index, since, left); err != nil {
				return nil, err
			}
		}
	}
	return tally.Report(left == 0), nil
}

// reportIndexes hold the tickets of a state that a report may count.
func reportIndexes(state ticket.State, body ticket.ReportBody) (indexes []string) {
	if body.Whole {
		return []string{indexState(state)}
	}
	for _, queue := range body.Queues {
		indexes = append(indexes, indexQueue(state, queue))
	}
	return indexes
}

// tallyIndex counts the tickets of an index that changed since a time, the newest
// first, as long as any more may be counted. It gives how many may.
func (r room) tallyIndex(ctx context.Context, tally *ticket.Tally, index string, since time.Time, left int) (int, error) {
	page := &engine.Page{Index: index, Record: prefixTicket, Reverse: true}
	for left > 0 {
		page.N = min(reportedAtOnce, left)
		answers, err := r.read(ctx, "a report", engine.Ask{Fields: ticketFields, Page: page})
		if err != nil {
			return left, err
		}
		rows := answers[0].Rows
		for _, row := range rows {
			if row.Score.Time().Before(since) {
				return left, nil
			}
			if err := r.tallyTicket(tally, row); err != nil {
				return left, err
			}
			left--
		}
		if len(rows) < page.N {
			return left, nil
		}
		page.After = &rows[len(rows)-1].Entry
	}
	return 0, nil
}

func (r room) tallyTicket(tally *ticket.Tally, row engine.Row) error {
	id, err := ticket.ParseID(row.Member)
	if err != nil {
		return err
	}
	t, err := r.ticketOf(id, row.Fields)
	if errors.Is(err, ErrNotFound) {
		return nil // erased in the same moment
	}
	if err != nil {
		return err
	}
	tally.Add(t)
	return nil
}
