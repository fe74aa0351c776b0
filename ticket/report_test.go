package ticket

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func paris(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	return zone
}

func TestReportsSpanTheCalendar(t *testing.T) {
	zone := paris(t)
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, each := range []struct {
		name, from, until string
		steps             int
		body              ReportBody
	}{
		{"a day up to now", "2026-11-20 18:30", "2026-11-21 18:30", 25, ReportUntil(Day, at("2026-11-21 18:30"))},
		{"a day that loses an hour", "2026-03-28 18:00", "2026-03-29 18:00", 23, ReportUntil(Day, at("2026-03-29 18:00"))},
		{"a day that has one twice", "2026-10-25 00:00", "2026-10-26 00:00", 25, ReportOf(Day, at("2026-10-25 12:00"))},
		{"a week from eight to eight, over a change of clocks", "2026-10-19 08:00", "2026-10-26 08:00", 8, ReportUntil(Week, at("2026-10-26 08:00"))},
		{"a calendar week", "2026-11-16 00:00", "2026-11-23 00:00", 7, ReportOf(Week, at("2026-11-22 23:59"))},
		{"a month that begins in a shorter one", "2026-02-28 09:00", "2026-03-31 09:00", 32, ReportUntil(Month, at("2026-03-31 09:00"))},
		{"a month over the year", "2025-12-01 08:00", "2026-01-01 08:00", 32, ReportUntil(Month, at("2026-01-01 08:00"))},
		{"a calendar month", "2026-02-01 00:00", "2026-03-01 00:00", 28, ReportOf(Month, at("2026-02-11 00:00"))},
	} {
		t.Run(each.name, func(t *testing.T) {
			b := each.body
			if !b.From.Equal(at(each.from)) || !b.Until.Equal(at(each.until)) || len(b.Steps) != each.steps {
				t.Errorf("from %s until %s in %d steps, want %s until %s in %d", b.From, b.Until, len(b.Steps), each.from, each.until, each.steps)
			}
			for i, step := range b.Steps {
				if i > 0 && !step.After(b.Steps[i-1]) || !step.Before(b.Until) {
					t.Errorf("step %d is %s", i, step)
				}
			}
		})
	}
}

func TestReportTimesComeAgain(t *testing.T) {
	zone := paris(t)
	now := time.Date(2026, 3, 30, 8, 30, 0, 0, zone) // a Monday, after the clocks changed
	for _, each := range []struct {
		period     Period
		text, want string
	}{
		{Day, "08:30", "2026-03-30 08:30"}, {Day, "18:00", "2026-03-29 18:00"}, {Day, "02:30", "2026-03-30 02:30"},
		{Week, "mon 08:30", "2026-03-30 08:30"}, {Week, "mon 09:00", "2026-03-23 09:00"}, {Week, "sun 23:59", "2026-03-29 23:59"},
		{Month, "28 08:00", "2026-03-28 08:00"}, {Month, "1 00:00", "2026-03-01 00:00"},
	} {
		at, err := ParseReportTime(each.period, each.text)
		if err != nil {
			t.Errorf("%s %q: %v", each.period, each.text, err)
			continue
		}
		if got := at.Last(each.period, now).Format("2006-01-02 15:04"); got != each.want {
			t.Errorf("%s %q was last at %s, want %s", each.period, each.text, got, each.want)
		}
	}
	for _, bad := range []struct {
		period Period
		text   string
	}{{Day, "24:00"}, {Day, "mon 08:00"}, {Day, "8"}, {Day, ""}, {Week, "08:00"}, {Week, "monday 08:00"}, {Month, "0 08:00"}, {Month, "29 08:00"}, {Month, "1 08:60"}, {"year", "1"}} {
		if at, err := ParseReportTime(bad.period, bad.text); err == nil {
			t.Errorf("%s %q is read as %+v", bad.period, bad.text, at)
		}
	}
}

func TestPercentilesAreTimesThatWere(t *testing.T) {
	for _, each := range []struct{ n, half, most int }{{1, 1, 1}, {2, 1, 2}, {3, 2, 3}, {10, 5, 9}, {11, 6, 10}, {100, 50, 90}, {101, 51, 91}} {
		var times []time.Duration
		for i := each.n; i > 0; i-- {
			times = append(times, time.Duration(i))
		}
		want := Spread{each.n, time.Duration(each.half), time.Duration(each.most)}
		if got := spreadOf(times); got != want {
			t.Errorf("of 1 to %d: %+v, want %+v", each.n, got, want)
		}
	}
	if got := spreadOf(nil); got != (Spread{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// counted is a small week: what is told of each ticket, and by whom.
func counted(t *testing.T) *Report {
	t.Helper()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(days, hours int) time.Time { return monday.Add(time.Duration(days*24+hours) * time.Hour) }
	team := []Participant{
		{Number: 1, Role: Requester, Mailbox: Mailbox{Name: "Marie Martin", Address: "marie@customer.example"}},
		{Number: 2, Role: AgentRole, Mailbox: Mailbox{Name: "Anna Berg", Address: "anna@acme.example"}},
		{Number: 3, Role: AgentRole, Mailbox: Mailbox{Address: "Ben@acme.example"}}}
	body := ReportOf(Week, at(3, 0))
	y := NewTally(body, at(6, 12))
	number := byte(0)
	add := func(change func(*Ticket)) {
		number++
		x := &Ticket{ID: ID{number}, Queue: "help", State: New, Participants: team}
		change(x)
		y.Add(x)
		y.Add(x) // a page may give it again
	}
	add(func(x *Ticket) { // answered by Ben, closed by Anna
		x.Opened, x.State, x.Assignee, x.Tags = at(0, 9), Closed, 2, []string{"coffee"}
		x.Service.Solution = Promise{Within: 1, Missed: at(1, 8), Kept: at(1, 9)}
		x.Course = Course{Answered: at(0, 10), AnsweredBy: 3, Finished: []time.Time{at(1, 9)}}
	})
	add(func(x *Ticket) { // closed twice: counts once, by the newest
		x.Opened, x.State, x.Assignee, x.Tags = at(-3, 0), Solved, 2, []string{"coffee", "=cmd|' /C calc'!A0"}
		x.Course = Course{Answered: at(-2, 0), AnsweredBy: 2, Finished: []time.Time{at(-1, 0), at(1, 0), at(4, 0)}, Reopened: []time.Time{at(0, 1), at(2, 0)}}
	})
	add(func(x *Ticket) { // nobody's, new, and to be answered yet
		x.Opened, x.Queue, x.Service.FirstAnswer = at(6, 0), "billing", Promise{Within: 1, Due: at(6, 20)}
	})
	add(func(x *Ticket) { // open for long
		x.Service = Service{Solution: Promise{Within: 1, Missed: at(-1, 0)}, FirstAnswer: Promise{Within: 1, Due: at(0, 5)}} // late since before, and since Monday
		x.Opened, x.State, x.Assignee, x.Queue = at(-40, 0), Waiting, 3, "billing"
	})
	add(func(x *Ticket) { // merged: what became of it is told of the other
		x.Opened, x.State, x.Merged = at(5, 0), Closed, ID{1}
		x.Course = Course{Finished: []time.Time{at(5, 1)}}
	})
	add(func(x *Ticket) { // closed before its course was kept
		x.Opened, x.State, x.Closed = at(-9, 0), Closed, at(2, 0)
	})
	add(func(x *Ticket) { // over before, and after
		x.Opened, x.State = at(-9, 0), Closed
		x.Course = Course{Answered: body.Until, Finished: []time.Time{at(-1, 23), body.Until}}
	})
	return y.Report(false)
}

func TestATallyCountsWhatHappened(t *testing.T) {
	r := counted(t)
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	want := Figures{Opened: 3, Answered: 1, Closed: 3, Reopened: 1, Open: 2, Oldest: hours(46*24 + 12),
		Answer: Spread{1, hours(1), hours(1)}, Solution: Spread{3, hours(7 * 24), hours(11 * 24)}, Missed: Missed{Answers: 1, Solutions: 1}}
	if diff := cmp.Diff(want, r.Total); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	if !r.Promised {
		t.Error("nothing was promised")
	}
	show := func(groups []Group) (lines []string) {
		for _, g := range groups {
			lines = append(lines, fmt.Sprint(g.Name, " ", g.Opened, g.Answered, g.Closed, g.Reopened, g.Open))
		}
		return lines
	}
	if diff := cmp.Diff([]string{"help 2 1 3 1 0", "billing 1 0 0 0 2"}, show(r.Queues)); diff != "" {
		t.Errorf("queues:\n%s", diff)
	}
	if diff := cmp.Diff([]string{" 2 0 1 0 1", "Anna Berg 1 0 2 1 0", "Ben 0 1 0 0 1"}, show(r.Agents)); diff != "" {
		t.Errorf("agents:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"coffee 1 1 2 1 0", "=cmd|' /C calc'!A0 0 0 1 1 0"}, show(r.Tags)); diff != "" {
		t.Errorf("tags:\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 0, 0, 0, 1}, r.Ages); diff != "" {
		t.Errorf("ages:\n%s", diff)
	}
	var opened, closed []int
	for _, p := range r.Parts {
		opened, closed = append(opened, p.Opened), append(closed, p.Closed)
	}
	if diff := cmp.Diff([][]int{{1, 0, 0, 0, 0, 1, 1}, {0, 1, 1, 0, 1, 0, 0}}, [][]int{opened, closed}); diff != "" {
		t.Errorf("days:\n%s", diff)
	}
}

func TestAReportAsCSVHoldsNoFormulaAndNoRequester(t *testing.T) {
	text := string(counted(t).CSV())
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 1+1+7+2+3+2 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, text)
	}
	if strings.Contains(text, "marie") || strings.Contains(text, "Marie") {
		t.Error("it names a requester")
	}
	if strings.Count(text, "\r\n") != len(rows) || strings.Count(text, "\n") != len(rows) {
		t.Error("its lines do not end in CRLF")
	}
	if !strings.Contains(text, "tag,'=cmd|' /C calc'!A0,,2026-03-02T00:00:00Z,") {
		t.Errorf("the formula is not escaped:\n%s", text)
	}
	if want := "total,,,2026-03-02T00:00:00Z,2026-03-09T00:00:00Z,3,1,3,1,2,1116,60,60,10080,15840,1,1"; strings.Join(rows[1], ",") != want {
		t.Errorf("the first line is %s, want %s", strings.Join(rows[1], ","), want)
	}
	for in, want := range map[string]string{"": "", "a-b": "a-b", "-1": "'-1", " @x": "' @x", "＝1": "'＝1", "a\r\nb": "a  b", "\t=1": "' =1"} {
		if got := unformula(in); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
}
