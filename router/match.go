package router

import (
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// Rule is how a message found its ticket.
type Rule string

const (
	NoRule        Rule = ""
	ByToken       Rule = "token"        // a reply address of ours
	ByOurID       Rule = "our-id"       // a Message-ID of ours, with its MAC
	ByMessageID   Rule = "message-id"   // one of an earlier message of the ticket
	ByReference   Rule = "reference"    // [ACM-1042] in the subject
	ByChallenge   Rule = "challenge"    // the address that a code is sent back to
	ByBounceToken Rule = "bounce-token" // our envelope sender
)

// match is the ticket that a message belongs to, and how that was found.
type match struct {
	ticket *ticket.Ticket
	rule   Rule
	// owner is the participant to whom the good token was given, or nil.
	owner *ticket.Participant
	// purpose is that of the good token.
	purpose ticket.Purpose
	// void is set when the token is ours but of an earlier epoch.
	void bool
}

// Query is what must be known of the site before the message can be decided.
func (in *Input) Query() ticket.Query {
	q := query{ticket.Query{Site: in.Site.Name, Sender: in.Envelope.Evidence.From}}
	for _, t := range in.Targets {
		q.Seen = append(q.Seen, in.seen(t))
		q.own(in, t)
	}
	q.thread(in)
	q.Held = heldNamed(in.Message.Text)
	q.author(in)
	if b := in.Message.Bounce; b != nil {
		if token, ok := ticket.TokenOfMessageID(b.OriginalMessageID); ok {
			q.name(token)
		}
	}
	q.References = append(q.References, in.subjectReferences()...)
	slices.SortFunc(q.Tickets, func(a, b ticket.ID) int { return strings.Compare(string(a[:]), string(b[:])) })
	q.Tickets = slices.Compact(q.Tickets)
	for _, id := range q.Tickets {
		q.Seen = append(q.Seen, in.seenIn(id))
	}
	return q.Query
}

// query is a query while it is put together.
type query struct{ ticket.Query }

// own asks for what is the author's, where the message may be about that: a code
// that comes back, or a wish.
func (q *query) own(in *Input, t Target) {
	from := in.Envelope.Evidence.From
	if _, ok := in.challenged(t); ok {
		q.Address, q.IfSighted, q.Whole = from, true, in.Site.Staff(from)
	}
	w, ok := in.wishOf(t)
	if !ok || in.asksNothing() {
		return
	}
	q.Address = from
	switch w.action {
	case ticket.AskStatus:
		q.Tracking, q.Whole = in.trackingCodes(), in.Site.Staff(from)
	case ticket.SeeSite:
		q.IfSighted, q.Whole = true, in.Site.Staff(from)
	}
}

// thread asks for the tickets that the message may go into, by its tokens and by
// the messages that it answers.
func (q *query) thread(in *Input) {
	ids := threadIDs(in.Message)
	for _, t := range in.Targets {
		for _, token := range t.Tokens {
			q.name(token)
		}
		for _, id := range ids {
			if t.Queue != nil {
				q.MessageIDs = append(q.MessageIDs, ThreadKey(t.Queue, id))
			}
		}
	}
	for _, id := range ids {
		if token, ok := ticket.TokenOfMessageID(id); ok {
			q.name(token)
		}
	}
}

// author asks for what the commands of an agent are about, and for what the
// author chose: whether they chat, and of which agent their address is another.
// With a token a mail may be an agent's who writes from elsewhere.
func (q *query) author(in *Input) {
	from, agent := in.Envelope.Evidence.From, in.fromAgent()
	if from == "" || !agent && len(q.Tickets)+len(q.Challenges) == 0 {
		return
	}
	q.Profiles = append(q.Profiles, from)
	if !agent && len(q.Tickets) == 0 {
		return
	}
	for _, c := range read(in.Message.Reply).commands {
		if c.command.wants != nil {
			c.command.wants(c.argument, in, &q.Query)
		}
	}
}

// name asks for what a token names.
func (q *query) name(token ticket.Token) {
	if token.Purpose == ticket.ChallengeToken {
		q.Challenges = append(q.Challenges, token.Ticket)
		return
	}
	q.Tickets = append(q.Tickets, token.Ticket)
}

// fromAgent reports whether the From address is an agent's of a queue of the
// site. It proves nothing, and asks for nothing that only agents may see.
func (in *Input) fromAgent() bool {
	from := in.Envelope.Evidence.From
	return from != "" && in.Site.Agent(from)
}

// threadMax bounds how many ancestors of one message are looked up: the newest
// and the root say where it belongs, and a hostile header may hold thousands.
const threadMax = 20

// threadIDs are the identifiers that may lead to the ticket, the surest first:
// what it answers, then its ancestors from the newest, the root of them, and
// its own, which an answer that overtook it on the way may have named.
func threadIDs(m *parser.Message) []string {
	var ids []string
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range m.InReplyTo[:min(len(m.InReplyTo), threadMax-1)] {
		add(id)
	}
	for _, id := range slices.Backward(m.References) {
		if len(ids) >= threadMax-1 {
			break
		}
		add(id)
	}
	if len(m.References) > 0 {
		add(m.References[0])
	}
	add(m.MessageID)
	return ids
}

// ThreadKey is the name by which the store finds the ticket of a message
// (ticket.TicketChange.MessageIDs): with the queue, because one mail to two queues
// is a ticket in each.
func ThreadKey(q *ticket.Queue, messageID string) string { return q.Name + " " + messageID }

// find gives the ticket of a message that came to a target: by the rules of
// threading, the surest first. A subject's words alone lead nowhere.
func (d *decider) find(t Target) match {
	if m, ok := d.byTokens(t.Tokens, ByToken); ok {
		return m
	}
	ids := threadIDs(d.in.Message)
	var ours []ticket.Token
	for _, id := range ids {
		if token, ok := ticket.TokenOfMessageID(id); ok {
			ours = append(ours, token)
		}
	}
	if m, ok := d.byTokens(ours, ByOurID); ok {
		return m
	}
	for _, id := range ids {
		if found, ok := d.facts.ByMessageID[ThreadKey(t.Queue, id)]; ok && d.facts.Tickets[found] != nil {
			return match{ticket: d.facts.Tickets[found], rule: ByMessageID}
		}
	}
	for _, n := range d.in.subjectReferences() {
		if found, ok := d.facts.ByReference[n]; ok && d.facts.Tickets[found] != nil {
			return match{ticket: d.facts.Tickets[found], rule: ByReference}
		}
	}
	return match{}
}

// byTokens gives the ticket of the first token that is proved, one that was
// given to the writer before all others. Where none is proved, a token of ours
// from an earlier epoch still says which ticket was meant. Beside the address
// for answers, that for notes wins: what it keeps back can still be sent.
func (d *decider) byTokens(tokens []ticket.Token, rule Rule) (match, bool) {
	var best match
	var notes []ticket.ID
	for _, token := range tokens {
		if token.Purpose == ticket.BounceToken || token.Purpose == ticket.ChallengeToken {
			continue
		}
		m, ok := d.proved(token, rule)
		if !ok {
			continue
		}
		if token.Purpose == ticket.NoteToken {
			notes = append(notes, token.Ticket)
		}
		if best.ticket == nil || d.rank(m) > d.rank(best) {
			best = m
		}
	}
	if best.ticket != nil && slices.Contains(notes, best.ticket.ID) {
		best.purpose = ticket.NoteToken
	}
	return best, best.ticket != nil
}

// rank orders proved tokens: void, somebody else's, the writer's own.
func (d *decider) rank(m match) int {
	switch {
	case m.void:
		return 0
	case !m.owner.Is(d.from):
		return 1
	}
	return 2
}

// proved checks a token against the participant whom it names.
func (d *decider) proved(token ticket.Token, rule Rule) (match, bool) {
	t := d.facts.Tickets[token.Ticket]
	if t == nil {
		return match{}, false
	}
	p, ok := t.Participant(token.Participant)
	if !ok {
		return match{}, false
	}
	if d.mint.Signer.Proves(token, t.Site, t.ID, p) {
		return match{ticket: t, rule: rule, owner: p, purpose: token.Purpose}, true
	}
	for past := *p; past.Epoch > 0; {
		past.Epoch--
		if d.mint.Signer.Proves(token, t.Site, t.ID, &past) {
			return match{ticket: t, rule: rule, owner: p, purpose: token.Purpose, void: true}, true
		}
	}
	return match{}, false
}
