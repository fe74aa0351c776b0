package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

var toAgents = []string{"agent-reply anna@acme.example", "agent-reply ben@acme.example"}

func TestAnswerByToken(t *testing.T) {
	w := newWorld(t)
	n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
	to := w.at(ticket.ReplyToken, n)
	for why, m := range map[string]mail{
		"in RCPT and To":             {to: []string{to}},
		"in RCPT alone":              {to: []string{"help@acme.example"}, rcpt: []string{to}},
		"in To alone":                {to: []string{to}, rcpt: []string{"help@acme.example"}},
		"in Cc alone":                {rcpt: []string{"help@acme.example"}, to: []string{"paul@customer.example"}, text: "Cc: Support <" + to + ">\n"},
		"in capitals":                {to: []string{strings.ToUpper(to)}},
		"behind the alias":           {to: []string{"support+" + strings.TrimPrefix(to, "help+")}},
		"beside a forged one before": {to: []string{"help+" + strings.Repeat("a", 40) + "@acme.example", to}},
	} {
		if strings.HasPrefix(m.to[0], "support") {
			m.to[0] = strings.Replace(m.to[0], "@acme.example", "@old.example", 1)
		}
		m.from = "Marie <marie@customer.example>"
		m.text += "Subject: A subject of its own\n\nIt comes by token " + why + ".\n"
		f := w.send(m).did(router.Added).by(router.ByToken).owes(toAgents...)
		if a := f.article(); a.Proof != ticket.ProofToken || a.Kind != ticket.PublicArticle || a.Author != 1 {
			t.Errorf("%s: %+v", why, a)
		}
	}
}

func TestAnswerOnAReplyDomain(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@bolt.example"}, text: "Subject: x\n\nHello\n"}).did(router.Opened)
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	if to := w.at(ticket.ReplyToken, n); !strings.HasSuffix(to, "@tickets.bolt.example") {
		t.Fatalf("answers go to %s", to)
	}
	w.send(mail{from: "marie@customer.example", to: []string{w.at(ticket.ReplyToken, n)}, text: "Subject: y\n\nMore\n"}).did(router.Added).by(router.ByToken)
	// Any other local part there is a new matter.
	w.send(mail{from: "marie@customer.example", to: []string{"anything@tickets.bolt.example"}, text: "Subject: y\n\nElse\n"}).did(router.Opened)
}

// The mail program lost the plus-address; our Message-ID brings the token back.
func TestAnswerByOurMessageID(t *testing.T) {
	w := newWorld(t)
	n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
	for i, field := range []string{
		"In-Reply-To: <" + n.MessageID + ">",
		"References: <first@customer.example> <" + n.MessageID + ">",
		"References: <" + n.MessageID + "> <other@x.example>",
		"References: <" + strings.ToUpper(n.MessageID) + ">",
	} {
		f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: fmt.Sprintf("Subject: A %d\n%s\n\nMore\n", i, field)}).
			did(router.Added).by(router.ByOurID)
		if f.article().Proof != ticket.ProofToken {
			t.Errorf("%s: proof %s", field, f.article().Proof)
		}
	}
}

func TestAnswerByStoredMessageID(t *testing.T) {
	w := newWorld(t)
	w.opened()
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"},
		text: "Subject: Something else\nIn-Reply-To: <first@customer.example>\nMessage-ID: <second@customer.example>\n\nMore\n"}).
		did(router.Added).by(router.ByMessageID).owes(toAgents...)
	if f.article().Proof != ticket.ProofDomain {
		t.Errorf("proof is %s", f.article().Proof)
	}
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"},
		text: "Subject: Something else\nReferences: <unknown@customer.example> <second@customer.example>\n\nMore still\n"}).
		did(router.Added).by(router.ByMessageID)
	// Another queue does not know the conversation: there it is a new matter.
	w.send(mail{from: "marie@customer.example", to: []string{"billing@acme.example"},
		text: "Subject: Something else\nIn-Reply-To: <first@customer.example>\n\nFor billing\n"}).did(router.Opened)
	// Nor does another site.
	w.send(mail{from: "marie@customer.example", to: []string{"help@bolt.example"},
		text: "Subject: Something else\nIn-Reply-To: <first@customer.example>\n\nFor Bolt\n"}).did(router.Opened)
}

// The second mail overtakes the first, or the first never came to us at all.
func TestAnswerBeforeTheRoot(t *testing.T) {
	w := newWorld(t)
	opened := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"},
		text: "Subject: Re: Printer\nMessage-ID: <b@customer.example>\nIn-Reply-To: <a@customer.example>\nReferences: <a@customer.example>\n\nI forgot: on floor two.\n"}).
		did(router.Opened)
	late := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"},
		text: "Subject: Printer\nMessage-ID: <a@customer.example>\n\nIt is broken.\n"}).did(router.Added).by(router.ByMessageID)
	if late.ticket().ID != opened.ticket().ID {
		t.Error("it went elsewhere")
	}
	// A sibling that names the same unseen root.
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"},
		text: "Subject: Re: Printer\nMessage-ID: <c@customer.example>\nReferences: <a@customer.example>\n\nHurry.\n"}).did(router.Added).by(router.ByMessageID)
	if root := opened.ticket().Requester().Thread.Root; root != "a@customer.example" {
		t.Errorf("the thread begins with %s", root)
	}
}

func TestAnswerBySubjectReference(t *testing.T) {
	w := newWorld(t)
	reference := w.opened().ticket().Reference
	for i, subject := range []string{"Re: " + reference.Tag() + " Printer", strings.ToLower(reference.String()), "AW: [XYZ-1] [ABC-2] [DEF-3] [GHI-4] [JKL-5] " + reference.Tag(), "About " + reference.String() + "!"} {
		w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: fmt.Sprintf("Subject: %s\n\nMore %d\n", subject, i)}).
			did(router.Added).by(router.ByReference).owes(toAgents...)
	}
	for i, subject := range []string{"Re: Printer", "Printer", "ACM-9999", "BLT-1000", "XACM-1000", "ACM-1000x", "ACM1000", "ACM-", ""} {
		w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: fmt.Sprintf("Subject: %s\n\nNew matter %d\n", subject, i)}).
			did(router.Opened)
	}
}

// Subjects alone never thread, not even word for word from the same person.
func TestSubjectTextAloneOpensANewTicket(t *testing.T) {
	w := newWorld(t)
	first := w.opened().ticket().ID
	for i, subject := range []string{"Printer", "Re: Printer", "RE: Re: Printer"} {
		f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: fmt.Sprintf("Subject: %s\n\nAnother %d\n", subject, i)}).did(router.Opened)
		if f.ticket().ID == first {
			t.Errorf("%q went to the old one", subject)
		}
	}
}

func TestReopenByAnAnswer(t *testing.T) {
	for _, c := range []struct {
		why   string
		after time.Duration
		token bool
		want  router.Did
	}{
		{"soon, with the token", 24 * time.Hour, true, router.Added},
		{"to the last moment", 14 * 24 * time.Hour, true, router.Added},
		{"too late", 14*24*time.Hour + time.Second, true, router.Opened},
		{"soon, without the token", time.Hour, false, router.Opened},
		{"too late, without the token", 400 * 24 * time.Hour, false, router.Opened},
	} {
		w := newWorld(t)
		f := w.opened()
		old := f.ticket()
		w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#close\n")).did(router.Acted)
		w.now = w.now.Add(c.after)
		m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "It is broken again.\n")
		if !c.token {
			m = mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: Re: Printer\nIn-Reply-To: <first@customer.example>\n\nIt is broken again.\n"}
		}
		got := w.send(m).did(c.want)
		tk := got.ticket()
		if c.want == router.Added {
			if tk.ID != old.ID || tk.State != ticket.Open || !tk.Closed.IsZero() {
				t.Errorf("%s: %s, closed %s", c.why, tk.State, tk.Closed)
			}
			got.owes(toAgents...)
			continue
		}
		if tk.ID == old.ID || tk.Previous != old.ID || tk.State != ticket.New || w.read("acme", old.ID).State != ticket.Closed {
			t.Errorf("%s: %+v", c.why, tk)
		}
		got.owes("acknowledgement marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
		event := got.change.Tickets[0].Articles[1]
		if event.Event != ticket.EventFollowUp || event.Detail != "ACM-1000" {
			t.Errorf("%s: says %+v", c.why, event)
		}
	}
}

// A solved ticket that its requester answers is open again, as long as it is
// not closed.
func TestAnswersMoveTheTicket(t *testing.T) {
	for state, want := range map[ticket.State]ticket.State{ticket.New: ticket.New, ticket.Open: ticket.Open, ticket.Waiting: ticket.Open, ticket.Solved: ticket.Open} {
		w := newWorld(t)
		f := w.opened()
		w.store.sites["acme"].tickets[f.ticket().ID].SetState(state, w.now)
		if got := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "More\n")).did(router.Added).ticket().State; got != want {
			t.Errorf("%s becomes %s", state, got)
		}
	}
}

// A ticket that is gone, or was never there: what answers it is a new matter.
func TestTokenOfAnErasedTicketOpensANewOne(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Are you there?\n")
	*w.store.site("acme") = *newMemory(t).site("acme")
	w.send(m).did(router.Opened)
}

// One answer in two queues' addresses, in one mail or one after the other, is
// one article.
func TestOneAnswerThroughTwoQueues(t *testing.T) {
	w := newWorld(t)
	n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
	m := w.answer(n, "To both of you.\n")
	m.to = append(m.to, "billing@acme.example")
	m.text = "Message-ID: <both@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n" + m.text
	f := w.send(m)
	if f.outcomes[0].Did != router.Added || f.outcomes[1].Did != router.Repeated || len(f.change.Tickets) != 1 {
		t.Errorf("did %+v", f.outcomes)
	}

	m = w.answer(n, "One after the other.\n")
	m.text = "Message-ID: <after@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nTo: " + m.to[0] + ", billing@acme.example\n" + m.text
	first := m
	first.rcpt = []string{m.to[0]}
	second := m
	second.rcpt = []string{"billing@acme.example"}
	w.send(first).did(router.Added)
	w.send(second).did(router.Repeated).owes()
}

// Each recipient's conversation is their own: nobody's Message-ID stands in
// another's mail, because ours carry tokens.
func TestThreadsAreNotShared(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	answered := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Have you tried to turn it off?\n")).did(router.Answered)
	marie := answered.notice(ticket.Answer, "marie@customer.example")
	ben := answered.notice(ticket.AgentAnswer, "ben@acme.example")
	own := func(n ticket.Notice, number uint16) {
		for _, id := range n.References {
			if token, ours := ticket.TokenOfMessageID(id); ours && token.Participant != number {
				t.Errorf("%s names a mail to participant %d", n.Kind, token.Participant)
			}
		}
	}
	own(marie, 1)
	own(ben, ben.To)
	if marie.References[0] != "first@customer.example" || marie.InReplyTo != f.notice(ticket.Acknowledgement, "marie@customer.example").MessageID {
		t.Errorf("Marie's mail answers %s in %v", marie.InReplyTo, marie.References)
	}
	if ben.InReplyTo != f.notice(ticket.AgentNew, "ben@acme.example").MessageID {
		t.Errorf("Ben's mail answers %s", ben.InReplyTo)
	}
	for _, c := range w.store.changes {
		for _, tc := range c.Tickets {
			for _, id := range tc.MessageIDs {
				if _, bare, _ := strings.Cut(id, " "); bare != "" {
					if _, ours := ticket.TokenOfMessageID(bare); ours {
						t.Errorf("an identifier of ours is indexed: %s", bare)
					}
				}
			}
		}
	}
}
