package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"guichet/parser"
	"guichet/templates"
	"guichet/ticket"
)

// What templates puts around our mails is what parser looks for in an answer:
// the two packages do not know each other, so nothing but this ties them together.
func TestOurOwnMailsAreKnownInAnswers(t *testing.T) {
	set, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	site := &ticket.Site{Name: "demo", Prefix: "DEMO", Queues: []ticket.Queue{{Name: "help", Title: "Help", Address: "help@example.org"}}}
	ours, err := set.ToRequester(templates.ToRequester{Kind: ticket.Receipt, Locale: "en", Site: site, Queue: &site.Queues[0], ReplyTo: "help@example.org",
		Request: templates.Request{Reference: ticket.Reference{Prefix: "DEMO", Number: 1}, Subject: "printer"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(ours.Text, ticket.QuoteMarker) || !strings.Contains(ours.HTML, ticket.QuoteMarker) {
		t.Error("the marker of parser does not stand in what templates writes")
	}
	for _, attribute := range []string{`id="` + parser.MarkerClass + `"`, `class="` + parser.MarkerClass + `"`} {
		if !strings.Contains(ours.HTML, attribute) {
			t.Errorf("the layout has no element with %s", attribute)
		}
	}
	_, body, _ := strings.Cut(ours.HTML, "<body")
	_, body, _ = strings.Cut(body, ">")
	body, _, _ = strings.Cut(body, "</body>")
	for name, answer := range map[string]string{
		"plain, under marks":      plain("Thanks!\n\nZzz 3/2 zzz:\n> " + strings.ReplaceAll(ours.Text, "\n", "\n> ")),
		"plain, without marks":    plain("Thanks!\n\n" + ours.Text),
		"HTML":                    markup("<p>Thanks!</p>" + body),
		"HTML, without its class": markup("<p>Thanks!</p>" + strings.ReplaceAll(body, parser.MarkerClass, "other")),
		"HTML, without its marker": markup("<p>Thanks!</p>" +
			strings.ReplaceAll(body, ticket.QuoteMarker, "")),
	} {
		if m := parser.Parse([]byte(answer)); m.Reply != "Thanks!" {
			t.Errorf("%s: the answer is read as %q", name, m.Reply)
		}
	}
}

func plain(text string) string { return encoded("text/plain", text) }

func markup(html string) string { return encoded("text/html", html) }

func encoded(mediaType, body string) string {
	return "From: ann@example.com\nSubject: Re: printer\nContent-Type: " + mediaType + "; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte(body)) + "\n"
}
