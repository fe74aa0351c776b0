package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"guichet/ticket"
)

// ErrNoQueue is what Release says when the settings have no queue any more for
// the mail, or never had one: mail to the postmaster is for a person to read.
var ErrNoQueue = errors.New("no queue takes this mail")

// ErrNoSender is what Release says of mail without an author to answer, or whose
// author is an address of ours: an answer to it would come back to us.
var ErrNoSender = errors.New("the mail has no sender who could be answered")

// Release files held mail after a person decided that it may: into the ticket
// that it was for, its writer then being a participant, or as a new ticket.
// An agent's, or what came with an agent's token, becomes a note, since nobody saw yet what of it was meant for the
// requester. blob opens what was kept with it.
func (r *Router) Release(ctx context.Context, h *ticket.Held, blob func(ticket.BlobID) (io.ReadCloser, error)) (ticket.Result, error) {
	directory := r.Directory()
	site, ok := directory.Site(h.Site)
	switch {
	case !ok:
		return ticket.Result{}, fmt.Errorf("site %s: %w", h.Site, ErrNoQueue)
	case h.From.Address == "" || directory.Ours(h.From.Address):
		return ticket.Result{}, ErrNoSender
	}
	for range attempts {
		facts, err := r.store.Facts(ctx, ticket.Query{Site: h.Site, Tickets: []ticket.ID{h.Ticket}})
		if err != nil {
			return ticket.Result{}, fmt.Errorf("read: %w", err)
		}
		d := &decider{in: Input{Site: site, Now: r.now()}, facts: facts, mint: r.mint, from: h.From.Address,
			change: &ticket.Change{Site: h.Site, Operation: "release " + h.ID, At: r.now(), Release: []string{h.ID}, Welcome: []ticket.Address{h.From.Address}}}
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
	if !ok {
		return ErrNoQueue
	}
	if h.Why == ticket.HeldSight {
		d.letSee(queue, h)
		return nil
	}
	d.releaseInto(queue, h, blob)
	return nil
}

// releaseInto files held mail, and gives the ticket that has it.
func (d *decider) releaseInto(queue *ticket.Queue, h *ticket.Held, blob func(ticket.BlobID) (io.ReadCloser, error)) *ticket.Ticket {
	into := d.facts.Tickets[h.Ticket]
	var t *ticket.Ticket
	tell, kind := ticket.AgentReply, ticket.PublicArticle
	if into != nil {
		t = d.copyOf(into)
		d.listAgents(t, queue)
	} else {
		t, tell = d.begin(queue, h.From, h.Subject, d.in.Site.Locale(), h.Proof), ticket.AgentNew
	}
	writer := releasedWriter(t, h.From)
	if writer.Role == ticket.AgentRole || h.Why == ticket.HeldAlias { // it may quote what the team alone may read
		tell, kind = ticket.AgentNote, ticket.InternalArticle
	}
	article := ticket.Article{Kind: kind, Author: writer.Number, Text: h.Text, MessageID: h.MessageID, Way: h.Way,
		Proof: h.Proof, Reason: h.Reason, Automatic: h.Automatic, Raw: d.moved(h.Raw, blob)}
	for _, a := range h.Attachments {
		a.Blob = d.moved(a.Blob, blob)
		article.Attachments = append(article.Attachments, a)
	}
	number := d.write(t, article)
	c := d.alter(t)
	if h.MessageID != "" {
		c.MessageIDs = append(c.MessageIDs, ThreadKey(queue, h.MessageID))
		writer.Thread.Add(h.MessageID)
	}
	if t.State != ticket.New && kind == ticket.PublicArticle {
		t.SetState(ticket.Open, d.in.Now)
	}
	d.tellAgents(tell, t, nil, number)
	return t
}

// releasedWriter is whom the words of released mail are taken to be from:
// whoever has that address on the ticket, an agent who left the team too, or
// else somebody copied from now on.
func releasedWriter(t *ticket.Ticket, from ticket.Mailbox) *ticket.Participant {
	if p, ok := t.Who(from.Address); ok {
		return p
	}
	former := func(p ticket.Participant) bool { return p.Role == ticket.AgentRole && p.Is(from.Address) }
	if i := slices.IndexFunc(t.Participants, former); i >= 0 {
		return &t.Participants[i]
	}
	return t.Join(ticket.Participant{Role: ticket.Copied, Mailbox: from, Locale: t.Locale})
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
		return closing{r}
	})
}

// closing closes what it reads as soon as there is no more of it: who keeps
// blobs knows readers alone.
type closing struct{ io.ReadCloser }

func (c closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil {
		_ = c.Close() // nothing was written to it
	}
	return n, err
}

// failing is a reader of what cannot be opened.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
