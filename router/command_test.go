package router_test

import (
	"slices"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// transcript is what a command mail did: results in order, or its problem.
func transcript(f filed, to ticket.Address) (results []string, problem string) {
	f.w.t.Helper()
	body := f.notice(ticket.Transcript, to).Transcript
	for _, l := range body.Done {
		results = append(results, l.Result)
	}
	return results, body.Problem
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		why     string
		state   ticket.State
		text    string
		did     router.Did
		results []string
		after   ticket.State
		owes    []string // beside Anna's transcript
	}{
		{"close", ticket.Open, "#close", router.Acted, []string{ticket.ResultClosed}, ticket.Closed, []string{"agent-event ben@acme.example", "closed marie@customer.example"}},
		{"close in French", ticket.Open, "#fermer", router.Acted, []string{ticket.ResultClosed}, ticket.Closed, []string{"agent-event ben@acme.example", "closed marie@customer.example"}},
		{"close once more", ticket.Closed, "#close", router.Acted, []string{ticket.ResultAlreadyClosed}, ticket.Closed, nil},
		{"close with an answer", ticket.Open, "#close\nIt is mended.", router.Answered, []string{ticket.ResultClosed, ticket.ResultSent}, ticket.Closed, []string{"agent-answer ben@acme.example", "answer marie@customer.example"}},
		{"close with a note", ticket.Open, "#close\n#note\nShe called.", router.Acted, []string{ticket.ResultClosed, ticket.ResultNoted}, ticket.Closed, []string{"agent-note ben@acme.example", "closed marie@customer.example"}},
		{"reopen", ticket.Closed, "#reopen", router.Acted, []string{ticket.ResultReopened}, ticket.Open, []string{"agent-event ben@acme.example", "reopened marie@customer.example"}},
		{"reopen in French", ticket.Solved, "#rouvrir", router.Acted, []string{ticket.ResultReopened}, ticket.Open, []string{"agent-event ben@acme.example", "reopened marie@customer.example"}},
		{"reopen what is open", ticket.Open, "#reopen", router.Acted, []string{ticket.ResultAlreadyOpen}, ticket.Open, nil},
		{"reopen with an answer", ticket.Closed, "#reopen\nWe look again.", router.Answered, []string{ticket.ResultReopened, ticket.ResultSent}, ticket.Waiting, []string{"agent-answer ben@acme.example", "answer marie@customer.example"}},
		{"take", ticket.New, "#take", router.Acted, []string{ticket.ResultTaken}, ticket.New, []string{"agent-event ben@acme.example"}},
		{"with accents in two pieces", ticket.New, "#re\u0301solu", router.Acted, []string{ticket.ResultSolved}, ticket.Solved, []string{"agent-event ben@acme.example"}},
		{"without its accents", ticket.New, "#resolu", router.Acted, []string{ticket.ResultSolved}, ticket.Solved, []string{"agent-event ben@acme.example"}},
		{"take in French", ticket.New, "#prendre", router.Acted, []string{ticket.ResultTaken}, ticket.New, []string{"agent-event ben@acme.example"}},
		{"help", ticket.New, "#help", router.Acted, []string{ticket.ResultHelp}, ticket.New, nil},
		{"help in French", ticket.New, "#aide", router.Acted, []string{ticket.ResultHelp}, ticket.New, nil},
		{"several", ticket.New, "#take\n\n#close\n", router.Acted, []string{ticket.ResultTaken, ticket.ResultClosed}, ticket.Closed, []string{"agent-event ben@acme.example", "closed marie@customer.example"}},
		{"with a full stop", ticket.New, "#take.", router.Acted, []string{ticket.ResultTaken}, ticket.New, []string{"agent-event ben@acme.example"}},
		{"answer to a closed ticket", ticket.Closed, "One more thing.", router.Answered, nil, ticket.Waiting, []string{"agent-answer ben@acme.example", "answer marie@customer.example"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			f := w.opened()
			w.store.sites["acme"].tickets[f.ticket().ID].SetState(c.state, w.now)
			got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), c.text+"\n")).did(c.did)
			want := slices.Clone(c.owes)
			if c.results != nil {
				want = append(want, "transcript anna@acme.example")
				if results, problem := transcript(got, "anna@acme.example"); !slices.Equal(results, c.results) || problem != "" {
					t.Errorf("says %q, %q", results, problem)
				}
			}
			got.owes(want...)
			if tk := got.ticket(); tk.State != c.after || tk.Closed.IsZero() == (c.after == ticket.Closed) {
				t.Errorf("the ticket is %s, closed %s", tk.State, tk.Closed)
			}
		})
	}
}

// One mistake and none runs, and nothing of the mail leaves.
func TestCommandsRunAllOrNone(t *testing.T) {
	for _, c := range []struct{ why, text, problem, line, nearest string }{
		{"unknown", "#frobnicate", ticket.ProblemUnknown, "#frobnicate", ""},
		{"unknown behind one that is known", "#close\n#frobnicate\nText", ticket.ProblemUnknown, "#frobnicate", ""},
		{"misspelt", "#close\n#tkae", ticket.ProblemUnknown, "#tkae", "#take"},
		{"misspelt in French", "#femer\nBonjour", ticket.ProblemUnknown, "#femer", "#fermer"},
		{"with words that it does not take", "#close now please", ticket.ProblemArgument, "#close now please", "#close"},
		{"behind words", "#take\nHello Marie\n#close", ticket.ProblemStray, "#close", ""},
		{"behind words, in French", "Bonjour\n  #fermer", ticket.ProblemStray, "#fermer", ""},
		{"behind a banner", "[EXTERN] #close\nHello", ticket.ProblemStray, "[EXTERN] #close", ""},
		{"misspelt behind words", "Hello Marie\n#clsoe", ticket.ProblemStray, "#clsoe", ""},
	} {
		w := newWorld(t)
		f := w.opened()
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), c.text+"\n")).did(router.Asked).owes("transcript anna@acme.example")
		body := got.notice(ticket.Transcript, "anna@acme.example").Transcript
		if body.Problem != c.problem || body.Line != c.line || body.Nearest != c.nearest || len(body.Done) != 0 || body.Written != c.text {
			t.Errorf("%s: says %+v", c.why, body)
		}
		if tk := got.ticket(); tk.State != ticket.New || tk.Assignee != 0 || tk.Articles != 2 {
			t.Errorf("%s: the ticket is %+v", c.why, tk)
		}
	}
}

// Words with # that are no commands are words.
func TestWordsThatAreNoCommands(t *testing.T) {
	for _, text := range []string{"# Heading\nText", "#1 is the fuse, #2 the plug.", "#12", "Press # twice.", "Hello\n# Closing remarks\nText", "See https://docs.acme.example/manual#take",
		"Hello\n#printer is our channel", "Line\n#\nLine", "> #close was what you wrote\n\nIt means that."} {
		w := newWorld(t)
		f := w.opened()
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), text+"\n"))
		if got.outcomes[0].Did != router.Answered {
			t.Errorf("%q: did %s (%s)", text, got.outcomes[0].Did, got.outcomes[0].Why)
		}
	}
}

// Commands in what the agent did not write now do nothing.
func TestCommandsInQuotesDoNothing(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"),
		"We come tomorrow.\n\nOn Mon, 2 Mar 2026 at 09:00, Marie <marie@customer.example> wrote:\n> #close\n> #take\n\n-- \nAnna\n#close\n")).did(router.Answered)
	if got.ticket().State != ticket.Waiting {
		t.Errorf("the ticket is %s", got.ticket().State)
	}
}

// To the queue itself: what needs no ticket is answered, the rest is asked
// about, and no ticket is made of it.
func TestCommandsWithoutATicket(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{"#help", ""}, {"#aide", ""}, {"#close", ticket.ProblemNoTicket}, {"#help\n#close", ticket.ProblemNoTicket},
		{"#frobnicate", ticket.ProblemUnknown}, {"#note " + canary, ticket.ProblemNoTicket}, {"#take me there", ticket.ProblemArgument},
	} {
		w := newWorld(t)
		got := w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: x\nMessage-ID: <q@acme.example>\n\n" + c.text + "\n"}).
			did(router.Acted).owes("transcript anna@acme.example")
		n := got.notices()[0]
		if n.Transcript.Problem != c.problem || n.InReplyTo != "q@acme.example" || n.Queue != "help" || len(n.Brakes) == 0 || len(got.change.Tickets) != 0 {
			t.Errorf("%q: %+v", c.text, n)
		}
		if c.problem != "" && len(n.Transcript.Done) != 0 {
			t.Errorf("%q: something ran", c.text)
		}
		if len(got.change.Held) != 1 || got.change.Held[0].Why != ticket.HeldCommand {
			t.Errorf("%q: kept as %+v", c.text, got.change.Held)
		}
	}
	// From anybody else, or unproved, or by SPF alone, it is a new matter.
	for _, m := range []mail{{from: "marie@customer.example"}, {from: "anna@acme.example", unproved: true}, {from: "anna@acme.example", method: ticket.BySPF}, {from: "carl@acme.example"}} {
		w := newWorld(t)
		m.to, m.text = []string{"help@acme.example"}, "Subject: x\n\n#help\n"
		w.send(m).did(router.Opened)
	}
}

// A requester closes and opens their own ticket with one line, if their token
// came with it.
func TestRequestersOwnCommands(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	events := []string{"agent-event anna@acme.example", "agent-event ben@acme.example"}
	byReference := mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: [ACM-1000]\n\n#close\n"}
	if tk := w.send(byReference).did(router.Challenged).owes("validation marie@customer.example").ticket(); tk.State == ticket.Closed {
		t.Error("closed without the token")
	}
	bulk := w.answer(n, "#close\n")
	bulk.text = "Precedence: bulk\n" + bulk.text
	if tk := w.send(bulk).did(router.Added).ticket(); tk.State == ticket.Closed {
		t.Error("closed by a machine")
	}
	if tk := w.send(w.answer(n, "#take\n")).did(router.Added).ticket(); tk.Assignee != 0 {
		t.Error("a requester took the ticket")
	}
	if tk := w.send(w.answer(n, "#close\n")).did(router.Acted).owes(append(events, "closed marie@customer.example")...).ticket(); tk.State != ticket.Closed {
		t.Error("not closed")
	}
	if tk := w.send(w.answer(n, "#reopen\n\nStill broken.\n")).did(router.Acted).owes(append(slices.Concat(events, toAgents), "reopened marie@customer.example")...).ticket(); tk.State != ticket.Open {
		t.Errorf("not reopened")
	}
	if tk := w.send(w.answer(n, "Well...\n#close\n")).did(router.Added).ticket(); tk.State == ticket.Closed {
		t.Error("closed from below other words")
	}
}

// Every command is explained in every language that is shipped.
func TestHelp(t *testing.T) {
	for _, h := range router.Help() {
		for _, locale := range []string{"en", "fr"} {
			if h.Text[locale] == "" {
				t.Errorf("%s is not explained in %s", h.Name, locale)
			}
		}
	}
}
