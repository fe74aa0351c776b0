package router

import (
	"slices"
	"strings"

	"guichet/ticket"
)

// looking are the commands that change nothing. Each is answered to the agent's
// own address, by a mail of its own.
var looking = []command{
	{name: "list", names: map[string][]string{"fr": {"liste"}}, usage: "[open|mine|unassigned|waiting|due|snoozed|held|all] [QUEUE] [TAG] [PAGE]",
		action: ticket.AgentRead, anywhere: true, run: (*act).listTickets, wants: wantsList((*Input).worklist),
		example: "#list mine billing",
		help: map[string]string{
			"en": "Sends a list of requests: open ones, mine, unassigned, waiting, due, snoozed, held mail or all; of a queue, with a tag, a further page.",
			"fr": "Envoie une liste de demandes : ouvertes, miennes, libres, attente, échéances, reportées, retenus ou toutes ; d’une file, avec une étiquette, une autre page."}},
	{name: "search", names: map[string][]string{"fr": {"chercher", "recherche"}}, usage: "WORDS",
		action: ticket.AgentRead, anywhere: true, run: (*act).searchTickets, wants: wantsList((*Input).search),
		example: "#search printer from:marie@customer.example state:closed since:2026-11-01",
		help: map[string]string{
			"en": "Searches requests for whole words, and for state:, tag:, queue:, from:, since:, page: or a reference.",
			"fr": "Cherche les demandes par mots entiers, et par état:, étiquette:, file:, de:, depuis:, page: ou une référence."}},
	{name: "show", names: map[string][]string{"fr": {"montrer", "afficher"}}, usage: "[REFERENCE]", many: true,
		action: ticket.AgentRead, anywhere: true, run: (*act).show, wants: wantsShown,
		example: "#show ACM-1042",
		help: map[string]string{
			"en": "Sends a whole request: facts, people, and everything that was written, notes too.",
			"fr": "Envoie une demande entière : faits, personnes, et tout ce qui a été écrit, notes comprises."}},
	{name: "contact", names: map[string][]string{"fr": {"contacts"}}, usage: "ADDRESS",
		action: ticket.AgentRead, anywhere: true, run: (*act).contact, wants: wantsList((*Input).contact),
		example: "#contact marie@customer.example",
		help: map[string]string{
			"en": "Sends a list of all requests in which somebody takes part, the newest first.",
			"fr": "Envoie la liste de toutes les demandes auxquelles quelqu’un participe, la plus récente d’abord."}},
	{name: "help", names: map[string][]string{"fr": {"aide"}}, action: ticket.AgentRead, anywhere: true, run: (*act).help,
		help: map[string]string{
			"en": "Sends this list.",
			"fr": "Envoie cette liste."}},
}

func (a *act) help() ticket.TranscriptLine {
	a.wantsHelp = true
	return ticket.TranscriptLine{Result: ticket.ResultHelp}
}

// wantsList asks for the list that a reader of arguments makes of one. Whoever
// only says that they are an agent is not looked up anything.
func wantsList(read func(in *Input, argument string) (ticket.Worklist, string)) func(string, *Input, *ticket.Query) {
	return func(argument string, in *Input, q *ticket.Query) {
		w, problem := read(in, argument)
		if problem != "" || in.Envelope.Evidence.Proof < ticket.ProofDomain || len(q.Lists) >= listsMax {
			return
		}
		if n, ok := in.reference(argument); ok && w.View == ticket.ViewSearch {
			q.References = append(q.References, n)
			return
		}
		if w.View != ticket.ViewHeld && len(w.Queues) > 0 {
			q.Lists = append(q.Lists, w)
		}
	}
}

// listsMax is how many lists one mail can ask for.
const listsMax = 5

func wantsShown(argument string, in *Input, q *ticket.Query) {
	if n, ok := in.number(argument); ok {
		q.References = append(q.References, n)
	}
}

func (a *act) listTickets() ticket.TranscriptLine { return a.answerList((*Input).worklist) }
func (a *act) contact() ticket.TranscriptLine     { return a.answerList((*Input).contact) }

// answerList owes the agent a list.
func (a *act) answerList(read func(*Input, string) (ticket.Worklist, string)) ticket.TranscriptLine {
	w, problem := read(&a.d.in, a.argument)
	switch {
	case problem != "":
		return a.refuse(problem)
	case len(w.Queues) == 0: // from an address that is theirs, but not the one that is listed
		return a.refuse(ticket.ProblemNotAllowed)
	}
	a.d.oweList(a.queue, w, a.d.facts.Lists[w.Key()])
	return ticket.TranscriptLine{Result: ticket.ResultListed}
}

// searchTickets looks for words; a reference alone is the one ticket.
func (a *act) searchTickets() ticket.TranscriptLine {
	n, ok := a.d.in.reference(a.argument)
	if !ok {
		return a.answerList((*Input).search)
	}
	w, _ := a.d.in.search(a.argument)
	found := &ticket.Listing{}
	if t := a.d.shown(n); t != nil {
		found.IDs, found.Total = []ticket.ID{t.ID}, 1
	}
	a.d.oweList(a.queue, w, found)
	return ticket.TranscriptLine{Result: ticket.ResultListed}
}

// oweList owes a list, and keeps what its numbers mean.
func (d *decider) oweList(q *ticket.Queue, w ticket.Worklist, g *ticket.Listing) {
	if g == nil {
		g = &ticket.Listing{}
	}
	body := ticket.ListBody{Worklist: w, Tickets: g.IDs, Total: g.Total, Live: g.Live, Beyond: g.Beyond}
	c, n := d.mint.List(d.in.Site.Name, q.Name, d.sender(), d.locale(), body, d.in.Now)
	n.Brakes = ticket.TranscriptBrakes(d.from)
	answerTo(&n, d.in.Message.MessageID)
	if len(g.IDs) > 0 {
		d.change.Challenges = append(d.change.Challenges, c)
	}
	d.change.Notices = append(d.change.Notices, n)
}

// show owes the agent a whole ticket: that of the reference, else the one that
// the mail is about.
func (a *act) show() ticket.TranscriptLine {
	t := a.ticket
	if strings.TrimSpace(a.argument) != "" {
		n, ok := a.d.in.number(a.argument)
		if !ok {
			return a.refuse(ticket.ProblemNoSuchTicket)
		}
		if read := a.d.shown(n); t == nil || read == nil || read.ID != t.ID {
			t = read
		}
		if t == nil {
			return a.refuse(ticket.ProblemNoSuchTicket)
		}
	}
	if t == nil {
		return a.refuse(ticket.ProblemNoTicket)
	}
	if !a.d.oweTicket(t) {
		return a.refuse(ticket.ProblemNotAllowed)
	}
	return ticket.TranscriptLine{Result: ticket.ResultListed}
}

// shown is the ticket of a number, if the agent may see it.
func (d *decider) shown(n uint64) *ticket.Ticket {
	t := d.facts.Tickets[d.facts.ByReference[n]]
	if t == nil {
		return nil
	}
	if q, ok := d.in.Site.Queue(t.Queue); !ok || !q.Agent(d.from) {
		return nil
	}
	return t
}

// oweTicket owes the agent a whole ticket, as the next mail of their conversation
// about it. Looking changes nothing of a ticket, save that who has just joined
// the team is given a place on it. It gives false to who wrote the request
// themselves: they are no agent of that ticket.
func (d *decider) oweTicket(t *ticket.Ticket) bool {
	changing := slices.ContainsFunc(d.change.Tickets, func(c ticket.TicketChange) bool { return c.Ticket == t })
	if !changing {
		t = d.copyOf(t)
	}
	p, known := t.Who(d.from)
	if q, ok := d.in.Site.Queue(t.Queue); ok && !known {
		d.listAgents(t, q)
		p, known = t.Who(d.from)
		changing = true
	}
	if !known || p.Role != ticket.AgentRole {
		return false
	}
	if changing {
		d.notify(ticket.AgentShow, t, p, 0).Brakes = ticket.TranscriptBrakes(d.from)
		return true
	}
	n := d.mint.Notice(ticket.AgentShow, t, p, 0, d.in.Now)
	n.Brakes = ticket.TranscriptBrakes(d.from)
	d.change.Notices = append(d.change.Notices, n)
	return true
}
