package router_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

// asked sends a line of an agent's to the queue, and gives what is reported.
func (w *world) asked(from, line string) *ticket.ReportBody {
	w.t.Helper()
	n := w.send(mail{from: from, to: []string{"help@acme.example"}, text: "Subject: numbers\n\n" + line + "\n"}).did(router.Acted).
		owes("report "+from).notice(ticket.ReportMail, ticket.Address(from))
	if n.InReplyTo == "" || len(n.Brakes) == 0 {
		w.t.Errorf("%q is no answer, or has no brake: %+v", line, n)
	}
	return n.Report
}

func TestReportsAreOfTheAgentsOwnQueues(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Queues[1].Agents = append(w.sites[0].Queues[1].Agents, "ben@acme.example")
	w.reload()
	for _, each := range []struct {
		from, line string
		period     ticket.Period
		queues     []string
		from10     string
	}{
		{"anna@acme.example", "#report", ticket.Week, []string{"help"}, "2026-02-23"},
		{"ben@acme.example", "#report day", ticket.Day, []string{"help", "billing"}, "2026-03-01"},
		{"ben@acme.example", "#rapport mois Billing", ticket.Month, []string{"billing"}, "2026-02-02"},
		{"ben@acme.example", "#rapport semaine", ticket.Week, []string{"help", "billing"}, "2026-02-23"},
		{"anna@acme.example", "#report 2026-02", ticket.Month, []string{"help"}, "2026-02-01"},
		{"anna@acme.example", "#report 2026-02-14 help", ticket.Day, []string{"help"}, "2026-02-14"},
		{"anna@acme.example", "#report help", ticket.Week, []string{"help"}, "2026-02-23"},
	} {
		b := w.asked(each.from, each.line)
		if b.Whole || b.Period != each.period || !slices.Equal(b.Queues, each.queues) || b.From.Format(time.DateOnly) != each.from10 {
			t.Errorf("%s %q: %+v", each.from, each.line, b)
		}
	}
}

// In the thread of a ticket the report comes beside whatever else was asked; the
// requester hears nothing.
func TestAReportIsAskedForInAThreadToo(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#report day\n#take\n")).
		owes("report anna@acme.example", "transcript anna@acme.example", "agent-event ben@acme.example")
}

func TestWhatCannotBeReportedIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	to := w.opened().notice(ticket.AgentNew, "anna@acme.example")
	for line, problem := range map[string]string{
		"#report billing": ticket.ProblemNoQueue, "#report year": ticket.ProblemNoQueue, "#report week help x": ticket.ProblemArgument,
		"#report 2026-04": ticket.ProblemArgument, "#report 1970-01-01": ticket.ProblemArgument,
	} {
		if body := w.send(w.answer(to, line+"\n")).did(router.Asked).notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != problem {
			t.Errorf("%q: %+v", line, body)
		}
	}
}

func TestNobodyButAProvedAgentGetsAReport(t *testing.T) {
	w := newWorld(t)
	for _, m := range []mail{
		{from: "anna@acme.example", unproved: true}, {from: "zoe@bolt.example"}, {from: "marie@customer.example"}, {from: "carl@acme.example"},
	} {
		m.to, m.text = []string{"help@acme.example"}, "Subject: numbers\n\n#report week\n"
		for _, n := range w.send(m).notices() {
			if n.Kind == ticket.ReportMail {
				t.Errorf("%s gets %+v", m.from, n)
			}
		}
	}
}

// reported is the world with a report each Monday at eight in Paris.
func reported(t *testing.T) (*world, *router.Reports) {
	w := newWorld(t)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	w.sites[0].Zone = paris
	w.sites[0].Reports = ticket.Reports{To: []ticket.Address{"chef@acme.example", "anna@acme.example"},
		At: map[ticket.Period]ticket.ReportTime{ticket.Week: {Weekday: time.Monday, Minute: 8 * 60}}}
	w.reload()
	w.now = time.Date(2026, 3, 30, 8, 0, 0, 0, paris).Add(-time.Second) // the clocks changed the day before
	return w, w.router.Reports()
}

// due has the reports made that are due, and gives whom they are owed to.
func (w *world) due(p *router.Reports) (to []string) {
	w.t.Helper()
	before := len(w.store.changes)
	if err := p.Due(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range w.store.changes[before:] {
		for _, n := range c.Notices {
			if n.Kind != ticket.ReportMail || c.Site != "acme" || !n.Report.Whole || n.Report.Queues != nil {
				w.t.Errorf("owes %+v", n)
			}
			to = append(to, string(n.Mailbox.Address)+" "+n.Report.From.Format("01-02 15:04")+" "+n.Report.Until.Format("01-02 15:04"))
		}
	}
	return to
}

func TestAScheduledReportLeavesOnceAtItsTime(t *testing.T) {
	w, p := reported(t)
	want := func(times ...string) {
		t.Helper()
		var all []string
		for _, span := range times {
			all = append(all, "chef@acme.example "+span, "anna@acme.example "+span)
		}
		if got := w.due(p); !slices.Equal(got, all) {
			t.Errorf("at %s: %q, want %q", w.now, got, all)
		}
	}
	want()
	w.now = w.now.Add(time.Second)
	want("03-23 08:00 03-30 08:00")
	want()
	p = w.router.Reports() // another daemon, or this one started again
	want()
	w.now = w.now.AddDate(0, 0, 7)
	want("03-30 08:00 04-06 08:00")
	w.now = w.now.AddDate(0, 0, 7).Add(13 * time.Hour) // nobody ran: too late to be of use
	want()
	w.sites[0].Reports.To = nil
	w.reload()
	w.now = w.now.AddDate(0, 0, 7).Add(-13 * time.Hour)
	want()
}

func TestAReportThatFailsIsTriedAgain(t *testing.T) {
	w, p := reported(t)
	w.now = w.now.Add(time.Minute)
	w.store.before = func(*ticket.Change) error { return errors.New("no store") }
	if err := p.Due(t.Context()); err == nil {
		t.Fatal("it did not fail")
	}
	w.store.before = nil
	if got := w.due(p); len(got) != 2 {
		t.Errorf("owes %q", got)
	}
}
