package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file says how long each thing is kept. Settings may change between the
// setting of a timer and its time: a handler looks again before it removes
// anything.

// ErrLegalHold is what erasing a ticket gives that is under a legal hold.
var ErrLegalHold = errors.New("store: the ticket is under a legal hold: nothing of it is erased until that is lifted")

// heldBack is when retention looks again at what a legal hold keeps.
const heldBack = 24 * time.Hour

// over is when a ticket is to be erased: when its requester wants it, or when it
// has been closed long enough, whichever is first. Zero is never, as with a
// legal hold.
func (s Site) over(t *ticket.Ticket) time.Time {
	if t.LegalHold {
		return time.Time{}
	}
	at := t.EraseAt
	if t.State == ticket.Closed && s.KeepClosed > 0 {
		if end := t.Closed.Add(s.KeepClosed); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}

// heldOver is when held mail is thrown away that nobody decided on. Zero is
// never.
func (s Site) heldOver(h *ticket.Held) time.Time {
	keep := s.KeepClosed
	if h.Why == ticket.HeldUnconfirmed {
		keep = s.KeepUnconfirmed
	}
	if keep <= 0 {
		return time.Time{}
	}
	return h.At.Add(keep)
}

// scheduleAt adds a timer to the draft, or moves it; at no time it takes it away.
func (d *draft) scheduleAt(t Timer, due time.Time) {
	if due.IsZero() {
		d.unschedule(t)
		return
	}
	d.schedule(t, due)
}

// retention sets the timer of a ticket's end, and the mark of a legal hold.
func (d *draft) retention(t *ticket.Ticket) {
	if over := d.over(t); t.Version > 0 || !over.IsZero() {
		d.scheduleAt(Timer{Kind: EraseTimer, Ticket: t.ID}, over)
	}
	record := recordTicket(t.ID)
	switch {
	case t.LegalHold:
		d.step(engine.Put(record, fieldLegalHold, []byte("1")))
	case t.Version > 0:
		d.step(engine.Delete(record, fieldLegalHold))
	}
}

// underHold reports whether a ticket is under a legal hold. If it is not, the
// draft is held to that.
func (d *draft) underHold(ctx context.Context, id ticket.ID) (bool, error) {
	if id.IsZero() {
		return false, nil
	}
	record := recordTicket(id)
	answers, err := d.read(ctx, "a legal hold", engine.Ask{Record: record, Fields: []string{fieldLegalHold}})
	if err != nil {
		return false, err
	}
	if answers[0].Rows[0].Fields[fieldLegalHold] != nil {
		return true, nil
	}
	d.check(engine.Absent(record, fieldLegalHold))
	return false, nil
}

// postpone ends a timer and sets it again for when retention looks the next
// time.
func (r room) postpone(ctx context.Context, t Timer, until time.Time) error {
	d := r.finish(t)
	d.scheduleAt(t, until)
	_, err := d.commit(ctx)
	return err
}

func dropRaw(ctx context.Context, r room, t Timer) error {
	d := r.finish(t)
	hold, err := d.underHold(ctx, t.Ticket)
	if err != nil {
		return err
	}
	if hold {
		return r.postpone(ctx, t, d.now.Add(heldBack))
	}
	if _, err := d.dropBlob(ctx, recordTicket(t.Ticket), fieldBlob(digest(t.Name))); err != nil {
		return err
	}
	_, err = d.commit(ctx)
	return err
}

// eraseOver erases a ticket if it still is to be.
func eraseOver(ctx context.Context, r room, t Timer) error {
	found, err := r.Ticket(ctx, r.Name, t.Ticket)
	if errors.Is(err, ErrNotFound) {
		return r.postpone(ctx, t, time.Time{})
	}
	if err != nil {
		return err
	}
	over := r.over(found)
	if over.IsZero() || r.now().Before(over) {
		return r.postpone(ctx, t, over)
	}
	if !found.EraseAt.IsZero() {
		// Who wants to be forgotten is not to be known as enrolled either, nor by
		// mail that is held.
		if err := r.forgetLoose(ctx, found.Requester().Address); err != nil {
			return err
		}
	}
	return r.eraseOnce(ctx, found.ID, found.Version)
}

// forgetLoose erases what lists still name of somebody outside of tickets: that
// they were a spammer, held mail, and letters that have not left. Letters that left,
// and codes that were asked for, vanish by themselves.
func (r room) forgetLoose(ctx context.Context, a ticket.Address) error {
	p := &Person{Site: r.Name, Address: a}
	held := engine.Ask{Fields: heldFields, Follow: toTicketKey, Page: &engine.Page{Index: indexHeld, Record: prefixHeld, N: upgradeAtOnce}}
	err := r.eachListed(ctx, held, func(row engine.Row) error {
		h := &ticket.Held{}
		err := r.openRow(recordHeld(row.Member), row, h)
		if err == nil && h.From.Address.Same(a) {
			p.Held = append(p.Held, h)
		}
		return err
	})
	for _, index := range []string{indexDue, indexOnHold, indexFailed} {
		notices := engine.Ask{Fields: noticeFields, Follow: toTicketKey, Page: &engine.Page{Index: index, Record: prefixNotice, N: upgradeAtOnce}}
		if err == nil {
			err = r.eachListed(ctx, notices, func(row engine.Row) error {
				d, err := r.openNotice(row.Entry, row)
				if err == nil && d.Notice.Ticket.IsZero() && d.Notice.Mailbox.Address.Same(a) {
					p.Letters = append(p.Letters, d.Notice)
				}
				return err
			})
		}
	}
	if err != nil {
		return err
	}
	return r.EraseLoose(ctx, p)
}

// eachListed gives all rows of an index, except those that are gone in the same
// moment or cannot be opened: whose they are, nobody knows.
func (r room) eachListed(ctx context.Context, ask engine.Ask, give func(engine.Row) error) error {
	for {
		answers, err := r.read(ctx, "a list", ask)
		if err != nil {
			return err
		}
		rows := answers[0].Rows
		for _, row := range rows {
			if row.Fields[fieldSealed] == nil {
				continue
			}
			if err := give(row); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrSealed) {
				return err
			}
		}
		if len(rows) < ask.Page.N {
			return nil
		}
		ask.Page.After = &rows[len(rows)-1].Entry
	}
}

// eraseUnconfirmed erases a request that nothing proved, if no agent took it up
// all the same.
func eraseUnconfirmed(ctx context.Context, r room, t Timer) error {
	found, err := r.Ticket(ctx, r.Name, t.Ticket)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil || !found.Unproved || r.KeepUnconfirmed <= 0 {
		return r.postpone(ctx, t, time.Time{})
	}
	over := found.Opened.Add(r.KeepUnconfirmed)
	if found.LegalHold {
		over = r.now().Add(heldBack)
	}
	if r.now().Before(over) {
		return r.postpone(ctx, t, over)
	}
	taken, err := r.takenUp(ctx, found)
	if err != nil {
		return err
	}
	if taken {
		return r.postpone(ctx, t, time.Time{})
	}
	return r.eraseOnce(ctx, found.ID, found.Version)
}

// articlesAtOnce is how many articles one round trip reads.
const articlesAtOnce = 200

// takenUp reports whether an agent wrote or did anything on a ticket.
func (r room) takenUp(ctx context.Context, t *ticket.Ticket) (bool, error) {
	for after := 0; after < t.Articles; after += articlesAtOnce {
		articles, err := r.articles(ctx, t.ID, after, min(articlesAtOnce, t.Articles-after))
		if err != nil {
			return false, err
		}
		for _, a := range articles {
			if p, ok := t.Participant(a.Author); ok && p.Role == ticket.AgentRole {
				return true, nil
			}
		}
	}
	return false, nil
}

// dropHeld throws held mail away with its blobs, when its time is over.
func dropHeld(ctx context.Context, r room, t Timer) error {
	h, _, err := r.readHeld(ctx, t.Name)
	if errors.Is(err, ErrNotFound) {
		return r.postpone(ctx, t, time.Time{})
	}
	if err != nil {
		return err
	}
	over := r.heldOver(h)
	if over.IsZero() || r.now().Before(over) {
		return r.postpone(ctx, t, over)
	}
	d := r.finish(t)
	_, err = d.release(ctx, &ticket.Change{Discard: []string{h.ID}})
	if errors.Is(err, ErrLegalHold) {
		return r.postpone(ctx, t, d.now.Add(heldBack))
	}
	if err != nil {
		return fmt.Errorf("store: throwing held mail away: %w", err)
	}
	_, err = d.commit(ctx)
	return err
}
