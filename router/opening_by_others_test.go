package router_test

import (
	"slices"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

const passedOnMail = `Subject: Fwd: Broken chair
Message-ID: <fwd@acme.example>

Please look at this one, he is furious.

---------- Forwarded message ---------
From: Paul Petit <paul@customer.example>
Date: Mon, 2 Mar 2026 at 08:00
Subject: Broken chair
To: Anna <anna@acme.example>

My chair is broken. Who mends it?
`

// A customer's mail that an agent passes on is the customer's ticket.
func TestPassedOnByAnAgent(t *testing.T) {
	w := newWorld(t)
	got := w.send(mail{from: "Anna <anna@acme.example>", to: []string{"help@acme.example"}, text: passedOnMail}).did(router.Opened).
		owes("acknowledgement paul@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
	tk, articles := got.ticket(), got.change.Tickets[0].Articles
	if r := tk.Requester(); r.Address != "paul@customer.example" || r.Name != "Paul Petit" || tk.Subject != "Broken chair" || tk.Unproved {
		t.Errorf("the ticket is %+v", tk)
	}
	if a := articles[0]; strings.TrimSpace(a.Text) != "My chair is broken. Who mends it?" || a.Author != tk.Requester().Number || a.Kind != ticket.PublicArticle || a.Whole != "" {
		t.Errorf("the request is %+v", a)
	}
	if a := articles[1]; a.Kind != ticket.InternalArticle || !strings.Contains(a.Text, "furious") || strings.Contains(articles[0].Text, "furious") {
		t.Errorf("the note is %+v", a)
	}
	// Paul answers what he got.
	w.send(w.answer(got.notice(ticket.Acknowledgement, "paul@customer.example"), "Thanks!\n")).did(router.Added)
}

// Anybody else's forward, or an agent's without proof, is a request of their own.
func TestPassedOnByOthers(t *testing.T) {
	for _, m := range []mail{{from: "marie@customer.example"}, {from: "anna@acme.example", unproved: true}, {from: "anna@acme.example", method: ticket.BySPF}, {from: "carl@acme.example"}} {
		w := newWorld(t)
		m.to, m.text = []string{"help@acme.example"}, passedOnMail
		if r := w.send(m).did(router.Opened).ticket().Requester(); string(r.Address) != m.from {
			t.Errorf("%+v: the requester is %s", m, r.Address)
		}
	}
	w := newWorld(t)
	own := strings.ReplaceAll(passedOnMail, "paul@customer.example", "help@acme.example")
	if r := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: own}).did(router.Opened).ticket().Requester(); r.Address != "anna@acme.example" {
		t.Errorf("the requester is %s", r.Address)
	}
}

// A caller's ticket: opened by the agent, theirs from the beginning, with other
// commands on it.
func TestOpenedForACaller(t *testing.T) {
	w := newWorld(t)
	got := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"},
		text: "Subject: Chair\n\n#for paul@customer.example\n#take\n#priority high\nHis chair is broken; he is in room 12.\n"}).did(router.Opened).
		owes("acknowledgement paul@customer.example", "agent-new ben@acme.example", "transcript anna@acme.example")
	got.results(ticket.ResultOpenedFor, ticket.ResultTaken, ticket.ResultPriority)
	tk := got.ticket()
	if tk.Requester().Address != "paul@customer.example" || tk.Priority != ticket.High || tk.Assignee == 0 || tk.Subject != "Chair" {
		t.Errorf("%+v", tk)
	}
	if a := got.article(); a.Text != "His chair is broken; he is in room 12." || a.Kind != ticket.PublicArticle {
		t.Errorf("%+v", a)
	}
	// With #note the caller does not read what was noted.
	noted := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: Chair\n\n#for eve@customer.example\n#note\n" + canary + "\n"}).did(router.Opened)
	if n := noted.notice(ticket.Acknowledgement, "eve@customer.example"); n.Article != 0 || noted.article().Kind != ticket.InternalArticle {
		t.Errorf("%+v", n)
	}
}

func TestNothingIsOpenedByMistake(t *testing.T) {
	for text, problem := range map[string]string{
		"#for nobody\nText": ticket.ProblemAddress, "#for help@acme.example\nText": ticket.ProblemAddress, "#for ben@acme.example\nText": ticket.ProblemAddress,
		"#for paul@customer.example": ticket.ProblemEmpty, "#take\n#for paul@customer.example\nText": ticket.ProblemNoTicket, "#for paul@customer.example\n#queue nowhere\nText": ticket.ProblemNoQueue,
	} {
		w := newWorld(t)
		got := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: x\n\n" + text + "\n"}).did(router.Acted).owes("transcript anna@acme.example")
		if body := got.notices()[0].Transcript; body.Problem != problem || len(got.change.Tickets) != 0 {
			t.Errorf("%q: %+v", text, body)
		}
	}
	w := newWorld(t)
	f := w.opened()
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#for paul@customer.example\nText\n")).did(router.Asked)
	if body := got.notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != ticket.ProblemHasTicket {
		t.Errorf("%+v", body)
	}
}

// The site's own form opens for the address in it, who is asked to confirm.
func TestForms(t *testing.T) {
	lines := "Subject: Contact form\n\nNom: Marie Martin\nCourriel: marie@customer.example\nObjet: Facture\nTéléphone: 0123\nMessage: Où est\n  ma facture ?\n"
	inJSON := "Subject: Contact form\nContent-Type: application/json\n\n{\"email\": \"marie@customer.example\", \"name\": \"Marie Martin\", \"subject\": \"Facture\", \"message\": \"Où est\\nma facture ?\", \"téléphone\": \"0123\"}\n"
	for why, text := range map[string]string{"lines": lines, "JSON": inJSON} {
		w := newWorld(t)
		w.sites[0].Queues[0].Forms = []ticket.Address{"www@acme.example"}
		w.reload()
		form := mail{from: "www@acme.example", to: []string{"help@acme.example"}, text: text}
		got := w.send(form).did(router.Opened).owes("receipt marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
		tk, a := got.ticket(), got.article()
		if r := tk.Requester(); r.Address != "marie@customer.example" || r.Name != "Marie Martin" || tk.Subject != "Facture" || !tk.Unproved {
			t.Errorf("%s: %+v", why, tk)
		}
		if !strings.HasPrefix(a.Text, "Où est\nma facture ?") || !strings.Contains(strings.ToLower(a.Text), "téléphone: 0123") {
			t.Errorf("%s: %q", why, a.Text)
		}
		// Unproved it is no form; nor from anywhere else.
		form.unproved, form.text = true, strings.Replace(text, "Marie Martin", "Marie M.", 1)
		if r := w.send(form).did(router.Opened).ticket().Requester(); r.Address != "www@acme.example" {
			t.Errorf("%s, unproved: the requester is %s", why, r.Address)
		}
		if r := w.send(mail{from: "eve@else.example", to: form.to, text: text}).did(router.Opened).ticket().Requester(); r.Address != "eve@else.example" {
			t.Errorf("%s, from elsewhere: the requester is %s", why, r.Address)
		}
	}
}

// An agent's Cc lets people take part; a requester's only by setting and proof.
func TestPeopleInCc(t *testing.T) {
	taking := func(tk *ticket.Ticket) (all []string) {
		for _, p := range tk.Active(ticket.Copied) {
			all = append(all, string(p.Address))
		}
		return all
	}
	w := newWorld(t)
	f := w.opened()
	answer := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "We come.\n")
	answer.text = "Cc: Eve <eve@customer.example>, carl@acme.example, support@old.example\n" + answer.text
	got := w.send(answer).did(router.Answered).owes("answer marie@customer.example", "answer eve@customer.example", "agent-answer ben@acme.example")
	if !slices.Equal(taking(got.ticket()), []string{"eve@customer.example"}) {
		t.Errorf("%v take part", taking(got.ticket()))
	}
	reply := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "And Bob?\n")
	reply.text = "Cc: bob@customer.example\n" + reply.text
	if got := w.send(reply).did(router.Added); slices.Contains(taking(got.ticket()), "bob@customer.example") {
		t.Error("Bob takes part without the setting")
	}
	w.sites[0].Queues[0].CopyCc = true
	w.reload()
	reply.text = "X-Again: 1\n" + strings.Replace(reply.text, "And Bob?", "And Bob, please?", 1)
	if got := w.send(reply).did(router.Added); !slices.Contains(taking(got.ticket()), "bob@customer.example") {
		t.Error("Bob does not take part with the setting")
	}
	opening := mail{from: "paul@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\nCc: bob@customer.example\n\nHello\n"}
	if got := w.send(opening).did(router.Opened); !slices.Equal(taking(got.ticket()), []string{"bob@customer.example"}) {
		t.Error("Bob does not take part in a new one")
	}
	opening.unproved, opening.text = true, opening.text+"again\n"
	if got := w.send(opening).did(router.Opened); len(taking(got.ticket())) != 0 {
		t.Error("Bob takes part by an unproved mail")
	}
}

// Whose words an agent passes on, nothing proved; and a robot is not answered.
func TestPassingOnProvesNothing(t *testing.T) {
	w := newWorld(t)
	got := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: passedOnMail}).did(router.Opened)
	if a := got.article(); a.Proof != ticket.ProofNone {
		t.Errorf("the team reads that it was proved: %+v", a)
	}
	w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: strings.NewReplacer("paul@customer.example", "no-reply@shop.example", "fwd@", "fwd-2@").Replace(passedOnMail)}).
		did(router.Opened).owes("agent-new anna@acme.example", "agent-new ben@acme.example")
}

// What an agent quotes between their words goes to nobody whom a ticket is
// opened for.
func TestOpenedForWithoutWhatIsQuoted(t *testing.T) {
	w := newWorld(t)
	got := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"},
		text: "Subject: Chair\n\n#for paul@customer.example\nHis chair is broken.\n> " + canary + "\nHe is in room 12.\n"}).did(router.Opened)
	if a := got.article(); strings.Contains(a.Text, canary) || !strings.Contains(a.Text, "room 12") {
		t.Errorf("he reads %q", a.Text)
	}
}

// A list's Cc lets nobody take part, where a person's does.
func TestNobodyTakesPartByAListsCc(t *testing.T) {
	for fields, want := range map[string]int{"": 1, "List-Id: <shop.example>\n": 0, "Precedence: bulk\n": 0} {
		w := newWorld(t)
		w.sites[0].Queues[0].CopyCc = true
		w.reload()
		got := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\nCc: eve@else.example\n" + fields + "\nHello\n"}).did(router.Opened)
		if n := len(got.ticket().Active(ticket.Copied)); n != want {
			t.Errorf("%q: %d take part", fields, n)
		}
	}
}
