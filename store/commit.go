package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

const (
	// operationsFor is how long the repeat of a commit is known: longer than any
	// network error lasts. Repeats by the sender are known by Seen.
	operationsFor = 48 * time.Hour
	// seenFor is how long a delivery is remembered: servers repeat for five days,
	// people who restore a mailbox for longer.
	seenFor = 30 * 24 * time.Hour
	// clockSlack is how far behind ours Redis's clock may be, for what is due at once
	// to be due there at once.
	clockSlack = 2 * time.Second
)

// Commit writes a change whole or not at all, and returns when it is durable.
// The same operation is done once and gives the same result again. It gives
// ticket.ErrConflict when a ticket or a challenge has changed since it was read,
// held mail to release or a challenge to spend is gone, or the tracking code of a
// new ticket is taken.
func (s *Store) Commit(ctx context.Context, c *ticket.Change) (ticket.Result, error) {
	r, err := s.room(ctx, c.Site)
	if err != nil {
		return ticket.Result{}, err
	}
	d := newDraft(r, c.At)
	switch {
	case slices.Contains(c.Seen, c.Operation): // what is remembered of the delivery tells its repeat too
		d.batch.Operation, d.batch.Remember = recordSeen(r.digest(kindSeen, c.Operation)), seenFor
	case c.Operation != "":
		d.batch.Operation, d.batch.Remember = recordOperation(r.digest(kindOperation, c.Operation)), operationsFor
	}
	if c.Unknown != nil {
		d.unknown(c.Unknown)
	}
	if err := d.change(ctx, c); err != nil {
		return ticket.Result{}, err
	}
	return d.commit(ctx)
}

// unknown wants nothing to be there of what Facts would have looked for.
func (d *draft) unknown(u *ticket.Unknown) {
	for _, id := range u.MessageIDs {
		d.check(d.messagePosting(id).absent())
	}
	for _, delivery := range u.Seen {
		d.check(engine.Absent(recordSeen(d.digest(kindSeen, delivery)), fieldSeen))
	}
	if u.Sender != "" {
		d.check(engine.Absent(recordSpammer(d.person(u.Sender)), fieldSpam))
	}
}

// draft is a batch that is being written, and what follows when it is done.
type draft struct {
	room
	batch engine.Batch
	now   time.Time
	// keys are those of the tickets and held mails of this batch.
	keys map[string]wrappedKey
	// drawn are the records whose keys this batch makes.
	drawn []string
	// created are the tickets that draw a number.
	created []ticket.ID
	// due and timer are the earliest of the batch's notices and timers.
	due, timer engine.Score
	// erased are records whose keys this batch deletes for good.
	erased []string
	// remove are blob files that nothing names when the batch is done.
	remove []string
	// indexes is set when the batch notes tickets to be indexed.
	indexes bool
}

// usualSteps is about how many steps a new ticket takes.
const usualSteps = 48

func newDraft(r room, now time.Time) *draft {
	if now.IsZero() {
		now = r.now()
	}
	d := &draft{room: r, now: now, keys: map[string]wrappedKey{}}
	d.batch.Steps = make([]engine.Step, 0, usualSteps)
	return d
}

func (d *draft) check(c engine.Check)  { d.batch.Checks = append(d.batch.Checks, c) }
func (d *draft) step(s ...engine.Step) { d.batch.Steps = append(d.batch.Steps, s...) }
func (d *draft) draw(of, f string) int {
	d.batch.Draws = append(d.batch.Draws, engine.Counter{Record: of, Field: f})
	return len(d.batch.Draws) - 1
}

// place moves a member into an index, out of the one that a field of its record
// names.
func (d *draft) place(record, field, index, member string, at engine.Score) {
	d.step(engine.Place(record, field, index, member, at))
}

// stand is place for a record that this batch makes: its member stands nowhere
// yet, so there is nothing to look up.
func (d *draft) stand(record, field, index, member string, at engine.Score) {
	d.step(engine.Put(record, field, []byte(index)), engine.Add(index, member, at))
}

// earliest is the lower of two scores, of which 0 is none.
func earliest(a, b engine.Score) engine.Score {
	if a == 0 || b < a {
		return b
	}
	return a
}

// change adds all of a change to the draft. Large contents are durable when it
// returns.
func (d *draft) change(ctx context.Context, c *ticket.Change) error {
	for _, tc := range c.Tickets {
		if err := d.ticket(ctx, tc); err != nil {
			return err
		}
	}
	for _, h := range c.Held {
		if err := d.held(ctx, h); err != nil {
			return err
		}
	}
	if err := d.people(ctx, c); err != nil {
		return err
	}
	blobs, err := d.release(ctx, c)
	if err != nil {
		return err
	}
	for _, n := range c.Notices {
		var k wrappedKey // of its own, where it belongs to no ticket
		if !n.Ticket.IsZero() {
			if k, err = d.existingKey(ctx, n.Ticket); err != nil {
				return err
			}
		}
		if err := d.notice(n, k.key); err != nil {
			return err
		}
	}
	for _, delivery := range c.Seen {
		record := recordSeen(d.digest(kindSeen, delivery))
		as := cmp.Or(c.SeenAs[delivery], seenDone)
		if d.step(engine.Put(record, fieldSeen, []byte(as))); record != d.batch.Operation {
			d.step(engine.Expire(record, seenFor))
		}
	}
	return d.putBlobs(ctx, c, append(blobs, c.Blobs...))
}

// ticket adds a ticket that is created or altered, with what belongs to it.
func (d *draft) ticket(ctx context.Context, c ticket.TicketChange) error {
	t, record := c.Ticket, recordTicket(c.Ticket.ID)
	k, err := d.ticketKey(ctx, t)
	if err != nil {
		return err
	}
	d.still(record, t.Version)
	place := d.place
	if t.Version == 0 {
		d.create(t)
		place = d.stand
	}
	sealed, err := d.sealJSON(k.key, d.at(record, fieldSealed), t)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldSealed, sealed), counted(record, t.Version))
	place(record, fieldInState, indexState(t.State), t.ID.String(), engine.At(t.Changed))
	place(record, fieldInQueue, indexQueue(t.State, t.Queue), t.ID.String(), engine.At(t.Changed))
	for _, a := range c.Articles {
		if err := d.article(t.ID, k.key, a); err != nil {
			return err
		}
	}
	for _, id := range c.MessageIDs {
		name := d.digest(kindMessage, id)
		// The first ticket of a message keeps it: nobody moves another's thread by
		// naming its messages.
		d.step(postingOf(name).putFirst(t.ID), engine.Put(record, fieldMessage(name), nil))
	}
	for _, n := range c.Notices {
		if err := d.notice(n, k.key); err != nil {
			return err
		}
	}
	d.own(t)
	d.retention(t)
	d.wakeAt(t)
	d.restsAlready(t)
	d.unindexed(t.ID)
	return d.publish(ctx, t.ID, k.key, c.Publish)
}

// people adds what a change says of those who prove who they are. Challenges
// come before the end of challenges: a change may do both to one.
func (d *draft) people(ctx context.Context, c *ticket.Change) error {
	for _, challenge := range c.Challenges {
		if err := d.challenge(ctx, challenge); err != nil {
			return err
		}
	}
	for _, challenge := range c.Spent {
		d.spend(challenge)
	}
	for _, m := range c.Enrol {
		if err := d.enrol(m); err != nil {
			return err
		}
	}
	for _, a := range c.Leave {
		d.step(engine.Drop(recordEnrolled(d.person(a))))
		d.erased = append(d.erased, d.everEnrolled(a)...)
	}
	for _, a := range c.Sight {
		if err := d.sight(ctx, a); err != nil {
			return err
		}
	}
	for _, a := range c.NoSight {
		d.step(engine.Delete(recordEnrolled(d.person(a)), fieldSight))
	}
	d.spammers(c)
	if err := d.canned(c.Canned); err != nil {
		return err
	}
	for _, p := range c.Profiles {
		if err := d.profile(p); err != nil {
			return err
		}
	}
	return nil
}

// create adds what a ticket gets once: its key, its number, its tracking code.
func (d *draft) create(t *ticket.Ticket) {
	record := recordTicket(t.ID)
	n := d.draw(recordNumbers, fieldTickets)
	d.created = append(d.created, t.ID)
	d.step(engine.PutAt(prefixByNumber, n, sharedNumbers, []byte(t.ID.String())),
		engine.PutNumber(record, fieldNumber, n),
		engine.Put(record, fieldKey, d.keys[record].wrapped))
	if t.Tracking == "" {
		return
	}
	code := d.digest(kindTracking, t.Tracking)
	d.check(postingOf(code).absent())
	d.step(postingOf(code).put(t.ID), engine.Put(record, fieldTracked, []byte(code)))
}

// ticketKey gives the key of a ticket of this batch: a new one's is drawn.
func (d *draft) ticketKey(ctx context.Context, t *ticket.Ticket) (wrappedKey, error) {
	if t.Version > 0 {
		return d.existingKey(ctx, t.ID)
	}
	return d.drawKey(recordTicket(t.ID)), nil
}

func (d *draft) drawKey(record string) wrappedKey {
	if len(d.drawn) == 0 {
		d.check(d.room.keys.use.checkWrap())
	}
	d.drawn = append(d.drawn, record)
	k := newKey()
	w := wrappedKey{k, wrap(d.room.keys.wrap, d.at(record, fieldKey), k)}
	d.keys[record] = w
	return w
}

// existingKey gives the key of a ticket, of this batch or in the store, and
// makes sure that nothing is sealed under the key of one that is erased
// meanwhile.
func (d *draft) existingKey(ctx context.Context, id ticket.ID) (wrappedKey, error) {
	record := recordTicket(id)
	if k, found := d.keys[record]; found {
		return k, nil
	}
	k, err := d.ticketKeyOf(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return k, fmt.Errorf("store: ticket %s was erased: %w", id, ticket.ErrConflict)
	}
	if err != nil {
		return k, fmt.Errorf("store: key of ticket %s: %w", id, err)
	}
	d.keys[record] = k
	d.check(engine.Equal(record, fieldKey, k.wrapped))
	return k, nil
}

func (d *draft) article(id ticket.ID, k key, a ticket.Article) error {
	record, field := recordTicket(id), fieldArticle(a.Number)
	sealed, err := d.sealJSON(k, d.at(record, field), &a)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, field, sealed))
	if a.Raw != "" && d.KeepRaw > 0 {
		d.schedule(Timer{Kind: RawTimer, Ticket: id, Name: string(d.digest(kindBlob, string(a.Raw)))}, d.now.Add(d.KeepRaw))
	}
	return nil
}

// publish makes internal articles public.
func (d *draft) publish(ctx context.Context, id ticket.ID, k key, numbers []int) error {
	for _, n := range numbers {
		articles, err := d.articles(ctx, id, n-1, 1)
		if err != nil {
			return err
		}
		if len(articles) != 1 {
			return fmt.Errorf("store: article %d of ticket %s is not there: %w", n, id, ticket.ErrConflict)
		}
		a := articles[0]
		a.Kind = ticket.PublicArticle
		record, field := recordTicket(id), fieldArticle(n)
		sealed, err := d.sealJSON(k, d.at(record, field), &a)
		if err != nil {
			return err
		}
		d.step(engine.Put(record, field, sealed))
	}
	return nil
}

// notice adds a notice, due at once. One without a ticket gets its own key.
func (d *draft) notice(n ticket.Notice, k key) error {
	record := recordNotice(n.ID)
	if n.Ticket.IsZero() {
		own := d.drawKey(record)
		k = own.key
		d.step(engine.Put(record, fieldKey, own.wrapped))
	} else {
		d.step(engine.Put(record, fieldTicket, []byte(n.Ticket.String())),
			engine.Put(recordTicket(n.Ticket), fieldNotice(n.ID), nil))
	}
	sealed, err := d.sealJSON(k, d.at(record, fieldSealed), n)
	if err != nil {
		return err
	}
	due := dueAtOnce(d.now)
	d.due = earliest(d.due, due)
	d.step(engine.Put(record, fieldSealed, sealed))
	d.stand(record, fieldInOutbox, indexDue, n.ID, due)
	return nil
}

// commit does the batch, and then what follows from it.
func (d *draft) commit(ctx context.Context) (ticket.Result, error) {
	done, err := d.commitWrapped(ctx)
	if err != nil {
		return ticket.Result{}, err
	}
	result := ticket.Result{Repeat: done.Repeat}
	for _, n := range done.Numbers {
		result.References = append(result.References, ticket.Reference{Prefix: d.Prefix, Number: n})
	}
	if done.Repeat {
		return result, nil
	}
	for _, id := range d.created {
		d.secrets.remember(ticketAt{d.Name, id}, d.keys[recordTicket(id)])
	}
	d.commits.Add(1)
	d.hint(d.due, d.timer)
	d.ring(d.timer)
	if d.indexes {
		d.behind.note(d.Name)
	}
	if d.due != 0 && d.due <= engine.At(d.now) {
		d.wakeWorkers()
	}
	d.removeFiles(d.remove)
	return result, nil
}
