package store

import (
	"cmp"
	"slices"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file answers worklists: pages of the indexes that terms have, and what was
// noted since. Nothing is opened but what was noted: the list gives ids, and the
// words about them are made when the mail leaves.

const (
	// notedAtOnce is how many tickets a list looks at that are not indexed yet.
	notedAtOnce = 100
	// candidates is how many tickets a search looks at, and candidatesAtOnce how
	// many of them in one round trip.
	candidates       = 10_000
	candidatesAtOnce = 500
)

// candidateFields are what tells of a ticket whether a search wants it.
var candidateFields = []string{fieldPostings, fieldInQueue}

// listing is a worklist while it is read.
type listing struct {
	*lookup
	w     ticket.Worklist
	any   []digest // of which one
	every []wanted
	// noted are the tickets that were changed since they were indexed, and where
	// they stand in the list; 0 and false are nowhere.
	noted  map[string]engine.Score
	wanted map[string]bool
	found  []engine.Entry
	live   int
	total  int
	beyond bool
}

// wanted is a term that each listed ticket has, under any of its names. A word
// may stand in an article, which is read when it is indexed.
type wanted struct {
	names []digest
	word  bool
}

func (w wanted) among(has map[digest]engine.Score) bool {
	return slices.ContainsFunc(w.names, func(d digest) bool { _, found := has[d]; return found })
}

// list asks for a worklist.
func (l *lookup) list(w ticket.Worklist) {
	x := &listing{lookup: l, w: w, noted: map[string]engine.Score{}, wanted: map[string]bool{}}
	for _, t := range w.Any() {
		x.any = append(x.any, l.everTerm(t)...)
	}
	for _, t := range w.Every() {
		x.every = append(x.every, wanted{l.everTerm(t), t.Kind == ticket.WordTerm})
	}
	fields := append([]string{fieldPostings}, ticketFields...)
	l.askPage(engine.Ask{Fields: fields, Page: &engine.Page{Index: indexUnindexed, Record: prefixTicket, Reverse: true, N: notedAtOnce}}, x.readNoted)
	if !w.Filtered() {
		x.plain()
		return
	}
	x.rarest()
}

// answer puts the listing among the facts.
func (x *listing) answer(g *ticket.Listing) { x.facts.Lists[x.w.Key()] = g }

// readNoted judges the tickets that are not indexed yet by what they are.
func (x *listing) readNoted(a engine.Answer) error {
	for _, row := range a.Rows {
		x.noted[row.Member] = 0
		if row.Fields[fieldSealed] == nil {
			continue // erased in the same moment
		}
		t, err := x.parseTicket(row.Member, row.Fields)
		if err != nil {
			return err
		}
		has, indexed := placesBy(x.postings(t, nil)), placesBy(unpackPostings(row.Fields[fieldPostings]))
		if at, ok := x.wants(has, indexed, indexQueue(t.State, t.Queue)); ok {
			x.noted[row.Member], x.wanted[row.Member] = at, true
			x.alive(indexState(t.State))
		}
	}
	return nil
}

// placesBy is where a ticket stands, by the digests of its terms.
func placesBy(all []posting) map[digest]engine.Score {
	has := make(map[digest]engine.Score, len(all))
	for _, p := range all {
		has[p.of] = p.at
	}
	return has
}

// wants reports whether a ticket with these terms, in that index of its queue, is
// listed, and where it stands. indexed are those under which it stands by now.
func (x *listing) wants(has, indexed map[digest]engine.Score, inQueue string) (at engine.Score, ok bool) {
	for _, d := range x.any {
		if score, found := has[d]; found {
			at, ok = score, true
		}
	}
	for _, w := range x.every {
		if !w.among(has) && !(w.word && w.among(indexed)) {
			return 0, false
		}
	}
	state, queue, _ := strings.Cut(strings.TrimPrefix(inQueue, prefixTickets), ":")
	ok = ok && slices.Contains(x.w.Queues, queue)
	ok = ok && (len(x.w.States) == 0 || slices.Contains(x.w.States, ticket.State(state)))
	return at, ok && (x.w.Since.IsZero() || !x.w.Newest() || int64(at) >= x.w.Since.UnixMilli())
}

// plain reads a list that is the whole of some indexes: as far as the page, and
// how long they are.
func (x *listing) plain() {
	n := x.w.Page*ticket.WorklistPage + notedAtOnce
	for i, d := range x.any {
		x.askPage(engine.Ask{Page: &engine.Page{Index: indexSearch(d), Reverse: x.w.Newest(), N: n}}, func(a engine.Answer) error {
			x.total += a.Total
			for _, row := range a.Rows {
				x.found = append(x.found, row.Entry)
			}
			if i == len(x.any)-1 {
				x.finish()
			}
			return nil
		})
	}
	if len(x.any) == 0 {
		x.answer(&ticket.Listing{})
	}
}

// rarest begins with the terms of which the fewest tickets have one: those that
// are listed all have the others, too.
func (x *listing) rarest() {
	sources := [][]digest{x.any}
	for _, w := range x.every {
		sources = append(sources, w.names)
	}
	sizes := make([]int, len(sources))
	for i, source := range sources {
		for j, d := range source {
			x.askPage(engine.Ask{Page: &engine.Page{Index: indexSearch(d), N: 1}}, func(a engine.Answer) error {
				sizes[i] += a.Total
				if i == len(sources)-1 && j == len(source)-1 {
					best := slices.Index(sizes, slices.Min(sizes))
					x.scan(sources[best], nil, candidates)
				}
				return nil
			})
		}
	}
	if len(x.any) == 0 {
		x.answer(&ticket.Listing{})
	}
}

// scan goes through some indexes, page by page, for the tickets that are listed.
func (x *listing) scan(source []digest, after *engine.Entry, left int) {
	n := min(candidatesAtOnce, left)
	page := &engine.Page{Index: indexSearch(source[0]), After: after, Record: prefixTicket, Reverse: x.w.Newest(), N: n}
	x.askPage(engine.Ask{Fields: candidateFields, Page: page}, func(a engine.Answer) error {
		for _, row := range a.Rows {
			x.candidate(row)
		}
		left -= len(a.Rows)
		more := len(a.Rows) == n
		switch {
		case left <= 0 && (more || len(source) > 1):
			x.beyond = true
			x.finish()
		case more:
			x.scan(source, &a.Rows[len(a.Rows)-1].Entry, left)
		case len(source) > 1:
			x.scan(source[1:], nil, left)
		default:
			x.finish()
		}
		return nil
	})
}

// candidate takes a ticket into the list if it belongs there.
func (x *listing) candidate(row engine.Row) {
	if _, noted := x.noted[row.Member]; noted {
		return
	}
	has, inQueue := placesBy(unpackPostings(row.Fields[fieldPostings])), string(row.Fields[fieldInQueue])
	if at, ok := x.wants(has, nil, inQueue); ok {
		x.found = append(x.found, engine.Entry{Member: row.Member, Score: at})
		x.total++
		x.alive(inQueue)
	}
}

// alive counts a ticket that is not done.
func (x *listing) alive(inQueue string) {
	state, _, _ := strings.Cut(strings.TrimPrefix(inQueue, prefixTickets), ":")
	if !ticket.State(state).Done() {
		x.live++
	}
}

// finish puts what was found into its order and cuts the page out. The tickets
// that are noted stand where they should, and nowhere else.
func (x *listing) finish() {
	stood := len(x.found)
	x.found = slices.DeleteFunc(x.found, func(e engine.Entry) bool { _, noted := x.noted[e.Member]; return noted })
	if !x.w.Filtered() {
		x.total -= stood - len(x.found)
	}
	for member := range x.wanted {
		x.found = append(x.found, engine.Entry{Member: member, Score: x.noted[member]})
		x.total++
	}
	slices.SortFunc(x.found, func(a, b engine.Entry) int {
		return cmp.Or(x.w.Order(int64(a.Score), int64(b.Score)), cmp.Compare(a.Member, b.Member))
	})
	x.found = slices.CompactFunc(x.found, func(a, b engine.Entry) bool { return a.Member == b.Member })
	g := &ticket.Listing{Total: x.total, Live: x.live, Beyond: x.beyond}
	first := min((x.w.Page-1)*ticket.WorklistPage, len(x.found))
	for _, e := range x.found[first:min(first+ticket.WorklistPage, len(x.found))] {
		if id, err := ticket.ParseID(e.Member); err == nil {
			g.IDs = append(g.IDs, id)
		}
	}
	x.answer(g)
}
