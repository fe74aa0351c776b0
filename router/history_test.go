package router_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/parser"
	"guichet/router"
	"guichet/ticket"
)

// past are the mails of an old conversation, an hour apart: "from > to, cc: words".
func past(lines ...string) (mails []router.Past) {
	at := time.Date(2025, 5, 1, 9, 0, 0, 0, time.UTC)
	for i, line := range lines {
		who, words, _ := strings.Cut(line, ": ")
		from, to, _ := strings.Cut(who, " > ")
		raw := fmt.Sprintf("From: %s\nTo: %s\nSubject: Pump\nMessage-ID: <p%d@old.example>\n\n%s\n", from, to, i, words)
		mails = append(mails, router.Past{ID: fmt.Sprintf("p%d@old.example", i), Message: parser.Parse([]byte(raw)), Raw: []byte(strings.ReplaceAll(raw, "\n", "\r\n")), At: at.Add(time.Duration(i) * time.Hour)})
	}
	return mails
}

func (w *world) history() *router.History {
	site, _ := w.router.Directory().Site("acme")
	queue, _ := site.Queue("help")
	return &router.History{Site: site, Queue: queue, Mint: w.mint}
}

// What went between the team and somebody else is not the requester's to read,
// and that somebody hears nothing of what the requester is told.
func TestHistoryKeepsConversationsApart(t *testing.T) {
	w := newWorld(t)
	change, tk := w.history().Begin(past(
		"marie@customer.example > help@acme.example: The pump leaks.",
		"anna@acme.example > sales@pumps.example: What do you take for a new one?",
		"sales@pumps.example > help@acme.example: 40 to you.",
		"anna@acme.example > marie@customer.example: A new one costs 90.",
		"marie@customer.example > help@acme.example, paul@customer.example: Paul, may I?",
		"paul@customer.example > help@acme.example, marie@customer.example: Yes.",
		"anna@acme.example > marie@customer.example, paul@customer.example: It is ordered.",
		"anna@acme.example > ben@acme.example: A good trade.",
	), "import", w.now)
	var public []string
	for _, a := range change.Tickets[0].Articles {
		if a.Kind == ticket.PublicArticle {
			public = append(public, strings.TrimSpace(a.Text))
		}
	}
	if want := []string{"The pump leaks.", "A new one costs 90.", "Paul, may I?", "Yes.", "It is ordered."}; !slices.Equal(public, want) {
		t.Errorf("the requester may read %q, want %q", public, want)
	}
	var told []ticket.Address
	for _, p := range tk.Active(ticket.Copied) {
		told = append(told, p.Address)
	}
	if !slices.Equal(told, []ticket.Address{"paul@customer.example"}) {
		t.Errorf("beside the requester %s get what is answered", told)
	}
	if len(change.Notices)+len(change.Tickets[0].Notices) > 0 {
		t.Error("somebody is mailed")
	}
}

// No queue of the site is a customer.
func TestHistoryBetweenQueues(t *testing.T) {
	w := newWorld(t)
	if _, tk := w.history().Begin(past("anna@acme.example > billing@acme.example: Whose is this invoice?"), "import", w.now); tk != nil {
		t.Errorf("%s has a ticket", tk.Requester().Address)
	}
	_, tk := w.history().Begin(past(
		"billing@acme.example > marie@customer.example: Your invoice.",
		"marie@customer.example > help@acme.example: It is wrong.",
	), "import", w.now)
	if tk == nil || tk.Requester().Address != "marie@customer.example" {
		t.Errorf("the ticket is %+v", tk)
	}
}
