package router

import (
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// people are the commands about who takes part.
var people = []command{
	{name: "cc", names: map[string][]string{"fr": {"copie"}}, usage: "+ADDRESS -ADDRESS …", action: ticket.AgentWrite, many: true, run: (*act).cc,
		example: "#cc +eve@customer.example -bob@customer.example",
		help: map[string]string{
			"en": "Lets somebody take part: they get every answer from then on. With - they are taken off.",
			"fr": "Fait participer quelqu’un : il reçoit désormais chaque réponse. Avec - il est retiré."}},
}

// cc adds people, or takes them off. The requester stays, and so does the team,
// which the settings list.
func (a *act) cc() ticket.TranscriptLine {
	for _, word := range strings.Fields(strings.ReplaceAll(a.argument, ",", " ")) {
		bare, off := strings.CutPrefix(word, "-")
		address, err := ticket.ParseAddress(strings.Trim(strings.TrimPrefix(bare, "+"), "<>;"))
		if err != nil || a.d.in.Ours(address) {
			return a.refuse(ticket.ProblemAddress)
		}
		p, known := a.ticket.Who(address)
		switch {
		case off && (!known || p.Role != ticket.Copied):
			return a.refuse(ticket.ProblemNobody)
		case off:
			p.Removed = true
			p.Epoch++
			a.happens(ticket.EventLeft, string(address))
		case !known:
			a.ticket.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: address}, Locale: a.ticket.Locale})
			a.happens(ticket.EventAdded, string(address))
		}
	}
	return ticket.TranscriptLine{Result: ticket.ResultPeople}
}

// copiesMax is how many people one mail lets take part by its Cc.
const copiesMax = 20

// joinCopied lets those take part whom a mail went to beside us, and writes down
// who added them. Agents have their own way to hear of tickets.
func (d *decider) joinCopied(t *ticket.Ticket, by uint16) {
	if d.in.Envelope.Null || d.in.Message.Automatic != parser.ByPerson {
		return // lists and machines choose nobody
	}
	for _, box := range slices.Concat(d.in.Message.To, d.in.Message.Cc) {
		address, err := ticket.ParseAddress(box.Address)
		if err != nil || d.in.Ours(address) || d.in.Site.Agent(address) || address.Same(d.from) || len(t.Active(ticket.Copied)) >= copiesMax {
			continue
		}
		if slices.ContainsFunc(t.Participants, func(p ticket.Participant) bool { return p.Is(address) }) {
			continue // also those who were taken off
		}
		t.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Name: box.Name, Address: address}, Locale: t.Locale})
		d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventAdded, Author: by, Detail: string(address)})
	}
}
