package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// Erase removes a ticket and all that belongs to it: its key, and with it the
// meaning of every copy; its articles, postings, notices, held mails, timers and
// blobs. It gives ErrNotFound when there is no such ticket, and ErrLegalHold for
// one that must be kept.
func (s *Store) Erase(ctx context.Context, site string, id ticket.ID) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	return r.erase(ctx, id)
}

// eraseTries is how often an erasure is begun again because the ticket changed
// meanwhile.
const eraseTries = 5

func (r room) erase(ctx context.Context, id ticket.ID) error {
	for range eraseTries {
		err := r.eraseOnce(ctx, id, 0)
		if !errors.Is(err, ticket.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("store: erasing: %w", ticket.ErrConflict)
}

// eraseOnce erases a ticket that has a version; 0 is any. It gives
// ticket.ErrConflict when the ticket has changed.
func (r room) eraseOnce(ctx context.Context, id ticket.ID, version uint64) error {
	record, all := recordTicket(id), ""
	answers, err := r.read(ctx, "a ticket",
		engine.Ask{Record: record, Fields: withShelf(fieldVersion, fieldNumber, fieldTracked, fieldLegalHold, fieldFoundBy)},
		engine.Ask{Record: record, Names: &all})
	if err != nil {
		return err
	}
	fields := answers[0].Rows[0].Fields
	if fields[fieldVersion] == nil {
		return fmt.Errorf("%w: ticket %s", ErrNotFound, id)
	}
	if fields[fieldLegalHold] != nil {
		return fmt.Errorf("%w (%s)", ErrLegalHold, id)
	}
	if err := r.bringBack(ctx, record, fields); err != nil {
		return err
	}
	d := newDraft(r, r.now())
	d.check(engine.Equal(record, fieldVersion, fields[fieldVersion]))
	if version > 0 {
		d.check(engine.Equal(record, fieldVersion, strconv.AppendUint(nil, version, 10)))
	}
	if code := fields[fieldTracked]; code != nil {
		d.step(postingOf(digest(code)).drop())
	}
	if err := d.eraseNamed(ctx, id, answers[1].Names); err != nil {
		return err
	}
	number, _ := strconv.ParseUint(string(fields[fieldNumber]), 10, 64) // to what is none, nothing leads
	d.step(postingOfNumber(number).drop())
	d.findNoMore(id, number, fields[fieldFoundBy])
	d.unschedule(Timer{Kind: EraseTimer, Ticket: id})
	d.unschedule(Timer{Kind: ConfirmTimer, Ticket: id})
	d.unschedule(Timer{Kind: WakeTimer, Ticket: id})
	d.step(engine.Unplace(record, fieldInOwn, id.String()),
		engine.Unplace(record, fieldInState, id.String()),
		engine.Unplace(record, fieldInQueue, id.String()),
		engine.Drop(record))
	d.erased = append(d.erased, record)
	if _, err := d.commit(ctx); err != nil {
		return err
	}
	r.secrets.forget(r.Name, id)
	return nil
}

// eraseNamed erases what the fields of a ticket name.
func (d *draft) eraseNamed(ctx context.Context, id ticket.ID, fields []string) error {
	record := recordTicket(id)
	for _, field := range fields {
		kind, name, _ := strings.Cut(field, ":")
		switch kind + ":" {
		case prefixMessageField:
			if err := d.erasePosting(ctx, id, postingOf(digest(name))); err != nil {
				return err
			}
		case prefixNoticeField:
			d.step(engine.Unplace(recordNotice(name), fieldInOutbox, name),
				engine.Drop(recordNotice(name)), engine.Drop(recordTaken(name)))
			d.unschedule(Timer{Kind: NoticeTimer, Name: name})
		case prefixHeldField:
			d.dropHeld(name)
			d.erased = append(d.erased, recordHeld(name))
		case prefixWasHeldField:
			d.erased = append(d.erased, recordHeld(name))
		case prefixChallengeField:
			d.step(engine.Drop(prefixChallenge + name))
		case prefixBlobField:
			if _, err := d.dropBlob(ctx, record, field); err != nil {
				return err
			}
			d.unschedule(Timer{Kind: RawTimer, Ticket: id, Name: name})
		}
	}
	return nil
}

// erasePosting drops a posting that still leads to the ticket.
func (d *draft) erasePosting(ctx context.Context, id ticket.ID, p posting) error {
	answers, err := d.read(ctx, "a posting", p.ask())
	if err != nil {
		return err
	}
	if answers[0].Rows[0].Reached == id.String() {
		d.step(p.drop())
	}
	return nil
}
