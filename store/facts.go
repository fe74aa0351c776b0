package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"guichet/store/engine"
	"guichet/ticket"
)

// maxFactMessages bounds how many Message-IDs of one message are looked up: the
// newest come first, and a References field may name thousands.
const maxFactMessages = 100

// maxFactChallenges bounds how many challenges of one ticket are looked up, the
// newest: anybody may ask for codes.
const maxFactChallenges = 20

// toTicket follows a record to its ticket. What facts follow must be read with
// the same fields: a record that is reached twice is given once.
var toTicket = &engine.Follow{Field: fieldTicket, Record: prefixTicket, Fields: ticketFields}

// Facts answers a query. For mail that neither names a challenge or held mail nor
// comes to a ticket that waits for a code, that is one round trip to the engine.
func (s *Store) Facts(ctx context.Context, q ticket.Query) (*ticket.Facts, error) {
	l, err := s.lookup(ctx, q)
	if errors.Is(err, errRenamed) {
		l, err = s.lookup(ctx, q) // by the names of now
	}
	if err != nil {
		return nil, fmt.Errorf("store: facts: %w", err)
	}
	if q.Newest {
		if err := l.newest(ctx, q.Tickets); err != nil {
			return nil, fmt.Errorf("store: facts: %w", err)
		}
	}
	l.dropVanished()
	if len(l.facts.Seen) > 0 {
		// Who is told that a message was taken before must be able to rely on it
		// as if it were taken now.
		if err := s.engine.Sync(ctx, l.space); err != nil {
			return nil, fmt.Errorf("store: facts: %w", err)
		}
	}
	return l.facts, nil
}

func (s *Store) lookup(ctx context.Context, q ticket.Query) (*lookup, error) {
	r, err := s.room(ctx, q.Site)
	if err != nil {
		return nil, err
	}
	l := newLookup(r)
	l.query(q)
	return l, l.run(ctx)
}

// lookup gathers facts in rounds: what one finds may name what the next asks.
type lookup struct {
	room
	facts *ticket.Facts
	asks  []engine.Ask
	then  []reader        // of the answer to each
	asked map[string]bool // records of challenges and held mails
}

// reader does something with an answer: about one record, or about a page.
type reader struct {
	row  func(engine.Row) error
	page func(engine.Answer) error
}

func (r reader) read(a engine.Answer) error {
	if r.row != nil {
		return r.row(a.Rows[0])
	}
	return r.page(a)
}

func newLookup(r room) *lookup {
	return &lookup{room: r, asked: map[string]bool{}, facts: &ticket.Facts{
		Tickets:     map[ticket.ID]*ticket.Ticket{},
		ByMessageID: map[string]ticket.ID{},
		ByReference: map[uint64]ticket.ID{},
		Seen:        map[string]bool{},
		SeenAs:      map[string]string{},
		Challenges:  map[ticket.ID]*ticket.Challenge{},
		Held:        map[string]*ticket.Held{},
		ByTracking:  map[string]ticket.ID{},
		Profiles:    map[string]*ticket.Profile{},
		Newest:      map[ticket.ID]*ticket.Article{},
		Lists:       map[string]*ticket.Listing{},
	}}
}

// askRow asks about one record.
func (l *lookup) askRow(a engine.Ask, then func(engine.Row) error) {
	l.asks, l.then = append(l.asks, a), append(l.then, reader{row: then})
}

func (l *lookup) askPage(a engine.Ask, then func(engine.Answer) error) {
	l.asks, l.then = append(l.asks, a), append(l.then, reader{page: then})
}

// run asks until nothing more is named.
func (l *lookup) run(ctx context.Context) error {
	for len(l.asks) > 0 {
		asks, then := l.asks, l.then
		l.asks, l.then = nil, nil
		answers, err := l.read(ctx, "facts", asks...)
		if err != nil {
			return err
		}
		for i, answer := range answers {
			if err := then[i].read(answer); err != nil {
				return err
			}
		}
	}
	return nil
}

// query asks for all that a query names.
func (l *lookup) query(q ticket.Query) {
	q.MessageIDs = q.MessageIDs[:min(len(q.MessageIDs), maxFactMessages)]
	n := len(q.Tickets) + len(q.MessageIDs) + len(q.References) + len(q.Tracking) + len(q.Seen) + len(q.Challenges) + len(q.Held) + 3
	l.asks, l.then = make([]engine.Ask, 0, n), make([]reader, 0, n)
	l.named(q.Tickets)
	for _, id := range q.MessageIDs {
		posted(l, l.messagePosting(id), l.facts.ByMessageID, id)
	}
	for _, n := range q.References {
		posted(l, postingOfNumber(n), l.facts.ByReference, n)
	}
	for _, code := range q.Tracking {
		posted(l, l.trackingPosting(code), l.facts.ByTracking, code)
	}
	for _, delivery := range q.Seen {
		l.askRow(engine.Ask{Record: recordSeen(l.digest(kindSeen, delivery)), Fields: []string{fieldSeen}}, func(row engine.Row) error {
			as, ok := row.Fields[fieldSeen]
			if !ok {
				return nil
			}
			l.facts.Seen[delivery] = true
			if held := string(as); held != seenDone {
				l.facts.SeenAs[delivery] = held
				l.held(held)
			}
			return nil
		})
	}
	for _, id := range q.Challenges {
		l.challenge(id)
	}
	for _, id := range q.Held {
		l.held(id)
	}
	if q.Canned {
		l.canned()
	}
	for _, a := range q.Profiles {
		l.profile(a)
	}
	if q.Address != "" {
		l.person(q.Address, q.IfSighted && !q.Whole)
	}
	if q.Whole {
		l.open()
	}
	if q.Sender != "" {
		l.spammer(q.Sender)
	}
	for _, w := range q.Lists {
		l.list(w)
	}
}

// posted asks for the ticket that a posting leads to. A posting of a ticket that
// was erased in the same moment leads nowhere.
func posted[K comparable](l *lookup, p posting, found map[K]ticket.ID, name K) {
	l.askRow(p.ask(ticketFields...), func(row engine.Row) error {
		id, ok, err := l.reached(row)
		if ok {
			found[name] = id
		}
		return err
	})
}

// reached reads the ticket to which a row leads, if it does.
func (l *lookup) reached(row engine.Row) (ticket.ID, bool, error) {
	if row.Reached == "" {
		return ticket.ID{}, false, nil
	}
	id, err := ticket.ParseID(row.Reached)
	if err != nil {
		return id, false, fmt.Errorf("posting: %w", err)
	}
	if err := l.addTicket(id, row.Followed); err != nil {
		return id, false, err
	}
	_, found := l.facts.Tickets[id]
	return id, found, nil
}

func (l *lookup) addTicket(id ticket.ID, fields map[string][]byte) error {
	if l.facts.Tickets[id] != nil || fields[fieldSealed] == nil {
		return nil
	}
	t, err := l.openTicket(id, fields)
	if err != nil {
		return err
	}
	l.facts.Tickets[id] = t
	if p, ok := t.Participant(t.Assignee); ok {
		l.profile(p.Address)
	}
	l.also(t.Merged)
	if t.Undo != nil {
		l.also(t.Undo.With)
	}
	for _, c := range t.Challenges[max(0, len(t.Challenges)-maxFactChallenges):] {
		l.challenge(c)
	}
	return nil
}

// also asks for a ticket that another names.
func (l *lookup) also(id ticket.ID) {
	record := recordTicket(id)
	if id.IsZero() || l.facts.Tickets[id] != nil || !l.once(record) {
		return
	}
	l.askRow(engine.Ask{Record: record, Fields: ticketFields}, func(row engine.Row) error {
		return l.addTicket(id, row.Fields)
	})
}

// newestAmong is how many articles are looked through for the requester's last.
const newestAmong = 50

// newest asks, for each ticket that a query named, for what its requester wrote
// last.
func (l *lookup) newest(ctx context.Context, ids []ticket.ID) error {
	for _, id := range ids {
		t := l.facts.Tickets[id]
		if t == nil {
			continue
		}
		after := max(0, t.Articles-newestAmong)
		articles, err := l.articles(ctx, id, after, t.Articles-after)
		if err != nil {
			return err
		}
		for _, a := range slices.Backward(articles) {
			p, ok := t.Participant(a.Author)
			if ok && a.Kind == ticket.PublicArticle && p.Role != ticket.AgentRole {
				l.facts.Newest[id] = &a
				break
			}
		}
	}
	return nil
}

// once reports whether a record is asked about for the first time.
func (l *lookup) once(record string) bool {
	before := l.asked[record]
	l.asked[record] = true
	return !before
}

// challenge asks for a challenge, and then for all that it names.
func (l *lookup) challenge(id ticket.ID) {
	record := recordChallenge(id)
	if id.IsZero() || !l.once(record) {
		return
	}
	l.askRow(engine.Ask{Record: record, Fields: challengeFields, Follow: toTicket}, func(row engine.Row) error {
		if there, err := l.whole(row); !there {
			return err
		}
		c, err := l.openChallenge(id, row)
		if err != nil {
			return err
		}
		l.facts.Challenges[id] = c
		l.challenge(c.Parked.Other)
		l.held(c.Parked.Held)
		l.named(c.Parked.Tickets)
		return nil
	})
}

// named asks for tickets by their ids.
func (l *lookup) named(ids []ticket.ID) {
	for _, id := range ids {
		l.askRow(engine.Ask{Record: recordTicket(id), Fields: ticketFields}, func(row engine.Row) error {
			return l.addTicket(id, row.Fields)
		})
	}
}

// held asks for held mail, and the ticket that it would go to.
func (l *lookup) held(id string) {
	record := recordHeld(id)
	if id == "" || !l.once(record) {
		return
	}
	l.askRow(engine.Ask{Record: record, Fields: heldFields, Follow: toTicket}, func(row engine.Row) error {
		if there, err := l.whole(row); !there {
			return err
		}
		h := &ticket.Held{}
		if err := l.openRow(record, row, h); err != nil {
			return err
		}
		l.facts.Held[id] = h
		return nil
	})
}

// whole reads the ticket of a record, and reports whether the record is there
// and can be opened: it cannot when its ticket was erased in the same moment.
func (l *lookup) whole(row engine.Row) (bool, error) {
	if row.Fields[fieldSealed] == nil {
		return false, nil
	}
	_, found, err := l.reached(row)
	return err == nil && (row.Reached == "" || found), err
}

// person asks what is an address's own, and where it may see the whole site and
// that is asked for, what is open there.
func (l *lookup) person(a ticket.Address, whole bool) {
	of := l.room.person(a)
	page := &engine.Page{Index: indexOwn(of), Record: prefixTicket, Reverse: true, N: ticket.MaxOwn}
	l.askPage(engine.Ask{Fields: ticketFields, Page: page}, func(answer engine.Answer) (err error) {
		l.facts.Own, err = l.addTickets(answer.Rows)
		return err
	})
	l.askRow(engine.Ask{Record: recordEnrolled(of), Fields: []string{fieldKey, fieldSight}}, func(row engine.Row) error {
		l.facts.Enrolled = row.Fields[fieldKey] != nil
		if l.facts.Sight = l.facts.Enrolled && row.Fields[fieldSight] != nil; l.facts.Sight && whole {
			l.open()
		}
		return nil
	})
}

// open asks for what is open at the site: of each state the newest, of which
// those that changed last are kept.
func (l *lookup) open() {
	for _, state := range ticket.States {
		if state == ticket.Closed {
			continue
		}
		page := &engine.Page{Index: indexState(state), Record: prefixTicket, Reverse: true, N: ticket.MaxWhole}
		l.askPage(engine.Ask{Fields: ticketFields, Page: page}, func(answer engine.Answer) error {
			l.facts.Open += answer.Total
			return l.addOpen(answer.Rows)
		})
	}
}

func (l *lookup) addOpen(rows []engine.Row) error {
	ids, err := l.addTickets(rows)
	if err != nil {
		return err
	}
	l.facts.Whole = append(l.facts.Whole, ids...)
	slices.SortStableFunc(l.facts.Whole, func(a, b ticket.ID) int {
		return l.facts.Tickets[b].Changed.Compare(l.facts.Tickets[a].Changed)
	})
	l.facts.Whole = l.facts.Whole[:min(len(l.facts.Whole), ticket.MaxWhole)]
	return nil
}

// addTickets reads the tickets of an index, and gives those that are there.
func (l *lookup) addTickets(rows []engine.Row) (ids []ticket.ID, err error) {
	for _, row := range rows {
		id, err := ticket.ParseID(row.Member)
		if err != nil {
			return nil, fmt.Errorf("a member of an index: %w", err)
		}
		if err := l.addTicket(id, row.Fields); err != nil {
			return nil, err
		}
		if l.facts.Tickets[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// dropVanished takes out of the tickets the challenges that are over: the next
// change of each writes it without them.
func (l *lookup) dropVanished() {
	for _, t := range l.facts.Tickets {
		t.Challenges = slices.DeleteFunc(t.Challenges, func(id ticket.ID) bool { return l.facts.Challenges[id] == nil })
	}
}
