package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// Filter says which tickets a list shows.
type Filter struct {
	States []ticket.State // none is all
	Queue  string         // "" is all
}

// Tickets gives a site's tickets, the one that changed last first.
func (s *Store) Tickets(ctx context.Context, site string, f Filter, after Cursor, n int) (Page[*ticket.Ticket], error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return Page[*ticket.Ticket]{}, err
	}
	if len(f.States) == 0 {
		f.States = ticket.States
	}
	var asks []engine.Ask
	for _, state := range f.States {
		index := indexState(state)
		if f.Queue != "" {
			index = indexQueue(state, f.Queue)
		}
		asks = append(asks, engine.Ask{Fields: ticketFields, Page: &engine.Page{
			Index: index, Record: prefixTicket, Reverse: true, N: n,
		}})
	}
	return list(ctx, r, "tickets", asks, after, func(row engine.Row) (*ticket.Ticket, error) {
		id, err := ticket.ParseID(row.Member)
		if err != nil {
			return nil, err
		}
		return r.ticketOf(id, row.Fields)
	})
}

// ticketFields are what a ticket is read from.
var ticketFields = []string{fieldVersion, fieldNumber, fieldKey, fieldSealed, fieldShelf}

// openTicket reads a ticket from ticketFields.
func (r room) openTicket(id ticket.ID, fields map[string][]byte) (*ticket.Ticket, error) {
	k, err := r.unwrapTicket(id, fields[fieldKey])
	if err != nil {
		return nil, err
	}
	t := &ticket.Ticket{}
	if err := r.openJSON(k.key, r.at(recordTicket(id), fieldSealed), fields[fieldSealed], t); err != nil {
		return nil, err
	}
	if t.Version, err = versionOf(recordTicket(id), fields); err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(string(fields[fieldNumber]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("number of ticket %s: %w", id, err)
	}
	t.Reference = ticket.Reference{Prefix: r.Prefix, Number: number}
	return t, nil
}

// ticketOf is openTicket for a record that may not be there.
func (r room) ticketOf(id ticket.ID, fields map[string][]byte) (*ticket.Ticket, error) {
	if fields[fieldSealed] == nil {
		return nil, fmt.Errorf("%w: ticket %s", ErrNotFound, id)
	}
	return r.openTicket(id, fields)
}

// Ticket gives one ticket, or ErrNotFound.
func (s *Store) Ticket(ctx context.Context, site string, id ticket.ID) (*ticket.Ticket, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	answers, err := r.read(ctx, "a ticket", engine.Ask{Record: recordTicket(id), Fields: ticketFields})
	if err != nil {
		return nil, err
	}
	return r.ticketOf(id, answers[0].Rows[0].Fields)
}

// ByReference gives the ticket of a reference, or ErrNotFound.
func (s *Store) ByReference(ctx context.Context, ref ticket.Reference) (*ticket.Ticket, error) {
	for _, site := range *s.sites.Load() {
		if site.Prefix == ref.Prefix {
			return s.byPosting(ctx, site.Name, func(room) posting { return postingOfNumber(ref.Number) })
		}
	}
	return nil, fmt.Errorf("%w: no site has the prefix %s", ErrNotFound, ref.Prefix)
}

// ByTracking gives the ticket of a tracking code in its normal form, or
// ErrNotFound. The code identifies; it proves nothing.
func (s *Store) ByTracking(ctx context.Context, site, code string) (*ticket.Ticket, error) {
	return s.byPosting(ctx, site, func(r room) posting { return r.trackingPosting(code) })
}

// ByMessageID gives the ticket that a Message-ID leads to, or ErrNotFound.
func (s *Store) ByMessageID(ctx context.Context, site, messageID string) (*ticket.Ticket, error) {
	return s.byPosting(ctx, site, func(r room) posting { return r.messagePosting(messageID) })
}

func (s *Store) byPosting(ctx context.Context, site string, of func(room) posting) (*ticket.Ticket, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	answers, err := r.read(ctx, "a ticket", of(r).ask(ticketFields...))
	if err != nil {
		return nil, err
	}
	row := answers[0].Rows[0]
	if row.Reached == "" {
		return nil, fmt.Errorf("%w: no such ticket", ErrNotFound)
	}
	id, err := ticket.ParseID(row.Reached)
	if err != nil {
		return nil, err
	}
	return r.ticketOf(id, row.Followed)
}

// Articles gives at most n articles of a ticket, oldest first, those with a
// number above after.
func (s *Store) Articles(ctx context.Context, site string, id ticket.ID, after, n int) ([]ticket.Article, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	return r.articles(ctx, id, after, n)
}

func (r room) articles(ctx context.Context, id ticket.ID, after, n int) ([]ticket.Article, error) {
	answers, err := r.read(ctx, "articles", askArticles(id, after, n))
	if err != nil {
		return nil, err
	}
	return r.openArticles(id, answers[0].Rows[0].Fields, after, n)
}

// askArticles asks for at most n articles of a ticket, those with a number above
// after.
func askArticles(id ticket.ID, after, n int) engine.Ask {
	ask := engine.Ask{Record: recordTicket(id), Fields: []string{fieldKey, fieldShelf}}
	for i := range n {
		ask.Fields = append(ask.Fields, fieldArticle(after+i+1))
	}
	return ask
}

// openArticles reads those of the articles that fields holds.
func (r room) openArticles(id ticket.ID, fields map[string][]byte, after, n int) ([]ticket.Article, error) {
	if fields[fieldKey] == nil {
		return nil, fmt.Errorf("%w: ticket %s", ErrNotFound, id)
	}
	k, err := r.unwrapTicket(id, fields[fieldKey])
	if err != nil {
		return nil, err
	}
	var out []ticket.Article
	for i := range n {
		field := fieldArticle(after + i + 1)
		if fields[field] == nil {
			continue
		}
		var a ticket.Article
		if err := r.openJSON(k.key, r.at(recordTicket(id), field), fields[field], &a); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Counts are how many of each there are in a site.
type Counts struct {
	Tickets map[ticket.State]int
	Outbox  map[ticket.DeliveryState]int // those that are not over
	Held    int
	// Unindexed are tickets that changed, and that searches find as they were.
	Unindexed int
	// OldestDue is when the notice that waits longest is due; zero for none.
	OldestDue time.Time
}

// Counts counts, at a cost that does not depend on how many there are.
func (s *Store) Counts(ctx context.Context, site string) (Counts, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return Counts{}, err
	}
	waiting := []ticket.DeliveryState{ticket.Queued, ticket.OnHold, ticket.Failed}
	var asks []engine.Ask
	for _, state := range ticket.States {
		asks = append(asks, engine.Ask{Page: &engine.Page{Index: indexState(state)}})
	}
	for _, state := range waiting {
		asks = append(asks, engine.Ask{Page: &engine.Page{Index: outboxIndex(state), N: 1}})
	}
	asks = append(asks, engine.Ask{Page: &engine.Page{Index: indexHeld}}, engine.Ask{Page: &engine.Page{Index: indexUnindexed}})
	answers, err := r.read(ctx, "counts", asks...)
	if err != nil {
		return Counts{}, err
	}
	c := Counts{Tickets: map[ticket.State]int{}, Outbox: map[ticket.DeliveryState]int{}}
	for i, state := range ticket.States {
		c.Tickets[state] = answers[i].Total
	}
	outbox := answers[len(ticket.States):]
	for i, state := range waiting {
		c.Outbox[state] = outbox[i].Total
	}
	if len(outbox[0].Rows) > 0 {
		c.OldestDue = outbox[0].Rows[0].Score.Time()
	}
	c.Held, c.Unindexed = outbox[len(waiting)].Total, outbox[len(waiting)+1].Total
	return c, nil
}
