package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/store/blob"
	"guichet/store/engine"
	"guichet/ticket"
)

// A ticket that has been closed for a while is hardly read any more, and what it
// takes of Redis's memory is mostly its texts. So they go on a shelf: a file beside
// its blobs, which holds the long fields of its record as they are, sealed. The
// record keeps its key, and what it is found by: names, numbers, lists.
//
// A field in the record goes before the same on the shelf. So a ticket that is
// changed is written as ever; when it has rested again, it gets a new shelf.

const (
	// restFor is how long a ticket is closed before its texts go on a shelf.
	restFor = 7 * 24 * time.Hour
	// shelveEvery is how often it is looked which do, and shelveFor how long that may
	// take: of a store that has never done so, many do.
	shelveEvery = 10 * time.Minute
	shelveFor   = 2 * time.Minute
	// shelvedAtOnce is how many tickets one look takes, and fillsAtOnce how many shelves
	// are written at the same time: so few that the mail that comes meanwhile hardly
	// waits for the disk. shelvesAtOnce is how many are read.
	shelvedAtOnce = 100
	fillsAtOnce   = 2
	shelvesAtOnce = 8
	// shelfTries is how often a record is read anew whose shelf was changed meanwhile.
	shelfTries = 10
)

// shelvable reports whether a field of a ticket may lie on its shelf.
func shelvable(field string) bool {
	return field == fieldSealed || field == fieldFoundBy || strings.HasPrefix(field, prefixArticleField)
}

// rested is when a ticket must have changed last for its texts to go on a shelf. Raw
// mails are gone by then, one of which would keep its record from being packed.
func (r room) rested() engine.Score {
	return engine.At(r.now().Add(-max(restFor, r.KeepRaw+24*time.Hour)))
}

// KeepShelved puts the texts of tickets on shelves that have rested for long
// enough, until ctx ends. Each daemon runs it; they take turns. A store that lies on
// disk anyway has no shelves.
func (s *Store) KeepShelved(ctx context.Context) {
	if s.embedded() {
		return
	}
	tick := time.NewTicker(shelveEvery)
	defer tick.Stop()
	for {
		ours, err := s.chore(ctx, global, "shelve", shelveEvery)
		if err == nil && ours {
			soon, cancel := context.WithTimeout(ctx, shelveFor)
			_, err = s.Shelve(soon)
			cancel()
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("texts of closed tickets stay in memory; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Shelve puts the texts of all tickets on shelves that have rested for long
// enough, and gives of how many. When ctx ends, the others are left for the next time.
func (s *Store) Shelve(ctx context.Context) (shelved int, err error) {
	for site := range *s.sites.Load() {
		r, failed := s.room(ctx, site)
		if failed == nil {
			var n int
			n, failed = r.shelveRested(ctx)
			shelved += n
		}
		if ctx.Err() == nil && !errors.Is(failed, ticket.ErrConflict) { // else the rest has time
			err = errors.Join(err, failed)
		}
	}
	if shelved > 0 {
		s.log.Info("texts of closed tickets moved to files", "tickets", shelved)
	}
	return shelved, err
}

// shelveRested goes through the closed tickets by when they changed last, from where
// it ended the time before.
func (r room) shelveRested(ctx context.Context) (shelved int, err error) {
	answers, err := r.read(ctx, "what lies on shelves", engine.Ask{Record: recordShelved, Fields: []string{fieldUntil}})
	if err != nil {
		return 0, err
	}
	// Those whose texts lie in their records have one of these fields there.
	ask := engine.Ask{Fields: []string{fieldSealed, fieldFoundBy},
		Page: &engine.Page{Index: indexState(ticket.Closed), Record: prefixTicket, N: shelvedAtOnce}}
	was := answers[0].Rows[0].Fields[fieldUntil]
	if was != nil {
		until, err := strconv.ParseInt(string(was), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("store: what lies on shelves: %w", err)
		}
		ask.Page.After = &engine.Entry{Score: engine.Score(until)} // and those of the same time once more
	}
	for first := true; ; first = false {
		answers, err := r.read(ctx, "closed tickets", ask)
		if err != nil {
			return shelved, err
		}
		rows, err := r.resting(ctx, answers[0].Rows)
		if err == nil && first && len(rows) > 0 {
			err = r.sameShelves(ctx, rows[0].Member)
		}
		if err != nil || len(rows) == 0 {
			return shelved, err
		}
		n, err := r.shelvePage(ctx, rows)
		if shelved += n; err != nil {
			return shelved, err
		}
		ask.Page.After = &rows[len(rows)-1].Entry
		if was, err = r.shelvedUntil(ctx, was, ask.Page.After.Score); err != nil {
			return shelved, err
		}
	}
}

// shelvedUntil writes down how far it came, unless it is to begin anew: then it gives
// ticket.ErrConflict.
func (r room) shelvedUntil(ctx context.Context, was []byte, at engine.Score) ([]byte, error) {
	check := engine.Absent(recordShelved, fieldUntil)
	if was != nil {
		check = engine.Equal(recordShelved, fieldUntil, was)
	}
	until := strconv.AppendInt(nil, int64(at), 10)
	_, err := r.commit(ctx, "what lies on shelves", engine.Batch{Checks: []engine.Check{check}, Steps: []engine.Step{engine.Put(recordShelved, fieldUntil, until)}})
	return until, err
}

// restsAlready has all closed tickets looked at again where one is written that the
// last look went past: old mail is imported, what rested is changed by an
// administrator.
func (d *draft) restsAlready(t *ticket.Ticket) {
	if t.State == ticket.Closed && engine.At(t.Changed) <= d.rested() {
		d.step(engine.Drop(recordShelved))
	}
}

// resting cuts off the closed tickets that do not rest yet, and from the first on
// that is to be indexed: what it is found by would soon lie in its record again.
func (r room) resting(ctx context.Context, rows []engine.Row) ([]engine.Row, error) {
	if later := slices.IndexFunc(rows, func(row engine.Row) bool { return row.Score > r.rested() }); later >= 0 {
		rows = rows[:later]
	}
	asks := make([]engine.Ask, len(rows))
	for i, row := range rows {
		asks[i] = standing(indexUnindexed, row.Member)
	}
	answers, err := r.read(ctx, "tickets to be indexed", asks...)
	if err != nil {
		return nil, err
	}
	if noted := slices.IndexFunc(answers, func(a engine.Answer) bool { return len(a.Rows) > 0 }); noted >= 0 {
		rows = rows[:noted]
	}
	return rows, nil
}

// sameShelves makes sure, by one that was put on a shelf before, that this daemon
// has the directory in which that was: texts that go elsewhere the others would not
// find.
func (r room) sameShelves(ctx context.Context, member string) error {
	record := prefixTicket + member
	answers, err := r.read(ctx, "a shelf", engine.Ask{Record: record, Fields: []string{fieldShelf}})
	if err != nil {
		return err
	}
	mark, _, ok := filed(answers[0].Rows[0].Fields[fieldShelf])
	if !ok {
		return nil
	}
	name := fileName(r.Name, record, fieldShelf, mark)
	if _, there := r.blobs.Size(name); there {
		return nil
	}
	return fmt.Errorf("store: %s is not among the blobs: the setting blobs must name one directory for all daemons; until its files are there, no texts are moved", name)
}

func (r room) shelvePage(ctx context.Context, rows []engine.Row) (shelved int, err error) {
	done := make([]bool, len(rows))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(fillsAtOnce)
	for i, row := range rows {
		if len(row.Fields) == 0 {
			continue
		}
		all.Go(func() (err error) {
			done[i], err = r.shelveMember(ctx, row.Member)
			return err
		})
	}
	err = all.Wait()
	for _, is := range done {
		if is {
			shelved++
		}
	}
	return shelved, err
}

// shelveMember is shelve for a member of a list, which may be indexed in the same
// moment, rest no more, be gone, or not open.
func (r room) shelveMember(ctx context.Context, member string) (bool, error) {
	id, err := ticket.ParseID(member)
	for try := 0; err == nil && try < shelfTries; try++ {
		done, err := r.shelve(ctx, id, r.rested())
		switch {
		case errors.Is(err, ticket.ErrConflict):
			continue
		case errors.Is(err, ErrNotFound):
			return false, nil
		case errors.Is(err, ErrSealed):
			r.log.Error("a ticket cannot be opened and stays as it is", "site", r.Name, "ticket", member, "error", err)
			return false, nil
		}
		return done, err
	}
	return false, err
}

// shelve puts the texts of a ticket on a shelf that did not change after a time,
// together with those that lie on one already, and reports whether there were any.
// It gives ticket.ErrConflict when the ticket has changed meanwhile.
func (r room) shelve(ctx context.Context, id ticket.ID, rested engine.Score) (bool, error) {
	t, fields, own, err := r.texts(ctx, id)
	if err != nil || own[fieldSealed] == nil && own[fieldFoundBy] == nil || engine.At(t.Changed) > rested {
		return false, err
	}
	record := recordTicket(id)
	k, err := r.unwrapTicket(id, fields[fieldKey])
	if err != nil {
		return false, err
	}
	mark := blob.NewMark()
	size, err := r.blobs.Put(ctx, fileName(r.Name, record, fieldShelf, mark), k.key, r.at(record, fieldShelf).bind(blobFile), strings.NewReader(writeShelf(fields)))
	if err != nil {
		return false, fmt.Errorf("store: a shelf: %w", err)
	}
	d := newDraft(r, r.now())
	for _, field := range []string{fieldVersion, fieldFoundBy, fieldShelf} {
		if own[field] == nil {
			d.check(engine.Absent(record, field))
		} else {
			d.check(engine.Equal(record, field, own[field]))
		}
	}
	for field := range fields {
		if shelvable(field) {
			d.step(engine.Delete(record, field))
		}
	}
	// The file of before is left to the sweep: a backup may be about to copy it. So is
	// this one when the commit fails: a client that heard no answer and sent it again
	// is told of a conflict with itself.
	d.step(engine.Put(record, fieldShelf, inFile(mark, size)), engine.Repack(record))
	_, err = d.commit(ctx)
	return err == nil, err
}

// texts reads all of a ticket that may lie on its shelf, and what of it lies in the
// record itself.
func (r room) texts(ctx context.Context, id ticket.ID) (t *ticket.Ticket, fields, own map[string][]byte, err error) {
	record := recordTicket(id)
	answers, err := r.read(ctx, "a ticket",
		engine.Ask{Record: record, Fields: withShelf(append([]string{fieldFoundBy}, ticketFields...)...)},
		engine.Ask{Record: record, Fields: []string{fieldSealed, fieldFoundBy}})
	if err != nil {
		return nil, nil, nil, err
	}
	fields, own = answers[0].Rows[0].Fields, answers[1].Rows[0].Fields
	own[fieldVersion], own[fieldShelf] = fields[fieldVersion], fields[fieldShelf]
	if t, err = r.ticketOf(id, fields); err != nil {
		return nil, nil, nil, err
	}
	for after := 0; after < t.Articles; after += articlesAtOnce {
		answers, err := r.read(ctx, "articles", askArticles(id, after, min(articlesAtOnce, t.Articles-after)))
		if err != nil {
			return nil, nil, nil, err
		}
		for field, value := range answers[0].Rows[0].Fields {
			if shelvable(field) {
				fields[field] = value
			}
		}
	}
	return t, fields, own, nil
}

// writeShelf writes those of some fields that may lie there, each name and each
// value behind its length.
func writeShelf(fields map[string][]byte) string {
	var b []byte
	for field, value := range fields {
		if shelvable(field) {
			b = append(binary.AppendUvarint(b, uint64(len(field))), field...)
			b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
		}
	}
	return string(b)
}

var errCutShelf = fmt.Errorf("%w: a shelf is shorter than it was", ErrSealed)

// readShelf reads what writeShelf wrote.
func readShelf(b []byte) (map[string][]byte, error) {
	fields := map[string][]byte{}
	part := func() (p []byte, ok bool) {
		n, head := binary.Uvarint(b)
		if head <= 0 || n > uint64(len(b)-head) {
			return nil, false
		}
		end := head + int(n)
		p, b = b[head:end:end], b[end:]
		return p, true
	}
	for len(b) > 0 {
		field, one := part()
		value, two := part()
		if !one || !two {
			return nil, errCutShelf
		}
		fields[string(field)] = value
	}
	return fields, nil
}

// withShelf adds to fields of a ticket what it takes to have them from its shelf.
func withShelf(fields ...string) []string {
	for _, f := range []string{fieldKey, fieldShelf} {
		if !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	return fields
}

// takeDown adds to the tickets of answers what lies on their shelves, where that was
// asked for with them.
func (r room) takeDown(ctx context.Context, asks []engine.Ask, answers []engine.Answer) error {
	var all errgroup.Group
	all.SetLimit(shelvesAtOnce)
	take := func(record string, wanted []string, fields map[string][]byte) {
		if fields[fieldShelf] != nil && slices.Contains(wanted, fieldShelf) {
			all.Go(func() error { return r.takeOne(ctx, record, wanted, fields) })
		}
	}
	reached := map[string]bool{}
	for i, ask := range asks {
		for _, row := range answers[i].Rows {
			record := ask.Record
			if ask.Page != nil {
				record = ask.Page.Record + row.Member
			}
			take(record, ask.Fields, row.Fields)
			if row.Followed != nil && !reached[row.Reached] { // all rows have the same map
				reached[row.Reached] = true
				take(ask.Follow.Record+row.Reached, ask.Follow.Fields, row.Followed)
			}
		}
	}
	return all.Wait()
}

// takeOne adds to fields of one ticket what of them lies on its shelf. Texts that
// cannot be read there for good are given as something that does not open.
func (r room) takeOne(ctx context.Context, record string, wanted []string, fields map[string][]byte) error {
	lacks := func(field string) bool { return shelvable(field) && fields[field] == nil }
	for try := 1; slices.ContainsFunc(wanted, lacks) && fields[fieldShelf] != nil; try++ {
		shelf, err := r.openShelf(record, fields)
		if errors.Is(err, blob.ErrGone) && try < shelfTries {
			// Put on another one meanwhile, or erased.
			answers, err := r.engine.Read(ctx, r.space, engine.Ask{Record: record, Fields: wanted})
			if err != nil {
				return fmt.Errorf("store: reading a ticket: %w", err)
			}
			clear(fields)
			for field, value := range answers[0].Rows[0].Fields {
				fields[field] = value
			}
			continue
		}
		lost := errors.Is(err, blob.ErrGone) || errors.Is(err, blob.ErrBroken) || errors.Is(err, ErrSealed)
		if err != nil && !lost {
			return fmt.Errorf("store: reading a shelf: %w", err)
		}
		if lost {
			r.log.Error("the texts of a ticket cannot be read", "site", r.Name, "record", record, "error", err)
		}
		for _, field := range wanted {
			switch {
			case !lacks(field), lost && field == fieldFoundBy:
			case lost:
				fields[field] = []byte{}
			case shelf[field] != nil:
				fields[field] = shelf[field]
			}
		}
		return nil
	}
	return nil
}

// openShelf reads the shelf of a record from its fieldShelf and fieldKey.
func (r room) openShelf(record string, fields map[string][]byte) (map[string][]byte, error) {
	mark, size, ok := filed(fields[fieldShelf])
	id, found := recordedTicket(record)
	if !ok || !found {
		return nil, fmt.Errorf("%w (%s %s)", ErrSealed, r.Name, record)
	}
	k, err := r.unwrapTicket(id, fields[fieldKey])
	if err != nil {
		return nil, err
	}
	file, err := r.blobs.Get(fileName(r.Name, record, fieldShelf, mark), k.key, r.at(record, fieldShelf).bind(blobFile), size)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return readShelf(content)
}

// unreadable reports whether a ticket has a shelf from which what it is found by
// could not be read.
func unreadable(fields map[string][]byte) bool {
	return fields[fieldShelf] != nil && fields[fieldFoundBy] == nil
}

// bringBack puts what a ticket is found by back into its record, if it lies on the
// shelf, so that commits can be held to it.
func (r room) bringBack(ctx context.Context, record string, fields map[string][]byte) error {
	if fields[fieldShelf] == nil || fields[fieldFoundBy] == nil {
		return nil
	}
	_, err := r.commit(ctx, "a shelf", engine.Batch{
		Checks: []engine.Check{engine.Equal(record, fieldShelf, fields[fieldShelf])},
		Steps:  []engine.Step{engine.PutAbsent(record, fieldFoundBy, fields[fieldFoundBy])},
	})
	return err
}
