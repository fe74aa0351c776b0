package router

import (
	"strings"

	"guichet/ticket"
)

// canning are the commands about texts that are written once and sent often.
var canning = []command{
	{name: "draft", names: map[string][]string{"fr": {"brouillon"}}, usage: "NAME", action: ticket.AgentWrite, wants: wantsCanned, run: (*act).draft,
		example: "#draft refund",
		help: map[string]string{
			"en": "Mails you a canned answer, filled in, with a button that opens it to be changed and sent.",
			"fr": "Vous envoie une réponse type, remplie, avec un bouton qui l’ouvre pour la modifier et l’envoyer."}},
	{name: "save", names: map[string][]string{"fr": {"enregistrer"}}, usage: "NAME [en|fr]", action: ticket.AgentWrite, anywhere: true, wants: wantsCanned, run: (*act).save,
		example: "#save refund en",
		help: map[string]string{
			"en": "Keeps the text below as a canned answer of that name. It may name {name}, {reference}, {subject}, {agent}, {team}, {organisation} and {code}. Nothing is sent.",
			"fr": "Garde le texte en dessous comme réponse type de ce nom. Il peut nommer {name}, {reference}, {subject}, {agent}, {team}, {organisation} et {code}. Rien n’est envoyé."}},
	{name: "unsave", names: map[string][]string{"fr": {"supprimer"}}, usage: "NAME", action: ticket.AgentWrite, anywhere: true, wants: wantsCanned, run: (*act).unsave,
		example: "#unsave refund",
		help: map[string]string{
			"en": "Takes a canned answer away.",
			"fr": "Supprime une réponse type."}},
	{name: "canned", names: map[string][]string{"fr": {"réponses"}}, action: ticket.AgentRead, anywhere: true, wants: wantsCanned, run: (*act).listCanned,
		help: map[string]string{
			"en": "Lists the names of the canned answers.",
			"fr": "Donne les noms des réponses types."}},
}

// wantsCanned asks for what agents have saved.
func wantsCanned(_ string, _ *Input, q *ticket.Query) { q.Canned = true }

// cannedText is the canned answer of a name, for the requester of the ticket: of
// those that agents saved, else of those beside the settings.
func (a *act) cannedText(name string) (string, bool) {
	site := a.d.in.Site
	wanted := append([]string{a.ticket.Requester().Locale, a.ticket.Locale}, site.Locales...)
	text, ok := a.d.facts.Canned.Texts.Find(name, wanted...)
	if !ok {
		text, ok = site.Canned.Find(name, wanted...)
	}
	if !ok {
		return "", false
	}
	requester := a.ticket.Requester()
	return ticket.FillCanned(text, map[string]string{
		"name": requester.Called(), "reference": a.ticket.Reference.String(), "subject": a.ticket.Subject, "agent": a.writer.Called(),
		"team": a.queue.Title, "organisation": site.Organisation, "code": ticket.ShowCode(a.ticket.Tracking),
	}), true
}

// sendCanned makes a canned answer the beginning of what is sent.
func (a *act) sendCanned() ticket.TranscriptLine {
	text, ok := a.cannedText(a.argument)
	if !ok {
		return a.refuse(ticket.ProblemNoCanned)
	}
	a.canned = strings.TrimSpace(a.canned + "\n\n" + text)
	return ticket.TranscriptLine{Result: ticket.ResultCanned, Detail: a.argument}
}

func (a *act) draft() ticket.TranscriptLine {
	text, ok := a.cannedText(a.argument)
	if !ok {
		return a.refuse(ticket.ProblemNoCanned)
	}
	a.drafted = text
	return ticket.TranscriptLine{Result: ticket.ResultDraft, Detail: a.argument}
}

// save keeps the words of the mail as a canned answer.
func (a *act) save() ticket.TranscriptLine {
	words := strings.Fields(a.argument)
	locale := a.d.locale()
	if len(words) == 2 {
		locale = strings.ToLower(words[1])
	}
	known := a.d.in.Site.Locale(locale) == locale
	if len(words) > 2 || !ticket.CannedName(words[0]) || !known || a.text == "" || len(a.text) > ticket.LongestCanned {
		return a.refuse(ticket.ProblemArgument)
	}
	if _, unknown := ticket.UnknownField(a.text); unknown {
		return a.refuse(ticket.ProblemField)
	}
	c := a.d.canned()
	c.Texts.Put(words[0], locale, a.text)
	if len(c.Texts) > ticket.MaxCanned {
		return a.refuse(ticket.ProblemFull)
	}
	a.text, a.private = "", true // what comes with it is sent to nobody
	return ticket.TranscriptLine{Result: ticket.ResultSaved, Detail: words[0]}
}

func (a *act) unsave() ticket.TranscriptLine {
	name := strings.ToLower(a.argument)
	c := a.d.canned()
	if _, ok := c.Texts[name]; !ok {
		return a.refuse(ticket.ProblemNoCanned)
	}
	delete(c.Texts, name)
	return ticket.TranscriptLine{Result: ticket.ResultUnsaved, Detail: name}
}

func (a *act) listCanned() ticket.TranscriptLine {
	names := a.d.facts.Canned.Texts.Names()
	for _, n := range a.d.in.Site.Canned.Names() {
		if _, saved := a.d.facts.Canned.Texts[n]; !saved {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return ticket.TranscriptLine{Result: ticket.ResultNoCanned}
	}
	return ticket.TranscriptLine{Result: ticket.ResultCannedNames, Detail: strings.Join(names, ", ")}
}

// canned is what agents have saved, to change.
func (d *decider) canned() *ticket.Canned {
	if d.change.Canned == nil {
		c := d.facts.Canned
		c.Texts = ticket.Texts{}
		for name, texts := range d.facts.Canned.Texts {
			c.Texts[name] = texts
		}
		d.change.Canned = &c
	}
	return d.change.Canned
}
