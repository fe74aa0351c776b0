// Package router says what happens to a message: which site and queue it is
// for, which ticket it belongs to, who wrote it and how surely, and what is
// therefore written down and mailed. Decide is pure; Router reads what it
// needs to know before, and commits what it decided after.
//
// Where to look:
//
//   - directory.go: whose each address is
//   - router.go, way.go: a mail comes in, and what is told of its way
//   - match.go, reference.go: which ticket it belongs to
//   - decide.go: the decision
//   - request.go, opening.go: new tickets, by their requester or by somebody else for them
//   - agent.go, grammar.go, command.go, act.go: an agent's words, and the commands in them
//   - answer.go, standing.go, people.go, merge.go, opening.go, canned.go, deciding.go, looking.go, report.go, profile.go: the commands
//   - when.go: times as people write them
//   - worklist.go, worklistact.go: lists in mails, and what an answer to one does
//   - wish.go: what somebody asks about what is theirs
//   - challenge.go: what waits for a code
//   - hold.go, release.go: mail kept aside, and what a person decides on it
//   - machine.go, chat.go, probe.go: mail of machines, of programs that show it as a chat, of our own
//   - wake.go, digest.go, told.go: what happens though nobody writes
//   - history.go: mail of before the tickets
package router

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"guichet/envelope"
	"guichet/parser"
	"guichet/ticket"
)

// Store is what the router asks of the store.
type Store interface {
	// Facts answers the query in one round trip.
	Facts(context.Context, ticket.Query) (*ticket.Facts, error)
	// OpenHeldBlob reads what was kept with held mail.
	OpenHeldBlob(context.Context, *ticket.Held, ticket.BlobID) (io.ReadCloser, error)
	// OpenBlob reads what was kept with a ticket.
	OpenBlob(ctx context.Context, site string, id ticket.ID, blob ticket.BlobID) (io.ReadCloser, error)
	// Commit writes the change whole or not at all; ticket.ErrConflict when
	// what it was decided on has changed since.
	Commit(context.Context, *ticket.Change) (ticket.Result, error)
}

// Router takes messages from the door to the store.
type Router struct {
	store     Store
	mint      ticket.Mint
	now       func() time.Time
	log       *slog.Logger
	metrics   Metrics
	directory atomic.Pointer[Directory]
}

// New makes a router that decides by the directory's sites.
func New(store Store, directory *Directory, mint ticket.Mint, now func() time.Time, log *slog.Logger) *Router {
	r := &Router{store: store, mint: mint, now: now, log: log, metrics: noMetrics{}}
	r.directory.Store(directory)
	return r
}

// Update puts new settings in force for the messages that come from now on.
func (r *Router) Update(directory *Directory) { r.directory.Store(directory) }

// Directory is the one in force.
func (r *Router) Directory() *Directory { return r.directory.Load() }

// Recipient answers RCPT: unknown addresses are refused here, and so are never
// bounced later. It judges no token: one that has expired still opens a ticket.
func (r *Router) Recipient(_ context.Context, a ticket.Address) (envelope.Recipient, error) {
	directory := r.directory.Load()
	place, ok := directory.Lookup(a)
	switch {
	case !directory.Serves(a.Domain()):
		return envelope.Recipient{}, envelope.ErrNoRelay
	case !ok:
		return envelope.Recipient{}, envelope.ErrNoSuchRecipient
	}
	return envelope.Recipient{Address: a, Alias: place.Alias}, nil
}

// attempts bounds how often a message is decided again because its ticket
// changed meanwhile; beyond it the sender's queue tries again.
const attempts = 8

// Deliver files a message for every site that it is for: nil means that all of
// it is durable. A site whose commit fails does not keep the others from
// theirs; the sender's repeat then completes the rest and changes nothing where
// all was done. A recipient that the settings have lost since RCPT is one that
// the repeat is refused for: the sender hears of it, and no mail vanishes.
func (r *Router) Deliver(ctx context.Context, e *envelope.Envelope) error {
	parsed := r.timed(StageParse)
	directory, m := r.directory.Load(), parser.Parse(e.Data)
	parsed()
	var failed error
	for _, rcpt := range e.Recipients {
		if _, ok := directory.Lookup(rcpt.Address); !ok {
			r.log.WarnContext(ctx, "a recipient was taken out of the settings meanwhile", "id", e.ID)
			failed = envelope.ErrTryLater
		}
	}
	for _, in := range inputs(directory, e, m) {
		if _, err := r.deliver(ctx, in); err != nil {
			r.log.ErrorContext(ctx, "not filed", "site", in.Site.Name, "id", e.ID, "error", err)
			failed = err
		}
	}
	return failed
}

// deliver reads, decides and commits until nobody was faster. What is likely to
// be a new matter is first decided on without reading.
func (r *Router) deliver(ctx context.Context, in Input) (Decision, error) {
	if d, ok := r.guess(in); ok {
		result, err := r.commit(ctx, d.Change)
		switch {
		case err == nil && !result.Repeat:
			d.created(result)
			r.report(in, d)
			return d, nil
		case err != nil && !errors.Is(err, ticket.ErrConflict):
			return d, fmt.Errorf("commit: %w", err)
		}
	}
	for range attempts {
		d, err := r.decide(ctx, in)
		if err != nil {
			return d, err
		}
		if d.Change == nil {
			r.report(in, d)
			return d, nil
		}
		result, err := r.commit(ctx, d.Change)
		if errors.Is(err, ticket.ErrConflict) {
			continue
		}
		if err != nil {
			return d, fmt.Errorf("commit: %w", err)
		}
		d.created(result)
		r.report(in, d)
		return d, nil
	}
	return Decision{}, fmt.Errorf("after %d attempts: %w", attempts, ticket.ErrConflict)
}

func (r *Router) commit(ctx context.Context, c *ticket.Change) (ticket.Result, error) {
	defer r.timed(StageCommit)()
	return r.store.Commit(ctx, c)
}

// guessMost is how many bytes a message has at most that is decided on without
// reading: one that turns out to be known was packed, and written to a file that the
// sweep of orphans removes, for nothing.
const guessMost = 256 << 10

// guess decides on a message as if the store knew nothing of it, as is true of
// most that answer nothing. The change holds only if it is so, so that a wrong
// guess costs time; false where there is nothing to guess.
func (r *Router) guess(in Input) (Decision, bool) {
	m := in.Message
	if len(in.Envelope.Data) > guessMost || len(m.InReplyTo)+len(m.References) > 0 {
		return Decision{}, false
	}
	unknown, ok := in.Query().Unknown()
	if !ok {
		return Decision{}, false
	}
	in.Now = r.now()
	d := r.decideOn(in, &ticket.Facts{})
	if d.Change == nil {
		return Decision{}, false
	}
	d.Change.Unknown = unknown
	return d, true
}

func (r *Router) decide(ctx context.Context, in Input) (Decision, error) {
	in.Now = r.now()
	in.OpenHeld = func(h *ticket.Held, id ticket.BlobID) (io.ReadCloser, error) { return r.store.OpenHeldBlob(ctx, h, id) }
	in.OpenBlob = func(id ticket.ID, blob ticket.BlobID) (io.ReadCloser, error) {
		return r.store.OpenBlob(ctx, in.Site.Name, id, blob)
	}
	read := r.timed(StageFacts)
	facts, err := r.store.Facts(ctx, in.Query())
	read()
	if err != nil {
		return Decision{}, fmt.Errorf("read: %w", err)
	}
	return r.decideOn(in, facts), nil
}

func (r *Router) decideOn(in Input, facts *ticket.Facts) Decision {
	defer r.timed(StageDecide)()
	d := Decide(in, facts, r.mint)
	d.trace(in)
	return d
}

// Explain tells what would happen to a message, and changes nothing.
func (r *Router) Explain(ctx context.Context, e *envelope.Envelope) ([]Decision, error) {
	var all []Decision
	for _, in := range inputs(r.directory.Load(), e, parser.Parse(e.Data)) {
		d, err := r.decide(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// logDigest lets one Message-ID be followed through the log without standing in
// it: it may name its writer's host, or carry a token of ours.
func logDigest(messageID string) string {
	if messageID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(messageID))
	return hex.EncodeToString(sum[:6])
}

// Input is one message as one site gets it.
type Input struct {
	Site     *ticket.Site
	Targets  []Target
	Envelope *envelope.Envelope
	Message  *parser.Message
	// Ours tells our own addresses, those of other sites too.
	Ours func(ticket.Address) bool
	// OpenHeld reads what was kept with held mail, when a commit moves it.
	OpenHeld func(*ticket.Held, ticket.BlobID) (io.ReadCloser, error)
	// OpenBlob reads what was kept with a ticket, when a commit copies it.
	OpenBlob func(ticket.ID, ticket.BlobID) (io.ReadCloser, error)
	Now      time.Time
}

// Target is one queue of the site that the message came to.
type Target struct {
	Queue *ticket.Queue // nil for Postmaster
	// Tokens are those in its addresses in RCPT, then To and Cc.
	Tokens []ticket.Token
	// Word is what stands in its address in RCPT in the place of a token.
	Word       string
	Postmaster bool
}

// inputs groups the recipients by site and queue, in the order of RCPT.
func inputs(d *Directory, e *envelope.Envelope, m *parser.Message) []Input {
	var all []Input
	for _, rcpt := range e.Recipients {
		place, ok := d.Lookup(rcpt.Address)
		if !ok {
			continue // taken out of the settings between RCPT and here
		}
		i := slices.IndexFunc(all, func(in Input) bool { return in.Site == place.Site })
		if i < 0 {
			i = len(all)
			all = append(all, Input{Site: place.Site, Envelope: e, Message: m, Ours: d.Ours})
		}
		all[i].add(place)
	}
	for i := range all {
		all[i].headerTokens()
		if all[i].throughGroup() {
			unlisted := *m
			unlisted.Automatic = m.Unlisted
			all[i].Message = &unlisted
		}
	}
	return all
}

// throughGroup reports whether the message was written to a group that passes
// mail on to a queue of the site.
func (in *Input) throughGroup() bool {
	return slices.ContainsFunc(slices.Concat(in.Message.To, in.Message.Cc), func(box parser.Mailbox) bool {
		a, err := ticket.ParseAddress(box.Address)
		return err == nil && slices.ContainsFunc(in.Targets, func(t Target) bool { return t.Queue != nil && t.Queue.Group(a) })
	})
}

func (in *Input) add(p Place) {
	i := slices.IndexFunc(in.Targets, func(t Target) bool { return t.Queue == p.Queue })
	if i < 0 {
		i = len(in.Targets)
		in.Targets = append(in.Targets, Target{Queue: p.Queue, Postmaster: p.Postmaster})
	}
	if token, ok := ticket.ParseToken(p.Extension); ok {
		in.Targets[i].carries(token)
	} else if p.Extension != "" {
		in.Targets[i].Word = p.Extension
	}
}

// tokensMax bounds how many tokens of one message are looked up for a queue: a
// person answers one, a hostile To field may hold thousands.
const tokensMax = 20

func (t *Target) carries(token ticket.Token) {
	if len(t.Tokens) < tokensMax && !slices.Contains(t.Tokens, token) {
		t.Tokens = append(t.Tokens, token)
	}
}

// headerTokens adds the tokens that stand in To and Cc but not in RCPT: a relay
// may have rewritten the envelope to the bare address.
func (in *Input) headerTokens() {
	for _, box := range slices.Concat(in.Message.To, in.Message.Cc) {
		a, err := ticket.ParseAddress(box.Address)
		if err != nil {
			continue
		}
		for i := range in.Targets {
			t := &in.Targets[i]
			if t.Queue == nil {
				continue
			}
			extension, _, _ := t.Queue.Match(a)
			if token, ok := ticket.ParseToken(extension); ok {
				t.carries(token)
			}
		}
	}
}

// operation is the same for each repeat of a message to the same queues, so
// that the store writes it once. To one queue, it is that delivery.
func (in *Input) operation() string {
	if len(in.Targets) == 1 {
		return in.seen(in.Targets[0])
	}
	h := sha256.New()
	h.Write(in.Message.Digest[:])
	var names []string
	for _, t := range in.Targets {
		names = append(names, in.seen(t))
	}
	slices.Sort(names)
	h.Write([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// seen names the delivery of a message to a queue, against repeats.
func (in *Input) seen(t Target) string {
	name := "postmaster"
	if t.Queue != nil {
		name = t.Queue.Name
	}
	return hex.EncodeToString(in.Message.Digest[:16]) + " " + name
}

// seenIn names a message's way into a ticket, which copies for two queues may
// both lead to. A # tells it from a queue's name.
func (in *Input) seenIn(id ticket.ID) string {
	return hex.EncodeToString(in.Message.Digest[:16]) + " #" + id.String()
}
