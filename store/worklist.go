package store

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file answers worklists: pages of the indexes that terms have, tickets to
// which words lead (see wordsearch.go), and what was noted since. Nothing is
// opened but what was noted: the list gives ids, and the words about them are
// made when the mail leaves.

const (
	// notedAtOnce is how many tickets a list looks at that are not indexed yet.
	notedAtOnce = 100
	// candidates is how many tickets a search looks at, and candidatesAtOnce how
	// many of them in one round trip.
	candidates       = 10_000
	candidatesAtOnce = 500
)

// What tells of a ticket whether a search wants it. A search that wants no closed
// ones needs nothing of what lies on a shelf.
var (
	candidateFields     = withShelf(fieldFoundBy, fieldInQueue)
	liveCandidateFields = []string{fieldFoundBy, fieldInQueue}
)

func (x *listing) candidateFields() []string {
	if len(x.w.States) > 0 && !slices.Contains(x.w.States, ticket.Closed) {
		return liveCandidateFields
	}
	return candidateFields
}

// listing is a worklist while it is read.
type listing struct {
	*lookup
	w     ticket.Worklist
	any   []digest // of which one
	words []called // of which all
	// noted are the tickets that were changed since they were indexed, and where
	// they stand in the list; 0 and false are nowhere.
	noted  map[string]engine.Score
	wanted map[string]bool
	found  []engine.Entry
	live   int
	total  int
	beyond bool
}

// called is a word that each listed ticket has, under any of its names.
type called []word

func (c called) among(has foundBy) bool {
	return slices.ContainsFunc(c, func(w word) bool { return slices.Contains(has.words, w) })
}

// list asks for a worklist.
func (l *lookup) list(w ticket.Worklist) {
	x := &listing{lookup: l, w: w, noted: map[string]engine.Score{}, wanted: map[string]bool{}}
	for _, t := range w.Any() {
		x.any = append(x.any, l.everTerm(t)...)
	}
	for _, t := range w.Every() {
		x.words = append(x.words, calledBy(l.everTerm(t)))
	}
	fields := append([]string{fieldFoundBy}, ticketFields...)
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
		// A word may stand in an article, which is read when it is indexed.
		has := x.foundBy(t, nil)
		has.words = append(has.words, readFoundBy(row.Fields[fieldFoundBy]).words...)
		if at, ok := x.wants(has, indexQueue(t.State, t.Queue)); ok {
			x.noted[row.Member], x.wanted[row.Member] = at, true
			x.alive(indexState(t.State))
		}
	}
	return nil
}

// wants reports whether a ticket with these terms, in that index of its queue, is
// listed, and where it stands.
func (x *listing) wants(has foundBy, inQueue string) (at engine.Score, ok bool) {
	for _, d := range x.any {
		if score, found := has.place(d); found {
			at, ok = score, true
		}
	}
	for _, c := range x.words {
		ok = ok && c.among(has)
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

// rarest begins with the words, unless fewer tickets stand in the lists.
func (x *listing) rarest() {
	if len(x.any) == 0 {
		x.answer(&ticket.Listing{})
		return
	}
	listed := 0
	for _, d := range x.any {
		x.askPage(engine.Ask{Page: &engine.Page{Index: indexSearch(d)}}, func(a engine.Answer) error {
			listed += a.Total
			return nil
		})
	}
	x.askRow(engine.Ask{Record: recordNumbers, Fields: []string{fieldTickets}}, func(row engine.Row) error {
		if last, _ := strconv.ParseUint(string(row.Fields[fieldTickets]), 10, 64); len(x.words) > 0 {
			x.byWords(last, listed)
		} else {
			x.scan(x.any, nil, candidates)
		}
		return nil
	})
}

// scan goes through some lists, page by page, for the tickets that are wanted.
func (x *listing) scan(source []digest, after *engine.Entry, left int) {
	n := min(candidatesAtOnce, left)
	page := &engine.Page{Index: indexSearch(source[0]), After: after, Record: prefixTicket, Reverse: x.w.Newest(), N: n}
	x.askPage(engine.Ask{Fields: x.candidateFields(), Page: page}, func(a engine.Answer) error {
		for _, row := range a.Rows {
			x.candidate(row.Member, row.Fields)
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
func (x *listing) candidate(member string, fields map[string][]byte) {
	if _, noted := x.noted[member]; noted {
		return
	}
	inQueue := string(fields[fieldInQueue])
	if at, ok := x.wants(readFoundBy(fields[fieldFoundBy]), inQueue); ok {
		x.found = append(x.found, engine.Entry{Member: member, Score: at})
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
