package store

import (
	"context"
	"errors"
	"fmt"

	"guichet/store/engine"
	"guichet/ticket"
)

var (
	// ErrLeased is what Redirect gives for a notice that a worker is sending at
	// this moment.
	ErrLeased = errors.New("store: the mail is being sent at this moment")
	// ErrCodeSpent is what Redirect gives for a notice that is to be tried again
	// and brought a code: that was forgotten when the notice was given up.
	ErrCodeSpent = errors.New("store: the code that the mail brought is forgotten; whoever needs one asks for another")
)

// lapsedAtOnce and lapsedPages bound how far the outbox is looked through for
// notices whose worker died.
const (
	lapsedAtOnce = 500
	lapsedPages  = 20
)

// Redirect moves a notice by hand: to Queued (tried at once; also what failed),
// OnHold or Dropped. It gives ErrNotFound for one that is over, ErrLeased for one
// that a worker is sending, and ErrCodeSpent for one that cannot be sent again.
func (s *Store) Redirect(ctx context.Context, site, id string, to ticket.DeliveryState) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	answers, err := r.read(ctx, "a notice", engine.Ask{
		Record: recordNotice(id), Fields: append([]string{fieldInOutbox}, noticeFields...), Follow: toTicketKey,
	})
	if err != nil {
		return err
	}
	row := answers[0].Rows[0]
	was, k, p, err := r.openDelivery(engine.Entry{Member: id}, row)
	if err != nil {
		return err
	}
	in := row.Fields[fieldInOutbox]
	switch {
	case in == nil:
		return fmt.Errorf("%w: notice %s is %s", ErrNotFound, id, was.State)
	case to == ticket.Queued && p.Spent:
		return fmt.Errorf("%w (notice %s)", ErrCodeSpent, id)
	}
	d := newDraft(r, s.now())
	d.check(engine.Equal(recordNotice(id), fieldInOutbox, in))
	at := engine.At(d.now)
	if to == ticket.Queued {
		at = dueAtOnce(d.now)
		d.due = at
	}
	next := p
	next.State, next.Due = to, 0
	if err := d.moveTo(was.Notice, k, next, at); err != nil {
		return err
	}
	if string(in) == indexDue {
		return d.commitWaiting(ctx, id, p.Due)
	}
	_, err = d.commit(ctx)
	return err
}

// commitWaiting commits if no worker has the notice: it stands where it waits for
// its attempt, or where the lease of a worker that died has run out.
func (d *draft) commitWaiting(ctx context.Context, id string, due engine.Score) error {
	checks := d.batch.Checks
	waits := func(score engine.Score) error {
		d.batch.Checks = append(checks[:len(checks):len(checks)], engine.Leased(indexDue, engine.Entry{Member: id, Score: score}))
		_, err := d.commit(ctx)
		return err
	}
	err := waits(due)
	if c, ok := errors.AsType[*engine.Conflict](err); !ok || c.Check != len(checks) {
		return err
	}
	lapsed, found, err := d.lapsed(ctx, id)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w (notice %s)", ErrLeased, id)
	}
	return waits(lapsed)
}

// lapsed looks for a notice among those that are due, also by an engine's clock
// that is behind ours.
func (r room) lapsed(ctx context.Context, id string) (engine.Score, bool, error) {
	now := engine.At(r.now().Add(-clockSlack))
	page := engine.Page{Index: indexDue, N: lapsedAtOnce}
	for range lapsedPages {
		answers, err := r.read(ctx, "the outbox", engine.Ask{Page: &page})
		if err != nil {
			return 0, false, err
		}
		for _, row := range answers[0].Rows {
			switch {
			case row.Score > now:
				return 0, false, nil
			case row.Member == id:
				return row.Score, true, nil
			}
			page.After = &engine.Entry{Member: row.Member, Score: row.Score}
		}
		if len(answers[0].Rows) < lapsedAtOnce {
			break
		}
	}
	return 0, false, nil
}
