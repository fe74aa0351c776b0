package router_test

import (
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

const canary = "The customer never pays, CANARY."

const quote = "\n\nOn Mon, 2 Mar 2026 at 09:00, Acme support <help@acme.example> wrote:\n> The printer does not print.\n"

func html(body string) string {
	return "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<html><body>" + body + "</body></html>\n"
}

// noteSlips is where #note may stand and how it may be typed.
var noteSlips = []struct {
	why, text string
	want      router.Did
}{
	{"first", "#note\n" + canary, router.Acted},
	{"on the same line", "#note " + canary, router.Acted},
	{"with a colon", "#note: " + canary, router.Acted},
	{"with a colon and no space", "#note:" + canary, router.Acted},
	{"in capitals", "#NOTE\n" + canary, router.Acted},
	{"after empty lines", "\n\n\n#note\n\n" + canary, router.Acted},
	{"after spaces", "   #note " + canary, router.Acted},
	{"after a tab", "\t#note\n" + canary, router.Acted},
	{"after a no-break space", "\u00a0#note " + canary, router.Acted},
	{"before a no-break space", "#note\u00a0" + canary, router.Acted},
	{"after a zero width space", "\u200b#note " + canary, router.Acted},
	{"after a byte order mark", "\ufeff#note\n" + canary, router.Acted},
	{"between a zero width joiner", "#\u200dnote\n" + canary, router.Acted},
	{"with a full-width sign", "＃note\n" + canary, router.Acted},
	{"with a small sign", "\ufe5fnote\n" + canary, router.Acted},
	{"with a keycap sign", "#\ufe0f\u20e3 note\n" + canary, router.Acted},
	{"with a space behind the sign", "# note\n" + canary, router.Acted},
	{"with two signs", "##note\n" + canary, router.Acted},
	{"with another command before", "#take\n#note\n" + canary, router.Acted},
	{"with another command behind", "#note\n#close\n" + canary, router.Acted},
	{"with words and another command", "#note " + canary + "\n#close\n", router.Acted},
	{"above a quote", "#note\n" + canary + quote, router.Acted},
	{"in HTML alone", html("<p>#note</p><p>" + canary + "</p>"), router.Acted},
	{"in HTML, broken over spans", html("<div><span>#</span><span>note</span><br>" + canary + "</div>"), router.Acted},
	{"in HTML with entities", html("<div>&#35;note&nbsp;" + canary + "</div>"), router.Acted},
	{"in French", "#note interne\n" + canary, router.Acted},

	{"after a greeting", "Hi Ben\n#note\n" + canary, router.Asked},
	{"after a greeting and an empty line", "Hi Ben,\n\n#note " + canary, router.Asked},
	{"after a greeting on its line", "Hi Ben, #note " + canary, router.Asked},
	{"glued to a greeting", "Hi Ben,#note " + canary, router.Asked},
	{"after a banner", "[EXTERN]\n#note\n" + canary, router.Asked},
	{"behind a banner", "[EXTERN] #note " + canary, router.Asked},
	{"behind a banner without a space", "[EXTERN]#note\n" + canary, router.Asked},
	{"behind stars", "*** EXTERNAL MAIL ***\n#note " + canary, router.Asked},
	{"behind a banner in words", "CAUTION: this mail came from outside.\n#note " + canary, router.Asked},
	{"behind a banner in words on its line", "CAUTION: this mail came from outside. # note " + canary, router.Asked},
	{"as a list item", "My thoughts:\n- #note " + canary, router.Asked},
	{"in bold", "Hello\n*#note* " + canary, router.Asked},
	{"at the end", canary + "\n#note", router.Asked},
	{"at the end of a line", canary + " #note", router.Asked},
	{"glued to its words after a greeting", "Hello\n#noteThe" + canary, router.Asked},
	{"full-width after a greeting", "Hello\n＃note " + canary, router.Asked},
	{"spaced after a greeting", "Hello\n# note " + canary, router.Asked},
	{"keycap after a greeting", "Hello\n#\ufe0f\u20e3note " + canary, router.Asked},
	{"no-break space after a greeting", "Hello\n\u00a0\u00a0#note\u00a0" + canary, router.Asked},
	{"in HTML after a greeting", html("<p>Hi Ben</p><p>#note " + canary + "</p>"), router.Asked},
	{"in HTML, glued to a greeting", html("<b>Hi Ben</b>#note " + canary), router.Asked},
	{"misspelt", "#noet\n" + canary, router.Asked},
	{"misspelt otherwise", "#nte " + canary, router.Asked},
	{"a word that is none", "#internal\n" + canary, router.Asked},
	{"misspelt after a greeting", "Hi Ben\n#ntoe " + canary, router.Asked},
	{"in the plural after a greeting", "Hi Ben\n#notes " + canary, router.Asked},
	{"of another alphabet", "#n\u043ete " + canary, router.Asked},
	{"of another alphabet after a greeting", "Hi Ben\n#n\u043ete " + canary, router.Asked},
	{"with an argument to another command", "#close #note " + canary, router.Asked},
}

// An internal note's words reach no requester, wherever #note stands and
// however it was typed: it is a note, or the writer is asked; nothing else.
func TestNoteCanary(t *testing.T) {
	for _, c := range noteSlips {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			f := w.opened()
			m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), c.text+"\n")
			if strings.HasPrefix(c.text, "MIME-Version") {
				m.text = strings.Replace(m.text, "\n\nMIME", "\nMIME", 1)
			} else {
				m.text = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" + m.text
			}
			got := w.send(m).did(c.want)
			for _, n := range got.notices() {
				if n.Kind == ticket.Answer || !n.Kind.ForAgents() && n.Article != 0 {
					t.Errorf("%s brings a requester article %d", n.Kind, n.Article)
				}
			}
			for _, a := range got.change.Tickets[0].Articles {
				if p, ok := a.Public(); ok {
					t.Errorf("it is public: %+v", p.Article())
				}
			}
			if c.want == router.Asked {
				got.owes("transcript anna@acme.example")
				return
			}
			if a := got.article(); a.Kind != ticket.InternalArticle || !strings.Contains(a.Text, "CANARY") || strings.Contains(strings.ToLower(a.Text), "note\n") {
				t.Errorf("the note is %+v", a)
			}
			got.notice(ticket.AgentNote, "ben@acme.example")
		})
	}
}

// What stands in a quote or a signature is not said now: the answer goes, and
// takes nothing of it along.
func TestNoteInAQuoteOrSignatureStaysThere(t *testing.T) {
	for why, text := range map[string]string{
		"below":            "It is mended.\n\nOn Mon, 2 Mar 2026 at 09:00, Ben <ben@acme.example> wrote:\n> #note\n> " + canary + "\n",
		"above":            "On Mon, 2 Mar 2026 at 09:00, Ben <ben@acme.example> wrote:\n> #note\n> " + canary + "\n\nIt is mended.\n",
		"between":          "On Mon, 2 Mar 2026 at 09:00, Ben <ben@acme.example> wrote:\n> #note\n> " + canary + "\n\nIt is mended.\n\n> and more " + canary + "\n",
		"original message": "It is mended.\n\n-----Original Message-----\nFrom: Ben <ben@acme.example>\nSent: Monday, 2 March 2026 09:00\nTo: Anna <anna@acme.example>\nSubject: Re: Printer\n\n#note\n" + canary + "\n",
		"no attribution":   "> #note\n> " + canary + "\n\nIt is mended.\n\n> and more " + canary + "\n\nYes.\n",
		"indented":         "  > " + canary + "\n\nIt is mended.\n\n\u00a0> and more " + canary + "\n\nYes.\n",
		"signature":        "It is mended.\n\n-- \nAnna\n#note " + canary + "\n",
		"our marker":       "It is mended.\n\nOn Mon, 2 Mar 2026 at 09:00, Ben <ben@acme.example> wrote:\n> " + ticket.QuoteMarker + "\n> #note\n> " + canary + "\n",
	} {
		w := newWorld(t)
		f := w.opened()
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), text))
		if got.outcomes[0].Did == router.Asked {
			continue // is safe as well
		}
		got.did(router.Answered)
		p, ok := got.article().Public()
		if a := p.Article(); !ok || strings.Contains(a.Text+a.Whole, "CANARY") || !strings.Contains(a.Text, "It is mended.") {
			t.Errorf("%s: leaves %q, %q", why, a.Text, a.Whole)
		}
	}
}

// What comes to the note's address is a note, whoever of the team writes there
// and whatever it says.
func TestNoteAddress(t *testing.T) {
	for _, from := range []string{"anna@acme.example", "ben@acme.example"} {
		for _, text := range []string{canary, "Hi Ben\n#note\n" + canary, "#close\n" + canary, "#nonsense\n" + canary} {
			w := newWorld(t)
			f := w.opened()
			m := mail{from: from, to: []string{w.at(ticket.NoteToken, f.notice(ticket.AgentNew, "anna@acme.example"))}, text: "Subject: Re: Printer\n\n" + text + "\n"}
			got := w.send(m).did(router.Acted)
			if a := got.article(); a.Kind != ticket.InternalArticle || a.Text != text || got.ticket().State != ticket.New {
				t.Errorf("%q: kept as %+v, the ticket is %s", text, a, got.ticket().State)
			}
			for _, n := range got.notices() {
				if n.Kind != ticket.AgentNote || w.addressee(n) == ticket.Address(from) {
					t.Errorf("owes %s to %s", n.Kind, w.addressee(n))
				}
			}
		}
	}
	w := newWorld(t)
	f := w.opened()
	to := w.at(ticket.NoteToken, f.notice(ticket.AgentNew, "anna@acme.example"))
	w.send(mail{from: "anna@acme.example", to: []string{to}, text: "Subject: x\n\n\n"}).did(router.Asked).owes("transcript anna@acme.example")
	// Both addresses in one mail: the safe one wins.
	both := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), canary+"\n")
	both.to = append(both.to, to)
	for _, m := range []mail{both, {from: both.from, to: []string{to, both.to[0]}, text: strings.Replace(both.text, "Printer", "Printer!", 1)}} {
		w.send(m).did(router.Acted).owes("agent-note ben@acme.example")
	}
}

// Marie has no notes: what she writes there or with #note is her answer.
func TestRequesterHasNoNotes(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	a := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "#note this please\n")).did(router.Added).owes(toAgents...).article()
	if a.Kind != ticket.PublicArticle || a.Text != "#note this please" {
		t.Errorf("it is %+v", a)
	}
}
