package store

import (
	"context"
	"fmt"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file is about whom a site knows by their address: the requesters of its
// tickets, and those who enrolled. An address is found by its digest alone.

func (r room) person(a ticket.Address) digest { return r.digest(kindAddress, a.Key()) }

// own puts a ticket into the index of its requester's address, whoever that is
// by now.
func (d *draft) own(t *ticket.Ticket) {
	record, id := recordTicket(t.ID), t.ID.String()
	address := t.Requester().Address
	switch isNew := t.Version == 0; {
	case address != "" && isNew:
		d.stand(record, fieldInOwn, indexOwn(d.person(address)), id, engine.At(t.Opened))
	case address != "":
		d.place(record, fieldInOwn, indexOwn(d.person(address)), id, engine.At(t.Opened))
	case !isNew:
		d.step(engine.Unplace(record, fieldInOwn, id))
	}
}

// enrol makes a mailbox known to the site until it is erased.
func (d *draft) enrol(m ticket.Mailbox) error {
	record := recordEnrolled(d.person(m.Address))
	k := d.drawKey(record)
	sealed, err := d.sealJSON(k.key, d.at(record, fieldSealed), m)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldKey, k.wrapped), engine.Put(record, fieldSealed, sealed))
	return nil
}

// sight lets somebody who is enrolled see the whole site, until that is taken back
// or they are erased. Who is not enrolled any more is passed over.
func (d *draft) sight(ctx context.Context, a ticket.Address) error {
	record := recordEnrolled(d.person(a))
	answers, err := d.read(ctx, "an enrolment", engine.Ask{Record: record, Fields: []string{fieldKey}})
	if err != nil {
		return err
	}
	if wrapped := answers[0].Rows[0].Fields[fieldKey]; wrapped != nil {
		d.check(engine.Equal(record, fieldKey, wrapped))
		d.step(engine.Put(record, fieldSight, []byte("1")))
	}
	return nil
}

// sighted reports whether that address may see the whole site.
func (r room) sighted(ctx context.Context, a ticket.Address) (bool, error) {
	answers, err := r.read(ctx, "an enrolment", engine.Ask{Record: recordEnrolled(r.person(a)), Fields: []string{fieldKey, fieldSight}})
	if err != nil {
		return false, err
	}
	fields := answers[0].Rows[0].Fields
	return fields[fieldKey] != nil && fields[fieldSight] != nil, nil
}

// everEnrolled are all records that an enrolment can have had: in a backup from
// before the look-up keys were renewed it lies under the name of then.
func (r room) everEnrolled(a ticket.Address) (records []string) {
	for _, d := range r.keys.everNamed(kindAddress, a.Key()) {
		records = append(records, recordEnrolled(d))
	}
	return records
}

// Enrolment gives the mailbox that was enrolled under an address, or
// ErrNotFound.
func (s *Store) Enrolment(ctx context.Context, site string, a ticket.Address) (m ticket.Mailbox, err error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return m, err
	}
	record := recordEnrolled(r.person(a))
	answers, err := r.read(ctx, "an enrolment", engine.Ask{Record: record, Fields: []string{fieldKey, fieldSealed}})
	if err != nil {
		return m, err
	}
	row := answers[0].Rows[0]
	if row.Fields[fieldSealed] == nil {
		return m, fmt.Errorf("%w: nobody of that address is enrolled", ErrNotFound)
	}
	return m, r.openRow(record, row, &m)
}

// EraseEnrolment forgets that an address was enrolled. It gives ErrNotFound for
// one that was not.
func (s *Store) EraseEnrolment(ctx context.Context, site string, a ticket.Address) error {
	if _, err := s.Enrolment(ctx, site, a); err != nil {
		return err
	}
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	_, err = r.commitErasing(ctx, "erasing an enrolment", engine.Batch{Steps: []engine.Step{engine.Drop(recordEnrolled(r.person(a)))}}, r.everEnrolled(a))
	return err
}
