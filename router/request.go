package router

import (
	"guichet/parser"
	"guichet/ticket"
)

// request decides on a message that belongs to no ticket.
func (d *decider) request(t Target) Outcome {
	proof := ticket.Prove(d.in.Envelope.Evidence, false)
	if why, reason := d.warned(); why != "" {
		return d.hold(t.Queue, nil, why, reason)
	}
	switch {
	case d.in.Message.Automatic == parser.AutoReply:
		return d.hold(t.Queue, nil, ticket.HeldAutoReply, "an automatic answer to nothing that we know")
	case d.commandsWithoutTicket(t.Queue, proof):
		return d.answerWithoutTicket(t.Queue)
	case d.in.Site.Confirm && proof < ticket.ProofDomain:
		return d.hold(t.Queue, nil, ticket.HeldUnconfirmed, "not proved, and the site wants confirmation first")
	}
	return d.open(t.Queue, nil, proof)
}

// open makes a ticket of the message. previous is the closed one that it
// follows up, or nil.
func (d *decider) open(q *ticket.Queue, previous *ticket.Ticket, proof ticket.Proof) Outcome {
	m := d.in.Message
	t := d.begin(q, d.sender(), m.Subject, d.locale(), proof)
	requester := t.Requester()

	// Of a first message the whole text is kept as its words: what it quotes or
	// passes on is what it is about.
	number := d.write(t, d.article(ticket.PublicArticle, requester.Number, m.Text, proof))
	d.remember(t, q, requester)
	if previous != nil {
		t.Previous = previous.ID
		d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventFollowUp, Detail: previous.Reference.String()})
	}
	if !d.silent(q) {
		d.acknowledge(t, requester, number, proof)
	}
	d.tellAgents(ticket.AgentNew, t, nil, number)
	return Outcome{Did: Opened, Why: openedBecause(proof, previous), Ticket: t.ID, Proof: proof}
}

// begin makes a ticket with its requester and the agents of its queue.
func (d *decider) begin(q *ticket.Queue, requester ticket.Mailbox, subject, locale string, proof ticket.Proof) *ticket.Ticket {
	t := &ticket.Ticket{
		ID: ticket.NewID(d.mint.Random), Site: d.in.Site.Name, Queue: q.Name, Subject: subject,
		State: ticket.New, Locale: locale, Tracking: d.in.Site.Tracking.Draw(d.mint.Random),
		Unproved: proof < ticket.ProofDomain, Opened: d.in.Now, Changed: d.in.Now,
	}
	t.Join(ticket.Participant{Role: ticket.Requester, Mailbox: requester, Locale: locale})
	d.listAgents(t, q)
	return t
}

func openedBecause(proof ticket.Proof, previous *ticket.Ticket) string {
	switch {
	case previous != nil:
		return "an answer to a ticket that is closed"
	case proof < ticket.ProofDomain:
		return "a new matter, not proved"
	}
	return "a new matter"
}

// acknowledge owes the requester word that they were heard: with the tracking
// code where the mailbox is proved to be theirs, else a few fixed words.
func (d *decider) acknowledge(t *ticket.Ticket, requester *ticket.Participant, article int, proof ticket.Proof) {
	kind := ticket.Acknowledgement
	if t.Unproved {
		kind, article = ticket.Receipt, 0
	}
	n := d.notify(kind, t, requester, article)
	n.Brakes = ticket.AnswerBrakes(t, requester.Address, proof, d.in.Message.Digest)
}

// requesterMail adds the words of a requester, or of somebody copied, to their
// ticket.
func (d *decider) requesterMail(target Target, w writer) Outcome {
	t := w.ticket
	if t.State == ticket.Closed {
		late := d.in.Now.Sub(t.Closed) > d.in.Site.Reopen
		if late || !ticket.ReopenOwn.Permits(w.claim) {
			return d.open(w.queue, t, w.claim.Proof)
		}
	}
	if w.participant.Role == ticket.Requester && w.claim.Proof >= ticket.ProofDomain {
		t.Unproved = false
	}
	d.remember(t, target.Queue, w.participant)
	c, rest := readOwn(d.in.Message.Reply)
	if c != nil && d.in.Message.Automatic == parser.ByPerson && w.participant.Role == ticket.Requester && c.own.Permits(w.claim) {
		return d.ownCommand(w, c, rest)
	}
	number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, d.in.Message.Reply, w.claim.Proof))
	why := "from a participant"
	if t.State == ticket.Closed {
		why = "from a participant; opened again"
		d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventReopened, Author: w.participant.Number})
	}
	if t.State != ticket.New {
		t.SetState(ticket.Open, d.in.Now)
	}
	d.tellAgents(ticket.AgentReply, t, nil, number)
	return Outcome{Did: Added, Why: why, Proof: w.claim.Proof}
}

// ownCommand does what a requester asks of their own ticket. Its words, if
// there are any, are kept with it; either way everybody is told.
func (d *decider) ownCommand(w writer, c *command, text string) Outcome {
	t := w.ticket
	says := text != "" || len(d.in.Message.Attachments) > 0
	if says {
		number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, text, w.claim.Proof))
		d.tellAgents(ticket.AgentReply, t, nil, number)
	}
	a := &act{d: d, ticket: t, writer: w.participant}
	c.run(a)
	for i, e := range a.events {
		number := d.write(t, d.event(e, w, i == 0 && !says))
		d.tellAgents(ticket.AgentEvent, t, nil, number)
	}
	kind := ticket.ReopenedNotice
	if t.State == ticket.Closed {
		kind = ticket.ClosedNotice
	}
	n := d.notify(kind, t, w.participant, 0)
	n.Brakes = ticket.TranscriptBrakes(w.participant.Address)
	return Outcome{Did: Acted, Why: "a requester's #" + c.name, Proof: w.claim.Proof}
}
