package store

import (
	"context"
	"errors"
	"slices"

	"guichet/store/engine"
	"guichet/ticket"
)

const (
	// historyLength is how many articles before its own a notice may show.
	historyLength = 12
	// wholeHistory is how many public articles a whole history has at most, the
	// newest.
	wholeHistory = 500
	// shownArticles is how many articles a whole ticket has, as agents see it, the
	// newest.
	shownArticles = 100
	// digestLength is how much held mail one digest tells of.
	digestLength = 100
)

// Material reads what a notice is about. Most notices bring an article of a
// ticket: what is asked for at the same time of such ones is one round trip, and
// for agents a second one.
func (s *Store) Material(ctx context.Context, n ticket.Notice) (ticket.Material, error) {
	if ofArticle(n) {
		return s.reading.do(ctx, n.Site, n)
	}
	return s.material(ctx, n)
}

// ofArticle reports whether a notice is about one article of its ticket and what
// went before, and nothing else.
func ofArticle(n ticket.Notice) bool {
	switch n.Kind {
	case ticket.Acknowledgement, ticket.Answer, ticket.AgentNew, ticket.AgentReply, ticket.AgentAnswer, ticket.AgentNote, ticket.AgentEvent:
		return !n.Ticket.IsZero() && n.Article != 0 && n.Held == "" && n.About == nil && n.Report == nil
	}
	return false
}

// brought is the article that a notice is about.
type brought struct {
	ticket ticket.ID
	number int
}

// materials reads what a group of notices is about, of each article once.
func (s *Store) materials(ctx context.Context, site string, group []*asked[ticket.Notice, ticket.Material]) {
	read := map[brought]*asked[ticket.Notice, ticket.Material]{}
	var asks []engine.Ask
	var order []*asked[ticket.Notice, ticket.Material]
	for _, a := range group {
		b := brought{a.ask.Ticket, a.ask.Article}
		if read[b] == nil {
			read[b] = &asked[ticket.Notice, ticket.Material]{ask: a.ask}
			asks, order = append(asks, askMaterial(b.ticket, b.number)), append(order, read[b])
		}
	}
	r, err := s.room(ctx, site)
	var answers []engine.Answer
	if err == nil {
		answers, err = r.read(ctx, "tickets", asks...)
	}
	for i, one := range order {
		if one.err = err; err == nil {
			one.result, one.err = r.openMaterial(ticket.Material{}, one.ask, one.ask.Article, answers[i].Rows[0].Fields)
		}
	}
	for _, a := range group {
		one := read[brought{a.ask.Ticket, a.ask.Article}]
		if a.err = one.err; a.err == nil {
			a.result = one.result
			a.result.Ticket = one.result.Ticket.Clone() // each may do with it what it likes
		}
	}
	r.addProfiles(ctx, group)
}

// recipient is the address that a notice goes to.
func recipient(n ticket.Notice, m ticket.Material) ticket.Address {
	if m.Ticket != nil {
		if p, ok := m.Ticket.Participant(n.To); ok {
			return p.Address
		}
	}
	return n.Mailbox.Address
}

func (s *Store) material(ctx context.Context, n ticket.Notice) (m ticket.Material, err error) {
	r, err := s.room(ctx, n.Site)
	if err != nil {
		return m, err
	}
	if n.Held != "" {
		// Held mail may have been decided on since.
		if m.Held, _, err = r.readHeld(ctx, n.Held); errors.Is(err, ErrNotFound) {
			m.Held, err = nil, nil
		}
		if err != nil {
			return m, err
		}
	}
	if n.About != nil && len(n.About.Tickets) > 0 {
		if err := r.addOwn(ctx, n, &m); err != nil {
			return m, err
		}
	}
	if n.Kind == ticket.HeldDigest || n.Kind == ticket.AgentList {
		if err := r.addWork(ctx, n, &m); err != nil {
			return m, err
		}
	}
	if n.Report != nil {
		if m.Report, err = s.Report(ctx, n.Site, *n.Report); err != nil {
			return m, err
		}
	}
	if !n.Ticket.IsZero() {
		if err := r.addTicket(ctx, n, &m); err != nil {
			return m, err
		}
	}
	if n.About != nil && n.About.Action == ticket.SeeSite {
		if m.Sight, err = r.sighted(ctx, recipient(n, m)); err != nil {
			return m, err
		}
	}
	alone := &asked[ticket.Notice, ticket.Material]{ask: n, result: m}
	r.addProfiles(ctx, []*asked[ticket.Notice, ticket.Material]{alone})
	return alone.result, alone.err
}

// addOwn adds the tickets that a notice tells of, and for an export all that was
// written on them.
func (r room) addOwn(ctx context.Context, n ticket.Notice, m *ticket.Material) error {
	var err error
	if m.Tickets, err = r.ticketsOf(ctx, n.About.Tickets[:min(len(n.About.Tickets), ticket.MaxOwn)]); err != nil || n.Kind != ticket.Export {
		return err
	}
	m.Entries = map[ticket.ID][]ticket.Article{}
	for _, t := range m.Tickets {
		articles, err := r.allArticles(ctx, t)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		m.Entries[t.ID] = articles
	}
	return nil
}

// ticketsOf gives those of some ids that are still there, in one round trip.
func (r room) ticketsOf(ctx context.Context, ids []ticket.ID) (found []*ticket.Ticket, err error) {
	asks := make([]engine.Ask, len(ids))
	for i, id := range ids {
		asks[i] = engine.Ask{Record: recordTicket(id), Fields: ticketFields}
	}
	answers, err := r.read(ctx, "tickets", asks...)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		t, err := r.ticketOf(id, answers[i].Rows[0].Fields)
		if errors.Is(err, ErrNotFound) {
			continue // erased since
		}
		if err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// addWork adds what an agent is told that there is to do: a list that they asked
// for, or their morning.
func (r room) addWork(ctx context.Context, n ticket.Notice, m *ticket.Material) (err error) {
	queues := []string{n.Queue}
	switch {
	case n.List != nil && n.List.View == ticket.ViewHeld:
		queues = n.List.Queues
	case n.List != nil:
		m.Tickets, err = r.ticketsOf(ctx, n.List.Tickets)
		return err
	default:
		if m.Morning, err = r.Morning(ctx, r.Name, n.Queue, n.Mailbox.Address, r.now()); err != nil {
			return err
		}
	}
	for _, queue := range queues {
		if err := r.addHeld(ctx, queue, m); err != nil {
			return err
		}
	}
	return nil
}

func (r room) allArticles(ctx context.Context, t *ticket.Ticket) (all []ticket.Article, err error) {
	for after := 0; after < t.Articles; after += articlesAtOnce {
		some, err := r.articles(ctx, t.ID, after, min(articlesAtOnce, t.Articles-after))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// addTicket adds the ticket of a notice, what it brings, and what went before.
func (r room) addTicket(ctx context.Context, n ticket.Notice, m *ticket.Material) error {
	last := n.Article
	if last == 0 {
		t, err := r.Ticket(ctx, r.Name, n.Ticket)
		if err != nil {
			return err
		}
		if n.Kind == ticket.History {
			m.Ticket = t
			m.History, err = r.publicArticles(ctx, t)
			return err
		}
		if n.Kind == ticket.AgentShow {
			m.Ticket = t
			after := max(0, t.Articles-shownArticles)
			m.History, err = r.articles(ctx, t.ID, after, t.Articles-after)
			return err
		}
		last = t.Articles
	}
	return r.readMaterial(ctx, n, last, m)
}

// publicArticles gives what requesters may read of a ticket, oldest first.
func (r room) publicArticles(ctx context.Context, t *ticket.Ticket) ([]ticket.Article, error) {
	var newestFirst []ticket.Article
	for last := t.Articles; last > 0 && len(newestFirst) < wholeHistory; last -= articlesAtOnce {
		after := max(0, last-articlesAtOnce)
		some, err := r.articles(ctx, t.ID, after, last-after)
		if err != nil {
			return nil, err
		}
		for _, a := range slices.Backward(some) {
			if a.Kind == ticket.PublicArticle && len(newestFirst) < wholeHistory {
				newestFirst = append(newestFirst, a)
			}
		}
	}
	slices.Reverse(newestFirst)
	return newestFirst, nil
}

func (r room) readMaterial(ctx context.Context, n ticket.Notice, last int, m *ticket.Material) error {
	answers, err := r.read(ctx, "a ticket", askMaterial(n.Ticket, last))
	if err != nil {
		return err
	}
	*m, err = r.openMaterial(*m, n, last, answers[0].Rows[0].Fields)
	return err
}

// before is how many articles there are before those that are read where last is
// the last.
func before(last int) int { return max(0, last-1-historyLength) }

// askMaterial asks for a ticket, its article last, and what went before.
func askMaterial(id ticket.ID, last int) engine.Ask {
	ask := engine.Ask{Record: recordTicket(id), Fields: append([]string{}, ticketFields...)}
	for number := before(last) + 1; number <= last; number++ {
		ask.Fields = append(ask.Fields, fieldArticle(number))
	}
	return ask
}

// openMaterial adds what was asked to m.
func (r room) openMaterial(m ticket.Material, n ticket.Notice, last int, fields map[string][]byte) (_ ticket.Material, err error) {
	if m.Ticket, err = r.ticketOf(n.Ticket, fields); err != nil {
		return m, err
	}
	if m.History, err = r.openArticles(n.Ticket, fields, before(last), last-before(last)); err != nil {
		return m, err
	}
	if i := len(m.History) - 1; i >= 0 && n.Article != 0 && m.History[i].Number == n.Article {
		m.Article, m.History = &m.History[i], m.History[:i]
	}
	return m, nil
}

// addHeld adds the held mail of a queue that waits longest, and counts the rest.
func (r room) addHeld(ctx context.Context, queue string, m *ticket.Material) error {
	answers, err := r.read(ctx, "held mail",
		engine.Ask{Fields: heldFields, Follow: toTicketKey, Page: &engine.Page{Index: indexHeldIn(queue), Record: prefixHeld, N: digestLength}},
		engine.Ask{Page: &engine.Page{Index: indexAside(queue), N: 1}})
	if err != nil {
		return err
	}
	waiting, aside := answers[0], answers[1]
	for _, row := range waiting.Rows {
		if row.Fields[fieldSealed] == nil {
			continue // decided on in the same moment
		}
		h := &ticket.Held{}
		if err := r.openRow(recordHeld(row.Member), row, h); err != nil {
			return err
		}
		m.Waiting = append(m.Waiting, h)
	}
	m.Further += max(0, waiting.Total-len(waiting.Rows))
	m.Aside += aside.Total
	return nil
}
