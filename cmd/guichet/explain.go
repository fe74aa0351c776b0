package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"guichet/config"
	"guichet/envelope"
	"guichet/parser"
	"guichet/router"
	"guichet/smtpd"
	"guichet/smtpd/proof"
	"guichet/store"
	"guichet/ticket"
)

type explainCommand struct {
	File     string   `arg:"" optional:"" default:"-" help:"The message; - or none is standard input."`
	Client   string   `placeholder:"ADDRESS" help:"The host that sends it. Without it the one in the top Received line, else 127.0.0.1."`
	Helo     string   `placeholder:"NAME" help:"What that host calls itself. Without it as in that line."`
	MailFrom *string  `placeholder:"ADDRESS" help:"The envelope sender; <> is that of bounces. Without it the one in Return-Path, else From."`
	Rcpt     []string `placeholder:"ADDRESS" sep:"none" help:"A recipient; may be repeated. Without it the addresses in To and Cc that are ours."`
	JSON     bool     `name:"json" help:"One object."`
}

func (explainCommand) Help() string {
	return example("guichet explain message.eml", "guichet explain --client 192.0.2.25 --rcpt help@acme.example < message.eml",
		"guichet show ACM-1042 --raw 3 | guichet explain") + `

What the daemon would do if the message came now. Nothing is changed and nothing
is sent; DNS is asked as the daemon would ask it.`
}

// Run tells what would happen to a message.
func (c explainCommand) Run(ctx context.Context, p *program) error {
	raw, err := p.readMessage(c.File)
	if err != nil {
		return err
	}
	settings, err := p.settings()
	if err != nil {
		return err
	}
	sites, err := sitesOf(settings)
	if err != nil {
		return err
	}
	x := &explanation{settings: settings, directory: router.NewDirectory(settings.Hostname, sites)}
	if err := x.arrive(c, raw); err != nil {
		return err
	}
	x.judge(ctx, p)
	if err := x.decide(ctx, p); err != nil {
		return err
	}
	if c.JSON {
		return p.object(x.object())
	}
	return p.write(x.text(p))
}

// readMessage reads one message as the door would have it: line ends made CRLF.
func (p *program) readMessage(name string) ([]byte, error) {
	in, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var messages [][]byte
	for raw, err := range parser.Mbox(in) {
		if err != nil {
			return nil, err
		}
		if messages = append(messages, raw); len(messages) > 1 {
			return nil, errors.New("this is an mbox with several messages; explain takes one")
		}
	}
	if len(messages) == 0 || len(messages[0]) == 0 {
		return nil, errors.New("there is no message")
	}
	return smtpd.CRLF(messages[0]), nil
}

// explanation is everything that is known of a message and its fate.
type explanation struct {
	settings  *config.Config
	directory *router.Directory
	message   *parser.Message
	envelope  envelope.Envelope
	verdict   *proof.Verdict
	decisions []router.Decision
	// Where the envelope was taken from.
	clientFrom, senderFrom, recipientsFrom string
	recipients                             []recipient
	noStore                                bool // no daemon has run yet
	repeated                               bool // it was delivered before
}

// recipient is an address that the message is for, by its envelope.
type recipient struct {
	address ticket.Address
	place   router.Place
	refused *envelope.Refusal // why the door would not take it, or nil
}

// arrive puts together how the message would come: what the call says of it,
// else what the message shows.
func (x *explanation) arrive(c explainCommand, raw []byte) error {
	h := readArrival(raw, x.settings.Hostname)
	e := &x.envelope
	e.ID, e.Data = "explain", h.rest
	x.message = parser.Parse(e.Data)

	e.Client, e.Helo, x.clientFrom = netip.MustParseAddr("127.0.0.1"), "localhost", "no Received line names one; --client does"
	if h.client.IsValid() {
		e.Client, e.Helo, x.clientFrom = h.client, h.helo, "from the top Received line"
	}
	if c.Client != "" {
		client, err := netip.ParseAddr(strings.Trim(c.Client, "[]"))
		if err != nil {
			return usageError(fmt.Sprintf("--client %q is no IP address", c.Client))
		}
		e.Client, e.Helo, x.clientFrom = client.Unmap(), "", "as you say"
	}
	e.Helo = cmp.Or(c.Helo, e.Helo)
	return errors.Join(x.setSender(c, h), x.setRecipients(c))
}

func (x *explanation) setSender(c explainCommand, h arrival) error {
	sender := x.message.From.Address
	x.senderFrom = "from the From line"
	if h.returnPath != nil {
		sender, x.senderFrom = *h.returnPath, "from Return-Path"
	}
	if c.MailFrom != nil {
		sender, x.senderFrom = *c.MailFrom, "as you say"
	}
	sender = strings.Trim(strings.TrimSpace(sender), "<>")
	if sender == "" {
		x.envelope.Null = h.returnPath != nil || c.MailFrom != nil
		return nil
	}
	a, err := ticket.ParseAddress(sender)
	if err != nil && c.MailFrom != nil {
		return usageError(fmt.Sprintf("--mail-from %q: %v", sender, err))
	}
	x.envelope.From = a
	return nil
}

func (x *explanation) setRecipients(c explainCommand) error {
	addresses := c.Rcpt
	x.recipientsFrom = "as you say"
	if len(addresses) == 0 {
		x.recipientsFrom = "from To and Cc"
		for _, box := range slices.Concat(x.message.To, x.message.Cc) {
			addresses = append(addresses, box.Address)
		}
	}
	for _, text := range addresses {
		a, err := ticket.ParseAddress(text)
		if err != nil && len(c.Rcpt) > 0 {
			return usageError(fmt.Sprintf("--rcpt %q: %v", text, err))
		}
		known := slices.ContainsFunc(x.recipients, func(r recipient) bool { return r.address == a })
		if err != nil || known {
			continue
		}
		r := recipient{address: a}
		var ok bool
		switch r.place, ok = x.directory.Lookup(a); {
		case ok:
			x.envelope.Recipients = append(x.envelope.Recipients, envelope.Recipient{Address: a, Alias: r.place.Alias})
		case !x.directory.Serves(a.Domain()):
			r.refused = envelope.ErrNoRelay
		default:
			r.refused = envelope.ErrNoSuchRecipient
		}
		x.recipients = append(x.recipients, r)
	}
	if len(c.Rcpt) == 0 && len(x.envelope.Recipients) > 0 {
		// The others in To and Cc get their copies elsewhere.
		x.recipients = slices.DeleteFunc(x.recipients, func(r recipient) bool { return r.refused != nil })
	}
	return nil
}

// judge finds out what the door would.
func (x *explanation) judge(ctx context.Context, p *program) {
	var resolver proof.Resolver = net.DefaultResolver
	if p.Resolver != nil {
		resolver = p.Resolver
	}
	e := &x.envelope
	e.Received = p.Now()
	trust := proof.Trust{Networks: x.settings.Trust.Networks, Relays: relaysOf(x.settings)}
	x.verdict = proof.Judge(ctx, resolver, trust, proof.Delivery{Client: e.Client, Helo: e.Helo, From: e.From, Null: e.Null, Now: e.Received}, e.Data)
	e.Evidence = x.verdict.Evidence
	e.Data = x.verdict.Strip(e.Data)
}

// turnedAway reports that the door would refuse the message for the policy of
// its From domain.
func (x *explanation) turnedAway() bool {
	alias := func(r envelope.Recipient) bool { return r.Alias }
	return len(x.envelope.Recipients) > 0 && x.verdict.Refuses(slices.ContainsFunc(x.envelope.Recipients, alias))
}

// decide asks the router, over the store or over none.
func (x *explanation) decide(ctx context.Context, p *program) error {
	if len(x.envelope.Recipients) == 0 {
		return nil
	}
	x.noStore = !founded(x.settings)
	if x.noStore {
		signer, err := ticket.NewSigner(0, map[byte][]byte{0: make([]byte, 32)})
		if err != nil {
			return err
		}
		return x.ask(ctx, p, emptyStore{}, ticket.Mint{Signer: signer, Pepper: ticket.NewPepper(make([]byte, 32))})
	}
	t, err := p.openToolOf(ctx, x.settings)
	if err != nil {
		return err
	}
	return errors.Join(x.ask(ctx, p, t.store, mintOf(t.store)), t.store.Close())
}

// ask has the message decided. One that was delivered before would change
// nothing, which says nothing about it: it is decided anew, as if it had not.
func (x *explanation) ask(ctx context.Context, p *program, s router.Store, mint ticket.Mint) (err error) {
	if x.decisions, err = p.newRouter(x.settings, x.directory, s, mint).Explain(ctx, &x.envelope); err != nil {
		return err
	}
	for _, d := range x.decisions {
		x.repeated = x.repeated || d.Change == nil
	}
	if x.repeated {
		first := firstTime{s, x.message.MessageID}
		x.decisions, err = p.newRouter(x.settings, x.directory, first, mint).Explain(ctx, &x.envelope)
	}
	return err
}

// mintOf holds the keys of a store.
func mintOf(s *store.Store) ticket.Mint {
	return ticket.Mint{Signer: s.Signer(), Pepper: s.Pepper()}
}

// newRouter decides as a daemon would, and leaves no line in a log.
func (p *program) newRouter(c *config.Config, d *router.Directory, s router.Store, mint ticket.Mint) *router.Router {
	mint.Random, mint.Hostname = rand.Reader, c.Hostname
	return router.New(s, d, mint, p.Now, slog.New(slog.DiscardHandler))
}

// emptyStore is what a message meets before the first daemon has run.
type emptyStore struct{}

func (emptyStore) Facts(context.Context, ticket.Query) (*ticket.Facts, error) {
	return &ticket.Facts{}, nil
}

func (emptyStore) OpenHeldBlob(context.Context, *ticket.Held, ticket.BlobID) (io.ReadCloser, error) {
	return nil, errors.New("nothing is kept")
}
func (emptyStore) OpenBlob(context.Context, string, ticket.ID, ticket.BlobID) (io.ReadCloser, error) {
	return nil, errors.New("nothing is kept")
}

func (emptyStore) Commit(context.Context, *ticket.Change) (ticket.Result, error) {
	return ticket.Result{}, io.ErrClosedPipe // explaining commits nothing
}

// firstTime is a store that has not seen a message yet.
type firstTime struct {
	router.Store
	messageID string
}

// Facts is router.Store's, without what the message itself left there.
func (s firstTime) Facts(ctx context.Context, q ticket.Query) (*ticket.Facts, error) {
	facts, err := s.Store.Facts(ctx, q)
	if err != nil {
		return nil, err
	}
	facts.Seen = nil
	maps.DeleteFunc(facts.ByMessageID, func(key string, _ ticket.ID) bool {
		return s.messageID != "" && strings.HasSuffix(key, " "+s.messageID)
	})
	return facts, nil
}

// owed is a mail that would be.
type owed struct {
	kind   ticket.NoticeKind
	to     ticket.Mailbox
	braked bool // leaves only if the brakes let it
}

// mailsOf are those that an outcome brings.
func mailsOf(d router.Decision, o router.Outcome) []owed {
	if d.Change == nil || o.Notices == 0 {
		return nil
	}
	var out []owed
	for _, c := range d.Change.Tickets {
		for _, n := range c.Notices {
			if n.Ticket == o.Ticket {
				out = append(out, owed{n.Kind, recipientOf(n, c.Ticket), len(n.Brakes) > 0})
			}
		}
	}
	for _, n := range d.Change.Notices {
		if n.Queue == o.Queue {
			out = append(out, owed{n.Kind, n.Mailbox, len(n.Brakes) > 0})
		}
	}
	return out
}
