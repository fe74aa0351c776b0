package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// schemaVersion is that of everything keys.go names and of how it is sealed.
const schemaVersion = 5

// ErrSuperseded is what a daemon gets that still runs when a newer program has
// brought the store to its version: it can do nothing more with it.
var ErrSuperseded = errors.New("store: a newer guichet has brought it to a version that this one does not know; start the daemon anew with that")

// Each site names the versions that it was brought to. Every commit checks that
// the next one after ours is not among them, so that a daemon that still runs
// while the store is upgraded writes nothing from then on.
var notSuperseded = engine.Absent(recordSchema, fieldBroughtTo(schemaVersion+1))

// supersede remembers that the store is a newer program's.
func (s *Store) supersede() error {
	if !s.superseded.Swap(true) {
		s.log.Error("no more mail is taken and none sent", "error", ErrSuperseded)
	}
	return ErrSuperseded
}

// lookForVersion finds out whether a newer program has upgraded the store.
func (s *Store) lookForVersion(ctx context.Context) error {
	version, err := versionIn(ctx, s.engine)
	if err == nil && version > schemaVersion {
		return s.supersede()
	}
	return err
}

// versionIn reads the version of a store; 0 is of one that is none yet.
func versionIn(ctx context.Context, e engine.Engine) (int, error) {
	answers, err := e.Read(ctx, global, engine.Ask{Record: recordSchema, Fields: []string{fieldSchemaVersion}})
	if err != nil {
		return 0, fmt.Errorf("store: reading its version: %w", err)
	}
	held := answers[0].Rows[0].Fields[fieldSchemaVersion]
	if held == nil {
		return 0, nil
	}
	return versionOfStore(held)
}

func versionOfStore(held []byte) (int, error) {
	version, err := strconv.Atoi(string(held))
	if err != nil || version < 1 {
		return 0, fmt.Errorf("store: its version is %q, which is none", held)
	}
	return version, nil
}

// stillOurs gives ErrSuperseded once a newer program has begun with the site. What
// commits need not ask, which check it.
func (r room) stillOurs(ctx context.Context) error {
	answers, err := r.read(ctx, "its version", engine.Ask{Record: recordSchema, Fields: []string{notSuperseded.Field}})
	if err == nil && len(answers[0].Rows[0].Fields) > 0 {
		return r.supersede()
	}
	return err
}

// errNewer and errOlder say which program a store is for.
func errNewer(version int) error {
	return fmt.Errorf("store: it was written by a newer guichet: its version is %d, this program knows %d", version, schemaVersion)
}

func errOlder(version int) error {
	return fmt.Errorf("store: it was written by an older guichet: its version is %d, this program needs %d; start the daemon anew, which brings it there", version, schemaVersion)
}

// broughtTo writes into the space of a site that it is being brought to a version:
// from then on older programs leave it alone. In the global space it keeps them
// from founding sites.
func broughtTo(ctx context.Context, e engine.Engine, in engine.Space, version int) error {
	var steps []engine.Step
	for v := 2; v <= version; v++ {
		steps = append(steps, engine.Put(recordSchema, fieldBroughtTo(v), nil))
	}
	if _, err := e.Commit(ctx, in, engine.Batch{Steps: steps}); err != nil {
		return fmt.Errorf("store: marking the version of %s: %w", in, err)
	}
	return nil
}

// upgrades bring a site from the version before to that which each is named by.
// Other daemons may do the same at the same time, and one that was broken
// off is done again from its beginning.
var upgrades = map[int]func(context.Context, room) error{
	2: indexPeople,
	3: packWords,
	4: leaveAsIs,
	5: shareAndPack,
}

// leaveAsIs is of a version whose program reads what the one before wrote, but not
// the other way round.
func leaveAsIs(context.Context, room) error { return nil }

// upgradeAtOnce is how many tickets or held mails a step reads at once.
const upgradeAtOnce = 100

// upgrade brings a store that an older program wrote to what this one knows.
func (s *Store) upgrade(ctx context.Context, from int) error {
	if from == schemaVersion {
		return nil
	}
	s.log.Info("the store is brought to a newer version", "from", from, "to", schemaVersion)
	if err := broughtTo(ctx, s.engine, global, schemaVersion); err != nil {
		return err
	}
	sites, err := s.writtenSites(ctx)
	if err != nil {
		return err
	}
	for _, site := range sites {
		if err := broughtTo(ctx, s.engine, site.space, schemaVersion); err != nil {
			return err
		}
	}
	for version := from + 1; version <= schemaVersion; version++ {
		for _, site := range sites {
			if err := upgrades[version](ctx, site); err != nil {
				return fmt.Errorf("store: bringing site %s to version %d: %w", site.Name, version, err)
			}
		}
		_, err := s.engine.Commit(ctx, global, engine.Batch{
			Checks: []engine.Check{engine.Equal(recordSchema, fieldSchemaVersion, []byte(strconv.Itoa(version-1)))},
			Steps:  []engine.Step{engine.Put(recordSchema, fieldSchemaVersion, []byte(strconv.Itoa(version)))},
		})
		if err != nil && !errors.Is(err, engine.ErrConflict) { // another daemon was faster
			return fmt.Errorf("store: writing its version: %w", err)
		}
	}
	return nil
}

// writtenSites gives all sites that the store has keys of, also those that the
// settings name no more: they may come back.
func (s *Store) writtenSites(ctx context.Context) ([]room, error) {
	prefix := prefixSiteKey
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Names: &prefix})
	if err != nil {
		return nil, fmt.Errorf("store: reading its sites: %w", err)
	}
	var rooms []room
	for _, field := range answers[0].Names {
		name := strings.TrimPrefix(field, prefix)
		site, known := (*s.sites.Load())[name]
		if !known {
			site = Site{Name: name}
		}
		r, err := s.roomOf(ctx, site)
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, r)
	}
	return rooms, nil
}

// indexPeople puts each ticket into the index of its requester, and has it made
// findable by its words; it puts each held mail into the index of its queue, and
// sets its timer, whose handler finds out how long it stays.
func indexPeople(ctx context.Context, r room) error {
	for _, state := range ticket.States {
		tickets := engine.Page{Index: indexState(state), Record: prefixTicket, N: upgradeAtOnce}
		if err := r.rewrite(ctx, tickets, ticketFields, (*draft).indexTicket); err != nil {
			return err
		}
	}
	held := engine.Page{Index: indexHeld, Record: prefixHeld, N: upgradeAtOnce}
	return r.rewrite(ctx, held, heldFields, (*draft).indexHeld)
}

func (d *draft) indexTicket(row engine.Row) error {
	id, err := ticket.ParseID(row.Member)
	if err != nil {
		return err
	}
	t, err := d.openTicket(id, row.Fields)
	if err != nil {
		return err
	}
	d.check(engine.Equal(recordTicket(id), fieldVersion, row.Fields[fieldVersion]))
	d.own(t)
	d.unindexed(id)
	return nil
}

func (d *draft) indexHeld(row engine.Row) error {
	h := &ticket.Held{}
	if err := d.openRow(recordHeld(row.Member), row, h); err != nil {
		return err
	}
	d.check(engine.Equal(recordHeld(h.ID), fieldSealed, row.Fields[fieldSealed]))
	d.keepHeld(h)
	d.schedule(Timer{Kind: HeldTimer, Name: h.ID}, d.now)
	return nil
}

// rewrite lets visit add a step or more for each record of an index, a page in
// one commit. It goes on past a record that cannot be opened.
func (r room) rewrite(ctx context.Context, page engine.Page, fields []string, visit func(*draft, engine.Row) error) error {
	return r.rewritePages(ctx, page, fields, func(d *draft, rows []engine.Row) error {
		for _, row := range rows {
			if row.Fields[fieldSealed] == nil {
				continue // erased in the same moment
			}
			err := visit(d, row)
			if errors.Is(err, ErrSealed) {
				r.log.Error("a record cannot be opened and is left as it is", "site", r.Name, "record", page.Record+row.Member, "error", err)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// rewritePages is rewrite by whole pages.
func (r room) rewritePages(ctx context.Context, page engine.Page, fields []string, visit func(*draft, []engine.Row) error) error {
	for {
		answers, err := r.read(ctx, "what is there", engine.Ask{Fields: fields, Follow: toTicketKey, Page: &page})
		if err != nil {
			return err
		}
		rows := answers[0].Rows
		d := newDraft(r, r.now())
		if err := visit(d, rows); err != nil {
			return err
		}
		_, err = d.commit(ctx)
		switch {
		case errors.Is(err, ticket.ErrConflict):
			continue // something changed in the same moment: the page is read again
		case err != nil || len(rows) < page.N:
			return err
		}
		page.After = &rows[len(rows)-1].Entry
	}
}

// fieldPostings named, until version 3, the indexes of all that a ticket was found
// by, of its words too.
const fieldPostings = "postings"

// packWords takes tickets out of the indexes that words had, and has them made
// findable anew.
func packWords(ctx context.Context, r room) error {
	fields := append([]string{fieldPostings}, ticketFields...)
	for _, state := range ticket.States {
		page := engine.Page{Index: indexState(state), Record: prefixTicket, N: upgradeAtOnce}
		if err := r.rewrite(ctx, page, fields, (*draft).packTicket); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) packTicket(row engine.Row) error {
	record, held := prefixTicket+row.Member, row.Fields[fieldPostings]
	if held == nil {
		return nil
	}
	d.check(engine.Equal(record, fieldPostings, held))
	for _, index := range readPostings(held) {
		d.step(engine.Remove(indexSearch(index), row.Member))
	}
	d.step(engine.Delete(record, fieldPostings))
	id, err := ticket.ParseID(row.Member)
	if err != nil {
		return err
	}
	d.unindexed(id)
	return nil
}

// readPostings reads the digests of fieldPostings: 8 bytes of when the ticket was
// opened, how many digests follow of terms that stand there, and then those with 8
// bytes more of where they stand.
func readPostings(b []byte) (all []digest) {
	if len(b) < 10 {
		return nil
	}
	plain := int(binary.BigEndian.Uint16(b[8:]))
	for b = b[10:]; len(b) >= termBytes; plain-- {
		all = append(all, digestOf(b[:termBytes]))
		b = b[termBytes:]
		if plain <= 0 {
			b = b[min(8, len(b)):]
		}
	}
	return all
}

// Until version 5, each posting was a record of its own, whose fieldTicket led to
// the ticket.
const (
	prefixOldMessage  = "message:"
	prefixOldTracking = "tracking:"
	prefixOldNumber   = "number:"
)

// shareAndPack moves the postings of all tickets into the records that they share,
// and has tickets made findable anew: until version 5, people and tags had indexes
// as lists have.
func shareAndPack(ctx context.Context, r room) error {
	fields := []string{fieldVersion, fieldNumber, fieldTracked}
	for _, state := range ticket.States {
		page := engine.Page{Index: indexState(state), Record: prefixTicket, N: upgradeAtOnce}
		err := r.rewritePages(ctx, page, fields, func(d *draft, rows []engine.Row) error {
			return errors.Join(d.findAnew(rows), d.sharePostings(ctx, rows))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// findAnew notes those tickets that are there.
func (d *draft) findAnew(tickets []engine.Row) error {
	for _, row := range tickets {
		version := row.Fields[fieldVersion]
		if version == nil {
			continue // erased in the same moment
		}
		id, err := ticket.ParseID(row.Member)
		if err != nil {
			return err
		}
		d.check(engine.Equal(recordTicket(id), fieldVersion, version))
		d.unindexed(id)
	}
	return nil
}

// oldPosting is one that a ticket names.
type oldPosting struct {
	ticket, record string
	to             posting
}

// sharePostings moves those that lead to some tickets: what leads to another, that
// one moves.
func (d *draft) sharePostings(ctx context.Context, tickets []engine.Row) error {
	named, err := d.oldPostings(ctx, tickets)
	if err != nil || len(named) == 0 {
		return err
	}
	var asks []engine.Ask
	for _, p := range named {
		asks = append(asks, engine.Ask{Record: p.record, Fields: []string{fieldTicket}})
	}
	answers, err := d.read(ctx, "postings", asks...)
	if err != nil {
		return err
	}
	for i, p := range named {
		if leads := answers[i].Rows[0].Fields[fieldTicket]; string(leads) == p.ticket {
			d.check(engine.Equal(p.record, fieldTicket, leads))
			d.step(engine.PutAbsent(p.to.record, p.to.field, leads), engine.Drop(p.record))
		}
	}
	return nil
}

// oldPostings are the postings that tickets name.
func (d *draft) oldPostings(ctx context.Context, tickets []engine.Row) (all []oldPosting, err error) {
	messages, asks := prefixMessageField, []engine.Ask(nil)
	for _, row := range tickets {
		asks = append(asks, engine.Ask{Record: prefixTicket + row.Member, Names: &messages})
	}
	if len(asks) == 0 {
		return nil, nil
	}
	answers, err := d.read(ctx, "messages of tickets", asks...)
	if err != nil {
		return nil, err
	}
	for i, row := range tickets {
		add := func(record string, to posting) { all = append(all, oldPosting{row.Member, record, to}) }
		if number := row.Fields[fieldNumber]; number != nil {
			n, err := strconv.ParseUint(string(number), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("number of ticket %s: %w", row.Member, err)
			}
			add(prefixOldNumber+string(number), postingOfNumber(n))
		}
		if code := row.Fields[fieldTracked]; code != nil {
			add(prefixOldTracking+string(code), postingOf(digest(code)))
		}
		for _, field := range answers[i].Names {
			name := strings.TrimPrefix(field, prefixMessageField)
			add(prefixOldMessage+name, postingOf(digest(name)))
		}
	}
	return all, nil
}
