package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"guichet/store/engine"
	"guichet/ticket"
)

// heldFields are what held mail is read from, beside the key of its ticket.
var heldFields = []string{fieldKey, fieldTicket, fieldSealed}

var toTicketKey = &engine.Follow{Field: fieldTicket, Record: prefixTicket, Fields: []string{fieldKey}}

// held adds held mail. It lies under the key of the ticket into which it would
// go, or under its own.
func (d *draft) held(ctx context.Context, h ticket.Held) error {
	record := recordHeld(h.ID)
	var k wrappedKey
	if h.Ticket.IsZero() {
		k = d.drawKey(record)
		d.step(engine.Put(record, fieldKey, k.wrapped))
	} else {
		var err error
		if k, err = d.existingKey(ctx, h.Ticket); err != nil {
			return err
		}
		d.step(engine.Put(record, fieldTicket, []byte(h.Ticket.String())),
			engine.Put(recordTicket(h.Ticket), fieldHeld(h.ID), nil))
	}
	sealed, err := d.sealJSON(k.key, d.at(record, fieldSealed), &h)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldSealed, sealed))
	d.keepHeld(&h)
	return nil
}

// keepHeld puts held mail into its indexes, and sets the timer of its end.
func (d *draft) keepHeld(h *ticket.Held) {
	d.step(engine.Add(indexHeld, h.ID, engine.At(h.At)),
		engine.Place(recordHeld(h.ID), fieldInQueue, heldIndex(h), h.ID, engine.At(h.At)))
	d.scheduleAt(Timer{Kind: HeldTimer, Name: h.ID}, d.heldOver(h))
}

// heldIndex is where held mail of a queue stands.
func heldIndex(h *ticket.Held) string {
	if h.Why.Waits() {
		return indexHeldIn(h.Queue)
	}
	return indexAside(h.Queue)
}

// dropHeld removes held mail and all that leads to it.
func (d *draft) dropHeld(id string) {
	record := recordHeld(id)
	d.step(engine.Unplace(record, fieldInQueue, id), engine.Remove(indexHeld, id), engine.Drop(record))
	d.unschedule(Timer{Kind: HeldTimer, Name: id})
}

// release takes held mail out. Its blobs go with it, except those that the
// change names: what it names and does not bring is carried over.
func (d *draft) release(ctx context.Context, c *ticket.Change) (carried []ticket.Blob, err error) {
	if len(c.Release)+len(c.Discard) == 0 {
		return nil, nil
	}
	named, brought := namedBlobs(c)
	for _, id := range slices.Concat(c.Release, c.Discard) {
		record := recordHeld(id)
		h, row, err := d.readHeld(ctx, id)
		if errors.Is(err, ErrNotFound) {
			// Somebody else was faster, unless this is a repeat: the engine knows.
			d.check(engine.Equal(record, fieldSealed, nil))
			continue
		}
		if err != nil {
			return nil, err
		}
		d.check(engine.Equal(record, fieldSealed, row.Fields[fieldSealed]))
		if slices.Contains(c.Discard, id) {
			if err := d.discard(ctx, h); err != nil {
				return nil, err
			}
		}
		for _, tc := range c.Tickets {
			d.step(engine.Put(recordTicket(tc.Ticket.ID), fieldWasHeld(id), nil))
		}
		d.dropHeld(id)
		if !h.Ticket.IsZero() {
			d.step(engine.Delete(recordTicket(h.Ticket), fieldHeld(id)))
		}
		for _, b := range blobsOf(h.Raw, h.Attachments) {
			if slices.Contains(named[b], blobOwner(*h)) {
				continue // it stays where it is
			}
			size, err := d.dropBlob(ctx, blobOwner(*h), fieldBlob(d.digest(kindBlob, string(b))))
			if err != nil {
				return nil, err
			}
			if !brought[b] && len(named[b]) > 0 {
				carried = append(carried, d.carry(ctx, h, b, size))
			}
		}
	}
	return carried, nil
}

// discard writes down that held mail is gone for good. It gives ErrLegalHold when
// the ticket that it came into must be kept whole. The ledger names it also where
// it lies under the key of its ticket, which stays.
func (d *draft) discard(ctx context.Context, h *ticket.Held) error {
	hold, err := d.underHold(ctx, h.Ticket)
	if err != nil {
		return err
	}
	if hold {
		return fmt.Errorf("%w (held mail %s)", ErrLegalHold, h.ID)
	}
	d.erased = append(d.erased, recordHeld(h.ID))
	return nil
}

// namedBlobs tells which records a change makes name which blobs, and which it
// brings.
func namedBlobs(c *ticket.Change) (named map[ticket.BlobID][]string, brought map[ticket.BlobID]bool) {
	named, brought = map[ticket.BlobID][]string{}, map[ticket.BlobID]bool{}
	for _, tc := range c.Tickets {
		for _, a := range tc.Articles {
			for _, b := range blobsOf(a.Raw, a.Attachments) {
				named[b] = append(named[b], recordTicket(tc.Ticket.ID))
			}
		}
	}
	for _, h := range c.Held {
		for _, b := range blobsOf(h.Raw, h.Attachments) {
			named[b] = append(named[b], blobOwner(h))
		}
	}
	for _, b := range c.Blobs {
		brought[b.ID] = true
	}
	return named, brought
}

// carry gives a blob of held mail as one that a change brings.
func (d *draft) carry(ctx context.Context, h *ticket.Held, b ticket.BlobID, size int64) ticket.Blob {
	record := blobOwner(*h)
	return ticket.Blob{ID: b, Size: size, Open: func() io.Reader {
		return &lazy{open: func() (io.ReadCloser, error) { return d.openBlob(ctx, record, b) }}
	}}
}

// dropBlob adds the removal of a blob's field, and of its file afterwards. It
// gives the size of the file; 0 is of one that lies inline.
func (d *draft) dropBlob(ctx context.Context, record, field string) (int64, error) {
	answers, err := d.read(ctx, "a blob", engine.Ask{Record: record, Fields: []string{field}})
	if err != nil {
		return 0, err
	}
	mark, size, ok := filed(answers[0].Rows[0].Fields[field])
	if ok {
		d.remove = append(d.remove, fileName(d.Name, record, field, mark))
	}
	d.step(engine.Delete(record, field))
	return size, nil
}

func (r room) readHeld(ctx context.Context, id string) (*ticket.Held, engine.Row, error) {
	answers, err := r.read(ctx, "held mail", engine.Ask{Record: recordHeld(id), Fields: heldFields, Follow: toTicketKey})
	if err != nil {
		return nil, engine.Row{}, err
	}
	row := answers[0].Rows[0]
	if row.Fields[fieldSealed] == nil {
		return nil, row, fmt.Errorf("%w: held mail %s", ErrNotFound, id)
	}
	h := &ticket.Held{}
	return h, row, r.openRow(recordHeld(id), row, h)
}

// openRow reads what lies under a record's own key or its ticket's, which a
// Follow has brought or an earlier row has.
func (r room) openRow(record string, row engine.Row, v any) error {
	k, err := r.keyOf(record, row)
	if err != nil {
		return err
	}
	return r.openJSON(k, r.at(record, fieldSealed), row.Fields[fieldSealed], v)
}

func (r room) keyOf(record string, row engine.Row) (key, error) {
	if wrapped := row.Fields[fieldKey]; wrapped != nil {
		return r.unwrap(r.at(record, fieldKey), wrapped)
	}
	id, err := ticket.ParseID(row.Reached)
	if err != nil {
		return key{}, fmt.Errorf("%w: no key for %s", ErrSealed, record)
	}
	wrapped := row.Followed[fieldKey]
	if wrapped == nil {
		return key{}, fmt.Errorf("%w: ticket of %s", ErrNotFound, record)
	}
	k, err := r.unwrapTicket(id, wrapped)
	return k.key, err
}

// HeldMail gives the site's held mail, oldest first.
func (s *Store) HeldMail(ctx context.Context, site string, after Cursor, n int) (Page[*ticket.Held], error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return Page[*ticket.Held]{}, err
	}
	ask := engine.Ask{Fields: heldFields, Follow: toTicketKey, Page: &engine.Page{
		Index: indexHeld, Record: prefixHeld, N: n,
	}}
	return list(ctx, r, "held mail", []engine.Ask{ask}, after, func(row engine.Row) (*ticket.Held, error) {
		h := &ticket.Held{}
		return h, r.openRow(recordHeld(row.Member), row, h)
	})
}

// Held gives one held mail, or ErrNotFound.
func (s *Store) Held(ctx context.Context, site, id string) (*ticket.Held, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	h, _, err := r.readHeld(ctx, id)
	return h, err
}

// DropHeld throws held mail away, with its blobs. It gives ErrNotFound when
// somebody else has decided on it, and ErrLegalHold when the ticket that it came
// into must be kept.
func (s *Store) DropHeld(ctx context.Context, site, id string) error {
	if _, err := s.Held(ctx, site, id); err != nil {
		return err
	}
	_, err := s.Commit(ctx, &ticket.Change{Site: site, Discard: []string{id}})
	return err
}
