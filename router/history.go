package router

import (
	"slices"
	"time"

	"guichet/envelope"
	"guichet/parser"
	"guichet/ticket"
)

// Past is a mail of a time before the tickets here.
type Past struct {
	// ID is its Message-ID, or what stands for one that has none.
	ID      string
	Message *parser.Message
	Raw     []byte    // with CRLF line ends, as the door gives them
	At      time.Time // when it was written
}

// History makes tickets of such mail. It owes nobody a mail, and claims no proof
// of who wrote one.
type History struct {
	Site  *ticket.Site
	Queue *ticket.Queue
	// Ours are further addresses of those who answered then.
	Ours []ticket.Address
	Mint ticket.Mint
}

// pastReason stands where others have what proved their writer.
const pastReason = "taken over from an archive"

// Team reports whether an address is of those who answered: an agent's, that of
// any queue of the site, or one of Ours.
func (h *History) Team(a ticket.Address) bool {
	queue := func(q ticket.Queue) bool { return q.Ours(a) }
	return h.Site.Agent(a) || slices.ContainsFunc(h.Site.Queues, queue) || slices.ContainsFunc(h.Ours, a.Same)
}

// Keys are the forms in which a thread's Message-IDs are looked up, to find the
// ticket that they belong to already.
func (h *History) Keys(messageIDs []string) []string {
	keys := make([]string, len(messageIDs))
	for i, id := range messageIDs {
		keys[i] = ThreadKey(h.Queue, id)
	}
	return keys
}

// Machine reports whether nobody wrote a mail: such a one begins no ticket.
func Machine(m *parser.Message) bool {
	return m.Bounce != nil || m.Automatic == parser.BounceNotice || m.Automatic == parser.AutoReply
}

// Begin makes the ticket of a thread from its mails, oldest first. It gives nil
// where nobody but the team has to do with them.
func (h *History) Begin(mails []Past, operation string, now time.Time) (*ticket.Change, *ticket.Ticket) {
	requester, by, ok := h.requester(mails)
	if !ok {
		return nil, nil
	}
	d := h.decider(operation, now)
	d.set(by)
	t := d.begin(h.Queue, requester, mails[0].Message.Subject, d.locale(), ticket.ProofNone)
	// The team dealt with it: nobody is to confirm it now.
	t.Unproved = false
	h.write(d, t, mails)
	t.Opened = mails[0].At
	return d.change, t
}

// Continue adds mails to the ticket of their thread.
func (h *History) Continue(read *ticket.Ticket, mails []Past, operation string, now time.Time) (*ticket.Change, *ticket.Ticket) {
	d := h.decider(operation, now)
	t := read.Clone()
	h.write(d, t, mails)
	if read.Changed.After(t.Changed) {
		t.Changed = read.Changed
	}
	return d.change, t
}

func (h *History) decider(operation string, now time.Time) *decider {
	return &decider{in: Input{Site: h.Site, Ours: h.Team}, facts: &ticket.Facts{}, mint: h.Mint,
		change: &ticket.Change{Site: h.Site.Name, Operation: operation, At: now}}
}

// set makes a mail the one that is decided on.
func (d *decider) set(p Past) {
	d.in.Message, d.in.Now = p.Message, p.At
	d.in.Envelope = &envelope.Envelope{Data: p.Raw}
	d.in.Envelope.Evidence.Reason = pastReason
	d.from, _ = ticket.ParseAddress(p.Message.From.Address)
}

// requester is whose matter a thread is, and the mail that says so: the first
// who wrote and is not of the team, else the first whom the team wrote to.
func (h *History) requester(mails []Past) (ticket.Mailbox, Past, bool) {
	for _, p := range mails {
		if a, err := ticket.ParseAddress(p.Message.From.Address); err == nil && !h.Team(a) && !Machine(p.Message) {
			return ticket.Mailbox{Name: p.Message.From.Name, Address: a}, p, true
		}
	}
	for _, p := range mails {
		if others := h.outside(p.Message); len(others) > 0 && !Machine(p.Message) {
			return others[0], p, true
		}
	}
	return ticket.Mailbox{}, Past{}, false
}

// outside are those whom a mail went to and who are not of the team.
func (h *History) outside(m *parser.Message) []ticket.Mailbox {
	var out []ticket.Mailbox
	for _, box := range slices.Concat(m.To, m.Cc) {
		if a, err := ticket.ParseAddress(box.Address); err == nil && !h.Team(a) {
			out = append(out, ticket.Mailbox{Name: box.Name, Address: a})
		}
	}
	return out
}

// write adds mails to a ticket as they were.
func (h *History) write(d *decider, t *ticket.Ticket, mails []Past) {
	for _, p := range mails {
		d.set(p)
		author := h.author(t, p.Message)
		kind := h.kind(t.Requester(), author, p.Message)
		text := p.Message.Reply
		if t.Articles == 0 {
			text = p.Message.Text
		}
		a := d.article(kind, author.Number, text, ticket.ProofNone)
		if kind == ticket.EventArticle {
			a.Event = ticket.EventAutomatic
		}
		d.write(t, a)
		d.remember(t, h.Queue, nil)
		if p.Message.MessageID == "" {
			c := d.alter(t)
			c.MessageIDs = append(c.MessageIDs, ThreadKey(h.Queue, p.ID))
		}
		if kind != ticket.PublicArticle {
			continue
		}
		if author.Role == ticket.AgentRole {
			h.admit(t, p.Message)
			if !author.Removed {
				t.Assignee = author.Number
			}
		}
		for i := range t.Participants {
			t.Participants[i].Thread.Add(p.Message.MessageID)
		}
	}
	t.Changed = mails[len(mails)-1].At
}

// kind is what of a thread its requester may read: what they wrote, and what was
// sent to them. What went between the team and itself, or the team and somebody
// else, is not for them.
func (h *History) kind(requester *ticket.Participant, author ticket.Participant, m *parser.Message) ticket.Kind {
	theirs := func(box ticket.Mailbox) bool { return requester.Is(box.Address) }
	switch {
	case Machine(m):
		return ticket.EventArticle
	case author.Number == requester.Number, slices.ContainsFunc(h.outside(m), theirs):
		return ticket.PublicArticle
	}
	return ticket.InternalArticle
}

// author is who wrote a mail, as somebody who takes part. Of the team, only the
// agents of now get mail; of others, only whom the team wrote to.
func (h *History) author(t *ticket.Ticket, m *parser.Message) ticket.Participant {
	a, err := ticket.ParseAddress(m.From.Address)
	if err != nil || Machine(m) {
		return ticket.Participant{}
	}
	i := slices.IndexFunc(t.Participants, func(p ticket.Participant) bool { return p.Is(a) })
	if i < 0 {
		who := ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: a}, Locale: t.Locale, Removed: true}
		if h.Team(a) {
			who.Role = ticket.AgentRole
		}
		t.Join(who)
		i = len(t.Participants) - 1
	}
	p := &t.Participants[i]
	if p.Name == "" {
		p.Name = m.From.Name
	}
	return *p
}

// admit lets those take part to whom the team wrote together with the requester,
// and who wrote themselves.
func (h *History) admit(t *ticket.Ticket, m *parser.Message) {
	for _, box := range h.outside(m) {
		for i := range t.Participants {
			if p := &t.Participants[i]; p.Role == ticket.Copied && p.Is(box.Address) {
				p.Removed = false
			}
		}
	}
}
