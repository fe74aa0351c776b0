package router_test

import (
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

// held opens a ticket in a queue whose answers wait a minute.
func (w *world) withHold() filed {
	w.sites[0].Queues[0].Hold = time.Minute
	w.reload()
	return w.opened()
}

// wake does what is due on a ticket, and gives the change that came of it.
func (w *world) wake(f filed) filed {
	w.t.Helper()
	n := len(w.store.changes)
	id := f.change.Tickets[0].Ticket.ID
	done, err := w.router.Wake(w.t.Context(), "acme", id)
	if err != nil {
		w.t.Fatal(err)
	}
	out := filed{w: w}
	if done != (len(w.store.changes) > n) {
		w.t.Fatalf("says %t of %d changes", done, len(w.store.changes)-n)
	}
	if done {
		out.change = w.store.changes[n]
	}
	return out
}

// An answer waits out the hold of its queue; nobody sees it meanwhile.
func TestAnswersWaitForTheHold(t *testing.T) {
	w := newWorld(t)
	f := w.withHold()
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), canary+"\n")).did(router.Acted).owes()
	if a, tk := got.article(), got.ticket(); a.Kind != ticket.InternalArticle || len(tk.Pending) != 1 || tk.State != ticket.New || tk.Assignee != 2 {
		t.Fatalf("%+v, %+v", a, tk)
	}
	if early := w.wake(f); early.change != nil {
		t.Fatalf("left early: %+v", early.change)
	}
	w.now = w.now.Add(time.Minute)
	left := w.wake(f).owes("answer marie@customer.example", "agent-answer ben@acme.example")
	if tk := left.ticket(); tk.State != ticket.Waiting || len(tk.Pending) != 0 {
		t.Errorf("the ticket is %+v", tk)
	}
	if a := w.store.sites["acme"].articles[f.ticket().ID][1]; a.Kind != ticket.PublicArticle || a.Text != canary {
		t.Errorf("the answer is %+v", a)
	}
	if again := w.wake(f); again.change != nil {
		t.Errorf("left twice: %+v", again.change)
	}
}

// Within the hold, #undo and #drop keep an answer from leaving, #send lets it
// leave at once.
func TestAnswersOnHoldAreStopped(t *testing.T) {
	for command, result := range map[string]string{"#undo": ticket.ResultUndone, "#défaire": ticket.ResultUndone, "#drop": ticket.ResultDropped} {
		w := newWorld(t)
		f := w.withHold()
		to := f.notice(ticket.AgentNew, "anna@acme.example")
		w.send(w.answer(to, canary+"\n"))
		got := w.send(w.answer(to, command+"\n")).did(router.Acted)
		got.results(result)
		w.now = w.now.Add(time.Hour)
		w.wake(f)
		if tk := got.ticket(); len(tk.Pending) != 0 || command != "#drop" && (tk.State != ticket.New || tk.Assignee != 0) {
			t.Errorf("%s: the ticket is %+v", command, tk)
		}
		if a := w.store.sites["acme"].articles[f.ticket().ID][1]; a.Kind != ticket.InternalArticle {
			t.Errorf("%s: the answer is %+v", command, a)
		}
	}
	w := newWorld(t)
	f := w.withHold()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#close\nIt is mended.\n")).owes("transcript anna@acme.example")
	got := w.send(w.answer(to, "#send\n")).owes("answer marie@customer.example", "agent-answer ben@acme.example", "transcript anna@acme.example")
	if tk := got.ticket(); tk.State != ticket.Closed || len(tk.Pending) != 0 {
		t.Errorf("the ticket is %+v", tk)
	}
}

// #undo puts back all that the last act changed, and only that.
func TestUndo(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#tag printer\n")).results(ticket.ResultTagged)
	before := w.read("acme", f.ticket().ID).Standing()
	w.send(w.answer(to, "#assign ben\n#priority urgent\n#tag floor2\n#due 2026-12-01\n#cc +eve@customer.example\n#close\n")).
		results(ticket.ResultAssigned, ticket.ResultPriority, ticket.ResultTagged, ticket.ResultDue, ticket.ResultPeople, ticket.ResultClosed)
	got := w.send(w.answer(to, "#undo\n"))
	got.results(ticket.ResultUndone)
	if tk := got.ticket(); !tk.Standing().Equal(before) {
		t.Errorf("it stands at %+v, not %+v", tk.Standing(), before)
	}
	w.send(w.answer(to, "#undo\n")).results(ticket.ResultNothingToUndo)
	// What only looks leaves the last act to be taken back.
	w.send(w.answer(to, "#take\n"))
	if n := w.send(w.answer(to, "#help\n")).notice(ticket.Transcript, "anna@acme.example"); n.Transcript.Undo {
		t.Error("help is offered to be taken back")
	}
	w.send(w.answer(to, "#show\n"))
	w.send(w.answer(to, "#undo\n")).results(ticket.ResultUndone)
	w.send(w.answer(to, "#take\n"))
	w.now = w.now.Add(2 * time.Hour)
	w.send(w.answer(to, "#undo\n")).results(ticket.ResultNothingToUndo)
}

// An answer that was written without knowing of a colleague's waits for its
// writer's word.
func TestAnswersOvertaken(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Turn it off and on.\n")).did(router.Answered)
	ben := f.notice(ticket.AgentNew, "ben@acme.example")
	got := w.send(w.answer(ben, "#close\n"+canary+"\n")).did(router.Asked).owes("transcript ben@acme.example")
	n := got.notice(ticket.Transcript, "ben@acme.example")
	if n.Article != 2 || n.Transcript.Problem != ticket.ProblemOvertaken || got.ticket().State != ticket.Waiting {
		t.Fatalf("Ben is told %+v", n)
	}
	w.now = w.now.Add(24 * time.Hour)
	if woken := w.wake(f); woken.change != nil {
		t.Fatal("it left by itself")
	}
	// A note is for colleagues, and waits for nothing.
	w.send(w.answer(ben, "#note She never reads these.\n")).did(router.Acted)
	w.send(w.answer(n, "#send\n")).owes("answer marie@customer.example", "agent-answer anna@acme.example", "transcript ben@acme.example")
	// Now it is Anna who has not seen Ben's, and then has.
	anna := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "And then?\n")).did(router.Asked).notice(ticket.Transcript, "anna@acme.example")
	w.send(w.answer(anna, "#drop\n")).did(router.Acted)
	w.send(w.answer(anna, "I see Ben has answered.\n")).did(router.Answered)
}

// A ticket that was put aside comes back at its time, or when its requester
// writes.
func TestSnooze(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	got := w.send(w.answer(to, "#snooze 3d\n"))
	got.results(ticket.ResultSnoozed)
	if want := time.Date(2026, 3, 5, 8, 0, 0, 0, time.UTC); !got.ticket().Snoozed.Equal(want) {
		t.Fatalf("until %s", got.ticket().Snoozed)
	}
	w.now = w.now.Add(72 * time.Hour)
	back := w.wake(f).owes("agent-event anna@acme.example", "agent-event ben@acme.example")
	if !back.ticket().Snoozed.IsZero() || back.article().Event != ticket.EventWoken {
		t.Errorf("%+v", back.article())
	}
	w.send(w.answer(to, "#snooze 4h\n"))
	written := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Any news?\n"))
	if !written.ticket().Snoozed.IsZero() {
		t.Error("still aside though she wrote")
	}
}

// One line that cannot be done, and none is.
func TestMistakesInWhatCommandsName(t *testing.T) {
	for text, problem := range map[string]string{
		"#close\n#assign zoe": ticket.ProblemNobody, "#take\n#priority huge": ticket.ProblemArgument, "#take\n#due yesterday": ticket.ProblemWhen,
		"#take\n#queue nowhere": ticket.ProblemNoQueue, "#take\n#cc -marie@customer.example": ticket.ProblemNobody, "#cc +help@acme.example": ticket.ProblemAddress,
		"#cc +eve@customer.example\n#cc +nobody": ticket.ProblemAddress, "#take\n#assign": ticket.ProblemArgument,
	} {
		w := newWorld(t)
		f := w.opened()
		before := w.read("acme", f.ticket().ID).Standing()
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), text+"\nHello Marie\n")).did(router.Asked).owes("transcript anna@acme.example")
		if body := got.notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != problem || len(body.Done) > 0 || body.Written == "" {
			t.Errorf("%q: %+v", text, body)
		}
		if !got.ticket().Standing().Equal(before) {
			t.Errorf("%q: the ticket is %+v", text, got.ticket())
		}
	}
}

// A ticket moved to another team: they are told, the old team's tokens are void,
// and answers to earlier mails go on reaching it.
func TestMovingToAnotherQueue(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	anna := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(anna, "#take\n"))
	got := w.send(w.answer(anna, "#queue billing\n")).owes("agent-event carl@acme.example", "transcript anna@acme.example")
	if tk := got.ticket(); tk.Queue != "billing" || tk.Assignee != 0 || len(tk.Active(ticket.AgentRole)) != 1 {
		t.Fatalf("%+v", tk)
	}
	w.send(w.answer(anna, "One more thing.\n")).held(ticket.HeldRemoved)
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Thank you!\n")).did(router.Added).owes("agent-reply carl@acme.example")
}

// What programs make of a line as it is typed does not matter.
func TestCommandsAsProgramsWriteThem(t *testing.T) {
	for text, result := range map[string]string{
		"#snooze “3d”": ticket.ResultSnoozed, "#\u00a0take\u00a0": ticket.ResultTaken, "#Priority HIGH.": ticket.ResultPriority, "  #due «\u00a02026\u201112\u201101\u00a0»": ticket.ResultDue,
		"#tag printer \u2013old": ticket.ResultTagged, "\u200b#close": ticket.ResultClosed, "＃close": ticket.ResultClosed, "#assign <ben@acme.example>": ticket.ResultAssigned,
	} {
		w := newWorld(t)
		f := w.opened()
		w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), text+"\n")).did(router.Acted).results(result)
		html := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "")
		html.text = "Content-Type: text/html; charset=utf-8\n" + html.text + "<div>" + text + "</div><div><br></div>\n"
		if result != ticket.ResultAssigned { // whose brackets HTML would take for a tag
			w.send(html).did(router.Acted)
		}
	}
}

// What has happened since is not taken back with it: only the answer that waits.
func TestUndoAfterSomebodyWrote(t *testing.T) {
	w := newWorld(t)
	f := w.withHold()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#take\n"+canary+"\n"))
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Any news?\n"))
	got := w.send(w.answer(to, "#undo\n"))
	got.results(ticket.ResultUndone)
	if tk := got.ticket(); len(tk.Pending) != 0 || tk.Assignee != 2 {
		t.Errorf("%+v", tk)
	}
	w.send(w.answer(to, "#close\n"))
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Hello?\n"))
	got = w.send(w.answer(to, "#undo\n"))
	got.results(ticket.ResultNothingToUndo)
	if got.ticket().State != ticket.Open {
		t.Errorf("it is %s", got.ticket().State)
	}
}
