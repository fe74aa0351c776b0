package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// Tickets are found by their terms (ticket.Term). Each list is an index of its own,
// under a digest, that holds the tickets that stand in it; words, people and tags,
// which here are words too, lie in packs (see words.go). A field of each ticket
// names them all.
//
// Nothing of this is done while a mail is taken in: a commit only notes its
// ticket in indexUnindexed, and KeepIndexed brings indexes and packs in line a
// moment later, many tickets at once. Until then a list that reads that note sees
// the ticket as it is, and a search does not see its text yet.
//
// The field names what was written, whichever keys made the digests. So new
// look-up keys need no more than every ticket noted once more: what had the old
// names is removed as the new is written, and a search asks for all names.

// term is the digest of a term: 96 bits.
func (r room) term(t ticket.Term) digest {
	return r.digest(kindTerm, string(t.Kind), t.Value)[:termLength]
}

// everTerm are all digests that a term had; the indexes of tickets that are noted
// since the keys were renewed stand under older ones.
func (r room) everTerm(t ticket.Term) []digest {
	names := r.keys.everNamed(kindTerm, string(t.Kind), t.Value)
	for i := range names {
		names[i] = names[i][:termLength]
	}
	return names
}

const (
	termBytes  = 12
	termLength = termBytes * 4 / 3 // in base64
)

// spot is an entry of a list.
type spot struct {
	of digest
	at engine.Score
}

// Each count of a ticket's terms fits into a byte of its field.
const _ = uint8(ticket.MaxTerms)

// foundBy is what leads to a ticket.
type foundBy struct {
	opened engine.Score // where most of it stands
	placed []spot
	words  []word
}

// foundBy is what should lead to a ticket.
func (r room) foundBy(t *ticket.Ticket, articles []ticket.Article) foundBy {
	f := foundBy{opened: engine.Score(t.Opened.UnixMilli())}
	for _, term := range t.Terms(articles) {
		if d := r.term(term); term.Kind.List() {
			f.placed = append(f.placed, spot{d, engine.Score(term.Order)})
		} else {
			f.words = append(f.words, wordOf(d))
		}
	}
	return f
}

func (f foundBy) empty() bool { return len(f.placed)+len(f.words) == 0 }

// place is where the ticket stands in a list.
func (f foundBy) place(d digest) (engine.Score, bool) {
	for _, p := range f.placed {
		if p.of == d {
			return p.at, true
		}
	}
	return 0, false
}

// field writes what the field of a ticket holds: when it was opened, how many of
// its terms stand there and how many elsewhere, the digests of the ones, those of
// the others with where they stand, and its words.
func (f foundBy) field() []byte {
	var plain, placed []byte
	for _, p := range f.placed {
		raw, err := base64.RawURLEncoding.DecodeString(string(p.of))
		if err != nil || len(raw) != termBytes {
			panic("store: no term: " + string(p.of))
		}
		if p.at == f.opened {
			plain = append(plain, raw...)
		} else {
			placed = binary.BigEndian.AppendUint64(append(placed, raw...), uint64(p.at))
		}
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(f.opened))
	b = append(b, byte(len(plain)/termBytes), byte(len(placed)/(termBytes+8)))
	b = slices.Concat(b, plain, placed)
	for _, w := range f.words {
		b = append(b, byte(w>>40), byte(w>>32))
		b = binary.BigEndian.AppendUint32(b, uint32(w))
	}
	return b
}

// readFoundBy reads what field wrote; of anything else, as far as it goes.
func readFoundBy(b []byte) (f foundBy) {
	if len(b) < 10 {
		return f
	}
	f.opened = engine.Score(binary.BigEndian.Uint64(b))
	plain, placed := int(b[8]), int(b[9])
	b = b[10:]
	for ; plain > 0 && len(b) >= termBytes; plain, b = plain-1, b[termBytes:] {
		f.placed = append(f.placed, spot{digestOf(b[:termBytes]), f.opened})
	}
	for ; placed > 0 && len(b) >= termBytes+8; placed, b = placed-1, b[termBytes+8:] {
		f.placed = append(f.placed, spot{digestOf(b[:termBytes]), engine.Score(binary.BigEndian.Uint64(b[termBytes:]))})
	}
	if plain+placed > 0 {
		return f
	}
	f.words = make([]word, 0, len(b)/wordBytes)
	for ; len(b) >= wordBytes; b = b[wordBytes:] {
		f.words = append(f.words, word(b[0])<<40|word(b[1])<<32|word(binary.BigEndian.Uint32(b[2:])))
	}
	return f
}

func digestOf(raw []byte) digest { return digest(base64.RawURLEncoding.EncodeToString(raw)) }

// findBy adds what brings a ticket's entries and its field from what they were to
// what they should be, and to words what does so with its words.
func (d *draft) findBy(f indexing, now foundBy, words packing) {
	id, was, number := f.ticket.ID, readFoundBy(f.field), f.ticket.Reference.Number
	words.turn(leadsTo(number, was.words), leadsTo(number, now.words))
	for _, p := range now.placed {
		if at, stood := was.place(p.of); !stood || at != p.at {
			d.step(engine.Add(indexSearch(p.of), id.String(), p.at))
		}
	}
	for _, p := range was.placed {
		if _, stays := now.place(p.of); !stays {
			d.step(engine.Remove(indexSearch(p.of), id.String()))
		}
	}
	d.step(engine.Put(recordTicket(id), fieldFoundBy, now.field()))
}

// findNoMore adds the end of all that leads to a ticket, as its field names it.
func (d *draft) findNoMore(id ticket.ID, number uint64, field []byte) {
	if field == nil {
		d.check(engine.Absent(recordTicket(id), fieldFoundBy))
	} else {
		d.check(engine.Equal(recordTicket(id), fieldFoundBy, field))
	}
	was, words := readFoundBy(field), newPacking()
	for _, p := range was.placed {
		d.step(engine.Remove(indexSearch(p.of), id.String()))
	}
	words.turn(leadsTo(number, was.words), nil)
	d.step(words.steps()...)
	d.step(engine.Remove(indexUnindexed, id.String()))
}

// unindexed notes that a ticket's entries are to be brought in line.
func (d *draft) unindexed(id ticket.ID) {
	d.step(engine.Add(indexUnindexed, id.String(), dueAtOnce(d.now)))
	d.indexes = true
}

const (
	// indexAtOnce is how many tickets one commit brings in line: few enough that
	// the mail that comes meanwhile does not wait for it. As long as none comes
	// they are twice as many each time, up to indexBacklog, of which neighbours
	// share what is written.
	indexAtOnce  = 32
	indexBacklog = 256
	// indexLease is how long a daemon may take for those.
	indexLease = 5 * time.Minute
	// indexPause lets tickets gather that change soon after one another.
	indexPause = 100 * time.Millisecond
	// indexBusy is how many commits in that time are a load under which it waits,
	// and indexPatience for how long at most.
	indexBusy     = 10
	indexPatience = 20 * time.Second
	// indexSweep is how often one daemon looks for what another left behind.
	indexSweep = 10 * time.Minute
	// indexLast is how long a daemon that stops goes on with it.
	indexLast = 5 * time.Second
	// indexedArticles is how many articles of a ticket are read for it, the first,
	// and firstArticles how many of them with the ticket: most have no more.
	indexedArticles = 60
	firstArticles   = 3
)

// behind are the sites whose tickets this daemon noted.
type behind struct {
	mu    sync.Mutex
	sites map[string]bool
	wake  chan struct{}
}

func newBehind() *behind { return &behind{sites: map[string]bool{}, wake: make(chan struct{}, 1)} }

func (b *behind) note(site string) {
	b.mu.Lock()
	b.sites[site] = true
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *behind) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sites []string
	for site := range b.sites {
		sites = append(sites, site)
	}
	clear(b.sites)
	return sites
}

// KeepIndexed brings tickets that were changed in line with what they are found
// by, until ctx ends, and then what is noted. Each daemon runs it; they share the
// work.
func (s *Store) KeepIndexed(ctx context.Context) {
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), indexLast)
		defer cancel()
		s.indexBehind(last)
	}()
	sweep := time.NewTicker(indexSweep)
	defer sweep.Stop()
	for {
		if ours, err := s.chore(ctx, engine.Volatile(0), "index", indexSweep); err == nil && ours {
			if _, err := s.Index(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("tickets not indexed; it will be tried again", "error", err)
			}
		}
		if !s.indexNoted(ctx, sweep.C) {
			return
		}
	}
}

// indexNoted indexes what is noted here until the sweep's time. It gives false
// when ctx has ended.
func (s *Store) indexNoted(ctx context.Context, sweep <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-sweep:
			return true
		case <-s.behind.wake:
		}
		if !s.quiet(ctx) {
			return false
		}
		s.indexBehind(ctx)
	}
}

// quiet waits until mail comes in slowly, or for so long that indexing cannot
// wait: what is to be found may lag, what is to be taken may not. It gives false
// when ctx has ended.
func (s *Store) quiet(ctx context.Context) bool {
	pause := time.NewTicker(indexPause)
	defer pause.Stop()
	before := s.commits.Load()
	for range indexPatience / indexPause {
		select {
		case <-ctx.Done():
			return false
		case <-pause.C:
		}
		now := s.commits.Load()
		if now-before <= indexBusy {
			return true
		}
		before = now
	}
	return true
}

// indexBehind indexes what is noted here.
func (s *Store) indexBehind(ctx context.Context) {
	for _, site := range s.behind.take() {
		if _, err := s.indexSite(ctx, site); err != nil && ctx.Err() == nil {
			s.log.Error("tickets not indexed; the sweep will find them", "site", site, "error", err)
		}
	}
}

// Index brings all tickets in line that are noted, and gives how many.
func (s *Store) Index(ctx context.Context) (indexed int, err error) {
	for site := range *s.sites.Load() {
		n, err := s.indexSite(ctx, site)
		if indexed += n; err != nil {
			return indexed, err
		}
	}
	return indexed, nil
}

func (s *Store) indexSite(ctx context.Context, site string) (indexed int, err error) {
	r, err := s.room(ctx, site)
	if errors.Is(err, ErrNotFound) {
		return 0, nil // taken out of the settings
	}
	if err != nil {
		return 0, err
	}
	atOnce, before := indexAtOnce, s.commits.Load()
	for {
		noted, err := s.engine.Lease(ctx, r.space, indexUnindexed, atOnce, indexLease)
		if err != nil || len(noted) == 0 {
			return indexed, err
		}
		if now := s.commits.Load(); now == before {
			atOnce = min(2*atOnce, indexBacklog)
		} else {
			atOnce, before = indexAtOnce, now
		}
		err = r.index(ctx, noted)
		if errors.Is(err, ticket.ErrConflict) { // one has changed meanwhile: the others alone
			for _, e := range noted {
				if err = r.index(ctx, []engine.Entry{e}); err != nil && !errors.Is(err, ticket.ErrConflict) {
					return indexed, err
				}
			}
			err = nil
		}
		if err != nil {
			return indexed, err
		}
		indexed += len(noted)
	}
}

// index brings the tickets of some notes in line, in one commit. A note that has
// moved is one of a change that came meanwhile: ticket.ErrConflict.
func (r room) index(ctx context.Context, noted []engine.Entry) error {
	found, err := r.toIndex(ctx, noted)
	if err != nil {
		return err
	}
	d, words := newDraft(r, r.now()), newPacking()
	for _, e := range noted {
		d.check(engine.Leased(indexUnindexed, e))
		d.step(engine.Remove(indexUnindexed, e.Member))
	}
	for _, f := range found {
		d.findBy(f, r.foundBy(f.ticket, f.articles), words)
	}
	d.step(words.steps()...)
	_, err = r.commit(ctx, "indexing", d.batch)
	return err
}

// indexing is a ticket with what it is, and is to be, found by.
type indexing struct {
	ticket   *ticket.Ticket
	articles []ticket.Article
	field    []byte // which names what it is found by
}

// toIndex reads the tickets of some notes with their first articles, and then the
// others of those that have more. One that is gone, or cannot be opened, is left
// out.
func (r room) toIndex(ctx context.Context, noted []engine.Entry) ([]indexing, error) {
	fields := append([]string{fieldFoundBy}, ticketFields...)
	for n := range firstArticles {
		fields = append(fields, fieldArticle(n+1))
	}
	var asks []engine.Ask
	for _, e := range noted {
		asks = append(asks, engine.Ask{Record: prefixTicket + e.Member, Fields: fields})
	}
	answers, err := r.read(ctx, "tickets", asks...)
	if err != nil {
		return nil, err
	}
	var found []indexing
	var longer []int // of found
	asks = nil
	for i, e := range noted {
		if err := r.bringBack(ctx, prefixTicket+e.Member, answers[i].Rows[0].Fields); err != nil && !errors.Is(err, ticket.ErrConflict) {
			return nil, err
		}
		f := indexing{field: answers[i].Rows[0].Fields[fieldFoundBy]}
		f.ticket, err = r.parseTicket(e.Member, answers[i].Rows[0].Fields)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrSealed) {
			if errors.Is(err, ErrSealed) {
				r.log.Error("a ticket cannot be opened and is not indexed", "site", r.Name, "ticket", e.Member, "error", err)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := r.addArticles(&f, answers[i].Rows[0].Fields, 0, firstArticles); err != nil {
			return nil, err
		}
		if more := min(f.ticket.Articles, indexedArticles) - firstArticles; more > 0 {
			longer = append(longer, len(found))
			asks = append(asks, askArticles(f.ticket.ID, firstArticles, more))
		}
		found = append(found, f)
	}
	if len(asks) == 0 {
		return found, nil
	}
	if answers, err = r.read(ctx, "articles", asks...); err != nil {
		return nil, err
	}
	for i, of := range longer {
		if err := r.addArticles(&found[of], answers[i].Rows[0].Fields, firstArticles, indexedArticles-firstArticles); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// addArticles adds those articles of a ticket that fields holds and that can be
// opened.
func (r room) addArticles(f *indexing, fields map[string][]byte, after, n int) error {
	articles, err := r.openArticles(f.ticket.ID, fields, after, n)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrSealed) {
		return nil
	}
	f.articles = append(f.articles, articles...)
	return err
}

// namesEntry reports whether a ticket's field names an entry of a list.
func namesEntry(field []byte, item engine.Item) bool {
	at, stands := readFoundBy(field).place(digest(item.Index[len(prefixSearch):]))
	return stands && at == item.Score
}

// parseTicket is ticketOf for a ticket named as a member of an index.
func (r room) parseTicket(member string, fields map[string][]byte) (*ticket.Ticket, error) {
	id, err := ticket.ParseID(member)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return r.ticketOf(id, fields)
}

// notIndexed says how what a ticket is found by differs from what it should be, or
// "". One that is noted is about to be brought in line, and one that has changed
// since its first articles were read does not count. Its words are compared as its
// field names them; that they lead to it is looked at a block at a time.
func (r room) notIndexed(ctx context.Context, t *ticket.Ticket, articles []ticket.Article, field []byte) (string, error) {
	articles = slices.DeleteFunc(articles, func(a ticket.Article) bool { return a.Number > indexedArticles })
	want := r.foundBy(t, articles)
	lacks := 0
	if !(want.empty() && field == nil) && string(field) != string(want.field()) {
		lacks++
	}
	asks := []engine.Ask{standing(indexUnindexed, t.ID.String()), {Record: recordTicket(t.ID), Fields: withShelf(fieldFoundBy, fieldVersion)}}
	for _, p := range want.placed {
		asks = append(asks, standing(indexSearch(p.of), t.ID.String()))
	}
	answers, err := r.read(ctx, "what a ticket is found by", asks...)
	if err != nil {
		return "", err
	}
	now := answers[1].Rows[0].Fields
	if string(now[fieldVersion]) != strconv.FormatUint(t.Version, 10) || string(now[fieldFoundBy]) != string(field) {
		return "", nil
	}
	for i, p := range want.placed {
		if !stands(answers[i+2], engine.Entry{Member: t.ID.String(), Score: p.at}) {
			lacks++
		}
	}
	if lacks == 0 || len(answers[0].Rows) > 0 {
		return "", nil
	}
	return fmt.Sprintf("%d of its %d terms do not lead to it", lacks, len(want.placed)+len(want.words)), nil
}

// indexAnew has a ticket's entries written again, all of them: what its field
// names and what is there may differ.
func (r room) indexAnew(ctx context.Context, id ticket.ID) error {
	found, err := r.toIndex(ctx, []engine.Entry{{Member: id.String()}})
	if err != nil || len(found) == 0 {
		return err
	}
	f, d, words := found[0], newDraft(r, r.now()), newPacking()
	d.check(engine.Equal(recordTicket(id), fieldVersion, strconv.AppendUint(nil, f.ticket.Version, 10)))
	if f.field == nil {
		d.check(engine.Absent(recordTicket(id), fieldFoundBy))
	} else {
		d.check(engine.Equal(recordTicket(id), fieldFoundBy, f.field))
	}
	want := r.foundBy(f.ticket, f.articles)
	for _, p := range want.placed {
		d.step(engine.Add(indexSearch(p.of), id.String(), p.at))
	}
	d.findBy(f, want, words)
	d.step(words.steps()...)
	_, err = r.commit(ctx, "indexing", d.batch)
	return err
}
