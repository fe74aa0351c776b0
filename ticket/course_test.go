package ticket

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestACourseRemembersWhatReportsCount(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC) }
	x := &Ticket{State: New, Opened: at(1)}
	x.AnsweredNow(2, at(2))
	x.AnsweredNow(3, at(3)) // a second answer is not the first
	x.SetState(Waiting, at(3))
	x.SetState(Solved, at(4))
	x.SetState(Closed, at(5)) // the team was done before
	x.SetState(Open, at(6))
	before := x.Standing()
	x.SetState(Closed, at(7))
	want := Course{Answered: at(2), AnsweredBy: 2, Finished: []time.Time{at(4), at(7)}, Reopened: []time.Time{at(6)}}
	if diff := cmp.Diff(want, x.Course); diff != "" {
		t.Errorf("course (-want +got):\n%s", diff)
	}
	x.Restore(before) // a closing that was taken back never was; the answer has left
	want.Finished = want.Finished[:1]
	if diff := cmp.Diff(want, x.Course); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

func TestACourseIsBounded(t *testing.T) {
	x := &Ticket{State: Open}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range 40 {
		now = now.Add(time.Hour)
		x.SetState([]State{Closed, Open}[i%2], now)
	}
	if len(x.Course.Finished) != courseLength || len(x.Course.Reopened) != courseLength || !x.Course.Reopened[courseLength-1].Equal(now) {
		t.Errorf("course is %+v", x.Course)
	}
}
