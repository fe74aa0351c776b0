package ticket_test

import (
	"testing"
	"time"

	"guichet/ticket"
)

// promising is a site with an office's hours and a queue that promises a first
// answer in 4 hours and a solution in 3 days of 8.
func promising(t testing.TB) *ticket.Site {
	return &ticket.Site{Name: "acme", Calendar: *office(t), Autoclose: ticket.Autoclose{Remind: 7 * 24 * time.Hour, Close: 14 * 24 * time.Hour},
		Queues: []ticket.Queue{
			{Name: "help", Service: ticket.ServiceLevel{Targets: ticket.Targets{FirstAnswer: 4 * time.Hour, Solution: 24 * time.Hour}, Remind: 50,
				Of: map[ticket.Priority]ticket.Targets{ticket.Urgent: {FirstAnswer: time.Hour, Solution: 8 * time.Hour}}}},
			{Name: "slow"},
		}}
}

// A promise runs while the team is to act, stands still while the requester is,
// and is kept or missed.
func TestPromises(t *testing.T) {
	site := promising(t)
	at := func(text string) time.Time { return local(t, &site.Calendar, text) }
	due := func(what string, p ticket.Promise, want string) {
		t.Helper()
		if want == "" && !p.Over().IsZero() || want != "" && !p.Over().Equal(at(want)) {
			t.Errorf("%s is due %v, want %s", what, p.Over(), want)
		}
	}
	x := &ticket.Ticket{Site: "acme", Queue: "help", State: ticket.New}
	step := func(now string, do func(time.Time)) {
		t.Helper()
		do(at(now))
		site.Reckon(x, at(now))
		again := x.Service
		site.Reckon(x, at(now))
		site.ReckonAnew(x, at(now))
		if !x.Service.Equal(again) {
			t.Errorf("at %s: reckoned again it is %+v, not %+v", now, x.Service, again)
		}
	}
	state := func(s ticket.State) func(time.Time) { return func(now time.Time) { x.SetState(s, now) } }

	step("2026-03-02 17:00", func(time.Time) {}) // a Monday
	due("first answer", x.Service.FirstAnswer, "2026-03-03 12:00")
	due("solution", x.Service.Solution, "2026-03-05 17:00")
	if wake := x.Wake(); !wake.Equal(at("2026-03-03 10:00")) {
		t.Errorf("wakes at %s", wake)
	}
	step("2026-03-03 10:00", func(now time.Time) { x.AnsweredNow(2, now); x.SetState(ticket.Waiting, now) })
	due("first answer", x.Service.FirstAnswer, "")
	due("solution", x.Service.Solution, "")
	if p := x.Service.FirstAnswer; !p.Kept.Equal(at("2026-03-03 10:00")) || p.Late(at("2027-01-01 00:00")) || p.Spent != 2*time.Hour {
		t.Errorf("%+v", p)
	}
	step("2026-03-10 09:00", state(ticket.Open)) // 2 of 24 hours are spent
	due("first answer", x.Service.FirstAnswer, "")
	due("solution", x.Service.Solution, "2026-03-12 16:00")
	step("2026-03-10 10:00", func(time.Time) { x.Priority = ticket.Urgent }) // 8 hours now
	due("solution", x.Service.Solution, "2026-03-10 16:00")
	step("2026-03-10 11:00", func(time.Time) { x.Queue = "slow" })
	due("solution", x.Service.Solution, "")
	step("2026-03-10 12:00", func(time.Time) { x.Queue, x.Priority = "help", ticket.Normal }) // begins anew
	due("solution", x.Service.Solution, "2026-03-13 12:00")
	step("2026-03-16 09:00", state(ticket.Solved))
	if p := x.Service.Solution; !p.Missed.Equal(at("2026-03-13 12:00")) || !p.Kept.Equal(at("2026-03-16 09:00")) || !p.Over().IsZero() {
		t.Errorf("%+v", p)
	}
	step("2026-03-17 09:00", state(ticket.Open)) // missed it stays
	due("solution", x.Service.Solution, "2026-03-13 12:00")
	if _, until, late := x.Pressing(at("2026-03-17 09:00")); !late || !until.Equal(at("2026-03-13 12:00")) {
		t.Errorf("until %s, late %t", until, late)
	}
}

// What nobody promised is neither kept nor missed, and an answer from before a
// promise does not count for it.
func TestNoPromise(t *testing.T) {
	site := promising(t)
	now := local(t, &site.Calendar, "2026-03-02 09:00")
	for _, x := range []*ticket.Ticket{
		{Queue: "slow", State: ticket.New}, {Queue: "gone", State: ticket.Open}, {Queue: "help", State: ticket.Waiting}, {Queue: "help", State: ticket.Closed},
	} {
		site.Reckon(x, now)
		if !x.Service.FirstAnswer.Over().IsZero() || x.Service.Solution != (ticket.Promise{}) || !x.Wake().IsZero() {
			t.Errorf("%s, %s: %+v", x.Queue, x.State, x.Service)
		}
	}
}

// Other hours, holidays or times in the settings count from where a ticket stands.
func TestPromisesAreReckonedAnew(t *testing.T) {
	site := promising(t)
	now := local(t, &site.Calendar, "2026-03-02 09:00")
	x := &ticket.Ticket{Queue: "help", State: ticket.New}
	site.Reckon(x, now)
	site.Calendar.Closed = []ticket.DateRange{{From: "2026-03-02", To: "2026-03-02"}}
	site.Reckon(x, now.Add(time.Hour))
	if want := local(t, &site.Calendar, "2026-03-02 14:00"); !x.Service.FirstAnswer.Due.Equal(want) {
		t.Errorf("due %s", x.Service.FirstAnswer.Due)
	}
	site.ReckonAnew(x, now.Add(time.Hour))
	if want := local(t, &site.Calendar, "2026-03-03 14:00"); !x.Service.FirstAnswer.Due.Equal(want) {
		t.Errorf("due %s", x.Service.FirstAnswer.Due)
	}
	site.Queues[0].Service = ticket.ServiceLevel{}
	site.ReckonAnew(x, now.Add(2*time.Hour))
	if !x.Service.Equal(ticket.Service{}) {
		t.Errorf("%+v", x.Service)
	}
}

// Only tickets that wait for their requester are reminded and closed, each time
// from when they began to.
func TestWaitingIsReckoned(t *testing.T) {
	site := promising(t)
	now := local(t, &site.Calendar, "2026-03-02 09:00")
	day := 24 * time.Hour
	x := &ticket.Ticket{Queue: "slow", State: ticket.New}
	for _, s := range ticket.States {
		x.SetState(s, now)
		site.Reckon(x, now)
		if waits := !x.Service.Remind.IsZero() || !x.Service.Close.IsZero(); waits != (s == ticket.Waiting) {
			t.Errorf("%s: %+v", s, x.Service)
		}
	}
	x.SetState(ticket.Waiting, now)
	site.Reckon(x, now)
	if !x.Service.Remind.Equal(now.Add(7*day)) || !x.Service.Close.Equal(now.Add(14*day)) || !x.Wake().Equal(now.Add(7*day)) {
		t.Errorf("%+v", x.Service)
	}
	x.Reminded = now.Add(7 * day)
	site.Reckon(x, now.Add(7*day))
	if !x.Service.Remind.IsZero() || !x.Wake().Equal(now.Add(14*day)) {
		t.Errorf("%+v", x.Service)
	}
	x.SetState(ticket.Waiting, now.Add(8*day)) // answered once more
	site.Reckon(x, now.Add(8*day))
	if !x.Service.Remind.Equal(now.Add(15*day)) || !x.Service.Close.Equal(now.Add(22*day)) {
		t.Errorf("%+v", x.Service)
	}
	x.Unproved = true
	site.Autoclose.Close = 0
	site.Reckon(x, now.Add(8*day))
	if !x.Wake().IsZero() {
		t.Errorf("%+v", x.Service)
	}
}

func BenchmarkReckonOnceBegun(b *testing.B) {
	site := promising(b)
	now := local(b, &site.Calendar, "2026-03-05 16:00")
	x := &ticket.Ticket{Queue: "help", State: ticket.New}
	site.Reckon(x, now)
	for b.Loop() {
		site.Reckon(x, now)
	}
}

func BenchmarkReckonFirst(b *testing.B) {
	site := promising(b)
	now := local(b, &site.Calendar, "2026-03-05 16:00")
	for b.Loop() {
		x := &ticket.Ticket{Queue: "help", State: ticket.New}
		site.Reckon(x, now)
	}
}

func BenchmarkReckonWithoutPromises(b *testing.B) {
	site := promising(b)
	now := local(b, &site.Calendar, "2026-03-05 16:00")
	x := &ticket.Ticket{Queue: "slow", State: ticket.New}
	for b.Loop() {
		site.Reckon(x, now)
	}
}
