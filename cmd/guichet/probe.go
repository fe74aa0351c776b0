package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"guichet/doctor"
	"guichet/outbox"
	"guichet/parser"
	"guichet/router"
	"guichet/store"
	"guichet/ticket"
)

// probing is one probe on its way.
type probing struct {
	*tool
	site  ticket.Site
	queue *ticket.Queue
	way   outbox.Outgoing
	id    ticket.ID
	mail  outbox.Probe
	sent  time.Time
	found doctor.Probed
}

const probeText = "This mail tells an administrator whether mail of this address comes home as it left.\nNobody needs to read or to answer it."

// probe sends a mail from each queue to itself, and tells what came home; or to
// an address, where somebody looks.
func (c doctorCommand) probe(ctx context.Context, p *program) (found []doctor.Finding, err error) {
	if _, err := ticket.ParseAddress(c.ProbeTo); c.ProbeTo != "" && err != nil {
		return nil, usageError(fmt.Sprintf("--probe-to %q is no address", printable(c.ProbeTo)))
	}
	err = p.with(ctx, func(t *tool) error {
		all, err := t.probes()
		if err != nil {
			return err
		}
		for _, each := range all {
			found = append(found, each.run(ctx, c)...)
		}
		return nil
	})
	return found, err
}

// probes are one for each queue whose mail leaves this machine.
func (t *tool) probes() ([]*probing, error) {
	sites, err := sitesOf(t.settings)
	if err != nil {
		return nil, err
	}
	var out []*probing
	for i, site := range sites {
		way, err := outgoingOf(t.settings.Sites[i].Outgoing)
		if err != nil {
			return nil, err
		}
		for j := range site.Queues {
			out = append(out, &probing{tool: t, site: site, queue: &site.Queues[j], way: way})
		}
	}
	return out, nil
}

// run sends one probe and waits for it.
func (x *probing) run(ctx context.Context, c doctorCommand) []doctor.Finding {
	x.found.Address = string(x.queue.Address)
	if x.way.Route.Scheme == "maildir" {
		return []doctor.Finding{{Heading: "A mail sent out and home", Check: "probe", Subject: x.found.Address, State: doctor.Note,
			What: "its mails do not leave this machine (outgoing.via is a Maildir)"}}
	}
	x.compose(c.ProbeTo)
	var err error
	x.found.Signed, err = x.mail.Send(ctx, x.way, nil, nil)
	switch {
	case err != nil:
		x.found.Refused = err.Error()
	case c.ProbeTo != "":
		return []doctor.Finding{{Heading: "A mail sent out and home", Check: "probe", Subject: x.found.Address, State: doctor.Note,
			What:   "a probe is on its way to " + c.ProbeTo + "; it left with",
			Record: fmt.Sprintf("Message-ID: <%s>\nFrom: %s\nReturn-Path: <%s>", x.mail.MessageID, x.queue.Address, x.mail.Return),
			Remedy: "look there whether it still has them, and what Authentication-Results says of its DKIM signature"}}
	default:
		x.await(ctx, c.ProbeWait)
	}
	return x.found.Findings()
}

func (x *probing) compose(to string) {
	x.id = ticket.NewID(rand.Reader)
	token := x.store.Signer().SignProbe(x.site.Name, x.id)
	home := x.queue.With(token)
	x.sent = x.Now()
	x.mail = outbox.Probe{Hostname: x.settings.Hostname, From: x.queue.Mailbox(), To: home, Return: home, At: x.sent,
		MessageID: token + "." + x.id.String() + "@" + x.settings.Hostname, Subject: "Probe " + token, Text: probeText}
	if to != "" {
		x.mail.To = ticket.Address(to)
	}
	x.found.Sent = doctor.Seen{MessageID: x.mail.MessageID, From: string(x.queue.Address), Return: string(home), Text: probeText}
}

// pollProbe is how often it is looked for.
const pollProbe = 100 * time.Millisecond

// await looks for the probe until it is there, or the time is up.
func (x *probing) await(ctx context.Context, atMost time.Duration) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	poll := time.NewTicker(pollProbe)
	defer poll.Stop()
	for {
		h, err := x.store.Held(ctx, x.site.Name, x.id.String())
		switch {
		case err == nil:
			x.found.Took = h.At.Sub(x.sent)
			x.came(ctx, h)
			return
		case !errors.Is(err, store.ErrNotFound):
			x.found.Refused = "the store cannot be read: " + err.Error()
			return
		}
		select {
		case <-ctx.Done():
			x.found.Refused = "interrupted"
			return
		case <-over.C:
			x.found.Lost, x.found.Took = true, atMost
			return
		case <-poll.C:
		}
	}
}

var returnPath = regexp.MustCompile(`(?i)^Return-Path: <([^>]*)>`)

// came reads the probe as it came home, and takes it away.
func (x *probing) came(ctx context.Context, h *ticket.Held) {
	r, err := x.store.OpenHeldBlob(ctx, h, h.Raw)
	if err == nil {
		var raw []byte
		raw, err = io.ReadAll(r)
		err = errors.Join(err, r.Close())
		x.compare(h, raw)
	}
	// It has told what it was to tell: it is not thrown away, but filed.
	_, committed := x.store.Commit(ctx, &ticket.Change{Site: x.site.Name, At: x.Now(), Release: []string{h.ID}})
	if err = errors.Join(err, committed); err != nil {
		x.found.Refused = err.Error()
	}
}

func (x *probing) compare(h *ticket.Held, raw []byte) {
	m := parser.Parse(raw)
	if m.Bounce != nil {
		x.found.Bounced = "undeliverable"
		if len(m.Bounce.Recipients) > 0 {
			r := m.Bounce.Recipients[0]
			x.found.Bounced = strings.TrimSpace(r.Reason + " " + r.Status)
		}
		return
	}
	x.found.Whole = h.Reason == router.ProbeWhole
	x.found.Holds = outbox.Holds(raw, x.way.Keys)
	x.found.Came = doctor.Seen{MessageID: m.MessageID, From: m.From.Address, Text: strings.TrimSpace(m.Text)}
	if found := returnPath.FindSubmatch(bytes.TrimSpace(raw)); found != nil {
		x.found.Came.Return = string(found[1])
	}
}
