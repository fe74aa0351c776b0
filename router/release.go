package router

import (
	"context"
	"errors"
	"fmt"
	"io"

	"guichet/ticket"
)

// ErrNoQueue is what Release says when the settings have no queue any more for
// the mail, or never had one: mail to the postmaster is for a person to read.
var ErrNoQueue = errors.New("no queue takes this mail")

// ErrNoSender is what Release says of mail without an author to answer.
var ErrNoSender = errors.New("the mail has no sender who could be answered")

// Release files held mail after a person decided that it may: into the ticket
// that it was for, its writer then being a participant, or as a new ticket.
// blob opens what was kept with it.
func (r *Router) Release(ctx context.Context, h *ticket.Held, blob func(ticket.BlobID) (io.ReadCloser, error)) (ticket.Result, error) {
	site, ok := r.Directory().Site(h.Site)
	if !ok {
		return ticket.Result{}, fmt.Errorf("site %s: %w", h.Site, ErrNoQueue)
	}
	for range attempts {
		facts, err := r.store.Facts(ctx, ticket.Query{Site: h.Site, Tickets: []ticket.ID{h.Ticket}})
		if err != nil {
			return ticket.Result{}, fmt.Errorf("read: %w", err)
		}
		d := &decider{in: Input{Site: site, Now: r.now()}, facts: facts, mint: r.mint, from: h.From.Address,
			change: &ticket.Change{Site: h.Site, Operation: "release " + h.ID, At: r.now(), Release: []string{h.ID}}}
		if err := d.release(h, blob); err != nil {
			return ticket.Result{}, err
		}
		result, err := r.store.Commit(ctx, d.change)
		if !errors.Is(err, ticket.ErrConflict) {
			return result, err
		}
	}
	return ticket.Result{}, fmt.Errorf("after %d attempts: %w", attempts, ticket.ErrConflict)
}

// release decides on held mail: the words of its writer, whoever they are now
// taken to be.
func (d *decider) release(h *ticket.Held, blob func(ticket.BlobID) (io.ReadCloser, error)) error {
	queue, ok := d.in.Site.Queue(h.Queue)
	switch {
	case !ok:
		return ErrNoQueue
	case h.From.Address == "":
		return ErrNoSender
	}
	into := d.facts.Tickets[h.Ticket]
	var t *ticket.Ticket
	kind := ticket.AgentReply
	if into != nil {
		t = into.Clone()
		d.listAgents(t, queue)
	} else {
		t, kind = d.begin(queue, h.From, h.Subject, d.in.Site.Locale(), h.Proof), ticket.AgentNew
	}
	writer, known := t.Who(h.From.Address)
	if !known {
		writer = t.Join(ticket.Participant{Role: ticket.Copied, Mailbox: h.From, Locale: t.Locale})
	}
	article := ticket.Article{Kind: ticket.PublicArticle, Author: writer.Number, Text: h.Text, MessageID: h.MessageID,
		Proof: h.Proof, Reason: h.Reason, Automatic: h.Automatic, Raw: d.moved(h.Raw, blob)}
	for _, a := range h.Attachments {
		a.Blob = d.moved(a.Blob, blob)
		article.Attachments = append(article.Attachments, a)
	}
	number := d.write(t, article)
	c := d.alter(t)
	if h.MessageID != "" {
		c.MessageIDs = append(c.MessageIDs, threadKey(queue, h.MessageID))
		writer.Thread.Add(h.MessageID)
	}
	if t.State != ticket.New {
		t.SetState(ticket.Open, d.in.Now)
	}
	d.tellAgents(kind, t, nil, number)
	return nil
}

// moved keeps a held mail's bytes as the ticket's: they were sealed under
// another key.
func (d *decider) moved(id ticket.BlobID, blob func(ticket.BlobID) (io.ReadCloser, error)) ticket.BlobID {
	if id == "" {
		return ""
	}
	return d.keep(-1, func() io.Reader {
		r, err := blob(id)
		if err != nil {
			return failing{err}
		}
		return r
	})
}

// failing is a reader of what cannot be opened.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
