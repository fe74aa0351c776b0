package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/store"
	"guichet/ticket"
)

type outboxCommand struct {
	List    outboxList    `cmd:"" default:"withargs" help:"Show the mails that are owed: queued, on hold, failed."`
	Retry   outboxRetry   `cmd:"" help:"Try mails again at once, also those that failed."`
	Flush   outboxFlush   `cmd:"" help:"Try every queued mail now instead of later."`
	Hold    outboxHold    `cmd:"" help:"Keep mails back until they are released."`
	Release outboxRelease `cmd:"" help:"Let go of mails on hold."`
	Drop    outboxDrop    `cmd:"" help:"Throw mails away; they are never sent."`
}

func (outboxCommand) Help() string {
	return example("guichet outbox", "guichet outbox retry --all")
}

// waiting are the states in which a mail is in the outbox.
var waiting = []ticket.DeliveryState{ticket.Queued, ticket.OnHold, ticket.Failed}

// outbox is the listing of the mails that the sites owe, the one that is tried
// next first.
func (t *tool) outbox(ctx context.Context, only string, states []ticket.DeliveryState) (*listing[ticket.Delivery], error) {
	sites, err := t.sites(only)
	if err != nil {
		return nil, err
	}
	soonest := func(a, b ticket.Delivery) bool { return a.Due.Before(b.Due) }
	return listSites(sites, soonest, func(site string, after store.Cursor, n int) (store.Page[ticket.Delivery], error) {
		return t.store.Outbox(ctx, site, states, after, n)
	}), nil
}

type outboxList struct {
	Site  string   `placeholder:"NAME" help:"Of this site only."`
	State []string `placeholder:"STATE" help:"In these states only: queued, hold, failed."`
	Limit int      `default:"50" help:"At most so many; 0 is all."`
	JSON  bool     `name:"json" help:"One object a line for each mail."`
}

func (outboxList) Help() string {
	return example("guichet outbox", "guichet outbox --state failed --json | jq -r .error") + `

Mails that left, or that a brake kept back, are shown on their ticket: guichet
show. DUE is when a queued mail is tried next, else since when it waits.`
}

// Run lists the outbox.
func (c outboxList) Run(ctx context.Context, p *program) error {
	var states []ticket.DeliveryState
	for _, name := range c.State {
		state := ticket.DeliveryState(strings.ToLower(name))
		if !slices.Contains(waiting, state) {
			return usageError(fmt.Sprintf("no mail of the outbox is %q; there is queued, hold, failed", name))
		}
		states = append(states, state)
	}
	return p.with(ctx, func(t *tool) error {
		mails, err := t.outbox(ctx, c.Site, states)
		if err != nil {
			return err
		}
		table := p.list(c.JSON, column{title: "ID"}, column{title: "KIND"}, column{title: "TICKET"}, column{title: "TO"}, column{title: "STATE"},
			column{title: "ATTEMPTS", right: true}, column{title: "DUE", right: true}, column{title: "ERROR", flex: true})
		return mails.print(p, table, c.Limit, "mail", func(d ticket.Delivery) error {
			n := d.Notice
			about, err := t.ticketOf(ctx, n.Site, n.Ticket)
			if err != nil {
				return err
			}
			return table.add(deliveryOf(d, about), shortID(n.ID), string(n.Kind), referenceOf(about), string(recipientOf(n, about).Address),
				string(d.State), strconv.Itoa(d.Attempts), due(d, p.Now()), d.Error)
		})
	})
}

// due is when a mail is tried next, or since when it waits for a person.
func due(d ticket.Delivery, now time.Time) string {
	if d.State == ticket.Queued {
		if d.Due.Before(now) {
			return "now"
		}
		return ago(d.Due, now)
	}
	return "since " + clock(d.Due, now)
}

// recipientOf is whom a notice goes to.
func recipientOf(n ticket.Notice, about *ticket.Ticket) ticket.Mailbox {
	if about != nil {
		if p, ok := about.Participant(n.To); ok {
			return p.Mailbox
		}
	}
	return n.Mailbox
}

// deliveryObject is a mail that is owed, or was, as programs get it.
type deliveryObject struct {
	ID        string               `json:"id"`
	Kind      ticket.NoticeKind    `json:"kind"`
	Site      string               `json:"site"`
	Queue     string               `json:"queue"`
	Ticket    string               `json:"ticket"`
	Article   int                  `json:"article"`
	To        personObject         `json:"to"`
	MessageID string               `json:"message_id"`
	State     ticket.DeliveryState `json:"state"`
	Attempts  int                  `json:"attempts"`
	Created   time.Time            `json:"created"`
	Due       *time.Time           `json:"due"`
	Error     string               `json:"error"`
}

func deliveryOf(d ticket.Delivery, about *ticket.Ticket) deliveryObject {
	n := d.Notice
	o := deliveryObject{
		ID: n.ID, Kind: n.Kind, Site: n.Site, Queue: n.Queue, Ticket: referenceOf(about), Article: n.Article,
		To: personOf(recipientOf(n, about)), MessageID: n.MessageID, State: d.State, Attempts: d.Attempts,
		Created: n.Created, Error: d.Error,
	}
	if d.Due.Unix() > 0 { // a notice that is read by itself has none
		o.Due = &d.Due
	}
	return o
}

// notices are the mails that somebody names, by the beginnings of their ids.
type notices struct {
	ID   []string `arg:"" help:"Ids, or as much of them as is unique."`
	Site string   `placeholder:"NAME" help:"Of this site only."`
	JSON bool     `name:"json" help:"One object a line for each mail."`
}

// redirect moves the mails that are named. allowed are the states from which
// they may be; done says what became of them.
func (c notices) redirect(ctx context.Context, p *program, to ticket.DeliveryState, done string, allowed ...ticket.DeliveryState) error {
	return p.with(ctx, func(t *tool) error {
		mails, err := t.outbox(ctx, c.Site, waiting)
		if err != nil {
			return err
		}
		picked, err := pick(mails, "mail", func(d ticket.Delivery) string { return d.Notice.ID }, c.ID)
		if err != nil {
			return err
		}
		for _, d := range picked {
			if !slices.Contains(allowed, d.State) {
				return fmt.Errorf("%s is %s", shortID(d.Notice.ID), remedies[d.State])
			}
		}
		r := t.outcomes(c.JSON)
		t.redirect(ctx, picked, to, done, r)
		return r.end()
	})
}

// remedies say where a mail stands, and which command is for that.
var remedies = map[ticket.DeliveryState]string{
	ticket.Queued: "queued and leaves by itself; guichet outbox hold keeps it back",
	ticket.OnHold: "on hold; guichet outbox release lets go of it",
	ticket.Failed: "given up; guichet outbox retry tries it again",
}

// movers bounds how many mails are moved at a time: each waits for a disk, and
// those who wait together share it.
const movers = 16

// redirect moves mails and says so of each, in their order.
func (t *tool) redirect(ctx context.Context, mails []ticket.Delivery, to ticket.DeliveryState, done string, r *outcomes) {
	results := make([]error, len(mails))
	var group errgroup.Group
	group.SetLimit(movers)
	for i, d := range mails {
		group.Go(func() error {
			results[i] = t.store.Redirect(ctx, d.Notice.Site, d.Notice.ID, to)
			return nil
		})
	}
	_ = group.Wait() // the results say it
	for i, d := range mails {
		n := d.Notice
		about, err := t.ticketOf(ctx, n.Site, n.Ticket)
		what := string(n.Kind)
		if about != nil {
			what += " of " + referenceOf(about)
		}
		r.add(n.ID, done, what+" to "+string(recipientOf(n, about).Address), errors.Join(results[i], err))
	}
}

type outboxRetry struct {
	ID   []string `arg:"" optional:"" help:"Ids, or as much of them as is unique."`
	All  bool     `help:"Every mail that failed."`
	Site string   `placeholder:"NAME" help:"Of this site only."`
	JSON bool     `name:"json" help:"One object a line for each mail."`
}

func (outboxRetry) Help() string {
	return example("guichet outbox retry ngsvdeca2jht", "guichet outbox retry --all")
}

// Run queues mails anew.
func (c outboxRetry) Run(ctx context.Context, p *program) error {
	switch {
	case c.All == (len(c.ID) > 0):
		return usageError("name the mails, or say --all")
	case !c.All:
		return notices{c.ID, c.Site, c.JSON}.redirect(ctx, p, ticket.Queued, "is tried again", ticket.Queued, ticket.Failed)
	}
	return p.with(ctx, func(t *tool) error {
		return t.requeue(ctx, c.Site, c.JSON, ticket.Failed, func(ticket.Delivery) bool { return true })
	})
}

// requeuedAtOnce is how many mails are gathered before they are moved: there may be
// a million.
const requeuedAtOnce = 1000

// requeue makes all mails of a state due now that want says. What moves leaves the
// part of the list that is still to be read; what comes back into it was tried since.
func (t *tool) requeue(ctx context.Context, site string, asJSON bool, state ticket.DeliveryState, want func(ticket.Delivery) bool) error {
	mails, err := t.outbox(ctx, site, []ticket.DeliveryState{state})
	if err != nil {
		return err
	}
	began, moved, r := t.Now(), 0, t.outcomes(asJSON)
	some := make([]ticket.Delivery, 0, requeuedAtOnce)
	move := func() {
		t.redirect(ctx, some, ticket.Queued, "is tried again", r)
		moved, some = moved+len(some), some[:0]
	}
	for d, err := range mails.all() {
		if err != nil {
			return err
		}
		if want(d) && !triedSince(d, began) {
			some = append(some, d)
		}
		if len(some) == requeuedAtOnce {
			move()
		}
	}
	if move(); moved == 0 && !asJSON {
		fmt.Fprintln(t.Stderr, "There is no such mail.")
	}
	return r.end()
}

func triedSince(d ticket.Delivery, began time.Time) bool {
	return len(d.Tries) > 0 && d.Tries[len(d.Tries)-1].At.After(began)
}

type outboxFlush struct {
	Site string `placeholder:"NAME" help:"Of this site only."`
	JSON bool   `name:"json" help:"One object a line for each mail."`
}

func (outboxFlush) Help() string {
	return example("guichet outbox flush", "guichet outbox flush --site acme") + `

For when a relay is back: mails that wait for their next attempt are tried now.`
}

// Run makes all mails due that wait for another attempt. One that is not due and
// was never tried is in a worker's hands at this moment: it is left there, or
// it would leave twice.
func (c outboxFlush) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		return t.requeue(ctx, c.Site, c.JSON, ticket.Queued, func(d ticket.Delivery) bool { return d.Attempts > 0 && d.Due.After(p.Now()) })
	})
}

type outboxHold struct{ notices }

func (outboxHold) Help() string { return example("guichet outbox hold ngsvdeca2jht ngsvdecd7qa4") }

// Run keeps mails back.
func (c outboxHold) Run(ctx context.Context, p *program) error {
	return c.redirect(ctx, p, ticket.OnHold, "is on hold", ticket.Queued, ticket.Failed)
}

type outboxRelease struct{ notices }

func (outboxRelease) Help() string { return example("guichet outbox release ngsvdeca2jht") }

// Run lets go of mails on hold.
func (c outboxRelease) Run(ctx context.Context, p *program) error {
	return c.redirect(ctx, p, ticket.Queued, "is released", ticket.OnHold)
}

type outboxDrop struct{ notices }

func (outboxDrop) Help() string { return example("guichet outbox drop ngsvdeca2jht") }

// Run throws mails away.
func (c outboxDrop) Run(ctx context.Context, p *program) error {
	return c.redirect(ctx, p, ticket.Dropped, "is dropped", waiting...)
}
