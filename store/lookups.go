package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file renews the keys of a site's digests. A new key is laid upon those
// before it: what was called d is called HMAC(new key, d) from then on, so that
// everything gets its new name from the old one alone, also what nobody knows the
// content of any more. Who had the keys of before, and has a copy of the store of
// after, can try no guesses on it.
//
// While names change, the site rests: a mail for it is put off by 451, its outbox
// waits. That is held to by every read and every commit (see inUse), so also by
// daemons that know nothing of it yet. Broken off, a daemon goes on with it.

var (
	// ErrRenewing is what everything gives that is about a site whose look-up keys
	// are being renewed. It is soon over.
	ErrRenewing = errors.New("store: the look-up keys of the site are being renewed; try again when that is done")
	// errRenamed is ErrRenewing for who began before that, or began it without
	// knowing that it is over.
	errRenamed = fmt.Errorf("names have changed in the same moment: %w", ErrRenewing)
)

var askLook = engine.Ask{Record: recordInUse, Fields: []string{fieldLook}}

// byDigest reports whether what is asked for is named by a digest.
func byDigest(a engine.Ask) bool {
	if a.Pack != nil {
		return true
	}
	name := a.Record
	if a.Page != nil {
		name = a.Page.Index
	}
	kind, _, _ := strings.Cut(name, ":")
	kind += ":"
	return digestNamed[kind] || digestSealed[kind] || kind == prefixByDigest || kind == prefixOwn || kind == prefixSearch
}

// RenewLookups gives a site a new key for its digests, and everything that is
// found by a digest its new name. It gives how many things that were. Broken off,
// it goes on where it stood; so does a daemon, within a minute or two.
func (s *Store) RenewLookups(ctx context.Context, site string, progress Progress) (renamed int, err error) {
	keys, err := s.secrets.reload(ctx, site)
	if err != nil {
		return 0, err
	}
	if keys, err = s.beginRenewing(ctx, site, keys); err != nil {
		return 0, fmt.Errorf("store: renewing the look-up keys of site %s: %w", site, err)
	}
	known, found := (*s.sites.Load())[site]
	if !found {
		known = Site{Name: site}
	}
	x := &renaming{room: s.roomWith(ctx, known, keys), progress: progress}
	if x.progress == nil {
		x.progress = func(int, int) {}
	}
	if err = x.renameAll(ctx); err == nil {
		err = x.end(ctx)
	}
	if err != nil {
		return x.renamed, fmt.Errorf("store: renewing the look-up keys of site %s: %w", site, err)
	}
	return x.renamed, nil
}

// beginRenewing makes the next key and lets the site rest, as far as that is not
// done. A key that was made and never used is used now.
func (s *Store) beginRenewing(ctx context.Context, site string, keys siteKeys) (siteKeys, error) {
	times, underWay, err := keys.use.looksRenewed()
	if err != nil || underWay {
		return keys, err
	}
	field := fieldLookKey(site, times+1)
	_, err = s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{engine.Absent(recordKeys, field), engine.Equal(recordKeys, fieldMaster, []byte(s.secrets.master.Load().id))},
		Steps:  []engine.Step{engine.Put(recordKeys, field, s.secrets.wrapGlobal(field, newKey()))},
	})
	if c, ok := errors.AsType[*engine.Conflict](err); ok && c.Check == 0 {
		err = nil
	}
	if err != nil {
		return keys, err
	}
	_, err = s.engine.Commit(ctx, engine.Space(site), engine.Batch{
		Checks: []engine.Check{keys.use.checkLook()},
		Steps:  []engine.Step{engine.Put(recordInUse, fieldLook, []byte(renewing+strconv.Itoa(times+1)))},
	})
	if err != nil && !errors.Is(err, engine.ErrConflict) { // another began it
		return keys, err
	}
	return s.secrets.reload(ctx, site)
}

// renaming is under way.
type renaming struct {
	room
	progress Progress
	batch    []renames
	left     int // of old names, seen in one pass
	renamed  int
}

// renames are what gives one thing its new name.
type renames struct {
	checks []engine.Check
	steps  []engine.Step
}

// renamePasses is how often everything is looked at, at most. The second pass
// finds nothing, unless a worker counted in the very moment that the site was put
// to rest. What could not be renamed by then does not keep the site from its work.
const renamePasses = 5

func (x *renaming) renameAll(ctx context.Context) error {
	total, err := x.tickets(ctx)
	if err != nil {
		return err
	}
	for range renamePasses {
		x.left = 0
		if err := x.pass(ctx, total); err != nil {
			return err
		}
		if x.left == 0 {
			return nil
		}
	}
	x.log.Error("some names could not be renewed; guichet reindex puts right what can be", "site", x.Name, "names", x.left)
	return nil
}

// pass looks at every record and index of the site once.
func (x *renaming) pass(ctx context.Context, total int) error {
	record, fields, seen := "", map[string]engine.Item{}, 0
	look := func() error {
		if _, is := recordedTicket(record); is {
			seen++
			x.progress(min(seen, total), total+1)
		}
		if len(fields) == 0 {
			return nil
		}
		return x.record(ctx, record, fields)
	}
	for item, err := range x.engine.Dump(ctx) {
		switch {
		case err != nil:
			return err
		case item.Space != x.space:
			continue
		case item.Pack != "": // what has no name needs no new one
		case item.Index != "":
			err = x.entry(ctx, item)
		default:
			if item.Record != record {
				err = look()
				record, fields = item.Record, map[string]engine.Item{}
			}
			fields[item.Name] = item
		}
		if err != nil {
			return err
		}
	}
	if err := look(); err != nil {
		return err
	}
	x.progress(total+1, total+1)
	return x.flush(ctx)
}

// digestNamed are the records that a digest names and nothing else binds,
// digestSealed those that are sealed to their name.
var (
	digestNamed  = map[string]bool{prefixSeen: true, prefixSpam: true, prefixOperation: true, prefixCount: true, prefixAlias: true}
	digestSealed = map[string]bool{prefixEnrolled: true, prefixProfile: true}
)

// record renames a record, or what a ticket says of those that lead to it.
func (x *renaming) record(ctx context.Context, record string, fields map[string]engine.Item) error {
	kind, name, _ := strings.Cut(record, ":")
	kind += ":"
	old := digest(name)
	switch {
	case kind == prefixTicket:
		return x.ticket(ctx, record, fields)
	case kind == prefixByDigest:
		return x.postings(ctx, record, fields)
	case digestSealed[kind] && x.keys.renamed(old) != old:
		return x.sealed(ctx, record, kind+string(x.keys.renamed(old)), fields)
	case digestNamed[kind] && x.keys.renamed(old) != old:
		return x.plain(ctx, record, kind+string(x.keys.renamed(old)), fields)
	}
	return nil
}

// postings moves those of a shared record that have older names.
func (x *renaming) postings(ctx context.Context, record string, fields map[string]engine.Item) error {
	for name, item := range fields {
		to := postingOf(x.keys.renamed(digest(name)))
		if to.field == name {
			continue
		}
		err := x.add(ctx, renames{
			[]engine.Check{engine.Equal(record, name, item.Value)},
			[]engine.Step{engine.Put(to.record, to.field, item.Value), engine.Delete(record, name)},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plain moves a record as it is. One that expires does so when it would have.
func (x *renaming) plain(ctx context.Context, from, to string, fields map[string]engine.Item) error {
	var r renames
	var left time.Duration
	for name, item := range fields {
		r.checks = append(r.checks, engine.Equal(from, name, item.Value))
		value := item.Value
		if name == fieldOf { // which is a digest too
			value = []byte(x.keys.renamed(digest(value)))
		}
		r.steps = append(r.steps, engine.Put(to, name, value))
		left = item.Left
	}
	if left > 0 {
		r.steps = append(r.steps, engine.Expire(to, max(left, time.Millisecond)))
	}
	r.steps = append(r.steps, engine.Drop(from))
	return x.add(ctx, r)
}

// sealed moves a record that lies under a key of its own, bound to its place.
func (x *renaming) sealed(ctx context.Context, from, to string, fields map[string]engine.Item) error {
	k, err := x.unwrap(x.at(from, fieldKey), fields[fieldKey].Value)
	var plain []byte
	if err == nil {
		plain, err = x.vault.open(k, x.at(from, fieldSealed), fields[fieldSealed].Value)
	}
	if errors.Is(err, ErrSealed) {
		x.log.Error("a record cannot be opened and keeps its name", "site", x.Name, "record", from)
		return nil
	}
	if err != nil {
		return err
	}
	d := newDraft(x.room, x.now())
	own := d.drawKey(to)
	for name, item := range fields {
		d.check(engine.Equal(from, name, item.Value)) // or what is taken away meanwhile would come back
		d.step(engine.Put(to, name, item.Value))
	}
	d.step(engine.Put(to, fieldKey, own.wrapped), engine.Put(to, fieldSealed, x.vault.seal(own.key, x.at(to, fieldSealed), plain)), engine.Drop(from))
	return x.add(ctx, renames{d.batch.Checks, d.batch.Steps})
}

// ticket renames what a ticket says of those that lead to it.
func (x *renaming) ticket(ctx context.Context, record string, fields map[string]engine.Item) error {
	var r renames
	if version, is := fields[fieldVersion]; is {
		r.checks = append(r.checks, engine.Equal(record, fieldVersion, version.Value))
	}
	if item, tracked := fields[fieldTracked]; tracked {
		if old := digest(item.Value); x.keys.renamed(old) != old {
			r.steps = append(r.steps, engine.Put(record, fieldTracked, []byte(x.keys.renamed(old))))
		}
	}
	for name := range fields {
		posting, found := strings.CutPrefix(name, prefixMessageField)
		if old := digest(posting); found && x.keys.renamed(old) != old {
			r.steps = append(r.steps, engine.Delete(record, name), engine.Put(record, fieldMessage(x.keys.renamed(old)), nil))
		}
	}
	_, indexed := fields[fieldFoundBy]
	if _, onShelf := fields[fieldShelf]; indexed || onShelf {
		// What it is found by gets its new names afterwards, while the site works.
		note := renames{steps: []engine.Step{engine.Add(indexUnindexed, strings.TrimPrefix(record, prefixTicket), dueAtOnce(x.now()))}}
		if err := x.gather(ctx, note); err != nil {
			return err
		}
	}
	if r.steps == nil {
		return nil
	}
	return x.add(ctx, r)
}

// entry moves a ticket from one index of its requester's to the other.
func (x *renaming) entry(ctx context.Context, item engine.Item) error {
	name, own := strings.CutPrefix(item.Index, prefixOwn)
	old := digest(name)
	if !own || x.keys.renamed(old) == old {
		return nil
	}
	record := prefixTicket + item.Name
	answers, err := x.read(ctx, "an index", engine.Ask{Record: record, Fields: []string{fieldInOwn}})
	if err != nil {
		return err
	}
	said := answers[0].Rows[0].Fields[fieldInOwn]
	if string(said) != item.Index { // it stands here by mistake
		return x.add(ctx, renames{steps: []engine.Step{engine.Remove(item.Index, item.Name)}})
	}
	return x.add(ctx, renames{
		[]engine.Check{engine.Equal(record, fieldInOwn, said)},
		[]engine.Step{engine.Place(record, fieldInOwn, indexOwn(x.keys.renamed(old)), item.Name, item.Score)},
	})
}

// renameAtOnce is how many things one commit renames.
const renameAtOnce = 200

func (x *renaming) add(ctx context.Context, r renames) error {
	x.left++
	return x.gather(ctx, r)
}

func (x *renaming) gather(ctx context.Context, r renames) error {
	if x.batch = append(x.batch, r); len(x.batch) < renameAtOnce {
		return nil
	}
	return x.flush(ctx)
}

// flush renames what was gathered: together, or if something changed in the same
// moment each for itself. What changed is found by the next pass.
func (x *renaming) flush(ctx context.Context) error {
	batch := x.batch
	x.batch = x.batch[:0]
	err := x.write(ctx, batch)
	if !errors.Is(err, ticket.ErrConflict) {
		return err
	}
	for i := range batch {
		if err := x.write(ctx, batch[i:i+1]); err != nil && !errors.Is(err, ticket.ErrConflict) {
			return err
		}
	}
	return nil
}

func (x *renaming) write(ctx context.Context, batch []renames) error {
	if len(batch) == 0 {
		return nil
	}
	var b engine.Batch
	for _, r := range batch {
		b.Checks, b.Steps = append(b.Checks, r.checks...), append(b.Steps, r.steps...)
	}
	_, err := x.commit(ctx, "renaming", b)
	if err == nil {
		x.renamed += len(batch)
	}
	return err
}

// end lets the site go on.
func (x *renaming) end(ctx context.Context) error {
	times, _, err := x.keys.use.looksRenewed()
	if err != nil {
		return err
	}
	_, err = x.commit(ctx, "ending it", engine.Batch{Steps: []engine.Step{
		engine.Put(recordInUse, fieldLook, strconv.AppendInt(nil, int64(times), 10)),
		// Indexing brings what tickets are found by back into their records.
		engine.Drop(recordShelved),
	}})
	if err != nil && !errors.Is(err, ticket.ErrConflict) { // another did the same
		return err
	}
	_, err = x.renew()
	return err
}

// resumeLookups goes on with what was broken off. One daemon does, once a minute.
func (s *Store) resumeLookups(ctx context.Context) error {
	var failed error
	for name := range *s.sites.Load() {
		if _, err := s.room(ctx, name); !errors.Is(err, ErrRenewing) {
			continue
		}
		ours, err := s.chore(ctx, global, "renew-"+name, keysEvery)
		if err == nil && ours {
			s.log.Warn("the look-up keys of a site are being renewed; this daemon takes part", "site", name)
			_, err = s.RenewLookups(ctx, name, nil)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
