package router_test

import (
	"context"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// warned sends a mail of which the door says more than the test world does.
func (w *world) warned(m mail, policy ticket.Policy, suspect string) filed {
	w.t.Helper()
	e := w.envelope(m)
	e.Evidence.Policy, e.Evidence.Suspect = policy, suspect
	said, err := w.router.Explain(context.Background(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.pass(e, said[0].Outcomes)
}

// What the door warns of is held, with a token and without, and opens, adds
// and answers nothing.
func TestWarnedMailIsHeld(t *testing.T) {
	for _, c := range []struct {
		name    string
		policy  ticket.Policy
		suspect string
		why     ticket.Why
	}{
		{"p=reject, where it could not be refused", ticket.Reject, "", ticket.HeldPolicy},
		{"p=quarantine", ticket.Quarantine, "", ticket.HeldPolicy},
		{"a scanner", ticket.NoPolicy, "a scanner is against it", ticket.HeldSuspect},
		{"both", ticket.Quarantine, "a scanner is against it", ticket.HeldPolicy},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			f := w.opened()
			n := f.notice(ticket.Acknowledgement, "marie@customer.example")
			unproved := c.policy != ticket.NoPolicy
			text := "Subject: Re: Printer\n\nPlease change my address.\n"
			into := w.warned(mail{from: "marie@customer.example", to: []string{w.at(ticket.ReplyToken, n)}, text: text, unproved: unproved}, c.policy, c.suspect)
			into.held(c.why).by(router.ByToken).owes(toldHeld...)
			fresh := w.warned(mail{from: "lea@customer.example", to: []string{"help@acme.example"}, text: "Subject: New\n\nHello.\n", unproved: unproved}, c.policy, c.suspect)
			fresh.held(c.why).owes()
			agent := w.warned(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "\n\n#list\n", unproved: unproved}, c.policy, c.suspect)
			agent.held(c.why).owes()
			if f.ticket().Articles != 1 {
				t.Errorf("the ticket has %d articles", f.ticket().Articles)
			}
		})
	}
}
