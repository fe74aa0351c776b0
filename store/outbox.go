package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

const (
	// traceFor is how long a notice that is over stays readable.
	traceFor = 30 * 24 * time.Hour
	// takenFor is how long the answer of the brakes to a notice is remembered: as
	// long as any notice is tried.
	takenFor = 31 * 24 * time.Hour
)

// noticeFields are what a notice is read from, beside the key of its ticket.
var noticeFields = []string{fieldKey, fieldTicket, fieldSealed, fieldDelivery}

// delivery is what the store keeps of a ticket.Delivery beside its notice, from
// the first attempt on.
type delivery struct {
	State    ticket.DeliveryState `json:"state"`
	Attempts int                  `json:"attempts,omitempty"`
	Error    string               `json:"error,omitempty"`
	// Due is the score at which it waits for its next attempt. Where the index has
	// another, a worker took it.
	Due engine.Score `json:"due,omitempty"`
	// Tries are the newest attempts.
	Tries []ticket.Try `json:"tries,omitempty"`
	// Spent is set when it brought a code that is forgotten.
	Spent bool `json:"spent,omitempty"`
}

// untried is the delivery of a notice before its first attempt.
func untried(n ticket.Notice) delivery {
	return delivery{State: ticket.Queued, Due: dueAtOnce(n.Created)}
}

// dueAtOnce is the score of what is due at once, also by the engine's clock.
func dueAtOnce(now time.Time) engine.Score { return engine.At(now.Add(-clockSlack)) }

func (d *draft) delivery(id string, k key, kept delivery) error {
	record := recordNotice(id)
	sealed, err := d.sealJSON(k, d.at(record, fieldDelivery), kept)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldDelivery, sealed))
	return nil
}

// Lease takes at most n notices that are due, of all sites; until d is over
// nobody else gets them. Times are the engine's.
func (s *Store) Lease(ctx context.Context, n int, d time.Duration) ([]ticket.Delivery, error) {
	if err := s.healHints(ctx); err != nil {
		return nil, err
	}
	var out []ticket.Delivery
	err := s.eachDueSite(ctx, indexHintOutbox, indexDue, func(r room) (bool, error) {
		taken, err := s.engine.Lease(ctx, r.space, indexDue, n-len(out), d)
		if err != nil {
			return false, err
		}
		deliveries, err := r.leased(ctx, taken)
		out = append(out, deliveries...)
		return len(out) < n, err
	})
	if err != nil {
		return out, fmt.Errorf("store: leasing notices: %w", err)
	}
	return out, nil
}

// leased reads the notices of a lease. One that cannot be read would come back
// for ever: it is put aside where people see it.
func (r room) leased(ctx context.Context, taken []engine.Entry) ([]ticket.Delivery, error) {
	if len(taken) == 0 {
		return nil, nil
	}
	asks := make([]engine.Ask, len(taken), len(taken)+1)
	for i, e := range taken {
		asks[i] = engine.Ask{Record: recordNotice(e.Member), Fields: noticeFields, Follow: toTicketKey}
	}
	// A newer program may be upgrading them: it will send them itself.
	asks = append(asks, engine.Ask{Record: recordSchema, Fields: []string{notSuperseded.Field}})
	answers, err := r.read(ctx, "notices", asks...)
	if err != nil {
		return nil, err
	}
	if len(answers[len(taken)].Rows[0].Fields) > 0 {
		return nil, errors.Join(r.supersede(), r.giveBack(ctx, taken))
	}
	var out []ticket.Delivery
	for i, e := range taken {
		delivery, err := r.openNotice(e, answers[i].Rows[0])
		if err != nil {
			r.log.Error("a notice cannot be read and is kept back", "site", r.Name, "notice", e.Member, "error", err)
			r.keepBack(ctx, e)
			continue
		}
		delivery.Lease = strconv.FormatInt(int64(e.Score), 10)
		out = append(out, delivery)
	}
	return out, nil
}

// giveBack ends leases at once, untried, for another daemon.
func (r room) giveBack(ctx context.Context, taken []engine.Entry) error {
	var b engine.Batch
	for _, e := range taken {
		b.Checks = append(b.Checks, engine.Leased(indexDue, e))
		b.Steps = append(b.Steps, engine.Add(indexDue, e.Member, engine.At(r.now())))
	}
	if _, err := r.engine.Commit(ctx, r.space, b); err != nil {
		return fmt.Errorf("store: giving leases back: %w", err)
	}
	return nil
}

// longestLease is more than any lease lasts.
const longestLease = time.Hour

// freeLeases ends the leases that a daemon left which was killed. It is for the
// embedded store, which one daemon has at a time: when it begins, nobody sends.
func (s *Store) freeLeases(ctx context.Context) error {
	rooms, err := s.writtenSites(ctx)
	if errors.Is(err, ErrRenewing) {
		return nil // they run out by themselves
	}
	for _, r := range rooms {
		if err == nil {
			err = r.freeLeases(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("store: freeing the leases of a daemon that is gone: %w", err)
	}
	return nil
}

// freeLeases looks at the notices that are due in the time of a lease; there may
// be more that wait for their next attempt, and the first few thousand will do.
func (r room) freeLeases(ctx context.Context) error {
	now := engine.At(r.now())
	page := engine.Page{Index: indexDue, Record: prefixNotice, After: &engine.Entry{Score: now}, N: lapsedAtOnce}
	for range lapsedPages {
		answers, err := r.read(ctx, "the outbox", engine.Ask{Fields: noticeFields, Follow: toTicketKey, Page: &page})
		if err != nil {
			return err
		}
		d, rows := newDraft(r, r.now()), answers[0].Rows
		for _, row := range rows {
			_, _, kept, err := r.openDelivery(row.Entry, row)
			if err == nil && kept.Due != 0 && kept.Due < row.Score {
				d.check(engine.Leased(indexDue, row.Entry))
				d.step(engine.Add(indexDue, row.Member, kept.Due))
				d.due = earliest(d.due, kept.Due)
			} // what cannot be read is for who leases it
		}
		if len(d.batch.Steps) > 0 {
			if _, err := d.commit(ctx); err != nil {
				return err
			}
		}
		if len(rows) < lapsedAtOnce || rows[len(rows)-1].Score > now+engine.Score(longestLease.Microseconds()) {
			return nil
		}
		page.After = &rows[len(rows)-1].Entry
	}
	return nil
}

// keepBack moves a leased notice that cannot be read to those that failed; one
// that has no record any more just goes.
func (r room) keepBack(ctx context.Context, e engine.Entry) {
	d := newDraft(r, r.now())
	d.check(engine.Leased(indexDue, e))
	answers, err := r.read(ctx, "a notice", engine.Ask{Record: recordNotice(e.Member), Fields: []string{fieldSealed}})
	if err == nil && len(answers[0].Rows[0].Fields) == 0 {
		d.step(engine.Remove(indexDue, e.Member))
	} else {
		d.step(engine.Place(recordNotice(e.Member), fieldInOutbox, indexFailed, e.Member, engine.At(d.now)))
	}
	if _, err := d.commit(ctx); err != nil {
		r.log.Warn("a notice could not be kept back", "site", r.Name, "notice", e.Member, "error", err)
	}
}

func (r room) openNotice(e engine.Entry, row engine.Row) (ticket.Delivery, error) {
	d, _, _, err := r.openDelivery(e, row)
	return d, err
}

// openDelivery is openNotice, with the key that it lies under and what only the
// store needs of its delivery.
func (r room) openDelivery(e engine.Entry, row engine.Row) (d ticket.Delivery, k key, kept delivery, err error) {
	record := recordNotice(e.Member)
	if row.Fields[fieldSealed] == nil {
		return d, k, kept, fmt.Errorf("%w: notice %s", ErrNotFound, e.Member)
	}
	if k, err = r.keyOf(record, row); err != nil {
		return d, k, kept, err
	}
	d.Due = e.Score.Time()
	if err := r.openJSON(k, r.at(record, fieldSealed), row.Fields[fieldSealed], &d.Notice); err != nil {
		return d, k, kept, err
	}
	if sealed := row.Fields[fieldDelivery]; sealed == nil {
		kept = untried(d.Notice)
	} else {
		err = r.openJSON(k, r.at(record, fieldDelivery), sealed, &kept)
	}
	d.State, d.Attempts, d.Error, d.Tries = kept.State, kept.Attempts, kept.Error, kept.Tries
	return d, k, kept, err
}

// Allow asks the brakes of a notice whether it may leave, and counts. It gives
// the first that refuses, or nil; asked again for the same notice it gives the
// same answer and counts nothing.
func (s *Store) Allow(ctx context.Context, n ticket.Notice) (refused *ticket.Brake, err error) {
	if len(n.Brakes) == 0 {
		return nil, nil
	}
	r, err := s.room(ctx, n.Site)
	if err != nil {
		return nil, err
	}
	brakes := make([]ticket.Brake, len(n.Brakes))
	for i, b := range n.Brakes {
		b.Counter = recordCount(r.digest(kindBrake, b.Counter))
		if b.Trips != "" {
			b.Trips = recordCount(r.digest(kindBrake, b.Trips))
		}
		brakes[i] = b
	}
	first, err := s.engine.Take(ctx, r.space, recordTaken(n.ID), takenFor, brakes)
	if err != nil {
		return nil, fmt.Errorf("store: asking the brakes: %w", err)
	}
	if first < 0 {
		return nil, nil
	}
	return &n.Brakes[first], nil
}

// Settle records what became of a leased delivery, together with a change that
// follows from it. It gives ErrLeaseLost when the lease is over and another has
// the notice, and ticket.ErrConflict when the change must be decided again.
func (s *Store) Settle(ctx context.Context, delivery ticket.Delivery, o ticket.Outcome) error {
	if o.Change != nil {
		return s.settleAlone(ctx, settlement{delivery, o})
	}
	_, err := s.settling.do(ctx, delivery.Notice.Site, settlement{delivery, o})
	return err
}

// settlement is what became of a leased delivery.
type settlement struct {
	ticket.Delivery
	outcome ticket.Outcome
}

// settleTogether settles a group in one commit. Where one keeps the others from
// that, by a lease that it lost, each is settled by itself.
func (s *Store) settleTogether(ctx context.Context, site string, group []*asked[settlement, struct{}]) {
	err := error(ticket.ErrConflict)
	if len(group) > 1 {
		err = s.settleGroup(ctx, site, group)
	}
	alone := errors.Is(err, ticket.ErrConflict) || errors.Is(err, ErrLeaseLost)
	for _, a := range group {
		if a.err = err; alone {
			a.err = s.settleAlone(ctx, a.ask)
		}
	}
}

func (s *Store) settleGroup(ctx context.Context, site string, group []*asked[settlement, struct{}]) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	d := newDraft(r, s.now())
	for _, a := range group {
		if err := d.settlement(ctx, a.ask); err != nil {
			return err
		}
	}
	_, err = d.commit(ctx)
	return err
}

func (s *Store) settleAlone(ctx context.Context, one settlement) error {
	r, err := s.room(ctx, one.Notice.Site)
	if err != nil {
		return err
	}
	d := newDraft(r, s.now())
	if err := d.settlement(ctx, one); err != nil {
		return err
	}
	if one.outcome.Change != nil {
		if err := d.change(ctx, one.outcome.Change); err != nil {
			return err
		}
	}
	_, err = d.commit(ctx)
	if c, ok := errors.AsType[*engine.Conflict](err); ok && c.Check == 0 {
		return r.repeated(ctx, one)
	}
	return err
}

// repeated tells the repeat of a settlement, whose answer was lost on its way,
// from one that comes after another's: what stands there is then what it would
// write.
func (r room) repeated(ctx context.Context, one settlement) error {
	id := one.Notice.ID
	lost := fmt.Errorf("%w: notice %s", ErrLeaseLost, id)
	answers, err := r.read(ctx, "a notice", engine.Ask{Record: recordNotice(id), Fields: noticeFields, Follow: toTicketKey})
	if err != nil {
		return err
	}
	_, _, there, err := r.openDelivery(engine.Entry{Member: id}, answers[0].Rows[0])
	if errors.Is(err, ErrNotFound) {
		return lost
	}
	if err != nil {
		return err
	}
	if there.Spent = false; !there.same(one.after()) {
		return lost
	}
	return r.engine.Sync(ctx, r.space) // what was done must be as durable as if it were done now
}

// settlement adds what became of a delivery, if the lease of it still holds.
func (d *draft) settlement(ctx context.Context, one settlement) error {
	score, err := strconv.ParseInt(one.Lease, 10, 64)
	if err != nil {
		return fmt.Errorf("store: settling a notice without a lease")
	}
	d.check(engine.Leased(indexDue, engine.Entry{Member: one.Notice.ID, Score: engine.Score(score)}))
	k, err := d.noticeKey(ctx, one.Notice)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: its notice is gone", ErrLeaseLost)
	}
	if err != nil {
		return err
	}
	kept, at := one.after(), engine.At(d.now)
	if kept.Due != 0 {
		at = kept.Due
		d.due = earliest(d.due, at)
	}
	if outboxIndex(kept.State) != "" {
		return d.moveTo(one.Notice, k, kept, at)
	}
	// The lease says where it stands: nothing is to be looked up, and those that are
	// settled together leave in one go.
	d.step(engine.Remove(indexDue, one.Notice.ID), engine.Delete(recordNotice(one.Notice.ID), fieldInOutbox))
	if err := d.writeDown(one.Notice, k, kept, at); err != nil {
		return err
	}
	d.vanishes(one.Notice)
	return nil
}

func (r room) noticeKey(ctx context.Context, n ticket.Notice) (key, error) {
	if n.Ticket.IsZero() {
		return r.ownKey(ctx, recordNotice(n.ID))
	}
	k, err := r.ticketKeyOf(ctx, n.Ticket)
	return k.key, err
}

// after is how the delivery stands when it is settled. What was tried counts as
// an attempt; what a brake or a person kept back was not tried.
func (s settlement) after() delivery {
	o := s.outcome
	kept := delivery{State: o.State, Attempts: s.Attempts, Error: o.Error, Tries: s.Tries}
	if o.Try != nil {
		kept.Tries = append(slices.Clone(kept.Tries), *o.Try)
		kept.Tries = kept.Tries[max(0, len(kept.Tries)-ticket.TriesKept):]
	}
	switch o.State {
	case ticket.Queued, ticket.Delivered, ticket.Failed:
		kept.Attempts++
	}
	if o.State == ticket.Queued {
		kept.Due = engine.At(o.Due)
	}
	return kept
}

// same compares what would be kept of two.
func (d delivery) same(other delivery) bool {
	one, err := json.Marshal(d)
	two, otherErr := json.Marshal(other)
	return err == nil && otherErr == nil && bytes.Equal(one, two)
}

// moveTo writes down where a notice stands, and moves it there.
func (d *draft) moveTo(n ticket.Notice, k key, kept delivery, at engine.Score) error {
	if err := d.writeDown(n, k, kept, at); err != nil {
		return err
	}
	d.move(n, kept.State, at)
	return nil
}

// writeDown writes down where a notice stands. The code that it brought is forgotten
// once no attempt is to come.
func (d *draft) writeDown(n ticket.Notice, k key, kept delivery, at engine.Score) error {
	if kept.State != ticket.Queued && kept.State != ticket.OnHold && n.Code != "" {
		n.Code, kept.Spent = "", true
		sealed, err := d.sealJSON(k, d.at(recordNotice(n.ID), fieldSealed), n)
		if err != nil {
			return err
		}
		d.step(engine.Put(recordNotice(n.ID), fieldSealed, sealed))
	}
	if kept.State == ticket.Queued {
		kept.Due = at
	}
	return d.delivery(n.ID, k, kept)
}

// move puts a notice into the index of a state. One that is over stands in none;
// one that failed waits for a person, for a while.
func (d *draft) move(n ticket.Notice, state ticket.DeliveryState, at engine.Score) {
	record, index := recordNotice(n.ID), outboxIndex(state)
	if index == "" {
		d.step(engine.Unplace(record, fieldInOutbox, n.ID))
		d.vanishes(n)
		return
	}
	d.step(engine.Place(record, fieldInOutbox, index, n.ID, at))
	timer := Timer{Kind: NoticeTimer, Name: n.ID}
	if state == ticket.Failed {
		d.schedule(timer, d.now.Add(traceFor))
	} else {
		d.unschedule(timer)
	}
}

// vanishes lets the record of a notice that is over vanish after a while, and what
// its brakes said at once.
func (d *draft) vanishes(n ticket.Notice) {
	d.step(engine.Expire(recordNotice(n.ID), traceFor))
	if len(n.Brakes) > 0 {
		d.step(engine.Drop(recordTaken(n.ID)))
	}
}

// Outbox gives the site's notices in some states (of Queued, OnHold, Failed;
// none is all three), the one that is tried next first. One that cannot be opened
// is a name that failed.
func (s *Store) Outbox(ctx context.Context, site string, states []ticket.DeliveryState, after Cursor, n int) (Page[ticket.Delivery], error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return Page[ticket.Delivery]{}, err
	}
	if len(states) == 0 {
		states = []ticket.DeliveryState{ticket.Queued, ticket.OnHold, ticket.Failed}
	}
	var asks []engine.Ask
	for _, state := range states {
		index := outboxIndex(state)
		if index == "" {
			return Page[ticket.Delivery]{}, fmt.Errorf("store: notices that are %s are in no list; see them on their ticket", state)
		}
		asks = append(asks, engine.Ask{Fields: noticeFields, Follow: toTicketKey, Page: &engine.Page{Index: index, Record: prefixNotice, N: n}})
	}
	return list(ctx, r, "the outbox", asks, after, func(row engine.Row) (ticket.Delivery, error) {
		d, err := r.openNotice(row.Entry, row)
		if errors.Is(err, ErrSealed) { // all that can be told of it, and none of the others is missing
			return ticket.Delivery{Notice: ticket.Notice{ID: row.Member, Site: site}, State: ticket.Failed, Due: row.Score.Time(), Error: "it cannot be opened"}, nil
		}
		return d, err
	})
}

// Notices gives the notices of a ticket, also those that are over, while they
// are kept; at most some hundred, in no order.
func (s *Store) Notices(ctx context.Context, site string, id ticket.ID) ([]ticket.Delivery, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	prefix := prefixNoticeField
	answers, err := r.read(ctx, "notices", engine.Ask{Record: recordTicket(id), Names: &prefix})
	if err != nil {
		return nil, err
	}
	var asks []engine.Ask
	names := answers[0].Names
	for _, field := range names[:min(len(names), 500)] {
		asks = append(asks, engine.Ask{Record: recordNotice(field[len(prefix):]), Fields: noticeFields, Follow: toTicketKey})
	}
	if answers, err = r.read(ctx, "notices", asks...); err != nil {
		return nil, err
	}
	var out []ticket.Delivery
	for i, a := range answers {
		d, err := r.openNotice(engine.Entry{Member: names[i][len(prefix):]}, a.Rows[0])
		if errors.Is(err, ErrNotFound) {
			continue // its time is over
		}
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// Notice gives one notice and where it stands, or ErrNotFound.
func (s *Store) Notice(ctx context.Context, site, id string) (ticket.Delivery, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return ticket.Delivery{}, err
	}
	answers, err := r.read(ctx, "a notice", engine.Ask{Record: recordNotice(id), Fields: noticeFields, Follow: toTicketKey})
	if err != nil {
		return ticket.Delivery{}, err
	}
	return r.openNotice(engine.Entry{Member: id}, answers[0].Rows[0])
}
