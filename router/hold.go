package router

import (
	"slices"
	"time"

	"guichet/parser"
	"guichet/ticket"
)

// floodBrake bounds what a flood makes somebody read who did not ask for it:
// 20 mails an hour. What they would have told of is all kept.
func floodBrake(counter string, to ticket.Address) []ticket.Brake {
	return []ticket.Brake{{Counter: counter + " " + to.Key(), Limit: 20, Window: time.Hour}}
}

// spamReason is said of mail that is kept aside without a word to anybody.
const spamReason = "its sender's mail was called spam"

// hold keeps the message aside. into is the ticket that it was for, or nil.
func (d *decider) hold(q *ticket.Queue, into *ticket.Ticket, why ticket.Why, reason string) Outcome {
	d.held(q, into, why)
	return Outcome{Did: HeldBack, Why: reason, Proof: d.in.Envelope.Evidence.Proof}
}

func (d *decider) held(q *ticket.Queue, into *ticket.Ticket, why ticket.Why) string {
	m, evidence := d.in.Message, d.in.Envelope.Evidence
	h := ticket.Held{
		ID: ticket.NewID(d.mint.Random).String(), Site: d.in.Site.Name, Why: why,
		From:    ticket.Mailbox{Name: m.From.Name, Address: d.from},
		Subject: m.Subject, Text: m.Text, Attachments: d.files(), MessageID: m.MessageID,
		Proof: evidence.Proof, Reason: evidence.Reason, Automatic: string(m.Automatic), Raw: d.raw(), At: d.in.Now,
	}
	if q != nil {
		h.Queue = q.Name
	}
	if into != nil {
		h.Ticket = into.ID
	}
	d.change.Held = append(d.change.Held, h)
	return h.ID
}

// holdInto keeps mail for a ticket aside and tells its agents at once, save of
// automatic answers, which no person waits for.
func (d *decider) holdInto(w writer, why ticket.Why, reason string) Outcome {
	id := d.held(w.queue, w.ticket, why)
	if d.in.Message.Automatic != parser.AutoReply {
		for _, p := range w.ticket.Active(ticket.AgentRole) {
			n := d.notify(ticket.AgentHeld, w.ticket, p, 0)
			n.Held = id
			n.Brakes = floodBrake("held "+w.ticket.ID.String(), p.Address)
		}
	}
	return Outcome{Did: HeldBack, Why: reason, Proof: w.claim.Proof}
}

// warned is why the door wants the message held, whatever else speaks for it.
func (d *decider) warned() (why ticket.Why, reason string) {
	switch e := d.in.Envelope.Evidence; {
	case e.Policy == ticket.Reject:
		return ticket.HeldPolicy, "its From domain wants such mail refused"
	case e.Policy != ticket.NoPolicy:
		return ticket.HeldPolicy, "its From domain wants such mail set aside"
	case e.Suspect != "":
		return ticket.HeldSuspect, e.Suspect
	}
	return "", ""
}

// forAdmin takes mail to postmaster@ and abuse@: kept, and passed on where that
// cannot start a loop.
func (d *decider) forAdmin() Outcome {
	id := d.held(nil, nil, ticket.HeldPostmaster)
	admin := d.in.Site.Admin
	if admin != "" && !d.in.Envelope.Null && d.in.Message.Automatic == parser.ByPerson && !admin.Same(d.from) && !d.in.Ours(d.from) {
		d.change.Notices = append(d.change.Notices, ticket.Notice{
			ID: ticket.NewID(d.mint.Random).String(), Kind: ticket.Postmaster, Site: d.in.Site.Name,
			Mailbox: ticket.Mailbox{Address: admin}, Locale: d.in.Site.Locale(), Held: id, Created: d.in.Now,
			Brakes:    floodBrake("postmaster", admin),
			MessageID: ticket.NewID(d.mint.Random).String() + "@" + d.mint.Hostname,
		})
	}
	return Outcome{Did: HeldBack, Why: "for the admin", Proof: d.in.Envelope.Evidence.Proof}
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
