package router

import (
	"io"
	"slices"
	"strings"

	"guichet/ticket"
)

// challenged gives the challenge that a message came back to: by its address, or
// by the Message-ID of the mail that brought the code.
func (in *Input) challenged(t Target) (ticket.Token, bool) {
	tokens := slices.Clone(t.Tokens)
	for _, id := range threadIDs(in.Message) {
		if token, ok := ticket.TokenOfMessageID(id); ok {
			tokens = append(tokens, token)
		}
	}
	i := slices.IndexFunc(tokens, func(t ticket.Token) bool { return t.Purpose == ticket.ChallengeToken })
	if i < 0 {
		return ticket.Token{}, false
	}
	return tokens[i], true
}

// meet decides on what came back to a challenge. Only a person's mail from the
// stored address counts, and only a code on the first line of its own words:
// a vacation notice that quotes the code, or a link scanner, proves nothing.
// Whatever brings no code is mail like any other.
func (d *decider) meet(t Target, token ticket.Token) Outcome {
	c := d.facts.Challenges[token.Ticket]
	if c != nil && c.Action == ticket.AgentRead || c == nil && d.answersList() {
		return d.listMail(t, c)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(d.in.Message.Reply), "\n")
	codes := d.in.Site.Validation.Find(first)
	switch {
	case d.in.asksNothing():
		return d.hold(t.Queue, nil, ticket.HeldAutoReply, "no person's answer to a code")
	case len(codes) == 0:
		return d.withoutCode(t, c)
	case c != nil && !c.Mailbox.Address.Same(d.in.Envelope.Evidence.From):
		return d.anothersCode(t, c)
	case c == nil || !c.Live(d.in.Now):
		return d.codeFailed(t.Queue, nil, ticket.ProblemLateCode)
	case !d.mint.Pepper.Meets(c, codes):
		return d.codeFailed(t.Queue, d.tried(c, len(codes)), ticket.ProblemWrongCode)
	}
	return d.redeem(c)
}

// tried counts wrong codes against a challenge, those of this mail together, and
// gives it as it then is.
func (d *decider) tried(c *ticket.Challenge, codes int) *ticket.Challenge {
	i := slices.IndexFunc(d.change.Challenges, func(other ticket.Challenge) bool { return other.ID == c.ID })
	switch {
	case i < 0 && codes == 0:
		return c
	case i < 0:
		i = len(d.change.Challenges)
		d.change.Challenges = append(d.change.Challenges, *c)
	}
	d.change.Challenges[i].Tries += codes
	return &d.change.Challenges[i]
}

// withoutCode decides on mail that answers a challenge with other words: into
// the ticket that it is about, if it is about one.
func (d *decider) withoutCode(t Target, c *ticket.Challenge) Outcome {
	if c != nil && d.facts.Tickets[c.Ticket] != nil {
		return d.followed(t, match{ticket: d.facts.Tickets[c.Ticket], rule: ByChallenge})
	}
	if c != nil {
		return d.codeFailed(t.Queue, c, ticket.ProblemNoCode)
	}
	return d.thread(t)
}

// anothersCode decides on a code from a mailbox to which none went. The team of
// its ticket is told; whoever sent it reads what they would if it were over.
func (d *decider) anothersCode(t Target, c *ticket.Challenge) Outcome {
	if d.facts.Tickets[c.Ticket] == nil {
		return d.codeFailed(t.Queue, nil, ticket.ProblemLateCode)
	}
	o := d.withoutCode(t, c)
	if o.Did == HeldBack {
		d.tellFailed(t.Queue, nil, ticket.ProblemLateCode)
	}
	return o
}

// codeFailed keeps a mail whose code made nothing happen, and tells why. The
// words are the same for a challenge that is over and one that never was.
func (d *decider) codeFailed(q *ticket.Queue, c *ticket.Challenge, problem string) Outcome {
	d.held(q, nil, ticket.HeldCommand)
	d.tellFailed(q, c, problem)
	return Outcome{Did: Refused, Why: problem, Proof: d.in.Envelope.Evidence.Proof}
}

func (d *decider) tellFailed(q *ticket.Queue, c *ticket.Challenge, problem string) {
	if d.silent(q) {
		return
	}
	n := d.letter(ticket.CodeFailed, q, d.sender(), d.locale())
	n.About = &ticket.About{Problem: problem}
	if c != nil {
		n.Locale, n.Challenge = c.Locale, c.ID
		n.About.Action, n.About.Left, n.About.Until = c.Action, max(0, ticket.MaxTries-c.Tries), c.Expires
	}
	n.Brakes = ticket.CodeBrakes(d.from, d.in.Envelope.Evidence.Proof, d.in.Site.Validation.Valid)
}

// redeem runs what was parked: the challenge is spent in the same commit, so
// that of two answers with the same code one finds it gone.
func (d *decider) redeem(c *ticket.Challenge) Outcome {
	o := Outcome{Did: Redeemed, Why: "a code allowed: " + string(c.Action), Proof: ticket.ProofCode, Ticket: c.Ticket}
	queue, ok := d.in.Site.Queue(c.Queue)
	claim := ticket.Claim{Proof: ticket.ProofCode, Method: ticket.ByDKIM, Participant: true, ClientNumber: true,
		Staff: d.seesSite(c.Mailbox.Address), ListedAgent: ok && queue.Agent(c.Mailbox.Address)}
	if !ok || !c.Action.Permits(claim) {
		return Outcome{Did: Refused, Why: "what the code was for is no more", Proof: ticket.ProofCode}
	}
	var t *ticket.Ticket
	if !c.Ticket.IsZero() {
		read := d.facts.Tickets[c.Ticket]
		if read == nil {
			d.spend(c, nil)
			return Outcome{Did: Refused, Why: "the ticket is gone", Proof: ticket.ProofCode}
		}
		t = d.copyOf(read)
		d.listAgents(t, queue)
	}
	if c.Action == ticket.ChangeAddress && !d.bothMet(c) {
		met := *c
		met.Parked.Met = true
		d.change.Challenges = append(d.change.Challenges, met)
		o.Why = "one of two codes came"
		return o
	}
	d.spend(c, t)
	run := redeemed[c.Action]
	run(d, redemption{challenge: c, ticket: t, queue: queue, claim: claim})
	return o
}

// spend ends a challenge.
func (d *decider) spend(c *ticket.Challenge, t *ticket.Ticket) {
	gone := func(id ticket.ID) bool { return id == c.ID || id == c.Parked.Other }
	d.change.Challenges = slices.DeleteFunc(d.change.Challenges, func(c ticket.Challenge) bool { return gone(c.ID) })
	d.change.Spent = append(d.change.Spent, *c)
	if other := d.facts.Challenges[c.Parked.Other]; other != nil {
		d.change.Spent = append(d.change.Spent, *other)
	}
	if t != nil {
		t.Challenges = slices.DeleteFunc(t.Challenges, gone)
		d.alter(t)
	}
}

// bothMet reports whether the other of two mailboxes has sent its code.
func (d *decider) bothMet(c *ticket.Challenge) bool {
	other := d.facts.Challenges[c.Parked.Other]
	return other != nil && other.Parked.Met
}

// redemption is a challenge that was met, and what it is about.
type redemption struct {
	challenge *ticket.Challenge
	ticket    *ticket.Ticket // a copy to change; nil where it is about none
	queue     *ticket.Queue
	claim     ticket.Claim
}

// who is the participant whose challenge it was.
func (r redemption) who() *ticket.Participant {
	if p, ok := r.ticket.Participant(r.challenge.Participant); ok {
		return p
	}
	return r.ticket.Requester()
}

// redeemed is what each action does once its code came.
var redeemed = map[ticket.Action]func(*decider, redemption){
	ticket.ConfirmOwn:     (*decider).confirmed,
	ticket.AskStatus:      (*decider).tellStatus,
	ticket.SeeSite:        (*decider).tellSite,
	ticket.ReadHistory:    (*decider).tellHistory,
	ticket.AddParticipant: (*decider).addCopied,
	ticket.ChangeAddress:  (*decider).changeAddress,
	ticket.CloseOwn:       (*decider).ownAct,
	ticket.ReopenOwn:      (*decider).ownAct,
	ticket.ExportOwn:      (*decider).export,
	ticket.EraseOwn:       (*decider).erase,
	ticket.Enrol:          (*decider).enrol,
	ticket.AgentAlias:     (*decider).aliasShown,
	ticket.AgentMany:      (*decider).actOnMany,
}

// confirmed takes a request for its sender's own: it opens if it waited, and is
// acknowledged in full.
func (d *decider) confirmed(r redemption) {
	t := r.ticket
	if t == nil {
		h := d.facts.Held[r.challenge.Parked.Held]
		if h == nil {
			return // dropped by an agent, or expired
		}
		t = d.openHeld(r.queue, h)
	}
	t.Unproved = false
	requester := t.Requester()
	d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventConfirmed, Author: requester.Number, Proof: ticket.ProofCode})
	d.notify(ticket.Acknowledgement, t, requester, 1)
}

// openHeld makes a ticket of a request that waited for its confirmation.
func (d *decider) openHeld(q *ticket.Queue, h *ticket.Held) *ticket.Ticket {
	d.change.Release = append(d.change.Release, h.ID)
	return d.releaseInto(q, h, func(id ticket.BlobID) (io.ReadCloser, error) { return d.in.OpenHeld(h, id) })
}

// tellStatus lists what is one's own.
func (d *decider) tellStatus(r redemption) {
	n := d.letter(ticket.Status, r.queue, r.challenge.Mailbox, r.challenge.Locale)
	n.About = &ticket.About{Action: ticket.AskStatus, Tickets: slices.Clone(d.facts.Own)}
}

// tellSite lists what is open at the site, to who may see it.
func (d *decider) tellSite(r redemption) {
	d.site(r.queue, r.challenge.Mailbox, r.challenge.Locale)
}

// tellHistory tells all that is public of a ticket, to the stored address.
func (d *decider) tellHistory(r redemption) {
	d.notify(ticket.History, r.ticket, r.who(), 0)
}

// addCopied lets somebody take part from now on.
func (d *decider) addCopied(r redemption) {
	added := r.challenge.Parked.Address
	if _, known := r.ticket.Who(added); known || d.in.Ours(added) {
		return
	}
	r.ticket.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: added, Name: r.challenge.Parked.Name}, Locale: r.who().Locale})
	d.done(r, ticket.EventJoined)
}

// changeAddress moves a participant to another mailbox. What the old one was
// given is void.
func (d *decider) changeAddress(r redemption) {
	p := r.who()
	p.Address, p.Other, p.Thread = r.challenge.Parked.Address, nil, ticket.Thread{}
	p.Epoch++
	d.done(r, ticket.EventMoved)
	old := d.facts.Challenges[r.challenge.Parked.Other]
	for _, c := range []*ticket.Challenge{r.challenge, old} {
		if c != nil && !c.Mailbox.Address.Same(p.Address) {
			n := d.letter(ticket.Done, r.queue, c.Mailbox, c.Locale)
			n.About = &ticket.About{Action: ticket.ChangeAddress, Address: p.Address}
		}
	}
}

// done writes down what a code made happen, and tells the participant and the
// team.
func (d *decider) done(r redemption, e ticket.Event) {
	p := r.who()
	number := d.write(r.ticket, ticket.Article{Kind: ticket.EventArticle, Event: e, Author: p.Number, Proof: ticket.ProofCode})
	n := d.notify(ticket.Done, r.ticket, p, 0)
	n.About = &ticket.About{Action: r.challenge.Action, Address: r.challenge.Parked.Address}
	d.tellAgents(ticket.AgentEvent, r.ticket, nil, number)
}

// ownAct closes or reopens.
func (d *decider) ownAct(r redemption) {
	c, ok := find(ownCommands[r.challenge.Action])
	if ok {
		d.ownCommand(writer{ticket: r.ticket, queue: r.queue, participant: r.who(), claim: r.claim}, c, "")
	}
}

// ownCommands are the commands that requesters share with agents.
var ownCommands = map[ticket.Action]string{ticket.CloseOwn: "close", ticket.ReopenOwn: "reopen"}

// export owes somebody all that is kept of them.
func (d *decider) export(r redemption) {
	n := d.letter(ticket.Export, r.queue, r.challenge.Mailbox, r.challenge.Locale)
	n.About = &ticket.About{Action: ticket.ExportOwn, Tickets: slices.Clone(d.facts.Own)}
}

// erase marks all that is somebody's own to be erased, after a time in which
// they, or somebody who did not mean to, can call it off.
func (d *decider) erase(r redemption) {
	at := d.in.Now.Add(d.in.Site.CallOff)
	about := &ticket.About{Action: ticket.EraseOwn, Until: at}
	for _, id := range d.facts.Own {
		if t := d.facts.Tickets[id]; t != nil {
			t = d.copyOf(t)
			t.EraseAt = at
			number := d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventForgetting, Author: t.Requester().Number, Proof: ticket.ProofCode})
			d.tellAgents(ticket.AgentEvent, t, nil, number)
			about.Tickets = append(about.Tickets, id)
		}
	}
	if len(about.Tickets) == 0 { // known to the site, and nothing else: that goes at once
		d.change.Leave = append(d.change.Leave, r.challenge.Mailbox.Address)
		about.Until = d.in.Now
	}
	n := d.letter(ticket.Done, r.queue, r.challenge.Mailbox, r.challenge.Locale)
	n.About = about
}

// enrol makes somebody known to the site: they see what is their own, and
// nothing more.
func (d *decider) enrol(r redemption) {
	d.change.Enrol = append(d.change.Enrol, r.challenge.Mailbox)
	n := d.letter(ticket.Done, r.queue, r.challenge.Mailbox, r.challenge.Locale)
	n.About = &ticket.About{Action: ticket.Enrol}
}

// confirm asks the sender of an unproved request to confirm it. The mail is
// short and fixed, and repeats nothing of what came.
func (d *decider) confirm(q *ticket.Queue, c ticket.Challenge) (ticket.ID, *ticket.Notice) {
	return d.confirmTo(q, d.sender(), c)
}

// confirmTo is confirm for a request whose author another mail named.
func (d *decider) confirmTo(q *ticket.Queue, to ticket.Mailbox, c ticket.Challenge) (ticket.ID, *ticket.Notice) {
	format := d.in.Site.Validation
	format.Valid = d.in.Site.ConfirmWithin
	c.Site, c.Queue, c.Action, c.Mailbox, c.Locale = d.in.Site.Name, q.Name, ticket.ConfirmOwn, to, d.locale()
	c, n := d.mint.Challenge(c, ticket.Receipt, format, d.in.Now)
	d.change.Challenges = append(d.change.Challenges, c)
	d.change.Notices = append(d.change.Notices, n)
	return c.ID, &d.change.Notices[len(d.change.Notices)-1]
}
