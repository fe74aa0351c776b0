package store

import (
	"context"
	"errors"
	"slices"

	"guichet/store/engine"
	"guichet/ticket"
)

// wrapTries is how often a commit is tried again because keys were wrapped anew
// in the same moment: more often than a site's key can change meanwhile.
const wrapTries = 4

// commitWrapped commits the batch of a draft. Where keys were wrapped anew since
// they were read, what the batch says of them is brought to how they are by now:
// nobody outside has to know.
func (d *draft) commitWrapped(ctx context.Context) (engine.Committed, error) {
	for try := 1; ; try++ {
		done, err := d.commitErasing(ctx, "commit", d.batch, d.erased)
		c, ok := errors.AsType[*engine.Conflict](err)
		if !ok || c.Check >= len(d.batch.Checks) || try == wrapTries {
			return done, err
		}
		again, wrapErr := d.wrapAgain(ctx, c.Check)
		if wrapErr != nil || !again {
			return done, errors.Join(err, wrapErr)
		}
	}
}

// wrapAgain brings the batch to how keys are wrapped by now, and reports whether
// that is what was wrong with a check that did not hold.
func (d *draft) wrapAgain(ctx context.Context, check int) (bool, error) {
	switch c := d.batch.Checks[check]; {
	case c.Record == recordInUse && c.Field == fieldWrap:
		return d.wrapDrawn(check)
	case c.Field == fieldKey && c.Want != nil && !slices.Contains(d.drawn, c.Record):
		return d.wrappedNow(ctx, check)
	}
	return false, nil
}

// wrapDrawn wraps the keys that the batch makes under the site's key of now.
func (d *draft) wrapDrawn(check int) (bool, error) {
	fresh, err := d.renew()
	if err != nil || string(fresh.use.wrap) == string(d.room.keys.use.wrap) {
		return false, err
	}
	// Only what wraps: the names in the batch are of the keys before.
	d.room.keys.wrap, d.room.keys.rest, d.room.keys.use.wrap = fresh.wrap, fresh.rest, fresh.use.wrap
	d.batch.Checks[check] = fresh.use.checkWrap()
	for i, s := range d.batch.Steps {
		if s.Do != engine.DoPut || s.Name != fieldKey || !slices.Contains(d.drawn, s.Record) {
			continue
		}
		k := d.keys[s.Record].key
		w := wrappedKey{k, wrap(fresh.wrap, d.at(s.Record, fieldKey), k)}
		d.keys[s.Record], d.batch.Steps[i].Value = w, w.wrapped
	}
	return true, nil
}

// wrappedNow reads how the key of a ticket is wrapped by now. It reports false
// where the ticket is gone.
func (d *draft) wrappedNow(ctx context.Context, check int) (bool, error) {
	record := d.batch.Checks[check].Record
	wrapped, err := d.wrappedOf(ctx, record)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	k, err := d.unwrap(d.at(record, fieldKey), wrapped)
	if err != nil || k != d.keys[record].key {
		return false, err
	}
	w := wrappedKey{k, wrapped}
	d.keys[record], d.batch.Checks[check].Want = w, wrapped
	if id, found := recordedTicket(record); found {
		d.secrets.remember(ticketAt{d.Name, id}, w)
	}
	return true, nil
}

// recordedTicket is the ticket of a record, if it is one.
func recordedTicket(record string) (id ticket.ID, found bool) {
	if len(record) <= len(prefixTicket) || record[:len(prefixTicket)] != prefixTicket {
		return id, false
	}
	id, err := ticket.ParseID(record[len(prefixTicket):])
	return id, err == nil
}
