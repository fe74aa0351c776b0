package router_test

import (
	"slices"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// The customer gets the answer, colleagues hear of it, the author gets nothing.
func TestAgentAnswers(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Have you tried to turn it off and on again?\n\n-- \nAnna\nAcme\n")
	m.from = "Anna Arendt <anna@acme.example>"
	got := w.send(m).did(router.Answered).by(router.ByToken).owes("answer marie@customer.example", "agent-answer ben@acme.example")
	a, tk := got.article(), got.ticket()
	if a.Kind != ticket.PublicArticle || a.Author != 2 || a.Text != "Have you tried to turn it off and on again?" {
		t.Errorf("the answer is %+v", a)
	}
	if p, _ := tk.Participant(2); tk.State != ticket.Waiting || tk.Assignee != 2 || p.Name != "Anna Arendt" {
		t.Errorf("the ticket is %+v", tk)
	}
	if n := got.notice(ticket.Answer, "marie@customer.example"); n.Article != 2 || n.Brakes != nil {
		t.Errorf("Marie gets %+v", n)
	}
	// A second agent's answer leaves the ticket with the first.
	got = w.send(w.answer(got.notice(ticket.AgentAnswer, "ben@acme.example"), "Or the cable?\n")).did(router.Answered).
		owes("answer marie@customer.example", "agent-answer anna@acme.example")
	if got.ticket().Assignee != 2 {
		t.Errorf("it is with %d", got.ticket().Assignee)
	}
}

// Whoever is copied gets the answer too, and mails of their own.
func TestAnswerGoesToThoseCopied(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	stored := w.store.sites["acme"].tickets[f.ticket().ID]
	stored.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: "paul@customer.example"}})
	stored.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: "gone@customer.example"}, Removed: true})
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "It is mended.\n")).
		owes("answer marie@customer.example", "answer paul@customer.example", "agent-answer ben@acme.example")
}

// None of these leaves, whoever proved what; the agent's machine is not
// answered either.
func TestAgentsMachinesAreNotRelayed(t *testing.T) {
	for why, field := range map[string]string{
		"vacation by header":  "Auto-Submitted: auto-replied",
		"vacation by subject": "Subject: Automatic reply: [ACM-1000] Printer",
		"generated":           "Auto-Submitted: auto-generated",
		"bulk":                "Precedence: bulk",
		"list":                "List-Id: <x.example>",
		"MAIL FROM:<>":        "",
	} {
		w := newWorld(t)
		f := w.opened()
		for _, body := range []string{"I am away, call 0123456789.\n", "#close\n"} {
			m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), body)
			m.text = strings.Replace(m.text, "Subject: Re: Printer", field, 1)
			if field == "" {
				m.text, m.null = strings.TrimPrefix(m.text, "\n"), true
			}
			got := w.send(m).did(router.Filed)
			for _, n := range got.notices() {
				if n.Kind != ticket.AgentEvent || n.To == 2 {
					t.Errorf("%s: owes %s", why, n.Kind)
				}
			}
			if got.ticket().State != ticket.New {
				t.Errorf("%s: the ticket is %s", why, got.ticket().State)
			}
		}
	}
}

// What cannot be read or says nothing is given back, and nothing leaves.
func TestAgentsMailThatSaysNothingIsAskedAbout(t *testing.T) {
	for _, c := range []struct{ why, text, problem string }{
		{"PGP in its parts", "MIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n--b--\n", ticket.ProblemUnreadable},
		{"PGP in the text", "\n-----BEGIN PGP MESSAGE-----\n\nhQEMA5ZmW\n=abcd\n-----END PGP MESSAGE-----\n", ticket.ProblemUnreadable},
		{"S/MIME", "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CAMIACAQAxggFJ\n", ticket.ProblemUnreadable},
		{"calendar reply", "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nAccepted: Meeting\n--b\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:1\nSUMMARY:Meeting\nDTSTART:20260302T100000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@acme.example\nEND:VEVENT\nEND:VCALENDAR\n--b--\n", ticket.ProblemUnreadable},
		{"beyond the structure limits", "MIME-Version: 1.0\n" + nested(40), ticket.ProblemUnreadable},
		{"nothing", "\n\n", ticket.ProblemEmpty},
		{"spaces", "\n \n\t\n", ticket.ProblemEmpty},
		{"quote with our marker", "\n" + ticket.QuoteMarker + "\nMarie wrote: The printer on the second floor does not print anything.\n", ticket.ProblemQuoteOnly},
		{"quote alone", "\nOn Mon, 2 Mar 2026 at 09:00, Acme support <help@acme.example> wrote:\n> Marie wrote:\n> The printer on the second floor does not print anything.\n", ticket.ProblemQuoteOnly},
		{"quote and a picture in the signature", "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/plain\n\nOn Mon, 2 Mar 2026 at 09:00, Acme support <help@acme.example> wrote:\n> The printer does not print.\n--b\nContent-Type: image/png\nContent-ID: <logo@acme.example>\nContent-Disposition: inline; filename=logo.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n", ticket.ProblemQuoteOnly},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			f := w.opened()
			m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "")
			head, _, _ := strings.Cut(m.text, "\n\n")
			m.text = head + "\n" + c.text
			got := w.send(m).did(router.Asked).owes("transcript anna@acme.example")
			body := got.notice(ticket.Transcript, "anna@acme.example").Transcript
			if a := got.article(); body.Problem != c.problem || a.Event != ticket.EventAsked || a.Kind != ticket.EventArticle || len(body.Done) != 0 || a.Raw == "" {
				t.Errorf("is asked %+v, kept as %+v", body, a)
			}
			if tk := got.ticket(); tk.State != ticket.New || tk.Assignee != 0 {
				t.Errorf("the ticket is %s, with %d", tk.State, tk.Assignee)
			}
		})
	}
}

// nested is a body of multiparts in multiparts.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		name := strings.Repeat("n", i+1)
		b.WriteString("Content-Type: multipart/mixed; boundary=" + name + "\n\n--" + name + "\n")
	}
	return b.String() + "Content-Type: text/plain\n\nAt the bottom\n"
}

// Files alone are an answer, also to whom the mail went beside us; a picture in a
// signature is not.
func TestAgentSendsFiles(t *testing.T) {
	file := "--b\nContent-Type: application/pdf; name=manual.pdf\nContent-Disposition: attachment; filename=manual.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--b--\n"
	logo := "--b\nContent-Type: image/png\nContent-ID: <logo@acme.example>\nContent-Disposition: inline; filename=logo.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
	for _, c := range []struct {
		why, text, part string
		want            router.Did
	}{
		{"a file, no words", "", file, router.Answered},
		{"a file above a quote", "On Mon, 2 Mar 2026 at 09:00, Acme support <help@acme.example> wrote:\n> The printer does not print.\n", file, router.Answered},
		{"a file and #close", "#close\n", file, router.Answered},
		{"a file and #note", "#note\n", file, router.Acted},
		{"a file above a quote whose first line is a slip", "On Mon, 2 Mar 2026 at 09:00, Acme support <help@acme.example> wrote:\n#note for us alone\n> The printer does not print.\n", file, router.Asked},
		{"a picture and #close", "#close\n", logo, router.Acted},
		{"a picture and words", "Done.\n", logo, router.Answered},
	} {
		w := newWorld(t)
		f := w.opened()
		m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "")
		head, _, _ := strings.Cut(m.text, "\n\n")
		m.text = "Cc: eve@customer.example\n" + head + "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" + c.text + c.part
		got := w.send(m)
		if got.outcomes[0].Did != c.want {
			t.Errorf("%s: did %s (%s)", c.why, got.outcomes[0].Did, got.outcomes[0].Why)
		}
		var to []ticket.Address
		for _, n := range got.notices() {
			if n.Kind == ticket.Answer {
				to = append(to, w.addressee(n))
			}
		}
		slices.Sort(to)
		if want := []ticket.Address{"eve@customer.example", "marie@customer.example"}; c.want == router.Answered != slices.Equal(to, want) || c.want != router.Answered && len(to) > 0 {
			t.Errorf("%s: it left for %s", c.why, to)
		}
	}
}

func TestAgentAnswersThroughAnyDoor(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.AgentNew, "anna@acme.example")
	for i, m := range []mail{
		{to: []string{"help@acme.example"}, text: "Subject: x\nReferences: <" + n.MessageID + ">"},
		{to: []string{w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "ben@acme.example"))}, text: "Subject: x"},
		{to: []string{w.at(ticket.ReplyToken, f.notice(ticket.Acknowledgement, "marie@customer.example"))}, text: "Subject: x"},
	} {
		m.from = "anna@acme.example"
		m.text += "\n\nAnna's words, number " + string(rune('1'+i)) + "\n"
		if a := w.send(m).did(router.Answered).owes("answer marie@customer.example", "agent-answer ben@acme.example").article(); a.Author != 2 {
			t.Errorf("number %d is by %d", i+1, a.Author)
		}
	}
}
