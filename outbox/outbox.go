// Package outbox sends the mails that we owe. Workers lease notices from the
// store, have the words made, compose, sign, deliver, and settle: delivered, to
// be tried again, or given up, which then stands on the ticket.
//
// Where to look:
//
//   - outbox.go, settings.go: the workers, and what they are told
//   - attempt.go, failure.go, retry.go, limiter.go: one notice on its way, and when again
//   - compose.go, threadindex.go, message.go, quoted.go, dots.go: a mail, and its bytes
//   - files.go, scrub.go, scrubmail.go, scrubcalendar.go: what is passed on, without what another must not see
//   - export.go, report.go: files that are made for a mail
//   - sign.go: DKIM
//   - relay.go, direct.go, maildir.go: where mails go
//   - try.go, probe.go: the way is tried
package outbox

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"guichet/templates"
	"guichet/ticket"
)

// Store is what the outbox asks of the store.
type Store interface {
	// Lease gives at most n notices that are due, to nobody else for d.
	Lease(ctx context.Context, n int, d time.Duration) ([]ticket.Delivery, error)
	// Material reads what a notice is written from.
	Material(context.Context, ticket.Notice) (ticket.Material, error)
	// Allow counts the notice at its brakes, once however often it is asked, and
	// gives the one that refuses it, or nil.
	Allow(context.Context, ticket.Notice) (*ticket.Brake, error)
	// Settle ends a lease, and commits the outcome's change with it;
	// ticket.ErrConflict when that was made from what has changed since.
	Settle(context.Context, ticket.Delivery, ticket.Outcome) error
	// NoticesDue tells that there may be something to lease.
	NoticesDue() <-chan struct{}
	// OpenBlob reads a file of a ticket.
	OpenBlob(ctx context.Context, site string, id ticket.ID, blob ticket.BlobID) (io.ReadCloser, error)
}

// Resolver is what direct delivery asks of DNS; *net.Resolver does.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Metrics counts attempts. outcome is that of the log, age how long ago the notice
// was made.
type Metrics interface {
	Attempt(n ticket.Notice, outcome string, took, age time.Duration)
}

// Accounts knows who has an account with a site.
type Accounts interface {
	// Link gives the page on which somebody may go on with their account, or ""
	// for whoever has none that is known now.
	Link(ctx context.Context, site string, who ticket.Address) string
}

// Parts are what an outbox works with. Those from Jitter on may be left out.
type Parts struct {
	Store     Store
	Templates *templates.Set
	// Site gives the site of that name as it is set now.
	Site     func(name string) (*ticket.Site, bool)
	Mint     ticket.Mint
	Commands []templates.CommandHelp
	Now      func() time.Time
	Log      *slog.Logger

	// Jitter gives numbers from 0 up to 1, to spread repeats.
	Jitter   func() float64
	Metrics  Metrics
	Accounts Accounts
	Resolver Resolver
	// Dial opens connections.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are whom certificates must come from where TLS is required; nil are
	// those of the system.
	Roots *x509.CertPool
}

// Outbox sends what the store says is due.
type Outbox struct {
	Parts
	changed chan struct{} // new settings
	limit   *limiter
	relays  *pool

	mu       sync.Mutex
	settings Settings
	// sent are notices that left and could not yet be settled: leased again,
	// they are settled and not sent a second time.
	sent map[string]bool
	// under are notices of which an attempt is under way.
	under map[string]bool
}

// leaseTime is the right to a notice; an attempt ends well before it does.
const (
	leaseTime    = 15 * time.Minute
	attemptLimit = 12 * time.Minute
	// workerWithin is how long a notice waits for a worker; then its lease would
	// not last for an attempt.
	workerWithin = leaseTime - attemptLimit - time.Minute
	// pollEvery finds what became due by itself, and what nobody woke us for.
	pollEvery = 10 * time.Second
	// drainTime is how long what is under way may take when we are to stop.
	drainTime = 30 * time.Second
	// pausedFor and busyFor are how long a notice waits that could not be tried.
	pausedFor = time.Minute
	busyFor   = 10 * time.Second
)

// New makes an outbox. It sends nothing before Run.
func New(s Settings, p Parts) (*Outbox, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if p.Jitter == nil {
		p.Jitter = func() float64 { return 0 }
	}
	if p.Metrics == nil {
		p.Metrics = nothing{}
	}
	if p.Accounts == nil {
		p.Accounts = nothing{}
	}
	if p.Resolver == nil {
		p.Resolver = net.DefaultResolver
	}
	if p.Dial == nil {
		p.Dial = (&net.Dialer{}).DialContext
	}
	return &Outbox{
		Parts: p, settings: s, changed: make(chan struct{}, 1), limit: newLimiter(),
		relays: newPool(p.Dial, p.Roots), sent: map[string]bool{}, under: map[string]bool{},
	}, nil
}

type nothing struct{}

func (nothing) Attempt(ticket.Notice, string, time.Duration, time.Duration) {}
func (nothing) Link(context.Context, string, ticket.Address) string         { return "" }

// Update puts new settings in force for what is sent from now on.
func (o *Outbox) Update(s Settings) error {
	if err := s.check(); err != nil {
		return err
	}
	o.mu.Lock()
	o.settings = s
	o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return nil
}

// UpdateTemplates puts new words in force for what is written from now on.
func (o *Outbox) UpdateTemplates(t *templates.Set) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Templates = t
}

func (o *Outbox) words() *templates.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Templates
}

func (o *Outbox) current() Settings {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.settings
}

// Run sends until ctx ends. Then it takes on nothing more, finishes what is
// under way for at most half a minute, gives the rest back, and returns.
func (o *Outbox) Run(ctx context.Context) error {
	// What is under way outlives ctx by the time that it has to finish.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, stop) })()
	defer o.relays.closeIdle()

	free := make(chan struct{}, leasesEach*o.workers())
	for range cap(free) {
		free <- struct{}{}
	}
	due := make(chan leased, cap(free))
	var under sync.WaitGroup
	defer under.Wait()
	defer close(due)
	for range o.workers() {
		under.Go(func() {
			for l := range due {
				r := o.handle(ctx, work, l)
				under.Go(func() { // and the worker goes on to the next
					o.conclude(work, l.Delivery, r)
					free <- struct{}{}
				})
			}
		})
	}
	for ctx.Err() == nil {
		if o.current().paused() { // nothing is leased that would only be put back
			o.wait(ctx)
			continue
		}
		n := take(ctx, free)
		lot, err := o.lease(ctx, n)
		for range n - len(lot) {
			free <- struct{}{}
		}
		at := o.Now()
		for _, d := range lot {
			due <- leased{d, at}
		}
		if err != nil || len(lot) < n {
			o.wait(ctx)
		}
	}
	return nil
}

// leased is a notice that waits for a worker, and since when.
type leased struct {
	ticket.Delivery
	at time.Time
}

func (o *Outbox) workers() int {
	if n := o.current().Workers; n > 0 {
		return n
	}
	return 32
}

const (
	// leasesEach is how many notices are leased for each worker: one that it
	// attempts, and those that wait for it or for the store meanwhile. The more go
	// to the store at once, the less each costs it, and these hold no mail.
	leasesEach = 4
	// largestLease bounds what one daemon takes at once, so that others have some.
	largestLease = 64
)

// take waits for a lease to be free, and takes those that are.
func take(ctx context.Context, free <-chan struct{}) int {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	for n := 1; n < largestLease; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
	return largestLease
}

func (o *Outbox) lease(ctx context.Context, n int) ([]ticket.Delivery, error) {
	if n == 0 {
		return nil, nil
	}
	// Cut short, it might have leased what we never hear of.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	lot, err := o.Store.Lease(ctx, n, leaseTime)
	if err != nil {
		o.Log.ErrorContext(ctx, "outbox cannot lease", "error", err)
	}
	return lot, err
}

// wait returns when there may be something to do.
func (o *Outbox) wait(ctx context.Context) {
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	select {
	case <-ctx.Done():
	case <-o.Store.NoticesDue():
	case <-o.changed:
	case <-poll.C:
	}
}
