package router

import (
	"log/slog"
	"slices"
	"time"

	"guichet/ticket"
)

// Metrics is told how messages fare behind the door. Its methods are called from
// many goroutines and must not block.
type Metrics interface {
	// Stage tells how long one of the Stage… parts took.
	Stage(name string, took time.Duration)
	// Decided counts what was done with a message for one queue.
	Decided(did Did, rule Rule)
	// Held counts mail that was kept aside.
	Held(why ticket.Why)
}

// The parts of the time that a message takes behind the door. Facts and commit
// are counted for each site, and again when another was faster; facts only where
// the store was asked.
const (
	StageParse  = "parse"
	StageFacts  = "facts"
	StageDecide = "decide"
	StageCommit = "commit"
)

type noMetrics struct{}

func (noMetrics) Stage(string, time.Duration) {}
func (noMetrics) Decided(Did, Rule)           {}
func (noMetrics) Held(ticket.Why)             {}

// Measure has m told of the messages that come from now on. It is called before
// the first.
func (r *Router) Measure(m Metrics) { r.metrics = m }

// timed begins a stage; what it gives ends it.
func (r *Router) timed(stage string) (end func()) {
	began := r.now()
	return func() { r.metrics.Stage(stage, r.now().Sub(began)) }
}

// report counts what was decided and done, and tells it for the one line that a
// message leaves in the log.
func (r *Router) report(in Input, d Decision) {
	for _, o := range d.Outcomes {
		r.metrics.Decided(o.Did, o.Rule)
		in.Envelope.Filed = append(in.Envelope.Filed, o.attributes(in))
	}
	if d.Change != nil {
		for _, h := range d.Change.Held {
			r.metrics.Held(h.Why)
		}
	}
}

// attributes are an outcome as the log shows it.
func (o Outcome) attributes(in Input) []slog.Attr {
	return []slog.Attr{
		slog.String("site", in.Site.Name), slog.String("queue", o.Queue), slog.String("did", string(o.Did)), slog.String("because", o.Why),
		slog.String("rule", string(o.Rule)), slog.String("ticket", idOrNone(o.Ticket)), slog.String("reference", o.Reference),
		slog.String("granted", o.Proof.String()), slog.Int("notices", o.Notices), slog.String("msgid", logDigest(in.Message.MessageID)),
	}
}

func idOrNone(id ticket.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// trace writes on all that a decision keeps of the message how it came there.
func (d *Decision) trace(in Input) {
	if d.Change == nil {
		return
	}
	for _, tc := range d.Change.Tickets {
		way := d.way(in, func(o Outcome) bool { return o.Ticket == tc.Ticket.ID })
		// The other articles of a mail stand behind its first.
		if i := slices.IndexFunc(tc.Articles, func(a ticket.Article) bool { return a.Way == nil }); i >= 0 {
			tc.Articles[i].Way = way
		}
	}
	for i := range d.Change.Held {
		h := &d.Change.Held[i]
		h.Way = d.way(in, func(o Outcome) bool { return o.Did == HeldBack && o.Queue == h.Queue })
	}
}

// way is that of the message by the outcome that is, or else by the first.
func (d *Decision) way(in Input, is func(Outcome) bool) *ticket.Way {
	e, o := in.Envelope, d.Outcomes[max(0, slices.IndexFunc(d.Outcomes, is))]
	return &ticket.Way{ID: e.ID, Client: e.Client, TLS: e.TLS, Did: string(o.Did), Rule: string(o.Rule), Why: o.Why}
}
