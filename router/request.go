package router

import (
	"time"

	"guichet/parser"
	"guichet/ticket"
)

// request decides on a message that belongs to no ticket.
func (d *decider) request(t Target) Outcome {
	proof := ticket.Prove(d.in.Envelope.Evidence, false)
	if d.facts.Spammer.Sent(proof) {
		return d.hold(t.Queue, nil, ticket.HeldSpam, spamReason)
	}
	if why, reason := d.warned(); why != "" {
		return d.hold(t.Queue, nil, why, reason)
	}
	asked, wish := d.in.wishOf(t)
	forwarded, author, passedOn := d.passedOn(t.Queue, proof)
	filled, isForm := d.formOf(t.Queue, proof)
	switch {
	case d.in.Message.Automatic == parser.AutoReply:
		return d.hold(t.Queue, nil, ticket.HeldAutoReply, "an automatic answer to nothing that we know")
	case d.commandsWithoutTicket(t.Queue, proof):
		return d.answerWithoutTicket(t.Queue)
	case isForm:
		return d.openForm(t.Queue, filled)
	case passedOn:
		return d.openPassedOn(t.Queue, forwarded, author, proof)
	case wish && !asked.inThread && !d.in.asksNothing():
		return d.person(t.Queue, asked)
	case d.in.Site.Confirm && proof < ticket.ProofDomain:
		return d.unconfirmed(t.Queue)
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
	if q.CopyCc && proof >= ticket.ProofDomain {
		d.joinCopied(t, requester.Number)
		requester = t.Requester()
	}
	if previous != nil {
		t.Previous = previous.ID
		d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventFollowUp, Detail: previous.Reference.String()})
	}
	if !d.silent(q) {
		d.acknowledge(q, t, requester, number, proof)
	}
	d.tellAgents(ticket.AgentNew, t, nil, number)
	return Outcome{Did: Opened, Why: openedBecause(proof, previous), Ticket: t.ID, Proof: proof}
}

// begin makes a ticket with its requester and the agents of its queue.
func (d *decider) begin(q *ticket.Queue, requester ticket.Mailbox, subject, locale string, proof ticket.Proof) *ticket.Ticket {
	t := &ticket.Ticket{
		ID: ticket.NewIDAt(d.mint.Random, d.in.Now), Site: d.in.Site.Name, Queue: q.Name, Subject: subject,
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
func (d *decider) acknowledge(q *ticket.Queue, t *ticket.Ticket, requester *ticket.Participant, article int, proof ticket.Proof) {
	var n *ticket.Notice
	if t.Unproved {
		var id ticket.ID
		id, n = d.confirm(q, ticket.Challenge{Ticket: t.ID, Participant: requester.Number})
		t.Challenges = append(t.Challenges, id)
	} else {
		n = d.notify(ticket.Acknowledgement, t, requester, article)
	}
	n.Brakes = ticket.AnswerBrakes(t, requester.Address, proof, d.in.Message.Digest)
}

// requesterMail adds the words of a requester, or of somebody copied, to their
// ticket.
func (d *decider) requesterMail(target Target, w writer) Outcome {
	t := w.ticket
	asked, wish := d.wishIn(target, w)
	if wish && !asked.action.Permits(w.claim) {
		return d.ownWish(w, asked)
	}
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
	if w.queue.CopyCc && w.claim.Proof >= ticket.ProofToken && w.participant.Role == ticket.Requester {
		d.joinCopied(t, w.participant.Number)
		w.participant = t.Requester()
	}
	if wish {
		if c, shared := find(ownCommands[asked.action]); shared {
			return d.ownCommand(w, c, asked.text)
		}
		return d.ownWish(w, asked)
	}
	number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, d.in.Message.Reply, w.claim.Proof))
	t.Snoozed = time.Time{}
	d.passOn(t)
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

// wishIn is what a requester asks for in the thread of their ticket.
func (d *decider) wishIn(t Target, w writer) (wished, bool) {
	if d.in.asksNothing() || w.participant.Role != ticket.Requester || d.in.Message.Automatic != parser.ByPerson {
		return wished{}, false
	}
	return d.in.wishOf(t)
}

// unconfirmed keeps a request until its sender confirms it, and asks them to.
func (d *decider) unconfirmed(q *ticket.Queue) Outcome {
	o := d.hold(q, nil, ticket.HeldUnconfirmed, "not proved, and the site wants confirmation first")
	if !d.silent(q) {
		held := d.change.Held[len(d.change.Held)-1].ID
		_, n := d.confirm(q, ticket.Challenge{Parked: ticket.Parked{Held: held}})
		n.Brakes = ticket.AnswerBrakes(&ticket.Ticket{ID: ticket.NewID(d.mint.Random), Queue: q.Name}, d.from, o.Proof, d.in.Message.Digest)
	}
	return o
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
	a := &act{d: d, ticket: t, writer: w.participant, wrote: says}
	c.run(a)
	if number := d.writeEvents(w, a); number > 0 {
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
