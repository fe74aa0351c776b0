package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"guichet/ticket"
)

// outgoing is a letter on its way.
type outgoing struct {
	*letter
	id         string
	made       time.Time
	hostname   string
	size       int64
	signatures string
	// host is whom it was last given to, and answer what it said when it took it.
	host, answer string
}

func (m *outgoing) writeTo(ctx context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, m.signatures); err != nil {
		return err
	}
	return m.letter.writeTo(ctx, w)
}

// result is what came of an attempt.
type result struct {
	ticket.Outcome
	word string // for log and metrics
	host string
	code int
	// tooLarge is set where the host takes no mail of that size.
	tooLarge bool
	// answer is what the host said to what it took.
	answer string
	// change makes the change to commit, from the material as it is then, which
	// has a ticket.
	change func(ticket.Material) *ticket.Change
}

// tried reports whether the mail was to leave, and was not only put off.
func (r result) tried() bool {
	return r.State == ticket.Delivered || r.State == ticket.Failed || r.State == ticket.Queued && r.Error != ""
}

// handle attempts a leased notice and tells what came of it.
func (o *Outbox) handle(ctx, work context.Context, l leased) result {
	began := o.Now()
	work, cancel := context.WithTimeout(work, attemptLimit)
	defer cancel()
	r := later("busy", began)
	if began.Sub(l.at) < workerWithin {
		r = o.alone(ctx, work, l.Notice)
	}
	ended := o.Now()
	n, took := l.Notice, ended.Sub(began)
	if r.tried() {
		r.Try = &ticket.Try{At: began, Took: took, Host: r.host, Code: r.code, Answer: cmp.Or(r.Error, r.answer)}
	}
	o.Metrics.Attempt(n, r.word, took, ended.Sub(n.Created))
	o.Log.InfoContext(ctx, "delivery", "notice", n.ID, "kind", n.Kind, "site", n.Site, "ticket", n.Ticket, "host", r.host,
		"outcome", r.word, "code", r.code, "attempt", l.Attempts+1, "took", took.Round(time.Millisecond), "age", ended.Sub(n.Created).Round(time.Millisecond),
		"answer", r.answer, "reason", r.Error)
	return r
}

// conclude settles what came of an attempt.
func (o *Outbox) conclude(work context.Context, d ticket.Delivery, r result) {
	if err := o.settle(work, d, r); err != nil {
		o.Log.ErrorContext(work, "delivery not settled", "notice", d.Notice.ID, "site", d.Notice.Site, "outcome", r.word, "error", err)
	}
}

// alone attempts a notice, unless that is under way already: when the clock
// leaps, a lease is over before its attempt, and we are given the notice again.
func (o *Outbox) alone(ctx, work context.Context, n ticket.Notice) result {
	id := n.ID
	o.mu.Lock()
	busy := o.under[id]
	o.under[id] = true
	o.mu.Unlock()
	if busy {
		return later("busy", o.Now().Add(busyFor))
	}
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.under, id)
	}()
	return o.attempt(ctx, work, n)
}

// attempt tries to send one notice. ctx ends when nothing new is to be begun,
// work when all must end.
func (o *Outbox) attempt(ctx, work context.Context, n ticket.Notice) result {
	now := o.Now()
	if ctx.Err() != nil {
		return later("released", now)
	}
	if o.wasSent(n.ID) {
		return result{Outcome: ticket.Outcome{State: ticket.Delivered}, word: "delivered"}
	}
	settings := o.current()
	out := settings.outgoing(n.Site)
	site, ok := o.Site(n.Site)
	if !ok {
		return o.again(n, out, refused(errors.New("the site is not in the settings")), "")
	}
	if out.Paused {
		return later("paused", now.Add(pausedFor))
	}
	// Read before the brakes are asked, notices of one article that were leased
	// together are read together: only some have brakes.
	c, err := o.composer(work, site, n, settings)
	if err != nil {
		return o.again(n, out, refused(fmt.Errorf("compose: %w", err)), "")
	}
	brake, err := o.Store.Allow(work, n)
	if err != nil {
		return o.again(n, out, refused(fmt.Errorf("brakes: %w", err)), "")
	}
	if brake != nil {
		return o.braked(n, brake)
	}
	l, err := c.compose(work)
	var quiet errQuiet
	if errors.As(err, &quiet) {
		return later("quiet", quiet.until)
	}
	if reason, gone := isGone(err); gone {
		return result{Outcome: ticket.Outcome{State: ticket.Dropped, Error: reason}, word: "dropped"}
	}
	if err != nil {
		return o.again(n, out, refused(fmt.Errorf("compose: %w", err)), "")
	}
	give := func(l *letter) result {
		return o.send(ctx, work, n, out, &outgoing{letter: l, id: n.ID, made: n.Created, hostname: settings.Hostname})
	}
	r := give(l)
	if !r.tooLarge || !n.Kind.ForAgents() || len(l.files) == 0 {
		return r
	}
	// The team must learn what was written, if without its files.
	c.withoutFiles = true
	if l, err = c.compose(work); err != nil {
		return r
	}
	return give(l)
}

// composer reads what the notice is about.
func (o *Outbox) composer(ctx context.Context, site *ticket.Site, n ticket.Notice, s Settings) (*composer, error) {
	m, err := o.Store.Material(ctx, n)
	if err != nil {
		return nil, err
	}
	c := &composer{
		templates: o.words(), signer: o.Mint.Signer, accounts: o.Accounts, commands: o.Commands, hostname: s.Hostname, open: o.Store.OpenBlob,
		site: site, notice: n, Material: m, now: o.Now(),
	}
	name := n.Queue
	if m.Ticket != nil {
		name = m.Ticket.Queue
	}
	if c.queue, _ = site.Queue(name); c.queue == nil {
		if len(site.Queues) == 0 || n.Kind != ticket.Postmaster {
			return nil, fmt.Errorf("the queue %s is not in the settings", name)
		}
		c.queue = &site.Queues[0]
	}
	return c, nil
}

// send signs the letter and gives it to its destination, when that is free.
func (o *Outbox) send(ctx, work context.Context, n ticket.Notice, out Outgoing, m *outgoing) result {
	destination := out.Route.String()
	if out.Route.Scheme == "direct" {
		destination += m.to.Domain()
	}
	if !o.limit.acquire(ctx, destination, out.Concurrency) {
		if ctx.Err() != nil {
			return later("released", o.Now())
		}
		return later("busy", o.Now().Add(busyFor))
	}
	defer o.limit.release(destination)
	var err error
	if m.size, m.signatures, err = m.sign(work, keysFor(out.Keys, m.sender)); err == nil {
		err = transportOf(out, o.relays, o.Resolver).send(work, m)
	}
	if err != nil {
		f := refused(err)
		f.size = m.size
		return o.again(n, out, f, m.host)
	}
	o.remember(n.ID)
	return result{Outcome: ticket.Outcome{State: ticket.Delivered}, word: "delivered", host: m.host, code: 250, answer: m.answer}
}

// transport carries letters one way.
type transport interface {
	// send gives the letter to a host and names it. nil means that the host has
	// taken it over.
	send(context.Context, *outgoing) error
}

func transportOf(out Outgoing, relays *pool, resolver Resolver) transport {
	switch out.Route.Scheme {
	case "maildir":
		return maildir{out.Route.Path}
	case "direct":
		return direct{pool: relays, resolver: resolver, tls: out.Route.TLS}
	default:
		return relay{pool: relays, route: out.Route}
	}
}

func later(word string, due time.Time) result {
	return result{Outcome: ticket.Outcome{State: ticket.Queued, Due: due}, word: word}
}

// again settles what failed: another attempt, or none.
func (o *Outbox) again(n ticket.Notice, out Outgoing, f *failure, host string) result {
	now := o.Now()
	r := result{host: host, code: f.code, tooLarge: f.tooLarge, Outcome: ticket.Outcome{State: ticket.Queued, Error: f.reason}, word: "retry"}
	due, more := nextAttempt(n.Created, now, out.GiveUp, o.Jitter())
	if more && !f.permanent {
		r.Due = due
		return r
	}
	r.State, r.word = ticket.Failed, "failed"
	why := ticket.Undelivered{Reason: f.reason, TooLarge: f.tooLarge, Size: f.size, Limit: f.limit}
	r.change = func(m ticket.Material) *ticket.Change {
		return &ticket.Change{
			Site: n.Site, Operation: "failed " + n.ID, At: now,
			Tickets: []ticket.TicketChange{o.Mint.DeliveryFailed(m.Ticket, n, m.Article, why, now)},
		}
	}
	return r
}

// braked settles what a brake refuses. One that silences us towards somebody
// for the day is told to the team.
func (o *Outbox) braked(n ticket.Notice, b *ticket.Brake) result {
	r := result{Outcome: ticket.Outcome{State: ticket.Braked}, word: "braked"}
	if b.Trips == "" {
		return r
	}
	now := o.Now()
	r.change = func(m ticket.Material) *ticket.Change {
		t := m.Ticket.Clone()
		t.Articles++
		t.Changed = now
		event := ticket.Article{Number: t.Articles, Kind: ticket.EventArticle, At: now, Event: ticket.EventMuted}
		if p, ok := t.Participant(n.To); ok {
			event.Text = string(p.Address)
		}
		c := ticket.TicketChange{Ticket: t, Articles: []ticket.Article{event}}
		for _, agent := range t.Active(ticket.AgentRole) {
			c.Notices = append(c.Notices, o.Mint.Notice(ticket.AgentEvent, t, agent, event.Number, now))
		}
		return &ticket.Change{Site: n.Site, Operation: "muted " + n.ID, At: now, Tickets: []ticket.TicketChange{c}}
	}
	return r
}

// settleAttempts bounds how often a change is made again because its ticket was
// written to meanwhile, or the store was away.
const settleAttempts = 8

// settle tells the store what came of it.
func (o *Outbox) settle(ctx context.Context, d ticket.Delivery, r result) error {
	// Whatever cut the attempt short must not keep its outcome from being known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var err error
	for try := range settleAttempts {
		if err != nil && !errors.Is(err, ticket.ErrConflict) {
			pause(ctx, time.Duration(try)*time.Second)
		}
		r.Change = nil
		if r.change != nil && !d.Notice.Ticket.IsZero() {
			m, readErr := o.Store.Material(ctx, d.Notice)
			if err = readErr; err != nil {
				continue
			}
			if m.Ticket != nil {
				r.Change = r.change(m)
			}
		}
		err = o.Store.Settle(ctx, d, r.Outcome)
		switch {
		case err == nil:
			if r.State != ticket.Queued { // else it comes back
				o.forget(d.Notice.ID)
			}
			return nil
		case errors.Is(err, ticket.ErrLeaseLost):
			// Where another store has taken over that knows nothing of the lease, or
			// the clock leapt, the notice comes back: that it left is still remembered.
			time.AfterFunc(rememberSent, func() { o.forget(d.Notice.ID) })
			return err
		}
	}
	return err
}

// rememberSent is how long it is remembered that a notice left whose lease was
// lost: much longer than any lease of it lasts.
const rememberSent = 24 * time.Hour

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (o *Outbox) wasSent(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent[id]
}

func (o *Outbox) remember(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[id] = true
}

func (o *Outbox) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sent, id)
}
