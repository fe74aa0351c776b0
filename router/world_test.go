package router_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/envelope"
	"guichet/router"
	"guichet/ticket"
)

// world is two companies with their queues, a store in memory and a clock that
// the test sets: whole conversations are played through Router.Deliver.
type world struct {
	t      testing.TB
	router *router.Router
	store  *memory
	mint   ticket.Mint
	sites  []ticket.Site
	now    time.Time
	log    *bytes.Buffer
	sent   int
}

func newWorld(t testing.TB) *world {
	signer, err := ticket.NewSigner(0, map[byte][]byte{0: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: newMemory(t), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	w.mint = ticket.Mint{Signer: signer, Pepper: ticket.NewPepper(bytes.Repeat([]byte{3}, 32)), Random: mathrand.NewChaCha8([32]byte{5}), Hostname: "mx.acme.example"}
	validation := ticket.ValidationFormat{Length: 8, Valid: 15 * time.Minute}
	w.sites = []ticket.Site{{
		Name: "acme", Prefix: "ACM", ClientNumber: "ACM-7731-Q", Locales: []string{"en", "fr"}, Tracking: ticket.DefaultTracking,
		Validation: validation, ConfirmWithin: 7 * 24 * time.Hour, CallOff: 72 * time.Hour,
		Reopen: 14 * 24 * time.Hour, Admin: "admin@hosting.example",
		Queues: []ticket.Queue{
			{Name: "help", Title: "Acme support", Address: "help@acme.example", Aliases: []ticket.Address{"support@old.example"},
				Agents: []ticket.Address{"anna@acme.example", "ben@acme.example"}},
			{Name: "billing", Title: "Acme billing", Address: "billing@acme.example", Agents: []ticket.Address{"carl@acme.example"}},
		},
	}, {
		Name: "bolt", Prefix: "BLT", Locales: []string{"fr"}, Tracking: ticket.DefaultTracking, Validation: validation, ConfirmWithin: 7 * 24 * time.Hour, Reopen: 14 * 24 * time.Hour,
		Queues: []ticket.Queue{{Name: "help", Title: "Bolt", Address: "help@bolt.example", ReplyDomain: "tickets.bolt.example",
			Agents: []ticket.Address{"zoe@bolt.example"}}},
	}}
	w.router = router.New(w.store, w.directory(), w.mint, func() time.Time { return w.now },
		slog.New(slog.NewTextHandler(w.log, nil)))
	return w
}

func (w *world) directory() *router.Directory {
	sites := slices.Clone(w.sites)
	for i := range sites {
		sites[i].Queues = slices.Clone(sites[i].Queues)
	}
	return router.NewDirectory("mx.acme.example", sites)
}

// reload puts the settings in force as the test changed them.
func (w *world) reload() { w.router.Update(w.directory()) }

// mail is a message as a test writes it. Text is header fields, an empty line
// and the body; the fields that every mail has are added where it leaves them
// out. It comes with DKIM unless said otherwise.
type mail struct {
	from     string
	to       []string // RCPT, and To
	rcpt     []string // RCPT where it is not To
	text     string
	null     bool // MAIL FROM:<>
	noAuthor bool // the door found no one author
	proof    ticket.Proof
	method   ticket.Method
	unproved bool
}

func (w *world) envelope(m mail) *envelope.Envelope {
	w.t.Helper()
	head, body, _ := strings.Cut(strings.TrimPrefix(m.text, "\n"), "\n\n")
	if head != "" {
		head += "\n"
	}
	w.sent++
	add := func(name, value string) {
		if !strings.Contains("\n"+strings.ToLower(head), "\n"+strings.ToLower(name)+":") && value != "" {
			head = name + ": " + value + "\n" + head
		}
	}
	add("Date", w.now.Format(time.RFC1123Z))
	add("Message-ID", fmt.Sprintf("<m%d@programs.example>", w.sent))
	add("To", strings.Join(m.to, ", "))
	add("From", m.from)
	e := &envelope.Envelope{
		ID: fmt.Sprintf("t%d", w.sent), Received: w.now, Null: m.null,
		Data: []byte(strings.ReplaceAll(head+"\n"+body, "\n", "\r\n")), Trace: []byte("Received: from a test\r\n"),
	}
	if m.rcpt == nil {
		m.rcpt = m.to
	}
	for _, to := range m.rcpt {
		r, err := w.router.Recipient(context.Background(), ticket.MustAddress(to))
		if err != nil {
			w.t.Fatalf("RCPT %s: %v", to, err)
		}
		e.Recipients = append(e.Recipients, r)
	}
	if !m.noAuthor {
		if m.proof == 0 && !m.unproved {
			m.proof = ticket.ProofDomain
		}
		if m.method == "" && m.proof >= ticket.ProofDomain {
			m.method = ticket.ByDKIM
		}
		_, bare, found := strings.Cut(strings.TrimSuffix(m.from, ">"), "<")
		if !found {
			bare = m.from
		}
		e.Evidence = ticket.Evidence{From: ticket.MustAddress(bare), Proof: m.proof, Method: m.method, Reason: "as the test says"}
	}
	return e
}

// filed is what became of a message at one site.
type filed struct {
	w        *world
	outcomes []router.Outcome
	change   *ticket.Change // nil when nothing changed
}

// send delivers a message that is for one site.
func (w *world) send(m mail) filed {
	w.t.Helper()
	e := w.envelope(m)
	before := w.store.picture()
	said, err := w.router.Explain(context.Background(), e)
	if err != nil || len(said) != 1 {
		w.t.Fatalf("explained: %v, for %d sites", err, len(said))
	}
	if w.store.picture() != before {
		w.t.Fatal("explaining changed something")
	}
	return w.pass(e, said[0].Outcomes)
}

// pass delivers an envelope and gives what it changed.
func (w *world) pass(e *envelope.Envelope, outcomes []router.Outcome) filed {
	w.t.Helper()
	n := len(w.store.changes)
	if err := w.router.Deliver(context.Background(), e); err != nil {
		w.t.Fatalf("delivered: %v", err)
	}
	for _, told := range e.Filed { // as the door does
		slog.New(slog.NewTextHandler(w.log, nil)).LogAttrs(context.Background(), slog.LevelInfo, "message", told...)
	}
	f := filed{w: w, outcomes: outcomes}
	if len(w.store.changes) > n {
		f.change = w.store.changes[n]
	}
	return f
}

// did checks what was done for the one queue.
func (f filed) did(want router.Did) filed {
	f.w.t.Helper()
	if len(f.outcomes) != 1 || f.outcomes[0].Did != want {
		f.w.t.Fatalf("did %+v, want %s", f.outcomes, want)
	}
	return f
}

func (f filed) by(want router.Rule) filed {
	f.w.t.Helper()
	if f.outcomes[0].Rule != want {
		f.w.t.Errorf("threaded by %q, want %q", f.outcomes[0].Rule, want)
	}
	return f
}

// held checks that the message was kept aside, for that reason, and changed
// nothing that a requester sees.
func (f filed) held(want ticket.Why) filed {
	f.w.t.Helper()
	f.did(router.HeldBack)
	if len(f.change.Held) != 1 || f.change.Held[0].Why != want {
		f.w.t.Fatalf("held %+v, want %s", f.change.Held, want)
	}
	for _, c := range f.change.Tickets {
		if len(c.Articles) > 0 || len(c.MessageIDs) > 0 {
			f.w.t.Errorf("a held mail writes %+v, %v", c.Articles, c.MessageIDs)
		}
	}
	return f
}

// owes checks all mails that are owed for it: "kind address".
func (f filed) owes(want ...string) filed {
	f.w.t.Helper()
	got := []string{}
	for _, n := range f.notices() {
		got = append(got, string(n.Kind)+" "+string(f.w.addressee(n)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.w.t.Errorf("owes %q\nwant %q", got, want)
	}
	return f
}

func (f filed) notices() []ticket.Notice {
	if f.change == nil {
		return nil
	}
	all := slices.Clone(f.change.Notices)
	for _, c := range f.change.Tickets {
		all = append(all, c.Notices...)
	}
	return all
}

// notice gives the one mail of that kind to that address.
func (f filed) notice(kind ticket.NoticeKind, to ticket.Address) ticket.Notice {
	f.w.t.Helper()
	for _, n := range f.notices() {
		if n.Kind == kind && f.w.addressee(n) == to {
			return n
		}
	}
	f.w.t.Fatalf("no %s to %s", kind, to)
	return ticket.Notice{}
}

// ticket is the ticket as it stands now that the message touched.
func (f filed) ticket() *ticket.Ticket {
	f.w.t.Helper()
	if f.change == nil || len(f.change.Tickets) != 1 {
		f.w.t.Fatalf("touched %+v", f.change)
	}
	return f.w.read(f.change.Site, f.change.Tickets[0].Ticket.ID)
}

func (f filed) article() ticket.Article {
	f.w.t.Helper()
	if f.change == nil || len(f.change.Tickets) != 1 || len(f.change.Tickets[0].Articles) == 0 {
		f.w.t.Fatalf("wrote nothing: %+v", f.change)
	}
	return f.change.Tickets[0].Articles[0]
}

func (w *world) read(site string, id ticket.ID) *ticket.Ticket {
	w.t.Helper()
	t := w.store.sites[site].tickets[id]
	if t == nil {
		w.t.Fatal("no such ticket")
	}
	return t
}

func (w *world) addressee(n ticket.Notice) ticket.Address {
	if n.Ticket.IsZero() || n.To == 0 {
		return n.Mailbox.Address
	}
	p, _ := w.read(n.Site, n.Ticket).Participant(n.To)
	return p.Address
}

// at is the address with a token that answers a notice.
func (w *world) at(purpose ticket.Purpose, n ticket.Notice) string {
	w.t.Helper()
	site, _ := w.router.Directory().Site(n.Site)
	queue, _ := site.Queue(n.Queue)
	t := w.read(n.Site, n.Ticket)
	p, _ := t.Participant(n.To)
	return string(queue.With(w.mint.Signer.Sign(purpose, n.Site, t.ID, p)))
}

// answer is a reply to a notice as a mail program writes it, by the one who got
// it.
func (w *world) answer(n ticket.Notice, body string) mail {
	w.t.Helper()
	return mail{from: string(w.addressee(n)), to: []string{w.at(ticket.ReplyToken, n)},
		text: fmt.Sprintf("Subject: Re: Printer\nIn-Reply-To: <%s>\nReferences: <%s>\n\n%s", n.MessageID, strings.Join(append(n.References, n.MessageID), "> <"), body)}
}

// opened is a ticket that Marie opened with proof.
func (w *world) opened() filed {
	w.t.Helper()
	return w.send(mail{from: "Marie Martin <marie@customer.example>", to: []string{"help@acme.example"},
		text: "Subject: Printer\nMessage-ID: <first@customer.example>\n\nThe printer on the second floor does not print anything.\n"}).did(router.Opened)
}

// memory is a store that keeps its word: versions, operations, absent keys. It
// fails the test when a change does not hold together.
type memory struct {
	t       testing.TB
	mu      sync.Mutex
	sites   map[string]*records
	changes []*ticket.Change
	// before is called at each commit, and may fail it.
	before func(*ticket.Change) error
	reads  []ticket.Query
}

type records struct {
	tickets    map[ticket.ID]*ticket.Ticket
	articles   map[ticket.ID][]ticket.Article
	messageIDs map[string]ticket.ID
	references map[uint64]ticket.ID
	tracking   map[string]ticket.ID
	challenges map[ticket.ID]ticket.Challenge
	enrolled   map[string]bool
	spammers   map[string]ticket.Spammer // by address
	profiles   map[string]ticket.Profile // by the listed address
	canned     ticket.Canned
	seen       map[string]string // the held mail that it was kept as, or ""
	done       map[string]ticket.Result
	held       []ticket.Held
	sentIDs    map[string]bool
}

func newMemory(t testing.TB) *memory { return &memory{t: t, sites: map[string]*records{}} }

func (m *memory) site(name string) *records {
	if m.sites[name] == nil {
		m.sites[name] = &records{
			tickets: map[ticket.ID]*ticket.Ticket{}, articles: map[ticket.ID][]ticket.Article{}, messageIDs: map[string]ticket.ID{},
			references: map[uint64]ticket.ID{}, tracking: map[string]ticket.ID{}, challenges: map[ticket.ID]ticket.Challenge{}, enrolled: map[string]bool{}, spammers: map[string]ticket.Spammer{}, profiles: map[string]ticket.Profile{}, seen: map[string]string{},
			done: map[string]ticket.Result{}, sentIDs: map[string]bool{},
		}
	}
	return m.sites[name]
}

func (m *memory) Facts(_ context.Context, q ticket.Query) (*ticket.Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, q)
	return m.facts(q), nil
}

func (m *memory) facts(q ticket.Query) *ticket.Facts {
	s := m.site(q.Site)
	f := &ticket.Facts{Tickets: map[ticket.ID]*ticket.Ticket{}, ByMessageID: map[string]ticket.ID{}, ByReference: map[uint64]ticket.ID{}, Seen: map[string]bool{}, SeenAs: map[string]string{}}
	found := func(id ticket.ID) {
		if t := s.tickets[id]; t != nil {
			f.Tickets[id] = t.Clone()
		}
	}
	for _, id := range q.Tickets {
		found(id)
	}
	for _, key := range q.MessageIDs {
		if id, ok := s.messageIDs[key]; ok {
			f.ByMessageID[key] = id
			found(id)
		}
	}
	for _, n := range q.References {
		if id, ok := s.references[n]; ok {
			f.ByReference[n] = id
			found(id)
		}
	}
	for _, t := range maps.Clone(f.Tickets) {
		found(t.Merged)
		if t.Undo != nil {
			found(t.Undo.With)
		}
	}
	f.Profiles = map[string]*ticket.Profile{}
	for _, a := range q.Profiles {
		for _, p := range s.profiles {
			if p.Has(a) {
				f.Profiles[a.Key()] = &p
			}
		}
	}
	for _, t := range f.Tickets {
		if p, ok := t.Participant(t.Assignee); ok {
			if profile, ok := s.profiles[p.Address.Key()]; ok {
				f.Profiles[p.Address.Key()] = &profile
			}
		}
	}
	f.Canned = s.canned
	f.Newest = map[ticket.ID]*ticket.Article{}
	for _, id := range q.Tickets {
		for _, a := range s.articles[id] {
			if p, ok := s.tickets[id].Participant(a.Author); ok && q.Newest && a.Kind == ticket.PublicArticle && p.Role != ticket.AgentRole {
				f.Newest[id] = &a
			}
		}
	}
	for _, key := range q.Seen {
		if as, ok := s.seen[key]; ok {
			f.Seen[key], f.SeenAs[key] = true, as
		}
	}
	s.aboutCodes(q, f, found)
	f.Lists = map[string]*ticket.Listing{}
	for _, w := range q.Lists {
		f.Lists[w.Key()] = s.list(w)
	}
	return f
}

// list answers a worklist by going through all tickets.
func (s *records) list(w ticket.Worklist) *ticket.Listing {
	type entry struct {
		id ticket.ID
		at int64
	}
	var found []entry
	g := &ticket.Listing{}
	for id, t := range s.tickets {
		has := map[ticket.Term]int64{}
		for _, term := range t.Terms(s.articles[id]) {
			has[ticket.Term{Kind: term.Kind, Value: term.Value}] = term.Order
		}
		at, ok := int64(0), false
		for _, term := range w.Any() {
			if order, has := has[term]; has {
				at, ok = order, true
			}
		}
		for _, term := range w.Every() {
			_, one := has[term]
			ok = ok && one
		}
		if ok && slices.Contains(w.Queues, t.Queue) && (len(w.States) == 0 || slices.Contains(w.States, t.State)) && !t.Opened.Before(w.Since) {
			found = append(found, entry{id, at})
			if !t.State.Done() {
				g.Live++
			}
		}
	}
	slices.SortFunc(found, func(a, b entry) int {
		return cmp.Or(w.Order(a.at, b.at), strings.Compare(a.id.String(), b.id.String()))
	})
	g.Total = len(found)
	for i, e := range found {
		if i/ticket.WorklistPage == w.Page-1 {
			g.IDs = append(g.IDs, e.id)
		}
	}
	return g
}

// aboutCodes answers what a query asks beside threading: challenges with what
// they name, held mail, tickets by tracking code and by requester.
func (s *records) aboutCodes(q ticket.Query, f *ticket.Facts, found func(ticket.ID)) {
	f.Challenges, f.Held, f.ByTracking = map[ticket.ID]*ticket.Challenge{}, map[string]*ticket.Held{}, map[string]ticket.ID{}
	held := func(id string) {
		if i := slices.IndexFunc(s.held, func(h ticket.Held) bool { return h.ID == id }); i >= 0 {
			h := s.held[i]
			f.Held[id] = &h
			found(h.Ticket)
		}
	}
	challenge := func(id ticket.ID) {
		if c, ok := s.challenges[id]; ok {
			f.Challenges[id] = &c
			found(c.Ticket)
			held(c.Parked.Held)
			for _, named := range c.Parked.Tickets {
				found(named)
			}
			if other, ok := s.challenges[c.Parked.Other]; ok {
				f.Challenges[other.ID] = &other
			}
		}
	}
	for _, id := range q.Challenges {
		challenge(id)
	}
	for _, t := range maps.Clone(f.Tickets) {
		for _, id := range t.Challenges {
			challenge(id)
		}
	}
	for _, id := range q.Held {
		held(id)
	}
	for _, as := range f.SeenAs {
		held(as)
	}
	for _, code := range q.Tracking {
		if id, ok := s.tracking[code]; ok {
			f.ByTracking[code] = id
			found(id)
		}
	}
	for id, t := range s.tickets {
		if q.Address != "" && t.Requester().Is(q.Address) {
			f.Own = append(f.Own, id)
			found(id)
		}
	}
	for id, t := range s.tickets {
		if q.Whole && t.State != ticket.Closed {
			f.Whole, f.Open = append(f.Whole, id), f.Open+1
			found(id)
		}
	}
	slices.SortFunc(f.Own, func(a, b ticket.ID) int { return s.tickets[b].Opened.Compare(s.tickets[a].Opened) })
	f.Enrolled = s.enrolled[q.Address.Key()]
	if spammer, ok := s.spammers[q.Sender.Key()]; ok {
		f.Spammer = &spammer
	}
}

// Morning is router.Shelf's: held mail, and what is new.
func (m *memory) Morning(_ context.Context, site, queue string, _ ticket.Address, _ time.Time) (*ticket.Morning, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := &ticket.Morning{}
	for _, h := range m.site(site).held {
		if h.Queue == queue && h.Why.Waits() {
			out.Held++
		}
	}
	for _, t := range m.site(site).tickets {
		if t.Queue == queue && t.State == ticket.New {
			out.New.Add(t)
		}
	}
	return out, nil
}

func (m *memory) OpenHeldBlob(_ context.Context, h *ticket.Held, id ticket.BlobID) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("kept with " + h.ID + " as " + string(id))), nil
}

func (m *memory) OpenBlob(_ context.Context, site string, t ticket.ID, id ticket.BlobID) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("kept with " + t.String() + " as " + string(id))), nil
}

func (m *memory) Commit(_ context.Context, c *ticket.Change) (ticket.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before != nil {
		if err := m.before(c); err != nil {
			return ticket.Result{}, err
		}
	}
	s := m.site(c.Site)
	if r, ok := s.done[c.Operation]; ok {
		r.Repeat = true
		return r, nil
	}
	if u := c.Unknown; u != nil {
		f := m.facts(ticket.Query{Site: c.Site, MessageIDs: u.MessageIDs, Seen: u.Seen, Sender: u.Sender})
		if len(f.Seen)+len(f.ByMessageID) > 0 || f.Spammer != nil {
			return ticket.Result{}, fmt.Errorf("memory: %w", ticket.ErrConflict)
		}
	}
	for _, tc := range c.Tickets {
		was := s.tickets[tc.Ticket.ID]
		fresh := tc.Ticket.Version == 0
		if fresh != (was == nil) || !fresh && was.Version != tc.Ticket.Version || fresh && s.tracking[tc.Ticket.Tracking] != (ticket.ID{}) {
			return ticket.Result{}, fmt.Errorf("memory: %w", ticket.ErrConflict)
		}
	}
	for _, ch := range slices.Concat(c.Challenges, c.Spent) {
		if s.challenges[ch.ID].Version != ch.Version {
			return ticket.Result{}, fmt.Errorf("memory: %w", ticket.ErrConflict)
		}
	}
	m.check(s, c)
	var r ticket.Result
	for _, tc := range c.Tickets {
		t := tc.Ticket.Clone()
		if t.Version == 0 {
			t.Reference = ticket.Reference{Prefix: strings.ToUpper(map[string]string{"acme": "ACM", "bolt": "BLT"}[c.Site]), Number: uint64(1000 + len(s.tickets))}
			s.references[t.Reference.Number] = t.ID
			s.tracking[t.Tracking] = t.ID
			r.References = append(r.References, t.Reference)
		}
		t.Version++
		s.tickets[t.ID] = t
		s.articles[t.ID] = append(s.articles[t.ID], tc.Articles...)
		for _, n := range tc.Publish {
			s.articles[t.ID][n-1].Kind = ticket.PublicArticle
		}
		for _, id := range tc.MessageIDs {
			if _, taken := s.messageIDs[id]; !taken {
				s.messageIDs[id] = t.ID
			}
		}
	}
	for _, ch := range c.Challenges {
		ch.Version++
		s.challenges[ch.ID] = ch
	}
	for _, ch := range c.Spent {
		delete(s.challenges, ch.ID)
	}
	for _, who := range c.Enrol {
		s.enrolled[who.Address.Key()] = true
	}
	for _, a := range c.Welcome {
		delete(s.spammers, a.Key())
	}
	if c.Canned != nil {
		s.canned = *c.Canned
		s.canned.Version++
	}
	for _, p := range c.Profiles {
		p.Version++
		s.profiles[p.Address.Key()] = p
	}
	for _, spammer := range c.Spammers {
		s.spammers[spammer.Address.Key()] = spammer
	}
	s.held = append(slices.DeleteFunc(s.held, func(h ticket.Held) bool { return slices.Contains(slices.Concat(c.Release, c.Discard), h.ID) }), c.Held...)
	for _, key := range c.Seen {
		s.seen[key] = c.SeenAs[key]
	}
	s.done[c.Operation] = r
	m.changes = append(m.changes, c)
	return r, nil
}

// check holds every change to what the packages below rely on.
func (m *memory) check(s *records, c *ticket.Change) {
	m.t.Helper()
	blobs := map[ticket.BlobID]bool{"": true}
	for _, b := range c.Blobs {
		for range 2 { // it may be opened again
			if n, err := io.Copy(io.Discard, b.Open()); err != nil || n != b.Size && b.Size != -1 {
				m.t.Errorf("a blob of %d bytes gives %d, %v", b.Size, n, err)
			}
		}
		blobs[b.ID] = true
	}
	named := func(raw ticket.BlobID, files []ticket.Attachment) {
		for _, f := range files {
			if f.Blob == "" || !blobs[f.Blob] {
				m.t.Errorf("%s is named and not kept", f.Name)
			}
		}
		if !blobs[raw] {
			m.t.Error("a raw message is named and not kept")
		}
	}
	for _, h := range c.Held {
		named(h.Raw, h.Attachments)
		if h.ID == "" || h.Site != c.Site || h.Raw == "" {
			m.t.Errorf("held without id, site or raw: %+v", h)
		}
	}
	notices := slices.Clone(c.Notices)
	for _, tc := range c.Tickets {
		for _, a := range tc.Articles {
			named(a.Raw, a.Attachments)
		}
		m.checkTicket(s, c.Site, tc)
		notices = append(notices, tc.Notices...)
	}
	for _, n := range notices {
		for _, id := range append([]string{n.MessageID, n.InReplyTo}, n.References...) {
			if strings.ContainsAny(id, "\r\n<> \t\x00") || len(id) > 250 {
				m.t.Errorf("%s would write the identifier %q", n.Kind, id)
			}
		}
		if slices.Contains(n.References, "") || n.ID == "" || n.MessageID == "" || s.sentIDs[n.MessageID] || len(n.References) > 10 {
			m.t.Errorf("%s has no identifiers of its own: %+v", n.Kind, n)
		}
		s.sentIDs[n.MessageID] = true
	}
}

// checkTicket holds a ticket's articles to their numbers and its notices to
// whom they may go and what they may bring them.
func (m *memory) checkTicket(s *records, site string, tc ticket.TicketChange) {
	m.t.Helper()
	all := slices.Concat(s.articles[tc.Ticket.ID], tc.Articles)
	for i, a := range all {
		if a.Number != i+1 || a.At.IsZero() {
			m.t.Errorf("article %d is number %d, at %s", i+1, a.Number, a.At)
		}
		if _, ok := tc.Ticket.Participant(a.Author); !ok && a.Author != 0 {
			m.t.Errorf("article %d is by nobody", i+1)
		}
	}
	if tc.Ticket.Articles != len(all) || tc.Ticket.Site != site {
		m.t.Errorf("the ticket counts %d articles of %d, at %s", tc.Ticket.Articles, len(all), tc.Ticket.Site)
	}
	for _, n := range tc.Notices {
		p, ok := tc.Ticket.Participant(n.To)
		if !ok || p.Removed || n.Article > len(all) || n.Ticket != tc.Ticket.ID || n.Kind.ForAgents() != (p.Role == ticket.AgentRole) {
			m.t.Errorf("%s is owed to %+v", n.Kind, p)
		}
		if !n.Kind.ForAgents() && n.Article > 0 && all[n.Article-1].Kind != ticket.PublicArticle && !slices.Contains(tc.Publish, n.Article) {
			m.t.Errorf("%s brings a requester an article that is %s", n.Kind, all[n.Article-1].Kind)
		}
	}
}

// picture is the whole store in a form that can be compared.
func (m *memory) picture() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.sites)) {
		s := m.sites[name]
		if len(s.done) == 0 {
			continue // only asked about
		}
		var versions uint64
		articles := 0
		for id, t := range s.tickets {
			versions += t.Version
			articles += len(s.articles[id])
		}
		fmt.Fprintln(&b, name, len(s.tickets), len(s.held), len(s.messageIDs), len(s.seen), len(s.done), versions, articles)
	}
	return b.String()
}
