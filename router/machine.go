package router

import (
	"slices"

	"guichet/parser"
	"guichet/ticket"
)

// This file is about mail that no person wrote: how it is known, that it is not
// answered, and what is filed of it.

// machine reports whether a mail into a ticket is to be taken for no person's,
// so that it is relayed to nobody and opens nothing again. What carries the
// marks of lists and bulk may still be somebody's words: they are taken from a
// requester, who speaks to the team alone, where they change no closed ticket.
func (d *decider) machine(w writer) bool {
	switch a := d.in.Message.Automatic; {
	case d.in.Envelope.Null:
		return true
	case a == parser.List || a == parser.Bulk:
		return w.participant.Role == ticket.AgentRole || w.ticket.State == ticket.Closed
	default:
		return a != parser.ByPerson
	}
}

// echo reports whether the message is one of ours: its own identifier has the
// form that only we write. Whether its token still holds does not matter.
func (d *decider) echo() bool {
	_, ours := ticket.TokenOfMessageID(d.in.Message.MessageID)
	return ours
}

// silent reports whether the message may not be answered by a machine such as
// us (RFC 3834 §2, RFC 5321 §4.5.5): not machines, not lists, nor mail that was
// not addressed to the queue.
func (d *decider) silent(q *ticket.Queue) bool {
	if d.in.Envelope.Null || d.in.Message.Automatic != parser.ByPerson {
		return true
	}
	for _, box := range slices.Concat(d.in.Message.To, d.in.Message.Cc) {
		if a, err := ticket.ParseAddress(box.Address); err == nil && (q.Ours(a) || q.Group(a)) {
			return false
		}
	}
	return true
}

// bounce files a report on the ticket whose mail it is about. Without a token
// of ours it is inert: anybody can write one.
func (d *decider) bounce(t Target) Outcome {
	found, ok := d.bounced(t)
	if !ok {
		return d.hold(t.Queue, nil, ticket.HeldBounce, "a bounce of nothing that we sent")
	}
	changed := found.ticket.Clone()
	if queue, ok := d.in.Site.Queue(changed.Queue); ok {
		d.listAgents(changed, queue)
	}
	event := d.article(ticket.EventArticle, 0, string(found.owner.Address), d.in.Envelope.Evidence.Proof)
	event.Event, event.Detail = ticket.EventAutomatic, bounceReason(d.in.Message.Bounce)
	if failed(d.in.Message.Bounce) {
		event.Event = ticket.EventDeliveryFailed
	}
	number := d.write(changed, event)
	if p, ok := changed.Participant(found.owner.Number); ok {
		d.absent(changed, p)
	}
	if event.Event == ticket.EventDeliveryFailed && found.owner.Role != ticket.AgentRole {
		d.tellOfMachine(changed, nil, number)
	}
	return Outcome{Did: Filed, Why: "a bounce of ours", Rule: found.rule, Ticket: changed.ID,
		Reference: changed.Reference.String(), Proof: d.in.Envelope.Evidence.Proof}
}

// cameHome reports whether a machine wrote to an envelope sender of ours:
// reports of success and vacation notices go there too.
func (d *decider) cameHome(t Target) bool {
	ours := func(token ticket.Token) bool { return token.Purpose == ticket.BounceToken }
	return slices.ContainsFunc(t.Tokens, ours) && (d.in.Envelope.Null || d.in.Message.Automatic != parser.ByPerson)
}

// bounced finds whose mail a report is about: by our envelope sender, or by our
// Message-ID in the part of the mail that came back.
func (d *decider) bounced(t Target) (match, bool) {
	for _, token := range t.Tokens {
		if token.Purpose == ticket.BounceToken {
			if m, ok := d.proved(token, ByBounceToken); ok {
				return m, true
			}
		}
	}
	if b := d.in.Message.Bounce; b != nil {
		if token, ok := ticket.TokenOfMessageID(b.OriginalMessageID); ok {
			return d.proved(token, ByOurID)
		}
	}
	return match{}, false
}

// failed reports whether a report of delivery says that a mail will not arrive:
// one that names recipients says it of them, one that names none of all. nil is
// a report of success.
func failed(b *parser.Bounce) bool {
	lost := func(r parser.BouncedRecipient) bool { return r.Action == "failed" || r.Action == "" }
	return b != nil && (len(b.Recipients) == 0 || slices.ContainsFunc(b.Recipients, lost))
}

func bounceReason(b *parser.Bounce) string {
	if b == nil || len(b.Recipients) == 0 {
		return ""
	}
	if r := b.Recipients[0]; r.Reason != "" {
		return r.Reason
	}
	return b.Recipients[0].Status
}

// fileAutomatic keeps a machine's mail on its ticket: it reopens, closes and
// relays nothing, and is not answered. The agents are told, save of automatic
// answers, which no person waits for: a person's mail may bear a machine's
// marks, and an agent's answer that did not leave must not go unnoticed.
func (d *decider) fileAutomatic(w writer) Outcome {
	m := d.in.Message
	a := d.article(ticket.EventArticle, w.participant.Number, m.Reply, w.claim.Proof)
	a.Event = ticket.EventAutomatic
	number := d.write(w.ticket, a)
	if d.in.Envelope.Null || m.Automatic == parser.AutoReply {
		d.absent(w.ticket, w.participant)
		return Outcome{Did: Filed, Why: "an automatic answer", Proof: w.claim.Proof}
	}
	d.tellOfMachine(w.ticket, w.participant, number)
	return Outcome{Did: Filed, Why: "automatic: " + string(m.Automatic), Proof: w.claim.Proof}
}

// tellOfMachine tells the team what a machine wrote, which may never stop.
func (d *decider) tellOfMachine(t *ticket.Ticket, but *ticket.Participant, number int) {
	for _, p := range t.Active(ticket.AgentRole) {
		if p != but {
			d.notify(ticket.AgentEvent, t, p, number).Brakes = floodBrake("automatic "+t.ID.String(), p.Address)
		}
	}
}
