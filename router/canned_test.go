package router_test

import (
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// An agent saves a text once; all send it, filled in for each requester.
func TestCannedAnswers(t *testing.T) {
	w := newWorld(t)
	save := mail{from: "anna@acme.example", to: []string{"help@acme.example"},
		text: "Subject: x\n\n#save Refund en\nDear {name},\n\nyour refund for {reference} is on its way.\n"}
	w.send(save).did(router.Acted).results(ticket.ResultSaved)
	save.text = "Subject: x\n\n#enregistrer refund fr\nBonjour {name}, votre remboursement pour {reference} arrive.\n"
	w.send(save).results(ticket.ResultSaved)
	w.send(mail{from: "ben@acme.example", to: []string{"help@acme.example"}, text: "Subject: x\n\n#canned\n"})

	f := w.opened()
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#send refund\nIt took a while, sorry.\n")).did(router.Answered)
	got.results(ticket.ResultCanned, ticket.ResultSent)
	if a := got.article(); a.Text != "Dear Marie Martin,\n\nyour refund for ACM-1000 is on its way.\n\nIt took a while, sorry." || a.Kind != ticket.PublicArticle {
		t.Errorf("%q", a.Text)
	}
	draft := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#draft refund\n")).did(router.Acted).owes("transcript anna@acme.example")
	if body := draft.notice(ticket.Transcript, "anna@acme.example").Transcript; !strings.HasPrefix(body.Draft, "Dear Marie Martin") {
		t.Errorf("%+v", body)
	}
	// In the requester's language.
	french := w.send(mail{from: "paul@customer.example", to: []string{"help@acme.example"}, text: "Subject: Facture\n\nBonjour, où est donc ma facture du mois de mars ? Je ne la trouve pas. Merci beaucoup.\n"})
	got = w.send(w.answer(french.notice(ticket.AgentNew, "anna@acme.example"), "#send refund\n")).did(router.Answered)
	if a := got.article(); !strings.HasPrefix(a.Text, "Bonjour") {
		t.Errorf("%q", a.Text)
	}
	save.text = "Subject: x\n\n#unsave refund\n"
	w.send(save).results(ticket.ResultUnsaved)
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#send refund\n")).did(router.Asked)
}

// What is saved is sent to nobody, whatever comes with it.
func TestSavingSendsNothing(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#save refund\n"+canary+"\n")).did(router.Acted).owes("transcript anna@acme.example")
	for text, problem := range map[string]string{
		"#save\nText": ticket.ProblemArgument, "#save a b c\nText": ticket.ProblemArgument, "#save a/b\nText": ticket.ProblemArgument, "#save refund xx\nText": ticket.ProblemArgument,
		"#save refund": ticket.ProblemArgument, "#save refund\nDear {nmae}": ticket.ProblemField, "#send nothing": ticket.ProblemNoCanned, "#draft nothing": ticket.ProblemNoCanned,
		"#unsave nothing": ticket.ProblemNoCanned,
	} {
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), text+"\n")).did(router.Asked).owes("transcript anna@acme.example")
		if body := got.notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != problem {
			t.Errorf("%q: %+v", text, body)
		}
	}
}

// Those beside the settings can be sent too; one saved by mail goes before.
func TestCannedBesideTheSettings(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Canned = ticket.Texts{"hours": {"en": "We are there from nine to five, {name}."}}
	w.reload()
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	if a := w.send(w.answer(to, "#send hours\n")).did(router.Answered).article(); a.Text != "We are there from nine to five, Marie Martin." {
		t.Errorf("%q", a.Text)
	}
	w.send(w.answer(to, "#save hours\nAlways.\n"))
	if a := w.send(w.answer(to, "#send hours\n")).did(router.Answered).article(); a.Text != "Always." {
		t.Errorf("%q", a.Text)
	}
}

// A value is never read as a field.
func TestFieldsOfCannedAnswers(t *testing.T) {
	if got := ticket.FillCanned("{name}: {subject} {other}", map[string]string{"name": "{code}", "subject": "x", "code": "SECRET"}); got != "{code}: x {other}" {
		t.Errorf("%q", got)
	}
}
