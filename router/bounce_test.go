package router_test

import (
	"fmt"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// report is a delivery report (RFC 3464) about one recipient.
func report(recipient, action, original string) string {
	status, ok := map[string]string{"failed": "5.1.1", "delayed": "4.4.1"}[action]
	if !ok {
		status = "2.0.0"
	}
	return fmt.Sprintf(`Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is about your mail. Call CANARY.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; %s
Action: %s
Status: %s

--b
Content-Type: text/rfc822-headers

Message-ID: <%s>
Subject: Re: [ACM-1000] Printer

--b--
`, recipient, action, status, original)
}

func bounceTo(w *world, n ticket.Notice) string { return w.at(ticket.BounceToken, n) }

// A bounce of ours, known by the envelope sender that it comes home to or by
// the Message-ID of what comes back: an event, and word of it to the team.
func TestBouncesOfOurs(t *testing.T) {
	for _, c := range []struct {
		why, original string
		token         bool
		rule          router.Rule
	}{
		{"by envelope sender", "unknown@x.example", true, router.ByBounceToken},
		{"by our Message-ID", "OURS", false, router.ByOurID},
		{"by both", "OURS", true, router.ByBounceToken},
	} {
		w := newWorld(t)
		n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
		m := mail{from: "mailer-daemon@customer.example", to: []string{"help@acme.example"}, null: true, unproved: true,
			text: report("marie@customer.example", "failed", strings.Replace(c.original, "OURS", n.MessageID, 1))}
		if c.token {
			m.rcpt = []string{bounceTo(w, n)}
		}
		f := w.send(m).did(router.Filed).by(c.rule).owes("agent-event anna@acme.example", "agent-event ben@acme.example")
		a := f.article()
		if a.Kind != ticket.EventArticle || a.Event != ticket.EventDeliveryFailed || a.Text != "marie@customer.example" || a.Detail == "" || strings.Contains(a.Detail, "@") {
			t.Errorf("%s: %+v", c.why, a)
		}
		if f.ticket().State != ticket.New {
			t.Errorf("%s: the ticket is %s", c.why, f.ticket().State)
		}
	}
}

// A delay is filed and told to nobody; so is a bounce of what went to an agent,
// since word of it would bounce in its turn.
func TestBouncesThatNobodyNeedsToRead(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	marie := f.notice(ticket.Acknowledgement, "marie@customer.example")
	delayed := w.send(mail{from: "mailer-daemon@customer.example", to: []string{bounceTo(w, marie)}, null: true, text: report("marie@customer.example", "delayed", "x@x.example")}).
		did(router.Filed).owes()
	if a := delayed.article(); a.Event != ticket.EventAutomatic {
		t.Errorf("a delay is %+v", a)
	}
	anna := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(mail{from: "mailer-daemon@acme.example", to: []string{bounceTo(w, anna)}, null: true, text: report("anna@acme.example", "failed", "x@x.example")}).
		did(router.Filed).owes()
}

// What a report says of its recipients decides.
func TestWhatIsAFailure(t *testing.T) {
	for action, want := range map[string]ticket.Event{"failed": ticket.EventDeliveryFailed, "delayed": ticket.EventAutomatic, "relayed": ticket.EventAutomatic, "delivered": ticket.EventAutomatic} {
		w := newWorld(t)
		n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
		f := w.send(mail{from: "mailer-daemon@customer.example", to: []string{bounceTo(w, n)}, null: true, text: report("marie@customer.example", action, "x@x.example")}).did(router.Filed)
		if f.article().Event != want {
			t.Errorf("%s is %s", action, f.article().Event)
		}
	}
}

// Without our MAC a bounce is anybody's words: kept, and inert.
func TestForgedBouncesAreInert(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	token := strings.TrimPrefix(strings.TrimSuffix(bounceTo(w, n), "@acme.example"), "help+")
	last := map[bool]string{true: "b", false: "a"}[token[39] == 'a']
	for i, c := range []struct{ to, original string }{
		{"help@acme.example", "first@customer.example"},
		{"help@acme.example", "someone@x.example"},
		{"help+" + token[:39] + last + "@acme.example", "first@customer.example"},
		{"help@acme.example", token[:39] + last + ".abc@mx.acme.example"},
		{w.at(ticket.ReplyToken, n), "first@customer.example"},
		{w.at(ticket.NoteToken, f.notice(ticket.AgentNew, "anna@acme.example")), "first@customer.example"},
	} {
		text := strings.Replace(report("marie@customer.example", "failed", c.original), "CANARY", fmt.Sprint(i), 1)
		w.send(mail{from: "mailer-daemon@customer.example", to: []string{c.to}, null: true, text: text}).held(ticket.HeldBounce).owes()
	}
	if tk := f.ticket(); tk.Articles != 1 || tk.Version != 1 {
		t.Errorf("the ticket is %+v", tk)
	}
}

// What comes to a bounce address and is no bounce is no answer either: nobody
// was given that address to write to.
func TestWordsToABounceAddress(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	for _, from := range []string{"marie@customer.example", "eve@evil.example"} {
		got := w.send(mail{from: from, to: []string{bounceTo(w, n)}, text: "Subject: x\n\nHello from " + from + "\n"})
		if got.outcomes[0].Ticket == f.ticket().ID {
			t.Errorf("%s got into the ticket: %+v", from, got.outcomes[0])
		}
	}
}
