package router_test

import (
	"slices"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// machineSigns is every sign that a machine wrote, one row each.
var machineSigns = []struct {
	sign string
	mail mail
}{
	{"MAIL FROM:<>", mail{null: true}},
	{"Auto-Submitted: auto-generated", mail{text: "Auto-Submitted: auto-generated"}},
	{"Auto-Submitted: auto-replied", mail{text: "Auto-Submitted: auto-replied"}},
	{"Auto-Submitted: auto-notified with a parameter", mail{text: "Auto-Submitted: auto-notified; owner=x"}},
	{"Auto-Submitted in capitals", mail{text: "AUTO-SUBMITTED: AUTO-REPLIED"}},
	{"Precedence: bulk", mail{text: "Precedence: bulk"}},
	{"Precedence: junk", mail{text: "Precedence: junk"}},
	{"Precedence: list", mail{text: "Precedence: list"}},
	{"Precedence: auto_reply", mail{text: "Precedence: auto_reply"}},
	{"List-Id", mail{text: "List-Id: <talk.lists.example>"}},
	{"List-Unsubscribe", mail{text: "List-Unsubscribe: <https://lists.example/u>"}},
	{"List-Post", mail{text: "List-Post: <mailto:talk@lists.example>"}},
	{"List-Help", mail{text: "List-Help: <https://lists.example/h>"}},
	{"X-Auto-Response-Suppress: All", mail{text: "X-Auto-Response-Suppress: All"}},
	{"X-Auto-Response-Suppress: AutoReply", mail{text: "X-Auto-Response-Suppress: DR, AutoReply"}},
	{"X-Auto-Response-Suppress: OOF", mail{text: "X-Auto-Response-Suppress: OOF"}},
	{"X-Autoreply", mail{text: "X-Autoreply: yes"}},
	{"X-Autorespond", mail{text: "X-Autorespond: vacation"}},
	{"X-Loop", mail{text: "X-Loop: somebody@customer.example"}},
	{"our loop mark", mail{text: "X-Loop: guichet@mx.acme.example"}},
	{"from mailer-daemon", mail{from: "MAILER-DAEMON@customer.example"}},
	{"from postmaster", mail{from: "postmaster@customer.example"}},
	{"from no-reply", mail{from: "no-reply@customer.example"}},
	{"from noreply", mail{from: "noreply@customer.example"}},
	{"from do-not-reply", mail{from: "do-not-reply@customer.example"}},
	{"from an address of ours", mail{from: "help@acme.example"}},
	{"from an address of ours with an extension", mail{from: "help+x@acme.example"}},
	{"from an alias of ours", mail{from: "support@old.example"}},
	{"from another site's address", mail{from: "help@bolt.example"}},
	{"from a reply address of another site", mail{from: "anything@tickets.bolt.example"}},
	{"in neither To nor Cc", mail{text: "To: undisclosed-recipients:;", rcpt: []string{"help@acme.example"}}},
	{"To and Cc name others", mail{text: "To: paul@customer.example\nCc: eve@customer.example", rcpt: []string{"help@acme.example"}}},
	{"a read receipt", mail{text: "Subject: Read\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\nMessage-ID: <m@customer.example>\n\n" +
		"--b\nContent-Type: text/plain\n\nIt was shown.\n\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n"}},
	{"a complaint", mail{text: "Subject: Abuse\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\nMessage-ID: <m@customer.example>\n\n" +
		"--b\nContent-Type: text/plain\n\nSpam.\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--\n"}},
	{"subject of a vacation notice", mail{text: "Subject: Out of office: Printer"}},
}

// A machine's new matter is kept, and not answered.
func TestNeverAnswerAMachine(t *testing.T) {
	for _, c := range machineSigns {
		t.Run(c.sign, func(t *testing.T) {
			w := newWorld(t)
			m := c.mail
			if m.from == "" {
				m.from = "marie@customer.example"
			}
			m.to = []string{"help@acme.example"}
			if !strings.Contains(m.text, "\n\n") {
				m.text += "\nMessage-ID: <m@customer.example>\n\nHello, I am a machine or nearly one.\n"
			}
			f := w.send(m)
			for _, n := range f.notices() {
				if !n.Kind.ForAgents() {
					t.Errorf("is answered with %s to %s", n.Kind, w.addressee(n))
				}
			}
			if len(f.change.Tickets)+len(f.change.Held) != 1 {
				t.Errorf("is kept as %d tickets and %d held", len(f.change.Tickets), len(f.change.Held))
			}
		})
	}
}

// A group that the settings name adds the marks of lists to a person's mail: such
// mail is answered. Other signs count, and so do those marks on any other mail.
func TestMailThroughAGroup(t *testing.T) {
	for _, c := range []struct {
		to, marks string
		answered  bool
	}{
		{"team@groups.acme.example", "List-Id: <team.groups.acme.example>\nPrecedence: list", true},
		{"Team@Groups.acme.example", "Precedence: bulk\nX-Mailing-List: team", true},
		{"team@groups.acme.example", "Subject: none of them", true},
		{"team@groups.acme.example", "List-Id: <team.groups.acme.example>\nAuto-Submitted: auto-replied", false},
		{"team@groups.acme.example", "Precedence: list\nX-Auto-Response-Suppress: All", false},
		{"team@groups.acme.example", "List-Id: <team.groups.acme.example>\nX-Loop: guichet@mx.acme.example", false},
		{"other@groups.acme.example", "Precedence: list", false},
		{"help@acme.example", "Precedence: list", false},
	} {
		w := newWorld(t)
		w.sites[0].Queues[0].Groups = []ticket.Address{"team@groups.acme.example"}
		w.reload()
		f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "To: " + c.to + "\n" + c.marks + "\n\nThe printer again.\n"})
		answered := slices.ContainsFunc(f.notices(), func(n ticket.Notice) bool { return !n.Kind.ForAgents() })
		if answered != c.answered {
			t.Errorf("to %s with %q: answered is %v", c.to, c.marks, answered)
		}
	}
}

func TestPersonsAreAnswered(t *testing.T) {
	for why, m := range map[string]mail{
		"Auto-Submitted: no":           {text: "Auto-Submitted: no"},
		"in Cc":                        {text: "To: paul@customer.example\nCc: Support <HELP@acme.example>", rcpt: []string{"help@acme.example"}},
		"To an alias":                  {text: "To: support@old.example", rcpt: []string{"help@acme.example"}},
		"Precedence: first-class":      {text: "Precedence: first-class"},
		"a name that is nearly no one": {from: "noah.reply@customer.example"},
	} {
		w := newWorld(t)
		m.to = []string{"help@acme.example"}
		if m.from == "" {
			m.from = "marie@customer.example"
		}
		m.text += "\nSubject: Printer\n\nHello, a person here.\n"
		f := w.send(m).did(router.Opened)
		if f.notices()[0].Kind != ticket.Acknowledgement {
			t.Errorf("%s: is not answered", why)
		}
	}
}

// A mail of ours that comes back under another From is no answer to itself: not
// even the good token in its own Message-ID makes it one.
func TestOurOwnMessageComesBack(t *testing.T) {
	w := newWorld(t)
	n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
	for _, id := range []string{n.MessageID, strings.ToUpper(n.MessageID), "zz" + n.MessageID[2:], n.MessageID[:41] + "x@elsewhere.example"} {
		if _, ours := ticket.TokenOfMessageID(id); !ours {
			continue // not even of our form
		}
		for _, from := range []string{"marie@customer.example", "robot@machine.example", "anna@acme.example"} {
			w.send(mail{from: from, to: []string{"help@acme.example"}, text: "Subject: Re: Printer\nMessage-ID: <" + id + ">\n\nfrom " + from + " " + id + "\n"}).
				held(ticket.HeldOwn).owes()
		}
	}
}

// What answers us automatically lands on its ticket and changes nothing.
func TestAutomaticAnswerIsFiled(t *testing.T) {
	for _, sign := range []string{"Auto-Submitted: auto-replied", "X-Autoreply: yes", "Precedence: auto_reply", "Subject: Automatic reply: Printer", "null"} {
		for _, state := range []ticket.State{ticket.New, ticket.Waiting, ticket.Solved, ticket.Closed} {
			w := newWorld(t)
			f := w.opened()
			stored := w.store.sites["acme"].tickets[f.ticket().ID]
			stored.SetState(state, w.now)
			m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "I am away until Monday.\n#close\n")
			if m.null = sign == "null"; !m.null {
				m.text = sign + "\n" + m.text
				if strings.HasPrefix(sign, "Subject") {
					m.text = strings.Replace(m.text, "Subject: Re: Printer\n", "", 1)
				}
			}
			got := w.send(m).did(router.Filed).owes()
			if a := got.article(); a.Kind != ticket.EventArticle || a.Event != ticket.EventAutomatic || got.ticket().State != state {
				t.Errorf("%s, %s: %s %s, %s", sign, state, a.Kind, a.Event, got.ticket().State)
			}
		}
	}
}

// The marks of lists and bulk may stand on a person's mail: the words of a
// requester are taken, an agent's are not relayed, and a closed ticket stays.
func TestListAndBulkMail(t *testing.T) {
	for _, sign := range []string{"List-Id: <talk.lists.example>", "Precedence: bulk", "X-Auto-Response-Suppress: All", "Auto-Submitted: auto-generated\nList-Id: <x.example>"} {
		w := newWorld(t)
		f := w.opened()
		acknowledged := f.notice(ticket.Acknowledgement, "marie@customer.example")
		m := w.answer(acknowledged, "Any news?\n")
		m.text = sign + "\n" + m.text
		w.send(m).did(router.Added).owes("agent-reply anna@acme.example", "agent-reply ben@acme.example")

		m = w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "To be relayed?\n")
		m.text = sign + "\n" + m.text
		w.send(m).did(router.Filed).owes("agent-event ben@acme.example")

		w.store.sites["acme"].tickets[f.ticket().ID].SetState(ticket.Closed, w.now)
		m = w.answer(acknowledged, "Still no news?\n")
		m.text = sign + "\n" + m.text
		if got := w.send(m).did(router.Filed).owes("agent-event anna@acme.example", "agent-event ben@acme.example"); got.ticket().State != ticket.Closed {
			t.Errorf("%s: the ticket is %s", sign, got.ticket().State)
		}
	}
}

// An automatic answer to nothing that we know is no new matter.
func TestAutomaticAnswerToNothing(t *testing.T) {
	w := newWorld(t)
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: Out of office\nAuto-Submitted: auto-replied\n\nAway\n"}).
		held(ticket.HeldAutoReply).owes()
}

// Two gateways in a loop, with every header stripped: ours answers the opening
// of a ticket alone, so that the second message already gets none.
func TestAConversationOfMachinesHasOneAcknowledgement(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "desk@other.example", to: []string{"help@acme.example"}, text: "Subject: x\n\nYour request was received.\n"}).did(router.Opened)
	n := f.notice(ticket.Acknowledgement, "desk@other.example")
	for range 5 {
		w.send(w.answer(n, "Your request was received.\n")).did(router.Added).owes("agent-reply anna@acme.example", "agent-reply ben@acme.example")
	}
}
