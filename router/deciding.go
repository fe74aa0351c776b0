package router

import "guichet/ticket"

// deciding are the commands about mail that waits for a person, or for a code.
var deciding = []command{
	{name: "verify", names: map[string][]string{"fr": {"vérifier"}}, usage: "CODE", action: ticket.AgentWrite, run: (*act).verify,
		example: "#verify 347G-9CDF",
		help: map[string]string{
			"en": "Takes the validation code that the requester reads out to you.",
			"fr": "Prend le code de validation que le demandeur vous lit."}},
	{name: "accept", names: map[string][]string{"fr": {"accepter"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).accept,
		example: "#accept 4ukpqeyrd2hr3c7m",
		help: map[string]string{
			"en": "Takes a held mail, and its writer for somebody who belongs to the ticket. Of a wish to see the whole site, grants it.",
			"fr": "Accepte un message retenu, et son auteur comme participant à la demande. S’il demande à voir tout le site, l’y autorise."}},
	{name: "reject", names: map[string][]string{"fr": {"rejeter"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).reject,
		example: "#reject 4ukpqeyrd2hr3c7m",
		help: map[string]string{
			"en": "Throws a held mail away.",
			"fr": "Jette un message retenu."}},
	{name: "spam", names: map[string][]string{"fr": {"indésirable"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).spam,
		example: "#spam 4ukpqeyrd2hr3c7m",
		help: map[string]string{
			"en": "Throws a held mail away, or closes the ticket without a word, and sets aside unanswered what its sender writes later.",
			"fr": "Jette un message retenu, ou ferme la demande sans un mot, et met de côté sans réponse ce que son auteur écrira ensuite."}},
	{name: "sight", names: map[string][]string{"fr": {"vue"}}, usage: "-ADDRESS", action: ticket.AgentWrite, anywhere: true, run: (*act).sight,
		example: "#sight -lea@customer.example",
		help: map[string]string{
			"en": "Takes back that somebody sees the whole site, which #accept had granted.",
			"fr": "Retire à quelqu’un la vue de tout le site que #accepter avait donnée."}},
}
