package router_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

const anna = "anna@acme.example"

// request opens a ticket in a queue; each of them is a minute older than the next.
func (w *world) request(queue, subject string) *ticket.Ticket {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	return w.send(mail{from: "Marie Martin <marie@customer.example>", to: []string{queue}, text: "Subject: " + subject + "\n\nIt does not work.\n"}).did(router.Opened).ticket()
}

// asks sends an agent's commands to the queue, in a new mail.
func (w *world) asks(who, text string) filed {
	w.t.Helper()
	return w.send(mail{from: who, to: []string{"help@acme.example"}, text: "Subject: Please\n\n" + text + "\n"})
}

// list gives what a list names, in order.
func (f filed) list() *ticket.ListBody {
	f.w.t.Helper()
	return f.notice(ticket.AgentList, anna).List
}

func (w *world) subjects(body *ticket.ListBody) (all []string) {
	for _, id := range body.Tickets {
		all = append(all, w.read("acme", id).Subject)
	}
	return all
}

// toList is an answer to a list.
func (w *world) toList(n ticket.Notice, from, text string) mail {
	site, _ := w.router.Directory().Site("acme")
	queue, _ := site.Queue(n.Queue)
	return mail{from: from, to: []string{string(queue.With(w.mint.Signer.SignChallenge("acme", n.Challenge)))},
		text: fmt.Sprintf("Subject: Re: list\nIn-Reply-To: <%s>\n\n%s\n", n.MessageID, text)}
}

func TestListsHoldWhatTheAgentMaySee(t *testing.T) {
	w := newWorld(t)
	w.request("help@acme.example", "one")
	w.request("billing@acme.example", "secret")
	two := w.request("help@acme.example", "two")
	w.store.sites["acme"].tickets[two.ID].Priority = ticket.High
	for _, c := range []struct {
		text string
		want []string
		view ticket.View
	}{
		{"#list", []string{"two", "one"}, ticket.ViewOpen},
		{"#liste ouvertes", []string{"two", "one"}, ticket.ViewOpen},
		{"#list all", []string{"two", "one"}, ticket.ViewAll},
		{"#list toutes help", []string{"two", "one"}, ticket.ViewAll},
		{"#list open 2", nil, ticket.ViewOpen},
		{"#list mine", nil, ticket.ViewMine},
		{"#list unassigned vip", nil, ticket.ViewUnassigned},
		{"#search two", []string{"two"}, ticket.ViewSearch},
		{"#search secret", nil, ticket.ViewSearch},
		{"#chercher état:nouvelle de:marie@customer.example ONE", []string{"one"}, ticket.ViewSearch},
		{"#search state:closed", nil, ticket.ViewSearch},
		{"#search work since:2026-03-01", []string{"two", "one"}, ticket.ViewSearch},
		{"#search work since:2026-03-03", nil, ticket.ViewSearch},
		{"#search " + two.Reference.String(), []string{"two"}, ticket.ViewSearch},
		{"#contact Marie@Customer.example", []string{"two", "one"}, ticket.ViewContact},
		{"#contact @customer.example", []string{"two", "one"}, ticket.ViewContact},
		{"#list held", nil, ticket.ViewHeld},
	} {
		f := w.asks(anna, c.text).did(router.Acted).owes("agent-list " + anna)
		body := f.list()
		if got := w.subjects(body); !slices.Equal(got, c.want) || body.View != c.view || slices.Contains(body.Queues, "billing") {
			t.Errorf("%s lists %q of %+v, want %q", c.text, got, body, c.want)
		}
		if n := f.notice(ticket.AgentList, anna); (len(c.want) > 0) != (len(f.change.Challenges) == 1) || n.Challenge.IsZero() != (len(c.want) == 0) {
			t.Errorf("%s can be answered as %+v", c.text, f.change.Challenges)
		}
	}
}

func TestListsThatCannotBeMade(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ text, problem string }{
		{"#list billing", ticket.ProblemNoQueue}, // somebody else's
		{"#list open 99", ticket.ProblemArgument},
		{"#search", ticket.ProblemArgument},
		{"#search the hello", ticket.ProblemNoWords},
		{"#search work state:nowhere", ticket.ProblemArgument},
		{"#search work queue:billing", ticket.ProblemNoQueue},
		{"#search work since:tomorrow", ticket.ProblemArgument},
		{"#contact Marie", ticket.ProblemAddress},
		{"#show ACM-99", ticket.ProblemNoSuchTicket},
		{"#show", ticket.ProblemNoTicket},
		{"#list\n#frobnicate", ticket.ProblemUnknown},
	} {
		f := w.asks(anna, c.text).owes("transcript " + anna)
		if _, problem := transcript(f, anna); problem != c.problem || len(f.change.Challenges) != 0 {
			t.Errorf("%s: says %q, want %q", c.text, problem, c.problem)
		}
	}
}

// Who only says that they are an agent is told nothing, and nothing is looked up.
func TestListsNeedProof(t *testing.T) {
	w := newWorld(t)
	w.request("help@acme.example", "one")
	for _, m := range []mail{
		{from: anna, unproved: true}, {from: anna, proof: ticket.ProofDomain, method: ticket.BySPF}, {from: "zoe@bolt.example"}, {from: "marie@customer.example"},
	} {
		m.to, m.text = []string{"help@acme.example"}, "Subject: x\n\n#list\n"
		f := w.send(m)
		for _, n := range f.notices() {
			if n.Kind == ticket.AgentList {
				t.Errorf("%+v draws a list", m)
			}
		}
		if q := w.store.reads[len(w.store.reads)-1]; m.unproved && len(q.Lists) > 0 {
			t.Errorf("%+v is looked up", q.Lists)
		}
	}
}

func TestAListIsAnsweredByItsNumbers(t *testing.T) {
	for _, c := range []struct {
		text    string
		results []string // number, command, result
		problem string
		line    string
	}{
		{"1 close", []string{"1 close: closed"}, "", ""},
		{"1 close, 3 take", []string{"1 close: closed", "3 take: taken"}, "", ""},
		{"1 close; 2,3 tag x, y", []string{"1 close: closed", "2 tag x y: tagged", "3 tag x y: tagged"}, "", ""},
		{"1-3 snooze 2d", []string{"1 snooze 2d: snoozed", "2 snooze 2d: snoozed", "3 snooze 2d: snoozed"}, "", ""},
		{"1–2 snooze aujourd’hui 18:00", []string{"1 snooze aujourd'hui 18:00: snoozed", "2 snooze aujourd'hui 18:00: snoozed"}, "", ""},
		{"1 à 2 #fermer\n3. prendre", []string{"1 close: closed", "2 close: closed", "3 take: taken"}, "", ""},
		{"1 take\n1 priority high", []string{"1 take: taken", "1 priority high: priority"}, "", ""},
		{"2\u00a0et 3 assign ben", []string{"2 assign ben: assigned", "3 assign ben: assigned"}, "", ""},
		{"1 close\n7 close", nil, ticket.ProblemNoLine, "7 close"},
		{"1 close\n2 assign nobody", nil, ticket.ProblemNobody, "2 assign nobody"},
		{"1 clsoe", nil, ticket.ProblemUnknown, "1 clsoe"},
		{"1 note hello", nil, ticket.ProblemNotInList, "1 note hello"},
		{"1 send", nil, ticket.ProblemNotInList, "1 send"},
		{"1 close now", nil, ticket.ProblemArgument, "1 close now"},
		{"1, 2", nil, ticket.ProblemArgument, "1, 2"},
		{"1 close\nThank you, that is all.", nil, ticket.ProblemListText, "Thank you, that is all."},
		{"Please close them.", nil, ticket.ProblemListText, ""},
	} {
		t.Run(c.text, func(t *testing.T) {
			w := newWorld(t)
			for _, subject := range []string{"one", "two", "three", "four"} {
				w.request("help@acme.example", subject)
			}
			n := w.asks(anna, "#list").notice(ticket.AgentList, anna)
			before := w.store.picture()
			f := w.send(w.toList(n, anna, c.text))
			body := f.notice(ticket.Transcript, anna).Transcript
			var got []string
			for _, l := range body.Done {
				got = append(got, l.Line+": "+l.Result)
			}
			if !slices.Equal(got, c.results) || body.Problem != c.problem || body.Line != c.line {
				t.Errorf("says %q, %q of %q", got, body.Problem, body.Line)
			}
			if c.problem != "" && (len(f.change.Tickets) > 0 || body.Written != c.text || before == "") {
				t.Errorf("changes %+v, gives back %q", f.change.Tickets, body.Written)
			}
		})
	}
}

// Many need a code, which goes to the agent's own address; what it allows is what
// was parked, whatever stands beside the code.
func TestManyTicketsNeedACode(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.request("help@acme.example", fmt.Sprint("number ", i))
	}
	n := w.asks(anna, "#list").notice(ticket.AgentList, anna)
	f := w.send(w.toList(n, anna, "1-4 close")).did(router.Challenged).owes("validation " + anna)
	code := f.notice(ticket.Validation, anna)
	if len(f.change.Tickets) != 0 || len(code.About.Lines) != 4 || !strings.HasPrefix(code.About.Lines[3], "4 close (ACM-") {
		t.Fatalf("before the code: %+v, %q", f.change.Tickets, code.About.Lines)
	}
	reply := w.toList(code, anna, code.Code+"\n5 close")
	f = w.send(reply).did(router.Redeemed)
	results, problem := transcript(f, anna)
	if problem != "" || len(results) != 4 || slices.ContainsFunc(results, func(r string) bool { return r != ticket.ResultClosed }) {
		t.Fatalf("says %q, %q", results, problem)
	}
	if last := w.read("acme", n.List.Tickets[4]); last.State != ticket.New {
		t.Errorf("the fifth is %s", last.State)
	}
	again := f.notice(ticket.Transcript, anna)
	f = w.send(w.toList(again, anna, "2 undo"))
	if results, _ := transcript(f, anna); !slices.Equal(results, []string{ticket.ResultUndone}) || w.read("acme", n.List.Tickets[1]).State != ticket.New {
		t.Errorf("undone: %q", results)
	}
	w.send(reply).did(router.Refused) // the code is spent
}

func TestWhoMayAnswerAList(t *testing.T) {
	w := newWorld(t)
	one := w.request("help@acme.example", "one")
	n := w.asks(anna, "#list").notice(ticket.AgentList, anna)
	stays := func(why string) {
		t.Helper()
		if now := w.read("acme", one.ID); now.State != ticket.New || now.Assignee != 0 {
			t.Errorf("%s: the ticket is %s", why, now.State)
		}
	}
	for why, m := range map[string]mail{
		"a stranger":      w.toList(n, "eve@else.example", "1 close"),
		"the customer":    w.toList(n, "marie@customer.example", "1 close"),
		"another's agent": w.toList(n, "carl@acme.example", "1 close"),
		"without proof":   func() mail { m := w.toList(n, anna, "1 close"); m.unproved = true; return m }(),
		"a vacation note": func() mail {
			m := w.toList(n, anna, "1 close")
			m.text = "Auto-Submitted: auto-replied\n" + m.text
			return m
		}(),
	} {
		f := w.send(m)
		if stays(why); f.outcomes[0].Did != router.HeldBack {
			t.Errorf("%s: did %+v", why, f.outcomes)
		}
	}
	// Ben is listed too, but the list is Anna's: he acts with his own proof.
	w.send(w.toList(n, "ben@acme.example", "1 take")).did(router.Acted)

	// The list of agents is read again: what moved away is not there.
	w.store.sites["acme"].tickets[one.ID].Queue = "billing"
	w.send(w.toList(n, anna, "1 close")).did(router.Asked)

	// Too old, or of a store that knows it no more: no new ticket comes of it.
	w.now = w.now.Add(ticket.ListValid)
	f := w.send(w.toList(n, anna, "1 reopen")).did(router.Asked)
	if _, problem := transcript(f, anna); problem != ticket.ProblemListGone {
		t.Errorf("says %q", problem)
	}
	delete(w.store.sites["acme"].challenges, n.Challenge)
	f = w.send(w.toList(n, anna, "1 take")).did(router.Asked)
	if _, problem := transcript(f, anna); problem != ticket.ProblemListGone {
		t.Errorf("says %q", problem)
	}
}

// A whole ticket is the next mail of its conversation, and looking at it changes
// nothing.
func TestShowingChangesNothing(t *testing.T) {
	w := newWorld(t)
	one, other := w.request("help@acme.example", "one"), w.request("billing@acme.example", "secret")
	f := w.asks(anna, "#show "+one.Reference.String()).owes("agent-show " + anna)
	n := f.notice(ticket.AgentShow, anna)
	if len(f.change.Tickets) != 0 || n.Ticket != one.ID {
		t.Errorf("changes %+v, shows %s", f.change.Tickets, n.Ticket)
	}
	w.send(w.answer(n, "We come today.")).did(router.Answered)
	w.asks(anna, "#show "+other.Reference.String()).owes("transcript " + anna)

	n = w.asks(anna, "#list all").notice(ticket.AgentList, anna)
	f = w.send(w.toList(n, anna, "1 show")).owes("agent-show " + anna)
	if len(f.change.Tickets) != 0 {
		t.Errorf("changes %+v", f.change.Tickets)
	}
	shown := f.notice(ticket.AgentShow, anna)
	w.send(w.answer(shown, "#show")).owes("agent-show " + anna)

	// Who wrote a request themselves is no agent of it.
	own := w.send(mail{from: "ben@acme.example", to: []string{"help@acme.example"}, text: "Subject: My own chair\n\nIt squeaks.\n"}).did(router.Opened).ticket()
	f = w.asks("ben@acme.example", "#show "+own.Reference.String()).owes("transcript ben@acme.example")
	if _, problem := transcript(f, "ben@acme.example"); problem != ticket.ProblemNotAllowed {
		t.Errorf("says %q", problem)
	}

	// Who has just joined the team is given a place on the ticket.
	w.sites[0].Queues[0].Agents = append(w.sites[0].Queues[0].Agents, "dora@acme.example")
	w.reload()
	f = w.asks("dora@acme.example", "#show "+one.Reference.String()).owes("agent-show dora@acme.example")
	if p, ok := w.read("acme", one.ID).Who("dora@acme.example"); !ok || p.Role != ticket.AgentRole || len(f.change.Tickets) != 1 {
		t.Errorf("%+v takes part", p)
	}
}

// In a ticket's own thread lists are asked for beside other commands.
func TestAListInATicketsThread(t *testing.T) {
	w := newWorld(t)
	opened := w.opened()
	f := w.send(w.answer(opened.notice(ticket.AgentNew, anna), "#take\n#list mine")).did(router.Acted)
	if results, _ := transcript(f, anna); !slices.Equal(results, []string{ticket.ResultTaken}) {
		t.Errorf("says %q", results)
	}
	if body := f.list(); body.View != ticket.ViewMine {
		t.Errorf("lists %+v", body)
	}
}
