package router

import (
	"strings"

	"guichet/ticket"
)

// people are the commands about who takes part.
var people = []command{
	{name: "cc", names: map[string][]string{"fr": {"copie"}}, usage: "+ADDRESS -ADDRESS …", action: ticket.AgentWrite, run: (*act).cc,
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
