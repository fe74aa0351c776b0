package router

import (
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
		ID: ticket.NewIDAt(d.mint.Random, d.in.Now).String(), Site: d.in.Site.Name, Why: why,
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
			ID: ticket.NewIDAt(d.mint.Random, d.in.Now).String(), Kind: ticket.Postmaster, Site: d.in.Site.Name,
			Mailbox: ticket.Mailbox{Address: admin}, Locale: d.in.Site.Locale(), Held: id, Created: d.in.Now,
			Brakes:    floodBrake("postmaster", admin),
			MessageID: ticket.NewID(d.mint.Random).String() + "@" + d.mint.Hostname,
		})
	}
	return Outcome{Did: HeldBack, Why: "for the admin", Proof: d.in.Envelope.Evidence.Proof}
}
