package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"guichet/templates"
	"guichet/ticket"
)

// fakeStore holds notices as the store does: leased, settled, due again.
type fakeStore struct {
	mu        sync.Mutex
	now       func() time.Time
	queued    []ticket.Delivery
	leased    map[string]time.Time
	settled   []settled
	tickets   map[ticket.ID]*ticket.Ticket
	articles  map[ticket.ID][]ticket.Article
	held      map[string]ticket.Held
	blobs     map[ticket.BlobID][]byte
	refuses   *ticket.Brake
	conflicts int // so many settlements with a change clash
	faults    int // so many settlements fail
	takeovers int // so many settlements find another store, where the lease is not
	wake      chan struct{}
}

type settled struct {
	id string
	ticket.Outcome
	at time.Time
}

func newFakeStore() *fakeStore {
	return &fakeStore{now: time.Now, leased: map[string]time.Time{}, tickets: map[ticket.ID]*ticket.Ticket{}, articles: map[ticket.ID][]ticket.Article{},
		held: map[string]ticket.Held{}, blobs: map[ticket.BlobID][]byte{}, wake: make(chan struct{}, 1)}
}

func (s *fakeStore) queue(n ...ticket.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, each := range n {
		s.queued = append(s.queued, ticket.Delivery{Notice: each, State: ticket.Queued, Due: each.Created})
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *fakeStore) Lease(_ context.Context, n int, d time.Duration) ([]ticket.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ticket.Delivery
	for _, each := range s.queued {
		if len(out) < n && !each.Due.After(s.now()) && !s.leased[each.Notice.ID].After(s.now()) {
			s.leased[each.Notice.ID] = s.now().Add(d)
			out = append(out, each)
		}
	}
	return out, nil
}

func (s *fakeStore) Material(_ context.Context, n ticket.Notice) (ticket.Material, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m ticket.Material
	if h, ok := s.held[n.Held]; ok {
		m.Held = &h
	}
	if n.About != nil {
		m.Entries = map[ticket.ID][]ticket.Article{}
		for _, id := range n.About.Tickets {
			m.Tickets = append(m.Tickets, s.tickets[id].Clone())
			m.Entries[id] = s.articles[id]
		}
	}
	if n.Report != nil {
		tally := ticket.NewTally(*n.Report, s.now())
		for _, t := range s.tickets {
			tally.Add(t)
		}
		m.Report = tally.Report(false)
	}
	for _, h := range s.held {
		m.Waiting = append(m.Waiting, &h)
	}
	t, ok := s.tickets[n.Ticket]
	if !ok {
		return m, nil
	}
	m.Ticket = t.Clone()
	for _, a := range s.articles[n.Ticket] {
		switch {
		case a.Number == n.Article:
			m.Article = &a
		case n.Article == 0 || a.Number < n.Article:
			m.History = append(m.History, a)
		}
	}
	return m, nil
}

func (s *fakeStore) Allow(context.Context, ticket.Notice) (*ticket.Brake, error) {
	return s.refuses, nil
}

func (s *fakeStore) Settle(_ context.Context, d ticket.Delivery, o ticket.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults > 0 {
		s.faults--
		return errors.New("the store is away")
	}
	if s.takeovers > 0 {
		s.takeovers--
		delete(s.leased, d.Notice.ID)
		return ticket.ErrLeaseLost
	}
	if o.Change != nil {
		if s.conflicts > 0 {
			s.conflicts--
			s.tickets[d.Notice.Ticket].Version++
			return ticket.ErrConflict
		}
		for _, tc := range o.Change.Tickets {
			s.tickets[tc.Ticket.ID] = tc.Ticket
			s.articles[tc.Ticket.ID] = append(s.articles[tc.Ticket.ID], tc.Articles...)
			for _, n := range tc.Notices {
				s.queued = append(s.queued, ticket.Delivery{Notice: n, State: ticket.Queued, Due: n.Created})
			}
		}
	}
	s.settled = append(s.settled, settled{d.Notice.ID, o, s.now()})
	delete(s.leased, d.Notice.ID)
	for i := range s.queued {
		if s.queued[i].Notice.ID == d.Notice.ID {
			if s.queued[i].Due = o.Due; o.State != ticket.Queued {
				s.queued = append(s.queued[:i], s.queued[i+1:]...)
			}
			break
		}
	}
	return nil
}

func (s *fakeStore) NoticesDue() <-chan struct{} { return s.wake }

func (s *fakeStore) OpenBlob(_ context.Context, _ string, _ ticket.ID, b ticket.BlobID) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.blobs[b]
	if !ok {
		return nil, errors.New("no such blob")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (s *fakeStore) outcomes() []settled {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]settled(nil), s.settled...)
}

// matter is a site, a ticket with a customer and two agents, and what makes
// notices of it.
type matter struct {
	site  *ticket.Site
	mint  ticket.Mint
	t     *ticket.Ticket
	store *fakeStore
	words *templates.Set
}

// noise is randomness that is the same in each run.
type noise struct {
	mu   sync.Mutex
	next byte
}

func (n *noise) Read(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range p {
		n.next = n.next*73 + 41
		p[i] = n.next
	}
	return len(p), nil
}

var opened = time.Date(2026, time.March, 12, 13, 0, 0, 0, time.UTC)

var shippedWords = sync.OnceValues(func() (*templates.Set, error) { return templates.New(nil) })

func newMatter(t testing.TB) *matter {
	t.Helper()
	signer, err := ticket.NewSigner(1, map[byte][]byte{1: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	words, err := shippedWords()
	if err != nil {
		t.Fatal(err)
	}
	m := &matter{store: newFakeStore(), words: words, mint: ticket.Mint{Signer: signer, Random: &noise{}, Hostname: "mx.guichet.test"}}
	m.site = &ticket.Site{Name: "acme", Prefix: "ACM", Organisation: "Acme SARL", Locales: []string{"en", "fr"}, Admin: "root@acme.example", Queues: []ticket.Queue{
		{Name: "help", Title: "Acme support", Address: "help@acme.example", Aliases: []ticket.Address{"support@acme.example"},
			Agents: []ticket.Address{"anna@acme.example", "ben@acme.example"}}}}
	m.t = &ticket.Ticket{ID: ticket.NewID(m.mint.Random), Site: "acme", Queue: "help", Reference: ticket.Reference{Prefix: "ACM", Number: 1042},
		Subject: "The machine leaks", State: ticket.Open, Locale: "en", Tracking: "34679ACEFHKM", Opened: opened, Changed: opened}
	for _, p := range []ticket.Participant{
		{Role: ticket.Requester, Locale: "en", Mailbox: ticket.Mailbox{Name: "Marie Martin", Address: "marie@customer.example"}},
		{Role: ticket.AgentRole, Locale: "en", Mailbox: ticket.Mailbox{Name: "Anna Berg", Address: "anna@acme.example"}},
		{Role: ticket.AgentRole, Locale: "fr", Mailbox: ticket.Mailbox{Name: "Ben Roux", Address: "ben@acme.example"}},
		{Role: ticket.Copied, Locale: "en", Mailbox: ticket.Mailbox{Name: "Eve Stone", Address: "eve@elsewhere.example"}},
	} {
		m.t.Join(p)
	}
	m.store.tickets[m.t.ID] = m.t
	m.write(ticket.Article{Kind: ticket.PublicArticle, Author: 1, Text: "Hello,\n\nthe machine leaks.\n\nMarie", Proof: ticket.ProofDomain, MessageID: "first@customer.example"})
	return m
}

// write adds an article to the ticket.
func (m *matter) write(a ticket.Article) int {
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	m.t.Articles++
	a.Number, a.At = m.t.Articles, opened.Add(time.Duration(m.t.Articles)*time.Minute)
	m.store.articles[m.t.ID] = append(m.store.articles[m.t.ID], a)
	return a.Number
}

// notice makes a notice to the participant of that number.
func (m *matter) notice(kind ticket.NoticeKind, to uint16, article int) ticket.Notice {
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	p, _ := m.t.Participant(to)
	return m.mint.Notice(kind, m.t, p, article, opened.Add(time.Hour))
}

func (m *matter) parts() Parts {
	return Parts{Store: m.store, Templates: m.words, Mint: m.mint, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Site:     func(name string) (*ticket.Site, bool) { return m.site, name == m.site.Name },
		Commands: []templates.CommandHelp{{Name: "close", Usage: "#close", Text: map[string]string{"en": "close it", "fr": "clore"}}}}
}

// composed is the letter of a notice.
func (m *matter) composed(t testing.TB, n ticket.Notice) *letter {
	t.Helper()
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
	if err != nil {
		t.Fatal(err)
	}
	l, err := o.compose(t.Context(), m.site, n, o.current())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// raw is a letter as it is sent.
func raw(t testing.TB, l *letter) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.writeTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// run starts an outbox within a bubble, at a time when notices are due, and
// gives what ends it and waits.
func run(t testing.TB, o *Outbox) (stop func()) {
	t.Helper()
	time.Sleep(time.Until(opened.Add(2 * time.Hour)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
