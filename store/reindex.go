package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"guichet/store/engine"
	"guichet/ticket"
)

// Difference is something that stands in the store otherwise than the records
// say, or that cannot be read.
type Difference struct {
	Site   string `json:"site"`
	Record string `json:"record"`
	What   string `json:"what"`
	// Mended is set when it was put right. What cannot be, or is only reported,
	// stays as it is.
	Mended bool `json:"mended"`
}

// Reindex holds every index, posting and counter to the records that it is made
// from, opens everything that is sealed, and puts right what it finds; with check
// it only reports. Daemons may go on meanwhile: what looks wrong is looked at
// again, together with its record, before it counts. tell is given each
// difference; its error ends the work.
func (s *Store) Reindex(ctx context.Context, check bool, progress Progress, tell func(Difference) error) error {
	x := &reindexing{Store: s, check: check, tell: tell, rooms: map[engine.Space]room{}, owed: map[keyName]string{}, found: map[keyName]bool{}, highest: map[engine.Space]uint64{}, blocks: map[engine.Space]block{}}
	rooms, err := s.writtenSites(ctx)
	if err != nil {
		return err
	}
	total := 0
	for _, r := range rooms {
		x.rooms[r.space] = r
		counts, err := r.tickets(ctx)
		if err != nil {
			return err
		}
		total += counts
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	if err := x.walk(ctx, func(n int) { progress(min(n, total), total+1) }); err != nil {
		return fmt.Errorf("store: reindex: %w", err)
	}
	progress(total+1, total+1)
	return nil
}

// tickets is how many the room's lists hold.
func (r room) tickets(ctx context.Context) (n int, err error) {
	var asks []engine.Ask
	for _, state := range ticket.States {
		asks = append(asks, engine.Ask{Page: &engine.Page{Index: indexState(state)}})
	}
	answers, err := r.read(ctx, "counts", asks...)
	for _, a := range answers {
		n += a.Total
	}
	return n, err
}

// reindexing is a reindex under way.
type reindexing struct {
	*Store
	check bool
	// telling guards tell: several things are looked at at the same time.
	telling sync.Mutex
	tell    func(Difference) error
	rooms   map[engine.Space]room
	// owed are the notices that say in which index they stand, found those that do:
	// where they stand there, only a worker knows.
	owed    map[keyName]string
	found   map[keyName]bool
	highest map[engine.Space]uint64 // number of a ticket
	blocks  map[engine.Space]block  // the last one that has a pack
}

// walk looks at everything once.
func (x *reindexing) walk(ctx context.Context, seen func(tickets int)) error {
	looking := x.look(ctx)
	err := x.each(looking, seen)
	if err = cmp.Or(looking.end(), err); err != nil {
		return err
	}
	return errors.Join(x.outbox(ctx), patiently(func() error { return x.numbers(ctx) })(), x.words(ctx))
}

// each has everything looked at.
func (x *reindexing) each(looking *looking, seen func(tickets int)) error {
	var last keyName
	tickets, things := 0, 0
	for item, err := range x.engine.Dump(looking.ctx) {
		if err = cmp.Or(err, looking.ctx.Err()); err != nil {
			return err
		}
		if things++; things%toldEvery == 0 {
			seen(tickets)
		}
		r, ours := x.rooms[item.Space]
		if !ours {
			continue
		}
		if item.Pack != "" {
			x.pack(item)
			continue
		}
		if item.Index != "" {
			if strings.HasPrefix(item.Index, prefixOutbox) {
				x.found[keyName{item.Space, item.Index + " " + item.Name}] = true
			}
			looking.entry(r, item)
			continue
		}
		x.field(item)
		ofTicket := strings.HasPrefix(item.Record, prefixTicket)
		if ofTicket && strings.HasPrefix(item.Name, prefixBlobField) {
			if _, _, inFile := filed(item.Value); inFile {
				looking.at(func() error { return x.blob(looking.ctx, r, item.Record, item.Name) })
			}
		}
		if p := (posting{item.Record, item.Name}); p.shared() {
			looking.posting(r, p)
			continue
		}
		if is := (keyName{item.Space, item.Record}); is != last {
			if last = is; ofTicket {
				tickets++
			}
			looking.record(r, item.Record)
		}
	}
	return nil
}

// field remembers what can only be judged when everything was seen.
func (x *reindexing) field(item engine.Item) {
	switch {
	case item.Name == fieldInOutbox:
		x.owed[keyName{item.Space, item.Record}] = string(item.Value)
	case item.Name == fieldNumber && strings.HasPrefix(item.Record, prefixTicket):
		if n, err := strconv.ParseUint(string(item.Value), 10, 64); err == nil {
			x.highest[item.Space] = max(x.highest[item.Space], n)
		}
	}
}

// errMoved is what looking gives when what differed has changed before it was
// mended.
var errMoved = errors.New("store: changed meanwhile")

// looks is how often a thing is looked at that changes meanwhile. What then still
// differs, the next run finds.
const looks = 3

func patiently(look func() error) func() error {
	return func() error {
		for range looks {
			if err := look(); !errors.Is(err, errMoved) {
				return err
			}
		}
		return nil
	}
}

// differs tells of a difference. mend, if there is one, puts it right, unless the
// store has changed meanwhile: then it gives errMoved.
func (x *reindexing) differs(r room, record, what string, mend func() error) error {
	d := Difference{Site: r.Name, Record: record, What: what}
	if !x.check && mend != nil {
		err := mend()
		if errors.Is(err, ticket.ErrConflict) {
			return errMoved
		}
		if err != nil {
			return err
		}
		d.Mended = true
	}
	x.telling.Lock()
	defer x.telling.Unlock()
	return x.tell(d)
}

// record looks at a record, as it is by now.
func (x *reindexing) record(ctx context.Context, r room, record string) error {
	kind, name, _ := strings.Cut(record, ":")
	switch kind + ":" {
	case prefixTicket:
		id, err := ticket.ParseID(name)
		if err != nil {
			return x.differs(r, record, "it has no ticket's name", nil)
		}
		return x.ticket(ctx, r, id)
	case prefixHeld, prefixNotice, prefixChallenge, prefixEnrolled, prefixProfile, prefixAct:
		return x.sealed(ctx, r, record)
	case prefixOldMessage, prefixOldTracking, prefixOldNumber:
		return x.differs(r, record, "it is left from an older version, and nothing is found by it", func() error {
			_, err := r.commit(ctx, "removing what is left", engine.Batch{Steps: []engine.Step{engine.Drop(record)}})
			return err
		})
	}
	return nil
}

// dangles reports a posting whose ticket is gone.
func dangles(row engine.Row) bool { return row.Reached != "" && row.Followed[fieldVersion] == nil }

// posting holds that what leads to a ticket leads to one that is there.
func (x *reindexing) posting(ctx context.Context, r room, p posting) error {
	answers, err := r.read(ctx, "a posting", p.ask(fieldVersion))
	if err != nil {
		return err
	}
	row := answers[0].Rows[0]
	if !dangles(row) {
		return nil
	}
	return x.differs(r, p.record, p.field+" leads to a ticket that is gone", func() error {
		_, err := r.commit(ctx, "mending a posting", engine.Batch{
			Checks: []engine.Check{engine.Equal(p.record, p.field, []byte(row.Reached)), engine.Absent(prefixTicket+row.Reached, fieldVersion)},
			Steps:  []engine.Step{p.drop()},
		})
		return err
	})
}

// sealed holds that a record that is no ticket opens. One whose ticket is gone is
// removed: nobody can read it.
func (x *reindexing) sealed(ctx context.Context, r room, record string) error {
	answers, err := r.read(ctx, "a record", engine.Ask{Record: record, Fields: []string{fieldKey, fieldTicket, fieldSealed, fieldInQueue}, Follow: toTicketKey})
	if err != nil {
		return err
	}
	row := answers[0].Rows[0]
	if row.Fields[fieldSealed] == nil {
		return nil // gone meanwhile
	}
	if row.Reached != "" && row.Followed[fieldKey] == nil {
		return x.differs(r, record, "its ticket is gone", func() error { return r.dropDangling(ctx, record, row) })
	}
	var h ticket.Held
	into := any(&struct{}{})
	if strings.HasPrefix(record, prefixHeld) {
		into = &h
	}
	err = r.openRow(record, row, into)
	if errors.Is(err, ErrSealed) {
		return x.differs(r, record, "it cannot be opened", nil)
	}
	if err != nil || !strings.HasPrefix(record, prefixHeld) {
		return err
	}
	return x.held(ctx, r, &h, row)
}

// dropDangling removes a record whose ticket is gone, and the entries that name
// it.
func (r room) dropDangling(ctx context.Context, record string, row engine.Row) error {
	d := newDraft(r, r.now())
	d.check(engine.Equal(record, fieldSealed, row.Fields[fieldSealed]))
	d.check(engine.Absent(prefixTicket+row.Reached, fieldVersion))
	kind, name, _ := strings.Cut(record, ":")
	switch kind + ":" {
	case prefixHeld:
		d.dropHeld(name)
	case prefixNotice:
		d.step(engine.Unplace(record, fieldInOutbox, name), engine.Drop(record), engine.Drop(recordTaken(name)))
		d.unschedule(Timer{Kind: NoticeTimer, Name: name})
	default:
		d.step(engine.Drop(record))
	}
	_, err := d.commit(ctx)
	return err
}

// held holds that held mail is listed.
func (x *reindexing) held(ctx context.Context, r room, h *ticket.Held, row engine.Row) error {
	at := engine.Entry{Member: h.ID, Score: engine.At(h.At)}
	answers, err := r.read(ctx, "the list of held mail", standing(indexHeld, h.ID), standing(heldIndex(h), h.ID),
		engine.Ask{Record: recordHeld(h.ID), Fields: []string{fieldSealed}})
	if err != nil || string(answers[2].Rows[0].Fields[fieldSealed]) != string(row.Fields[fieldSealed]) {
		return err
	}
	if stands(answers[0], at) && stands(answers[1], at) && string(row.Fields[fieldInQueue]) == heldIndex(h) {
		return nil
	}
	return x.differs(r, recordHeld(h.ID), "a list of held mail lacks it", func() error {
		d := newDraft(r, r.now())
		d.check(engine.Equal(recordHeld(h.ID), fieldSealed, row.Fields[fieldSealed]))
		d.keepHeld(h)
		_, err := d.commit(ctx)
		return err
	})
}

// standing asks where a member stands in an index.
func standing(index, member string) engine.Ask {
	return engine.Ask{Page: &engine.Page{Index: index, Member: member}}
}

func stands(a engine.Answer, e engine.Entry) bool {
	return len(a.Rows) == 1 && a.Rows[0].Entry == e
}

// entry holds that an entry of an index names a record that wants to stand there.
func (x *reindexing) entry(ctx context.Context, r room, item engine.Item) error {
	record, field, _ := claimant(item)
	at := engine.Entry{Member: item.Name, Score: item.Score}
	wanted := []string{field}
	if field == fieldFoundBy {
		wanted = withShelf(field)
	}
	answers, err := r.read(ctx, "an entry", engine.Ask{Record: record, Fields: wanted}, standing(item.Index, item.Name))
	if err != nil {
		return err
	}
	fields := answers[0].Rows[0].Fields
	if claims(item, fields) || !stands(answers[1], at) || field == fieldFoundBy && unreadable(fields) {
		return nil
	}
	value := fields[field]
	what := item.Index + " names it, and it is gone"
	switch {
	case value != nil && field == fieldFoundBy:
		what = item.Index + " names it, and it does not want to be found by that"
	case value != nil:
		what = item.Index + " names it, and it stands in " + string(value)
	}
	return x.differs(r, record, what, func() error {
		if err := r.bringBack(ctx, record, fields); err != nil {
			return err
		}
		check := engine.Absent(record, field)
		if value != nil {
			check = engine.Equal(record, field, value)
		}
		_, err := r.commit(ctx, "mending an index", engine.Batch{
			Checks: []engine.Check{engine.Leased(item.Index, at), check}, Steps: []engine.Step{engine.Remove(item.Index, item.Name)},
		})
		return err
	})
}

// claims reports whether the record that an entry names wants it to stand there.
func claims(item engine.Item, fields map[string][]byte) bool {
	_, field, wants := claimant(item)
	value := fields[field]
	if field == fieldFoundBy {
		return namesEntry(value, item)
	}
	return value != nil && (wants == "" || string(value) == wants)
}

// claimant is the record that an entry names, and the field of it that must hold
// something: where wants is not empty, just that.
func claimant(item engine.Item) (record, field, wants string) {
	switch kind, rest, _ := strings.Cut(item.Index, ":"); {
	case item.Index == indexHeld:
		return recordHeld(item.Name), fieldSealed, ""
	case item.Index == indexUnindexed:
		return prefixTicket + item.Name, fieldVersion, ""
	case kind+":" == prefixSearch:
		return prefixTicket + item.Name, fieldFoundBy, ""
	case item.Index == indexActs:
		return prefixAct + item.Name, fieldSealed, ""
	case kind+":" == prefixHeldIn || kind+":" == prefixAside:
		return recordHeld(item.Name), fieldInQueue, item.Index
	case kind+":" == prefixOutbox:
		return recordNotice(item.Name), fieldInOutbox, item.Index
	case kind+":" == prefixOwn:
		return prefixTicket + item.Name, fieldInOwn, item.Index
	case kind+":" == prefixTickets && strings.Contains(rest, ":"):
		return prefixTicket + item.Name, fieldInQueue, item.Index
	case kind+":" == prefixTickets:
		return prefixTicket + item.Name, fieldInState, item.Index
	}
	t, err := parseTimer("", engine.Entry{Member: item.Name, Score: item.Score})
	switch {
	case item.Index != indexTimers || err != nil:
		return "", "", ""
	case !t.Ticket.IsZero():
		return recordTicket(t.Ticket), fieldVersion, ""
	case t.Kind == NoticeTimer:
		return recordNotice(t.Name), fieldSealed, ""
	case t.Kind == HeldTimer:
		return recordHeld(t.Name), fieldSealed, ""
	}
	return "", "", ""
}

// outbox holds that every notice that is owed stands in its index. What was seen
// may have moved since, so what lacks is looked at again.
func (x *reindexing) outbox(ctx context.Context) error {
	for key, index := range x.owed {
		_, id, _ := strings.Cut(key.record, ":")
		if x.found[keyName{key.site, index + " " + id}] {
			continue
		}
		r := x.rooms[key.site]
		answers, err := r.read(ctx, "a notice", standing(index, id),
			engine.Ask{Record: key.record, Fields: append([]string{fieldInOutbox}, noticeFields...), Follow: toTicketKey})
		if err != nil {
			return err
		}
		row := answers[1].Rows[0]
		if string(row.Fields[fieldInOutbox]) != index || len(answers[0].Rows) > 0 {
			continue // it moved, or is over, or stands there by now
		}
		was, k, p, err := r.openDelivery(engine.Entry{Member: id}, row)
		if errors.Is(err, ErrSealed) {
			continue // told when its record was looked at
		}
		if err != nil {
			return err
		}
		err = x.differs(r, key.record, index+" lacks it", func() error {
			d := newDraft(r, r.now())
			d.check(engine.Equal(key.record, fieldInOutbox, row.Fields[fieldInOutbox]))
			if err := d.moveTo(was.Notice, k, p, engine.At(d.now)); err != nil {
				return err
			}
			_, err = d.commit(ctx)
			return err
		})
		if err != nil && !errors.Is(err, errMoved) {
			return err
		}
	}
	return nil
}

// numbers holds that no number is drawn a second time.
func (x *reindexing) numbers(ctx context.Context) error {
	for space, highest := range x.highest {
		r := x.rooms[space]
		answers, err := r.read(ctx, "the last number", engine.Ask{Record: recordNumbers, Fields: []string{fieldTickets}})
		if err != nil {
			return err
		}
		held := answers[0].Rows[0].Fields[fieldTickets]
		last, _ := strconv.ParseUint(string(held), 10, 64) // what is no number counts as none
		if last >= highest {
			continue
		}
		err = x.differs(r, recordNumbers, fmt.Sprintf("the last number drawn is %d, and there is a ticket %d", last, highest), func() error {
			check := engine.Absent(recordNumbers, fieldTickets)
			if held != nil {
				check = engine.Equal(recordNumbers, fieldTickets, held)
			}
			_, err := r.commit(ctx, "mending a counter", engine.Batch{
				Checks: []engine.Check{check}, Steps: []engine.Step{engine.Put(recordNumbers, fieldTickets, strconv.AppendUint(nil, highest, 10))},
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
