package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// SchemaVersion is the version that this program knows.
const SchemaVersion = schemaVersion

// SetSchema writes another version, as a newer program would.
func (s *Store) SetSchema(ctx context.Context, version string) error {
	_, err := s.engine.Commit(ctx, global, engine.Batch{Steps: []engine.Step{engine.Put(recordSchema, fieldSchemaVersion, []byte(version))}})
	return err
}

// Upgrade begins to bring a site to the next version, as a newer program would.
func (s *Store) Upgrade(ctx context.Context, site string) error {
	return broughtTo(ctx, s.engine, engine.Space(site), schemaVersion+1)
}

// Downgrade takes that back.
func (s *Store) Downgrade(ctx context.Context, site string) error {
	_, err := s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: []engine.Step{engine.Delete(recordSchema, fieldBroughtTo(schemaVersion+1))}})
	return err
}

// BringUpToDate does what a daemon does that is started.
func (s *Store) BringUpToDate(ctx context.Context) error {
	version, err := versionIn(ctx, s.engine)
	if err != nil {
		return err
	}
	return s.upgrade(ctx, version)
}

// SwapSealed puts one ticket's sealed content in another's place.
func (s *Store) SwapSealed(ctx context.Context, site string, one, two ticket.ID) error {
	answers, err := s.engine.Read(ctx, engine.Space(site),
		engine.Ask{Record: recordTicket(two), Fields: []string{fieldSealed, fieldKey}})
	if err != nil {
		return err
	}
	fields := answers[0].Rows[0].Fields
	_, err = s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: []engine.Step{
		engine.Put(recordTicket(one), fieldSealed, fields[fieldSealed]),
		engine.Put(recordTicket(one), fieldKey, fields[fieldKey]),
	}})
	return err
}

// Syncs and Reads count how often the store asks its engine for each from now on.
// SpoilNotice makes a notice one that does not open; a lost one stands nowhere
// either.
func (s *Store) SpoilNotice(ctx context.Context, site, id string, lost bool) error {
	steps := []engine.Step{engine.Put(recordNotice(id), fieldSealed, []byte{0})}
	if lost {
		steps = append(steps, engine.Remove(indexDue, id))
	}
	_, err := s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: steps})
	return err
}

func (s *Store) Syncs() *int { return &s.count().syncs }
func (s *Store) Reads() *int { return &s.count().reads }

func (s *Store) count() *counting {
	c := &counting{Engine: s.engine}
	s.callThrough(c)
	return c
}

// callThrough puts another engine in the place of the store's.
func (s *Store) callThrough(e engine.Engine) {
	s.hinted() // what is hinted in the background calls it too
	s.engine = e
}

type counting struct {
	engine.Engine
	syncs, reads int
}

func (c *counting) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) ([]engine.Answer, error) {
	c.reads++
	return c.Engine.Read(ctx, space, asks...)
}

func (c *counting) Sync(ctx context.Context, space engine.Space) error {
	c.syncs++
	return c.Engine.Sync(ctx, space)
}

// WhenLeasing has something done after each lease that takes something.
func (s *Store) WhenLeasing(do func()) { s.callThrough(&leasing{s.engine, do}) }

type leasing struct {
	engine.Engine
	then func()
}

func (l *leasing) Lease(ctx context.Context, space engine.Space, index string, n int, d time.Duration) ([]engine.Entry, error) {
	taken, err := l.Engine.Lease(ctx, space, index, n, d)
	if len(taken) > 0 {
		l.then()
	}
	return taken, err
}

// CompactUntilTheEnd has the engine's file copied for as long as its daemon runs. It
// gives what is closed when that begins.
func (s *Store) CompactUntilTheEnd() (begun <-chan struct{}) {
	c := &compacting{s.engine, make(chan struct{})}
	s.callThrough(c)
	return c.begun
}

type compacting struct {
	engine.Engine
	begun chan struct{}
}

func (c *compacting) Compact(ctx context.Context) error {
	close(c.begun)
	<-ctx.Done()
	return ctx.Err()
}

// SharesShard reports whether the hints of two sites lie in one space.
func SharesShard(one, two string) bool { return hintSpace(one) == hintSpace(two) }

// Beside is another program on the same engine, with what it knows of keys its
// own. between is called before each of its commits, and may forbid it; after
// tells that a commit that is forbidden is done all the same, and only its answer
// lost.
func (s *Store) Beside(after bool, between func() error) *Store {
	e := &interrupted{Engine: s.engine, after: after, between: between}
	other := newStore(e, *s.secrets.master.Load(), s.vault, Options{Data: s.data, Ledger: s.ledger.path, Now: s.now})
	other.secrets.file, other.blobs, other.signer, other.pepper = s.secrets.file, s.blobs, s.signer, s.pepper
	other.sites.Store(s.sites.Load())
	other.shards.Store(s.shards.Load())
	return other
}

// interrupted is an engine whose client dies in the middle.
type interrupted struct {
	engine.Engine
	after   bool
	between func() error
}

func (i *interrupted) Commit(ctx context.Context, space engine.Space, b engine.Batch) (engine.Committed, error) {
	died := i.between()
	if died != nil && !i.after {
		return engine.Committed{}, died
	}
	done, err := i.Engine.Commit(ctx, space, b)
	if died != nil {
		return engine.Committed{}, died
	}
	return done, err
}

// LookForKeys does what a daemon does every minute.
func (s *Store) LookForKeys(ctx context.Context) error { return s.lookForKeys(ctx) }

// KeyFields are the names of the keys that the store holds, and how each is
// wrapped.
func (s *Store) KeyFields(ctx context.Context) (map[string][]byte, error) {
	all := ""
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Names: &all})
	if err != nil {
		return nil, err
	}
	answers, err = s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: answers[0].Names})
	return answers[0].Rows[0].Fields, err
}

// Unopened gives the records of a site of which the key does not open under the
// site's key alone, and how many do.
func (s *Store) Unopened(ctx context.Context, site string) (closed []string, open int, err error) {
	keys, err := s.secrets.reload(ctx, site)
	if err != nil {
		return nil, 0, err
	}
	for item, err := range s.engine.Dump(ctx) {
		if err != nil {
			return nil, 0, err
		}
		if string(item.Space) != site || item.Index != "" || item.Name != fieldKey {
			continue
		}
		if _, err := unwrap(keys.wrap, place{site, item.Record, fieldKey}, item.Value); err != nil {
			closed = append(closed, item.Record)
			continue
		}
		open++
	}
	return closed, open, nil
}

// ChangeMaster makes a new master key and puts it in the place of the old one.
func (s *Store) ChangeMaster(ctx context.Context, file string) error {
	if err := s.RekeyMaster(ctx, file+".new"); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	return s.RefreshKeys(ctx)
}

// Digests are the names of a site that are digests: of records, of indexes, and
// in tickets.
func (s *Store) Digests(ctx context.Context, site string) (map[string]bool, error) {
	all := map[string]bool{}
	for item, err := range s.engine.Dump(ctx) {
		if err != nil {
			return nil, err
		}
		if string(item.Space) != site {
			continue
		}
		kind, _, _ := strings.Cut(item.Record+item.Index, ":")
		if kind += ":"; digestNamed[kind] || digestSealed[kind] || kind == prefixOwn {
			all[item.Record+item.Index] = true
		}
		if kind == prefixByDigest {
			all[item.Record+" "+item.Name] = true
		}
		if strings.HasPrefix(item.Name, prefixMessageField) {
			all[item.Record+" "+item.Name] = true
		}
		if item.Name == fieldTracked || item.Name == fieldInOwn || item.Name == fieldOf {
			all[item.Record+" "+item.Name+" "+string(item.Value)] = true
		}
	}
	return all, nil
}

// NamesOf are the digests by which a person and a ticket of theirs are or were
// found.
func (s *Store) NamesOf(ctx context.Context, site string, a ticket.Address, t *ticket.Ticket) ([]string, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	var names []string
	add := func(of kind, of2 string) {
		for _, d := range r.keys.everNamed(of, of2) {
			bare, _, _ := strings.Cut(string(d), ageMark)
			names = append(names, bare)
		}
	}
	add(kindAddress, a.Key())
	add(kindTracking, t.Tracking)
	articles, err := r.allArticles(ctx, t)
	for _, article := range articles {
		add(kindMessage, article.MessageID)
	}
	return append(names, t.ID.String()), err
}

// Each gives everything that the site's spaces hold, as one text for each item.
func (s *Store) Each(ctx context.Context, give func(string)) error {
	for item, err := range s.engine.Dump(ctx) {
		if err != nil {
			return err
		}
		give(item.Record + " " + item.Index + " " + item.Name + " " + string(item.Value))
	}
	return nil
}

// Unindex takes a ticket out of all indexes of its terms, and leaves what its field
// says of them.
func (s *Store) Unindex(ctx context.Context, site string, id ticket.ID) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	answers, err := r.read(ctx, "a ticket", engine.Ask{Record: recordTicket(id), Fields: []string{fieldFoundBy, fieldNumber}})
	if err != nil {
		return err
	}
	fields := answers[0].Rows[0].Fields
	number, err := strconv.ParseUint(string(fields[fieldNumber]), 10, 64)
	if err != nil {
		return err
	}
	d := newDraft(r, r.now())
	d.findNoMore(id, number, fields[fieldFoundBy])
	_, err = r.commit(ctx, "taking a ticket out", d.batch)
	return err
}

// LastDrawn has the next ticket of a site get the number after one.
func (s *Store) LastDrawn(ctx context.Context, site string, number uint64) error {
	_, err := s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: []engine.Step{
		engine.Put(recordNumbers, fieldTickets, strconv.AppendUint(nil, number, 10)),
	}})
	return err
}

// Leads are the numbers of the tickets to which words of a site lead.
func (s *Store) Leads(ctx context.Context, site string) (map[uint64]int, error) {
	all := map[uint64]int{}
	for item, err := range s.engine.Dump(ctx) {
		if err != nil {
			return nil, err
		}
		if p, ok := parsePack(item.Pack); ok && string(item.Space) == site {
			for _, n := range engine.PackNumbers(item.Value, 0, math.MaxUint32) {
				all[lead{p, n}.ticket()]++
			}
		}
	}
	return all, nil
}

// Mislead turns around, for tickets of some numbers, whether a word leads to them.
func (s *Store) Mislead(ctx context.Context, site, text string, numbers ...uint64) error {
	return s.turnWord(ctx, site, text, numbers, func(wanted bool) bool { return !wanted })
}

func (s *Store) turnWord(ctx context.Context, site, text string, numbers []uint64, turn func(leads bool) bool) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	w, words := wordOf(r.term(ticket.Term{Kind: ticket.WordTerm, Value: text})), newPacking()
	for _, number := range numbers {
		leads := leadsTo(number, []word{w})
		answers, err := r.read(ctx, "a pack", engine.Ask{Pack: &engine.PackRange{Pack: leads[0].pack.name(), From: leads[0].number, To: leads[0].number}})
		if err != nil {
			return err
		}
		if is := len(answers[0].Numbers) > 0; is != turn(is) && is {
			words.turn(leads, nil)
		} else if is != turn(is) {
			words.turn(nil, leads)
		}
	}
	_, err = r.commit(ctx, "turning words", engine.Batch{Steps: words.steps()})
	return err
}

// PretendWords has a word lead to n numbers from one on, and as many tickets stand
// in a queue that are not there.
func (s *Store) PretendWords(ctx context.Context, site, queue, text string, from uint64, n int) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	in := indexSearch(r.term(ticket.Term{Kind: ticket.QueueTerm, Value: queue}))
	var numbers []uint64
	var steps []engine.Step
	for i := range n {
		numbers = append(numbers, from+uint64(i))
		steps = append(steps, engine.Add(in, "pretended"+strconv.Itoa(i), 0))
	}
	if _, err := r.commit(ctx, "pretending", engine.Batch{Steps: steps}); err != nil {
		return err
	}
	return s.turnWord(ctx, site, text, numbers, func(bool) bool { return true })
}

// UnpackWords writes what tickets are found by as version 2 did, and brings the
// store back to that.
func (s *Store) UnpackWords(ctx context.Context, site string) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	page, err := s.Tickets(ctx, site, Filter{}, "", 100)
	if err != nil {
		return err
	}
	d := newDraft(r, r.now())
	for _, t := range page.Items {
		found, err := r.toIndex(ctx, []engine.Entry{{Member: t.ID.String()}})
		if err != nil {
			return err
		}
		d.findNoMore(t.ID, t.Reference.Number, found[0].field)
		b := binary.BigEndian.AppendUint64(nil, uint64(t.Opened.UnixMilli()))
		terms := found[0].ticket.Terms(found[0].articles)
		b = binary.BigEndian.AppendUint16(b, uint16(len(terms)-1))
		for i, term := range terms {
			raw, err := base64.RawURLEncoding.DecodeString(string(r.term(term)))
			if err != nil {
				return err
			}
			d.step(engine.Add(indexSearch(r.term(term)), t.ID.String(), engine.Score(term.Order)))
			if b = append(b, raw...); i == len(terms)-1 {
				b = binary.BigEndian.AppendUint64(b, uint64(term.Order))
			}
		}
		d.step(engine.Put(recordTicket(t.ID), fieldPostings, b), engine.Delete(recordTicket(t.ID), fieldFoundBy))
	}
	if _, err := r.commit(ctx, "unpacking", d.batch); err != nil {
		return err
	}
	return s.bringBack(ctx, r, 2)
}

// TextsInJSON writes articles and held mail as version 3 did, and brings the store
// back to that.
func (s *Store) TextsInJSON(ctx context.Context, site string, tickets []ticket.ID, held []ticket.Held) error {
	type article ticket.Article // which has no texts
	type mail ticket.Held
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	d := newDraft(r, r.now())
	put := func(k key, record, field string, v any) error {
		sealed, err := s.sealJSON(k, r.at(record, field), v)
		d.step(engine.Put(record, field, sealed))
		return err
	}
	for _, id := range tickets {
		articles, err := r.articles(ctx, id, 0, 100)
		if err != nil {
			return err
		}
		k, err := r.ticketKeyOf(ctx, id)
		if err != nil {
			return err
		}
		for _, a := range articles {
			if err := put(k.key, recordTicket(id), fieldArticle(a.Number), article(a)); err != nil {
				return err
			}
		}
	}
	for _, h := range held {
		_, row, err := r.readHeld(ctx, h.ID)
		if err != nil {
			return err
		}
		k, err := r.keyOf(recordHeld(h.ID), row)
		if err != nil {
			return err
		}
		if err := put(k, recordHeld(h.ID), fieldSealed, mail(h)); err != nil {
			return err
		}
	}
	if _, err := r.commit(ctx, "writing texts as version 3 did", d.batch); err != nil {
		return err
	}
	return s.bringBack(ctx, r, 3)
}

// UnsharePostings writes postings as version 4 did, and brings the store back to
// that.
func (s *Store) UnsharePostings(ctx context.Context, site string) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	return s.bringBack(ctx, r, 4)
}

// UnpackPeople writes what tickets are found by as version 4 did, and brings the
// store back to that.
func (s *Store) UnpackPeople(ctx context.Context, site string) error {
	r, err := s.room(ctx, site)
	if err != nil {
		return err
	}
	page, err := s.Tickets(ctx, site, Filter{}, "", 100)
	if err != nil {
		return err
	}
	d, words := newDraft(r, r.now()), newPacking()
	for _, t := range page.Items {
		found, err := r.toIndex(ctx, []engine.Entry{{Member: t.ID.String()}})
		if err != nil {
			return err
		}
		old := foundBy{opened: engine.Score(t.Opened.UnixMilli())}
		for _, term := range found[0].ticket.Terms(found[0].articles) {
			switch name := r.term(term); {
			case term.Kind == ticket.WordTerm:
				old.words = append(old.words, wordOf(name))
			case term.Kind.List():
				old.placed = append(old.placed, spot{name, engine.Score(term.Order)})
			default:
				old.placed = append(old.placed, spot{name, old.opened})
			}
		}
		d.findBy(found[0], old, words)
	}
	d.step(words.steps()...)
	if _, err := r.commit(ctx, "unpacking", d.batch); err != nil {
		return err
	}
	return s.bringBack(ctx, r, 4)
}

// bringBack makes the store one of an older version, with the postings of then.
func (s *Store) bringBack(ctx context.Context, r room, version int) error {
	page, err := s.Tickets(ctx, r.Name, Filter{}, "", 100)
	if err != nil {
		return err
	}
	var b engine.Batch
	for _, t := range page.Items {
		row := engine.Row{Entry: engine.Entry{Member: t.ID.String()}, Fields: map[string][]byte{fieldNumber: strconv.AppendUint(nil, t.Reference.Number, 10)}}
		if t.Tracking != "" {
			row.Fields[fieldTracked] = []byte(r.digest(kindTracking, t.Tracking))
		}
		named, err := newDraft(r, r.now()).oldPostings(ctx, []engine.Row{row})
		if err != nil {
			return err
		}
		for _, p := range named {
			answers, err := r.read(ctx, "a posting", p.to.ask())
			if err != nil {
				return err
			}
			if answers[0].Rows[0].Reached == p.ticket {
				b.Steps = append(b.Steps, p.to.drop(), engine.Put(p.record, fieldTicket, []byte(p.ticket)))
			}
		}
	}
	for v := version + 1; v <= schemaVersion; v++ {
		b.Steps = append(b.Steps, engine.Delete(recordSchema, fieldBroughtTo(v)))
	}
	if _, err := r.commit(ctx, "bringing back", b); err != nil {
		return err
	}
	return s.SetSchema(ctx, strconv.Itoa(version))
}
