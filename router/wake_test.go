package router_test

import (
	"slices"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

const day = 24 * time.Hour

// promised opens a ticket in a queue that promises a first answer in 4 hours and
// a solution in 10, round the clock, and whose chief is told of what is missed.
func (w *world) promised() filed {
	w.sites[0].Queues[0].Service = ticket.ServiceLevel{Targets: ticket.Targets{FirstAnswer: 4 * time.Hour, Solution: 10 * time.Hour}, Remind: 80,
		Escalate: []ticket.Address{"chef@acme.example", "ben@acme.example"}}
	w.reload()
	return w.opened()
}

// after lets time go by until something is due, and gives what was done.
func (w *world) after(d time.Duration, f filed) filed {
	w.t.Helper()
	w.now = w.now.Add(d)
	return w.wake(f)
}

// event checks that one event was written, and which.
func (f filed) event(want ticket.Event, detail string) filed {
	f.w.t.Helper()
	if f.change == nil || len(f.change.Tickets) != 1 {
		f.w.t.Fatalf("no %s: %+v", want, f.change)
	}
	var got []ticket.Event
	for _, a := range f.change.Tickets[0].Articles {
		got = append(got, a.Event)
		if a.Event == want && a.Detail == detail {
			return f
		}
	}
	f.w.t.Fatalf("happened %v, want %s %s: %+v", got, want, detail, f.change.Tickets[0].Articles)
	return f
}

func TestWhatWasPromisedIsRemindedAndEscalated(t *testing.T) {
	w := newWorld(t)
	f := w.promised()
	if at := f.ticket().Wake(); !at.Equal(w.now.Add(192 * time.Minute)) {
		t.Fatalf("wakes at %s", at)
	}
	if early := w.after(191*time.Minute, f); early.change != nil {
		t.Fatalf("early: %+v", early.change)
	}
	due := f.ticket().Opened.Add(4 * time.Hour).Format(time.RFC3339)
	w.after(time.Minute, f).event(ticket.EventAnswerSoon, due).owes("agent-event anna@acme.example", "agent-event ben@acme.example")
	missed := w.after(48*time.Minute, f).event(ticket.EventAnswerLate, due).
		owes("agent-event anna@acme.example", "escalation ben@acme.example", "escalation chef@acme.example")
	if n := missed.notice(ticket.Escalation, "ben@acme.example"); n.To == 0 {
		t.Errorf("Ben, who is of the team, has no place on the ticket: %+v", n)
	}
	if n := missed.notice(ticket.Escalation, "chef@acme.example"); n.To != 0 || n.Ticket != f.ticket().ID || n.Article == 0 {
		t.Errorf("the chief gets %+v", n)
	}
	if again := w.wake(f); again.change != nil {
		t.Errorf("told twice: %+v", again.change)
	}
	w.now = w.now.Add(time.Hour)
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Which printer?\n")).did(router.Answered)
	first := got.ticket().Service.FirstAnswer
	if first.Kept.IsZero() || !first.Late(w.now) || got.ticket().Service.Solution.Spent != 5*time.Hour {
		t.Errorf("%+v", got.ticket().Service)
	}
	w.now = w.now.Add(30 * time.Hour) // which the requester takes
	w.send(w.answer(got.notice(ticket.Answer, "marie@customer.example"), "The blue one.\n"))
	// Anna has it by now: she alone is reminded.
	w.after(3*time.Hour, f).event(ticket.EventSolutionSoon, w.now.Add(2*time.Hour).Format(time.RFC3339)).owes("agent-event anna@acme.example")
	w.after(2*time.Hour, f).event(ticket.EventSolutionLate, w.now.Format(time.RFC3339))
	if next := w.read("acme", f.ticket().ID).Wake(); !next.IsZero() {
		t.Errorf("wakes again at %s", next)
	}
}

// A daemon that slept tells of what was missed, and reminds of it no more.
func TestLateForTheReminder(t *testing.T) {
	w := newWorld(t)
	f := w.promised()
	got := w.after(9*time.Hour, f).event(ticket.EventAnswerLate, f.ticket().Opened.Add(4*time.Hour).Format(time.RFC3339))
	if n := len(got.change.Tickets[0].Articles); n != 2 { // the solution is due before long, too
		t.Errorf("%d events: %+v", n, got.change.Tickets[0].Articles)
	}
	got.event(ticket.EventSolutionSoon, f.ticket().Opened.Add(10*time.Hour).Format(time.RFC3339))
}

// What the team wants done by a time is reminded of once, and no more once it is
// done.
func TestDueIsReminded(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#due 3h\n#take\n"))
	due := w.now.Add(3 * time.Hour).Format(time.RFC3339)
	if early := w.after(2*time.Hour, f); early.change != nil {
		t.Fatalf("early: %+v", early.change)
	}
	w.after(time.Hour, f).event(ticket.EventOverdue, due).owes("agent-event anna@acme.example")
	if again := w.after(time.Hour, f); again.change != nil {
		t.Errorf("told twice: %+v", again.change)
	}
	w.send(w.answer(to, "#due 1h\n#solved\n"))
	if done := w.after(2*time.Hour, f); done.change != nil {
		t.Errorf("told although it is done: %+v", done.change)
	}
}

// waiting is a ticket that waits for its requester, at a site that reminds them
// after 7 days and closes after 14.
func (w *world) waiting() (f filed, answer ticket.Notice) {
	w.sites[0].Autoclose = ticket.Autoclose{Remind: 7 * day, Close: 14 * day}
	w.reload()
	f = w.opened()
	answer = w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Which printer?\n")).notice(ticket.Answer, "marie@customer.example")
	return f, answer
}

func TestWaitingTicketsAreRemindedAndClosed(t *testing.T) {
	w := newWorld(t)
	f, answer := w.waiting()
	if early := w.after(7*day-time.Second, f); early.change != nil {
		t.Fatalf("early: %+v", early.change)
	}
	got := w.after(time.Second, f).event(ticket.EventReminded, "").owes("reminder marie@customer.example")
	reminder := got.notice(ticket.Reminder, "marie@customer.example")
	if len(reminder.Brakes) == 0 || !reminder.About.Until.Equal(w.now.Add(7*day)) || got.ticket().State != ticket.Waiting {
		t.Errorf("%+v", reminder)
	}
	if again := w.after(day, f); again.change != nil {
		t.Errorf("reminded twice: %+v", again.change)
	}
	// A vacation notice is no answer.
	vacation := w.answer(reminder, "I am away.\n")
	vacation.text = "Auto-Submitted: auto-replied\n" + vacation.text
	w.send(vacation).did(router.Filed)
	closed := w.after(6*day, f).event(ticket.EventLapsed, "").
		owes("lapsed marie@customer.example", "agent-event anna@acme.example", "agent-event ben@acme.example")
	if tk := closed.ticket(); tk.State != ticket.Closed || !tk.Closed.Equal(w.now) || !tk.Wake().IsZero() {
		t.Errorf("%+v", tk)
	}
	// An answer opens it again, also to the mail from before.
	reopened := w.send(w.answer(answer, "The blue one.\n")).did(router.Added)
	if tk := reopened.ticket(); tk.State != ticket.Open || !tk.Wake().IsZero() {
		t.Errorf("%+v", tk)
	}
}

// An answer, theirs or ours, begins the time anew; other states have none.
func TestAnswersKeepTicketsFromClosing(t *testing.T) {
	w := newWorld(t)
	f, answer := w.waiting()
	w.now = w.now.Add(13 * day)
	w.wake(f)
	w.send(w.answer(answer, "The blue one.\n"))
	if late := w.after(30*day, f); late.change != nil {
		t.Errorf("an open ticket is %+v", late.change)
	}
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "And now?\n"))
	w.now = w.now.Add(6 * day)
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Do you hear me?\n"))
	if soon := w.after(6*day, f); soon.change != nil {
		t.Errorf("early: %+v", soon.change)
	}
	w.after(day, f).owes("reminder marie@customer.example")
}

// Who is not proved to have written it gets no reminder and no word of the end.
func TestUnprovedAreNotReminded(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Autoclose = ticket.Autoclose{Remind: 7 * day, Close: 14 * day}
	w.reload()
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: Printer\n\nIt does not print.\n"}).did(router.Opened)
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Which printer?\n"))
	if reminded := w.after(8*day, f); reminded.change != nil {
		t.Errorf("%+v", reminded.change)
	}
	w.after(6*day, f).event(ticket.EventLapsed, "").owes("agent-event anna@acme.example", "agent-event ben@acme.example")
}

// 0 turns each off.
func TestAutocloseIsOff(t *testing.T) {
	for _, off := range []ticket.Autoclose{{}, {Remind: 7 * day}, {Close: 7 * day}} {
		w := newWorld(t)
		f, _ := w.waiting()
		w.sites[0].Autoclose = off
		w.reload()
		got := w.after(7*day, f)
		var kinds []ticket.NoticeKind
		for _, n := range got.notices() {
			if !n.Kind.ForAgents() {
				kinds = append(kinds, n.Kind)
			}
		}
		want := []ticket.NoticeKind{}
		switch {
		case off.Remind > 0:
			want = append(want, ticket.Reminder)
		case off.Close > 0:
			want = append(want, ticket.LapsedNotice)
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("%+v: %v", off, kinds)
		}
	}
}

// Whoever leaves the team has nothing any more: what they had is the team's again
// without anybody writing.
func TestAgentsWhoLeaveGiveTheirTicketsBack(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#take\n"))
	if w.router.Behind(w.read("acme", f.ticket().ID)) {
		t.Error("behind although nothing changed")
	}
	w.sites[0].Queues[0].Agents = []ticket.Address{"ben@acme.example"}
	w.reload()
	if !w.router.Behind(w.read("acme", f.ticket().ID)) {
		t.Fatal("nobody notices that Anna has left")
	}
	got := w.wake(f).event(ticket.EventLeftTeam, "anna").owes("agent-event ben@acme.example")
	if tk := got.ticket(); tk.Assignee != 0 || w.router.Behind(tk) {
		t.Errorf("%+v", tk)
	}
	w.send(w.answer(to, "#close\n")).held(ticket.HeldRemoved)
}

// Where somebody writes first, that is enough; what is done stays whose it was.
func TestAgentsWhoLeaveAreNoticedByAnyMail(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#take\n"))
	w.sites[0].Queues[0].Agents = []ticket.Address{"ben@acme.example"}
	w.reload()
	ack := f.notice(ticket.Acknowledgement, "marie@customer.example")
	got := w.send(w.answer(ack, "Is anybody there?\n")).did(router.Added).event(ticket.EventLeftTeam, "anna").owes("agent-reply ben@acme.example")
	if got.ticket().Assignee != 0 {
		t.Errorf("%+v", got.ticket())
	}
	w.send(w.answer(f.notice(ticket.AgentNew, "ben@acme.example"), "#take\n#close\n"))
	w.sites[0].Queues[0].Agents = []ticket.Address{"anna@acme.example"}
	w.reload()
	if w.router.Behind(w.read("acme", f.ticket().ID)) {
		t.Error("a closed ticket is given back")
	}
}

// Settings that promise more, or other hours, hold for what is open already; the
// ticket itself does not change by that.
func TestOtherSettingsAreNoticed(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	before := w.read("acme", f.ticket().ID)
	w.now = w.now.Add(time.Hour)
	w.sites[0].Queues[0].Service.FirstAnswer = 4 * time.Hour
	w.reload()
	if !w.router.Behind(before) {
		t.Fatal("not noticed")
	}
	got := w.wake(f).owes()
	if tk := got.ticket(); !tk.Changed.Equal(before.Changed) || !tk.Service.FirstAnswer.Due.Equal(w.now.Add(4*time.Hour)) || w.router.Behind(tk) {
		t.Errorf("%+v", tk)
	}
}
