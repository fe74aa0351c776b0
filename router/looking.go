package router

import "guichet/ticket"

// looking are the commands that change nothing.
var looking = []command{
	{name: "help", names: map[string][]string{"fr": {"aide"}}, action: ticket.AgentRead, anywhere: true, run: (*act).help,
		help: map[string]string{
			"en": "Sends this list.",
			"fr": "Envoie cette liste."}},
}

func (a *act) help() ticket.TranscriptLine {
	a.list = true
	return ticket.TranscriptLine{Result: ticket.ResultHelp}
}
