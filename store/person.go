package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// Person is everything that a site keeps of somebody.
type Person struct {
	Site    string
	Address ticket.Address
	// Own are the tickets that they are the requester of, Others those on which
	// they take part otherwise: somebody else's matter.
	Own, Others []*ticket.Ticket
	// Held is mail of theirs that was kept aside.
	Held []*ticket.Held
	// Letters are mails to them that belong to no ticket.
	Letters  []ticket.Notice
	Enrolled bool
	// Profile is what they chose as an agent, by any address of theirs; nil for who
	// is none.
	Profile *ticket.Profile

	challenges []string // records
}

// Empty reports whether there is nothing.
func (p *Person) Empty() bool {
	return len(p.Own)+len(p.Others)+len(p.Held)+len(p.Letters)+len(p.challenges) == 0 && !p.Enrolled && p.Profile == nil
}

// Person looks for somebody in some sites. It opens every record: whatever
// indexes say, nothing is missed.
func (s *Store) Person(ctx context.Context, a ticket.Address, sites []string, progress Progress) ([]*Person, error) {
	f := &finding{Store: s, address: a, rooms: map[engine.Space]room{}, found: map[engine.Space]*Person{}}
	total := 0
	var out []*Person
	for _, site := range sites {
		r, err := s.room(ctx, site)
		if err != nil {
			return nil, err
		}
		n, err := r.tickets(ctx)
		if err != nil {
			return nil, err
		}
		total += n
		p := &Person{Site: site, Address: a}
		f.rooms[r.space], f.found[r.space], out = r, p, append(out, p)
		if _, err := s.Enrolment(ctx, site, a); err == nil {
			p.Enrolled = true
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		facts, err := s.Facts(ctx, ticket.Query{Site: site, Profiles: []ticket.Address{a}})
		if err != nil {
			return nil, err
		}
		p.Profile = facts.Profiles[a.Key()]
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	if err := f.walk(ctx, func(n int) { progress(min(n, total), total+1) }); err != nil {
		return nil, fmt.Errorf("store: looking for a person: %w", err)
	}
	progress(total+1, total+1)
	for _, p := range out {
		slices.SortFunc(p.Own, byNumber)
		slices.SortFunc(p.Others, byNumber)
	}
	return out, nil
}

func byNumber(a, b *ticket.Ticket) int {
	return int(int64(a.Reference.Number) - int64(b.Reference.Number))
}

// finding is a search for somebody.
type finding struct {
	*Store
	address ticket.Address
	rooms   map[engine.Space]room
	found   map[engine.Space]*Person
	seen    int // tickets
}

// walk gathers the fields of each record and looks at it.
func (f *finding) walk(ctx context.Context, seen func(tickets int)) error {
	var is keyName
	row := engine.Row{Fields: map[string][]byte{}}
	look := func() error {
		r, ours := f.rooms[is.site]
		if !ours || len(row.Fields) == 0 {
			return nil
		}
		err := f.look(ctx, r, is.record, row)
		if errors.Is(err, ErrNotFound) {
			return nil // erased meanwhile
		}
		seen(f.seen)
		return err
	}
	for item, err := range f.engine.Dump(ctx) {
		if err != nil {
			return err
		}
		if key := (keyName{item.Space, item.Record}); key != is {
			if err := look(); err != nil {
				return err
			}
			is, row = key, engine.Row{Fields: map[string][]byte{}}
		}
		if item.Record != "" && f.found[item.Space] != nil && (item.Name == fieldShelf || !strings.Contains(item.Name, ":")) {
			row.Fields[item.Name] = item.Value
		}
	}
	return look()
}

// look opens a record and keeps it if it is theirs.
func (f *finding) look(ctx context.Context, r room, record string, row engine.Row) error {
	p := f.found[r.space]
	kind, name, _ := strings.Cut(record, ":")
	loose := row.Fields[fieldTicket] == nil
	switch kind + ":" {
	case prefixTicket:
		f.seen++
		id, err := ticket.ParseID(name)
		if err != nil {
			return nil
		}
		if err := r.takeOne(ctx, record, ticketFields, row.Fields); err != nil {
			return err
		}
		t, err := r.ticketOf(id, row.Fields)
		if err != nil {
			return err
		}
		p.ticket(t)
	case prefixHeld:
		h, _, err := r.readHeld(ctx, name)
		if err != nil {
			return err
		}
		if h.From.Address.Same(f.address) {
			p.Held = append(p.Held, h)
		}
	case prefixNotice:
		var n ticket.Notice
		if !loose {
			return nil // it goes with its ticket
		}
		if err := r.openRow(record, row, &n); err != nil {
			return err
		}
		if n.Mailbox.Address.Same(f.address) {
			p.Letters = append(p.Letters, n)
		}
	case prefixChallenge:
		var c ticket.Challenge
		if !loose {
			return nil
		}
		if err := r.openRow(record, row, &c); err != nil {
			return err
		}
		if c.Mailbox.Address.Same(f.address) || c.Parked.Address.Same(f.address) {
			p.challenges = append(p.challenges, record)
		}
	}
	return nil
}

// ticket keeps a ticket that is theirs, or that they take part in.
func (p *Person) ticket(t *ticket.Ticket) {
	if t.Requester().Is(p.Address) {
		p.Own = append(p.Own, t)
		return
	}
	if slices.ContainsFunc(t.Participants, func(q ticket.Participant) bool { return q.Role != ticket.AgentRole && q.Is(p.Address) }) {
		p.Others = append(p.Others, t)
	}
}

// EraseLoose erases what is kept of somebody outside of tickets: held mail,
// mails to them that belong to no ticket, what they were asked to confirm, that
// they were taken for a sender of spam, their enrolment, and what they chose as an
// agent. Held mail that came into a ticket under a legal hold stays.
func (s *Store) EraseLoose(ctx context.Context, p *Person) error {
	r, err := s.room(ctx, p.Site)
	if err != nil {
		return err
	}
	for _, h := range p.Held {
		if err := r.eraseHeld(ctx, h); err != nil {
			return err
		}
	}
	d := newDraft(r, r.now())
	d.step(engine.Drop(recordSpammer(r.person(p.Address))))
	if err := d.forgetProfile(p.Address, p.Profile); err != nil {
		return err
	}
	for _, n := range p.Letters {
		record := recordNotice(n.ID)
		d.step(engine.Unplace(record, fieldInOutbox, n.ID), engine.Drop(record), engine.Drop(recordTaken(n.ID)))
		d.unschedule(Timer{Kind: NoticeTimer, Name: n.ID})
		d.erased = append(d.erased, record)
	}
	for _, record := range p.challenges {
		d.step(engine.Drop(record))
		d.erased = append(d.erased, record)
	}
	if _, err := d.commit(ctx); err != nil {
		return err
	}
	err = s.EraseEnrolment(ctx, p.Site, p.Address)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return err
}

func (r room) eraseHeld(ctx context.Context, h *ticket.Held) error {
	d := newDraft(r, r.now())
	_, err := d.release(ctx, &ticket.Change{Discard: []string{h.ID}})
	if errors.Is(err, ErrLegalHold) {
		return nil // it stays until that is lifted
	}
	if err != nil {
		return err
	}
	_, err = d.commit(ctx)
	if errors.Is(err, ticket.ErrConflict) {
		return nil // decided on, or its ticket was erased, in the same moment
	}
	return err
}

// Sent is a mail that left, by which its copies in mailboxes can be found.
type Sent struct {
	MessageID string         `json:"message_id"` // without <>
	To        ticket.Address `json:"to"`
	// At is when it was made; zero where only its Message-ID is still known.
	At time.Time `json:"at,omitzero"`
}

// Sent gives the mails of a ticket that left, as far as they are still known: all
// of the last 30 days, and of each participant's conversation the newest few.
func (s *Store) Sent(ctx context.Context, t *ticket.Ticket) ([]Sent, error) {
	notices, err := s.Notices(ctx, t.Site, t.ID)
	if err != nil {
		return nil, err
	}
	var out []Sent
	add := func(m Sent) {
		if m.MessageID != "" && !slices.ContainsFunc(out, func(o Sent) bool { return o.MessageID == m.MessageID }) {
			out = append(out, m)
		}
	}
	unsent := map[string]bool{}
	slices.SortFunc(notices, func(a, b ticket.Delivery) int { return a.Notice.Created.Compare(b.Notice.Created) })
	for _, d := range notices {
		if d.State != ticket.Delivered {
			unsent[d.Notice.MessageID] = true
			continue
		}
		m := Sent{MessageID: d.Notice.MessageID, To: d.Notice.Mailbox.Address, At: d.Notice.Created}
		if p, ok := t.Participant(d.Notice.To); ok && m.To == "" {
			m.To = p.Address
		}
		add(m)
	}
	for _, p := range t.Participants {
		for _, id := range p.Thread.References() {
			if token, ours := ticket.TokenOfMessageID(id); ours && token.Ticket == t.ID && !unsent[id] {
				add(Sent{MessageID: id, To: p.Address})
			}
		}
	}
	return out, nil
}
