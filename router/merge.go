package router

import (
	"io"
	"slices"
	"strings"
	"time"

	"guichet/ticket"
)

// merging are the commands about several tickets that have to do with each
// other.
var merging = []command{
	{name: "merge", names: map[string][]string{"fr": {"fusionner"}}, usage: "REFERENCE", action: ticket.AgentWrite, wants: wantsReference, run: (*act).merge,
		example: "#merge ACM-1040",
		help: map[string]string{
			"en": "The ticket goes on in another one and is closed. Answers to its mails reach that one; its people take part there.",
			"fr": "La demande continue dans une autre et se ferme. Les réponses à ses messages arrivent dans celle-ci ; ses participants y prennent part."}},
	{name: "split", names: map[string][]string{"fr": {"séparer"}}, usage: "[SUBJECT]", action: ticket.AgentWrite, wants: wantsNewest, run: (*act).split,
		example: "#split The invoice of March",
		help: map[string]string{
			"en": "Makes a new ticket of the requester's last message, for what is a matter of its own.",
			"fr": "Fait du dernier message du demandeur une nouvelle demande, pour ce qui est une autre affaire."}},
	{name: "link", names: map[string][]string{"fr": {"lier"}}, usage: "REFERENCE -REFERENCE …", action: ticket.AgentWrite, wants: wantsReference, run: (*act).link,
		example: "#link ACM-1040",
		help: map[string]string{
			"en": "Notes that another ticket has to do with this one; with - it no longer does.",
			"fr": "Note qu’une autre demande a trait à celle-ci ; avec - elle n’y a plus trait."}},
}

// wantsReference asks for the tickets that a command names.
func wantsReference(argument string, in *Input, q *ticket.Query) {
	for _, word := range strings.Fields(argument) {
		if n, ok := in.number(strings.TrimPrefix(word, "-")); ok && len(q.References) < namedMax {
			q.References = append(q.References, n)
		}
	}
}

// namedMax bounds how many tickets the commands of one mail name.
const namedMax = 50

// wantsNewest asks for what the requester wrote last.
func wantsNewest(_ string, _ *Input, q *ticket.Query) { q.Newest = true }

// named is another ticket of the site that the agent may act on: one of a queue
// whose team they are in.
func (a *act) named(word string) (*ticket.Ticket, bool) {
	n, ok := a.d.in.number(word)
	t := a.d.facts.Tickets[a.d.facts.ByReference[n]]
	if !ok || t == nil || t.ID == a.ticket.ID {
		return nil, false
	}
	if !a.mayAct(t) {
		return nil, false
	}
	t = a.d.copyOf(t)
	queue, _ := a.d.in.Site.Queue(t.Queue)
	a.d.listAgents(t, queue)
	return t, true
}

// mayAct reports whether the agent is in the team of another ticket.
func (a *act) mayAct(t *ticket.Ticket) bool {
	queue, ok := a.d.in.Site.Queue(t.Queue)
	return ok && queue.Agent(a.d.from)
}

func (a *act) merge() ticket.TranscriptLine {
	into, ok := a.named(a.argument)
	if !ok || !into.Merged.IsZero() {
		return a.refuse(ticket.ProblemNoSuchTicket)
	}
	t := a.ticket
	into.Undo = &ticket.Undo{By: numberOf(into, a.d.from), At: a.d.in.Now, Articles: into.Articles, Standing: into.Standing(), With: t.ID}
	for _, role := range []ticket.Role{ticket.Requester, ticket.Copied} {
		for _, p := range t.Active(role) {
			if _, known := into.Who(p.Address); !known {
				into.Join(ticket.Participant{Role: ticket.Copied, Mailbox: p.Mailbox, Other: slices.Clone(p.Other), Locale: p.Locale, Thread: p.Thread})
			}
		}
	}
	t.Merged, t.Snoozed = into.ID, time.Time{}
	t.SetState(ticket.Closed, a.d.in.Now)
	a.happens(ticket.EventMerged, into.Reference.String())
	number := a.d.write(into, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventMergedHere, Detail: t.Reference.String(),
		Author: numberOf(into, a.d.from), Proof: a.d.in.Envelope.Evidence.Proof})
	into.Undo.After = number
	writer, _ := into.Who(a.d.from)
	a.d.tellAgents(ticket.AgentEvent, into, writer, number)
	return ticket.TranscriptLine{Result: ticket.ResultMerged, Detail: into.Reference.String()}
}

// numberOf is the participant of an address, or 0.
func numberOf(t *ticket.Ticket, a ticket.Address) uint16 {
	if p, ok := t.Who(a); ok {
		return p.Number
	}
	return 0
}

// followMerged goes on to the ticket that goes on with the one that was found.
// Whoever had its token is there whom their address says.
func (d *decider) followMerged(m match) match {
	for range mergedMax {
		into := d.facts.Tickets[m.ticket.Merged]
		if into == nil {
			return m
		}
		m.ticket = into
		if m.owner != nil {
			m.owner, _ = into.Who(m.owner.Address)
		}
	}
	return m
}

// mergedMax bounds how often a ticket may have been merged into the next.
const mergedMax = 8

// split makes a ticket of what the requester wrote last. It is theirs from the
// beginning: they are told of it, and answer it in a thread of its own.
func (a *act) split() ticket.TranscriptLine {
	d, t := a.d, a.ticket
	article := d.facts.Newest[t.ID]
	queue, ok := d.in.Site.Queue(t.Queue)
	if article == nil || !ok {
		return a.refuse(ticket.ProblemNothingToSplit)
	}
	of, _ := t.Participant(article.Author)
	subject := t.Subject
	if a.argument != "" {
		subject = a.argument
	}
	apart := d.begin(queue, of.Mailbox, subject, of.Locale, article.Proof)
	apart.Linked = []ticket.ID{t.ID}
	apart.Assignee = numberOf(apart, d.from)
	copied := *article
	copied.Author, copied.MessageID = apart.Requester().Number, ""
	blob := func(id ticket.BlobID) (io.ReadCloser, error) { return d.in.OpenBlob(t.ID, id) }
	copied.Raw, copied.Attachments = d.moved(copied.Raw, blob), slices.Clone(copied.Attachments)
	for i := range copied.Attachments {
		copied.Attachments[i].Blob = d.moved(copied.Attachments[i].Blob, blob)
	}
	number := d.write(apart, copied)
	if confirmed := article.Number == 1 && of.Role == ticket.Requester && !t.Unproved; confirmed {
		apart.Unproved = false
	}
	if !apart.Unproved {
		d.notify(ticket.Acknowledgement, apart, apart.Requester(), number)
	}
	d.tellAgents(ticket.AgentNew, apart, nil, number)
	t.Linked = append(t.Linked, apart.ID)
	a.happens(ticket.EventSplit, "")
	return ticket.TranscriptLine{Result: ticket.ResultSplit, Detail: subject}
}

// linksMax is how many tickets one may be linked to.
const linksMax = 50

func (a *act) link() ticket.TranscriptLine {
	for _, word := range strings.Fields(a.argument) {
		bare, off := strings.CutPrefix(word, "-")
		other, ok := a.named(bare)
		if !ok || len(a.ticket.Linked) >= linksMax || len(other.Linked) >= linksMax {
			return a.refuse(ticket.ProblemNoSuchTicket)
		}
		unlink(a.ticket, other)
		if !off {
			a.ticket.Linked, other.Linked = append(a.ticket.Linked, other.ID), append(other.Linked, a.ticket.ID)
		}
		a.d.alter(other)
	}
	a.happens(ticket.EventLinked, a.argument)
	return ticket.TranscriptLine{Result: ticket.ResultLinked}
}

// unlink notes that two tickets have nothing to do with each other any more.
func unlink(one, other *ticket.Ticket) {
	one.Linked = slices.DeleteFunc(one.Linked, func(id ticket.ID) bool { return id == other.ID })
	other.Linked = slices.DeleteFunc(other.Linked, func(id ticket.ID) bool { return id == one.ID })
}
