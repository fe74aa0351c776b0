package router

import (
	"bytes"
	"io"
	"slices"

	"guichet/parser"
	"guichet/ticket"
)

// Did is what was done with a message for one queue.
type Did string

const (
	Opened   Did = "opened"   // a new ticket
	Added    Did = "added"    // a requester's words, to their ticket
	Answered Did = "answered" // an agent's words, to the requester
	Acted    Did = "acted"    // an agent's note or commands; nothing left for the requester
	Asked    Did = "asked"    // an agent's mail that was not understood: nothing ran, nothing left
	Filed    Did = "filed"    // a machine's mail or a bounce, on its ticket
	// Challenged is for what was asked for and is parked until a code comes, or
	// was told to the stored address; Redeemed for what a code allowed; Refused
	// for a code that allowed nothing.
	Challenged Did = "challenged"
	Redeemed   Did = "redeemed"
	Refused    Did = "refused"
	HeldBack   Did = "held"     // kept aside for a person
	Repeated   Did = "repeated" // had been delivered before: nothing changes
)

// Decision is what is done with a message for one site, and why.
type Decision struct {
	Site     string
	Outcomes []Outcome // one for each queue
	// Change is what is to be committed; nil when nothing changes.
	Change *ticket.Change
}

// Outcome is what was decided for one queue, in the words of the log and of
// explain.
type Outcome struct {
	Queue string
	Did   Did
	// Why is a short reason, without addresses or words of the message.
	Why       string
	Rule      Rule
	Ticket    ticket.ID
	Reference string
	Proof     ticket.Proof
	Notices   int
}

// created fills in the references that the commit drew.
func (d *Decision) created(r ticket.Result) {
	next := 0
	for i := range d.Outcomes {
		if o := &d.Outcomes[i]; o.Did == Opened && next < len(r.References) {
			o.Reference = r.References[next].String()
			next++
		}
	}
}

// decider gathers one decision.
type decider struct {
	in     Input
	facts  *ticket.Facts
	mint   ticket.Mint
	from   ticket.Address // the one author, or "" where that is not clear
	change *ticket.Change
	// again is the held mail whose message came once more, with more proof, and
	// is decided on anew; nil otherwise.
	again *ticket.Held
}

// Decide says what happens to a message for a site. It is pure: all that it
// knows are its arguments, all that it draws comes from mint.
func Decide(in Input, facts *ticket.Facts, mint ticket.Mint) Decision {
	d := &decider{in: in, facts: facts, mint: mint, from: in.Envelope.Evidence.From,
		change: &ticket.Change{Site: in.Site.Name, Operation: in.operation(), At: in.Now}}
	d.from = d.listedAs(d.from)
	out := Decision{Site: in.Site.Name}
	for _, t := range in.Targets {
		notices := d.notices()
		o := d.delivered(t)
		if t.Queue != nil {
			o.Queue = t.Queue.Name
		}
		o.Notices = d.notices() - notices
		out.Outcomes = append(out.Outcomes, o)
	}
	d.settle()
	if len(d.change.Seen)+len(d.change.Tickets) > 0 {
		out.Change = d.change
	}
	return out
}

// delivered decides on one delivery, and remembers what it was kept as.
func (d *decider) delivered(t Target) Outcome {
	if d.facts.Seen[d.in.seen(t)] {
		return d.repeat(t)
	}
	seen, held := len(d.change.Seen), len(d.change.Held)
	d.change.Seen = append(d.change.Seen, d.in.seen(t))
	o := d.target(t)
	for _, h := range d.change.Held[held:] {
		for _, delivery := range d.change.Seen[seen:] {
			if d.change.SeenAs == nil {
				d.change.SeenAs = map[string]string{}
			}
			d.change.SeenAs[delivery] = h.ID
		}
	}
	return o
}

// repeat decides on a message that had been delivered before: it is no new act,
// but where it comes with the proof that it first came without, its request is
// proved from now on, and what was held for want of it is taken.
func (d *decider) repeat(t Target) Outcome {
	o := Outcome{Did: Repeated, Why: "delivered before"}
	if h := d.heldBefore(d.in.seen(t)); h != nil {
		if raised, ok := d.raise(t, h); ok {
			return raised
		}
		return o
	}
	if t.Queue == nil || d.in.Envelope.Evidence.Proof < ticket.ProofDomain || d.in.Message.Automatic != parser.ByPerson {
		return o
	}
	read := d.facts.Tickets[d.facts.ByMessageID[ThreadKey(t.Queue, d.in.Message.MessageID)]]
	if read == nil || !read.Unproved || !read.Requester().Is(d.from) {
		return o
	}
	proved := d.copyOf(read)
	proved.Unproved = false
	d.change.Operation += " proved"
	d.write(proved, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventConfirmed, Author: proved.Requester().Number,
		Proof: d.in.Envelope.Evidence.Proof, Reason: d.in.Envelope.Evidence.Reason})
	if !d.silent(t.Queue) {
		n := d.notify(ticket.Acknowledgement, proved, proved.Requester(), 1)
		n.Brakes = ticket.TranscriptBrakes(d.from)
	}
	o.Why, o.Ticket, o.Reference = "delivered before, without the proof that it has now", proved.ID, proved.Reference.String()
	return o
}

// heldBefore is the mail that a delivery was held as for want of proof, where
// nobody has decided on it and the same sender now has that proof; else nil.
func (d *decider) heldBefore(delivery string) *ticket.Held {
	h := d.facts.Held[d.facts.SeenAs[delivery]]
	proved := d.in.Envelope.Evidence.Proof >= ticket.ProofDomain
	if h == nil || !h.Why.WantsProof() || !proved || !h.From.Address.Same(d.from) {
		return nil
	}
	return h
}

// raise decides anew on a message that was held for want of proof, and gives up
// the held mail in the same commit, so that it is taken once. Where it would be
// held again, nothing changes.
func (d *decider) raise(t Target, h *ticket.Held) (Outcome, bool) {
	trial := *d
	trial.again, trial.change = h, &ticket.Change{Site: d.in.Site.Name, At: d.in.Now}
	if trial.target(t).Did == HeldBack {
		return Outcome{}, false
	}
	d.again = h
	defer func() { d.again = nil }()
	d.change.Operation += " raised"
	d.change.Release = append(d.change.Release, h.ID)
	d.change.Seen = append(d.change.Seen, d.in.seen(t))
	o := d.target(t)
	o.Why += "; held before, without the proof that it has now"
	return o, true
}

// target decides for one queue.
func (d *decider) target(t Target) Outcome {
	m := d.in.Message
	if token, ok := d.probed(t); ok {
		return d.probe(t, token)
	}
	switch {
	case t.Postmaster:
		return d.forAdmin()
	case m.Bounce != nil || m.Automatic == parser.BounceNotice || d.cameHome(t):
		return d.bounce(t)
	case d.from == "":
		return d.hold(t.Queue, nil, ticket.HeldNoSender, "no one author to answer")
	case d.in.Ours(d.from):
		return d.hold(t.Queue, nil, ticket.HeldOwn, "from an address of ours")
	case d.echo():
		return d.hold(t.Queue, nil, ticket.HeldOwn, "a mail of ours, come back")
	}
	if token, ok := d.in.challenged(t); ok && d.mint.Signer.ProvesChallenge(token, d.in.Site.Name) {
		return d.meet(t, token)
	}
	return d.thread(t)
}

// thread finds the ticket of a message, or makes it one.
func (d *decider) thread(t Target) Outcome {
	found := d.find(t)
	if found.ticket == nil {
		return d.request(t)
	}
	return d.followed(t, found)
}

// followed decides on a message into a ticket, and says by which rule.
func (d *decider) followed(t Target, found match) Outcome {
	found = d.followMerged(found)
	o := d.follow(t, found)
	if o.Rule = found.rule; o.Did != Opened {
		o.Ticket, o.Reference = found.ticket.ID, found.ticket.Reference.String()
	}
	return o
}

// follow decides on a message into a ticket.
func (d *decider) follow(t Target, found match) Outcome {
	queue, ok := d.in.Site.Queue(found.ticket.Queue)
	if !ok {
		queue = t.Queue // the ticket's own was taken out of the settings
	}
	seen := d.in.seenIn(found.ticket.ID)
	if d.filedIn(seen) {
		return Outcome{Did: Repeated, Why: "another queue's copy went to the same ticket"}
	}
	d.change.Seen = append(d.change.Seen, seen)
	w := d.writer(queue, found)
	if d.facts.Spammer.Sent(w.claim.Proof) && (w.participant == nil || w.claim.Proof < ticket.ProofDomain) {
		return d.hold(w.queue, w.ticket, ticket.HeldSpam, spamReason)
	}
	if why, reason := d.warned(); why != "" {
		return d.holdInto(w, why, reason)
	}
	agent, agentElsewhere := d.unknownAddressOf(w, found)
	switch {
	case agentElsewhere:
		return d.askAlias(w, agent)
	case w.participant == nil && w.removed:
		return d.holdInto(w, ticket.HeldRemoved, "from somebody who was taken off")
	case w.participant == nil:
		return d.holdInto(w, ticket.HeldStranger, "from nobody on the ticket")
	case w.participant.Role == ticket.AgentRole && !ticket.AgentWrite.Permits(w.claim):
		return d.holdInto(w, ticket.HeldUnproved, "an agent's address, unproved")
	case w.participant.Role != ticket.AgentRole && !ticket.AddArticle.Permits(w.claim):
		if asked, ok := d.wishIn(t, w); ok {
			return d.ownWish(w, asked)
		}
		return d.holdInto(w, ticket.HeldUnproved, "a participant's address, unproved")
	case d.machine(w):
		return d.fileAutomatic(w)
	case w.participant.Role == ticket.AgentRole:
		return d.agentMail(w)
	}
	return d.requesterMail(t, w)
}

// filedIn reports whether the message found its way into a ticket before.
func (d *decider) filedIn(seen string) bool {
	if slices.Contains(d.change.Seen, seen) {
		return true
	}
	return d.facts.Seen[seen] && (d.again == nil || d.facts.SeenAs[seen] != d.again.ID)
}

// writer is who wrote a message into a ticket, and what they proved. The ticket
// is a copy to change, with the agents that are listed now.
type writer struct {
	ticket      *ticket.Ticket
	queue       *ticket.Queue
	participant *ticket.Participant // nil: nobody on the ticket
	removed     bool
	claim       ticket.Claim
	purpose     ticket.Purpose
}

func (d *decider) writer(queue *ticket.Queue, found match) writer {
	w := writer{ticket: found.ticket.Clone(), queue: queue, purpose: found.purpose}
	d.listAgents(w.ticket, queue)
	fits := false
	if found.owner != nil && !found.void {
		// Asked again of the copy: the list of agents may have voided it just now.
		if p, ok := w.ticket.Participant(found.owner.Number); ok && !p.Removed && p.Is(d.from) {
			w.participant, fits = p, true
		}
	}
	if w.participant == nil {
		w.participant, _ = w.ticket.Who(d.from)
	}
	if w.participant == nil {
		w.removed = slices.ContainsFunc(w.ticket.Participants, func(p ticket.Participant) bool { return p.Removed && p.Is(d.from) })
	}
	w.claim = ticket.Claim{
		Proof:       ticket.Prove(d.in.Envelope.Evidence, fits),
		Method:      d.in.Envelope.Evidence.Method,
		Participant: w.participant != nil,
		ListedAgent: queue.Agent(d.from),
	}
	return w
}

// listAgents brings the agents on a ticket in line with the queue's list: those
// who left it are removed, and their tokens void; those who joined take part.
func (d *decider) listAgents(t *ticket.Ticket, q *ticket.Queue) {
	for i := range t.Participants {
		p := &t.Participants[i]
		listed := q.Agent(p.Address)
		if p.Role != ticket.AgentRole || listed != p.Removed {
			continue
		}
		p.Removed = !listed
		if p.Removed {
			p.Epoch++
		}
	}
	for _, a := range q.Agents {
		if !slices.ContainsFunc(t.Participants, func(p ticket.Participant) bool { return p.Address.Same(a) }) {
			t.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: a}, Locale: d.in.Site.Locale()})
		}
	}
}

// alter puts a ticket into the change, once, and gives what is written of it.
func (d *decider) alter(t *ticket.Ticket) *ticket.TicketChange {
	i := slices.IndexFunc(d.change.Tickets, func(c ticket.TicketChange) bool { return c.Ticket == t })
	if i < 0 {
		t.Changed = d.in.Now
		i = len(d.change.Tickets)
		d.change.Tickets = append(d.change.Tickets, ticket.TicketChange{Ticket: t})
	}
	return &d.change.Tickets[i]
}

// copyOf is the copy of a ticket that this decision changes.
func (d *decider) copyOf(t *ticket.Ticket) *ticket.Ticket {
	i := slices.IndexFunc(d.change.Tickets, func(c ticket.TicketChange) bool { return c.Ticket.ID == t.ID })
	if i >= 0 {
		return d.change.Tickets[i].Ticket
	}
	return t.Clone()
}

// write appends an article to a ticket.
func (d *decider) write(t *ticket.Ticket, a ticket.Article) int {
	t.Articles++
	a.Number, a.At = t.Articles, d.in.Now
	c := d.alter(t)
	c.Articles = append(c.Articles, a)
	return a.Number
}

// notify owes a participant a mail.
func (d *decider) notify(kind ticket.NoticeKind, t *ticket.Ticket, p *ticket.Participant, article int) *ticket.Notice {
	c := d.alter(t)
	c.Notices = append(c.Notices, d.mint.Notice(kind, t, p, article, d.in.Now))
	return &c.Notices[len(c.Notices)-1]
}

// letter owes somebody a mail that belongs to no ticket.
func (d *decider) letter(kind ticket.NoticeKind, q *ticket.Queue, to ticket.Mailbox, locale string) *ticket.Notice {
	n := d.mint.Letter(kind, d.in.Site.Name, q.Name, to, locale, d.in.Now)
	if kind == ticket.Asked || d.from.Same(to.Address) {
		answerTo(&n, d.in.Message.MessageID)
	}
	d.change.Notices = append(d.change.Notices, n)
	return &d.change.Notices[len(d.change.Notices)-1]
}

// answerTo makes a mail of ours an answer to another.
func answerTo(n *ticket.Notice, messageID string) {
	var thread ticket.Thread
	thread.Add(messageID) // which leaves out what could not be written
	n.InReplyTo, n.References = thread.Parent(), thread.References()
}

// tellAgents owes the team a mail, save for who caused it.
func (d *decider) tellAgents(kind ticket.NoticeKind, t *ticket.Ticket, but *ticket.Participant, article int) {
	for _, p := range t.Active(ticket.AgentRole) {
		if p != but {
			d.notify(kind, t, p, article)
		}
	}
}

// notices counts the mails that are owed so far.
func (d *decider) notices() int {
	n := len(d.change.Notices)
	for _, c := range d.change.Tickets {
		n += len(c.Notices)
	}
	return n
}

// article is the message as an entry of a ticket, with its files and its raw
// bytes kept.
func (d *decider) article(kind ticket.Kind, author uint16, text string, proof ticket.Proof) ticket.Article {
	m := d.in.Message
	a := ticket.Article{
		Kind: kind, Author: author, Text: text, Attachments: d.files(), MessageID: m.MessageID,
		Proof: proof, Reason: d.in.Envelope.Evidence.Reason, Automatic: string(m.Automatic), Raw: d.raw(),
	}
	if m.Text != text {
		a.Whole = m.Text
	}
	return a
}

// event is something that the message made happen. It keeps the message if no
// other entry does, so that it can be told later who asked and with what proof.
func (d *decider) event(e ticket.Event, w writer, keeps bool) ticket.Article {
	a := ticket.Article{Kind: ticket.EventArticle, Event: e, Author: w.participant.Number,
		Proof: w.claim.Proof, Reason: d.in.Envelope.Evidence.Reason}
	if keeps {
		a.MessageID, a.Raw = d.in.Message.MessageID, d.raw()
	}
	return a
}

// files keeps the attachments.
func (d *decider) files() []ticket.Attachment {
	var out []ticket.Attachment
	for _, a := range d.in.Message.Attachments {
		out = append(out, ticket.Attachment{Name: a.Name, Type: a.Type, Size: a.Size, ContentID: a.ContentID,
			Inline: a.Inline, Blob: d.keep(a.Size, a.Open)})
	}
	return out
}

// raw keeps the message as it came, under the lines that say how.
func (d *decider) raw() ticket.BlobID {
	e := d.in.Envelope
	return d.keep(int64(len(e.Trace)+len(e.Data)), func() io.Reader {
		return io.MultiReader(bytes.NewReader(e.Trace), bytes.NewReader(e.Data))
	})
}

func (d *decider) keep(size int64, open func() io.Reader) ticket.BlobID {
	id := ticket.BlobID(ticket.NewID(d.mint.Random).String())
	d.change.Blobs = append(d.change.Blobs, ticket.Blob{ID: id, Size: size, Open: open})
	return id
}

// sender is the author as a mailbox.
func (d *decider) sender() ticket.Mailbox {
	return ticket.Mailbox{Name: d.in.Message.From.Name, Address: d.from}
}

// locale is the language to answer a person in: that of their words, else one
// that their program asks for, else the site's.
func (d *decider) locale() string {
	return d.in.Site.Locale(append([]string{d.in.Message.Language}, d.in.Message.Languages...)...)
}

// remember leads later answers to the ticket, and makes the message a part of
// its writer's conversation. Identifiers of ours are left out: they lead to
// their ticket by themselves, and are nobody else's to see.
func (d *decider) remember(t *ticket.Ticket, q *ticket.Queue, p *ticket.Participant) {
	m := d.in.Message
	c := d.alter(t)
	for _, id := range threadIDs(m) {
		if _, ours := ticket.TokenOfMessageID(id); !ours {
			c.MessageIDs = append(c.MessageIDs, ThreadKey(q, id))
		}
	}
	if p == nil {
		return
	}
	d.chats(p)
	if len(m.References) > 0 && p.Thread.Root == "" {
		if _, ours := ticket.TokenOfMessageID(m.References[0]); !ours {
			p.Thread.Add(m.References[0])
		}
	}
	p.Thread.Add(m.MessageID)
}
