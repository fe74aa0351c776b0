package ticket_test

import (
	"testing"
	"time"

	"guichet/ticket"
)

func TestProfileWants(t *testing.T) {
	tk := &ticket.Ticket{Assignee: 2, Participants: []ticket.Participant{{Number: 1, Role: ticket.Requester}, {Number: 2, Role: ticket.AgentRole},
		{Number: 3, Role: ticket.AgentRole}, {Number: 4, Role: ticket.AgentRole, Watch: ticket.Follow}, {Number: 5, Role: ticket.AgentRole, Watch: ticket.Unfollow}}}
	for _, c := range []struct {
		notify ticket.Notify
		kind   ticket.NoticeKind
		who    uint16
		want   bool
	}{
		{ticket.NotifyAll, ticket.AgentReply, 3, true}, {ticket.NotifyMine, ticket.AgentReply, 3, false}, {ticket.NotifyMine, ticket.AgentNew, 3, true},
		{ticket.NotifyDigest, ticket.AgentNew, 3, false}, {ticket.NotifyOff, ticket.AgentReply, 3, false},
		{ticket.NotifyOff, ticket.AgentReply, 2, true}, {ticket.NotifyMine, ticket.AgentReply, 2, true},
		{ticket.NotifyOff, ticket.AgentNote, 4, true}, {ticket.NotifyAll, ticket.AgentReply, 5, false},
		{ticket.NotifyOff, ticket.Transcript, 3, true}, {ticket.NotifyOff, ticket.AgentHeld, 3, true}, {ticket.NotifyOff, ticket.HeldDigest, 0, true},
	} {
		p := &ticket.Profile{Notify: c.notify}
		if got := p.Wants(c.kind, tk, c.who); got != c.want {
			t.Errorf("%q: %s to %d: %t", c.notify, c.kind, c.who, got)
		}
	}
	var none *ticket.Profile
	if !none.Wants(ticket.AgentReply, tk, 3) || none.Wants(ticket.AgentReply, tk, 5) || none.Gone(time.Now()) {
		t.Error("who chose nothing")
	}
}

func TestQuietHours(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	night := &ticket.Profile{Quiet: ticket.Hours{From: 22 * 60, To: 7*60 + 30}}
	noon := &ticket.Profile{Quiet: ticket.Hours{From: 12 * 60, To: 14 * 60}}
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.March, day, hour, minute, 0, 0, paris)
	}
	for _, c := range []struct {
		p         *ticket.Profile
		kind      ticket.NoticeKind
		now, want time.Time
	}{
		{night, ticket.AgentReply, at(3, 23, 0), at(4, 7, 30)}, {night, ticket.AgentReply, at(4, 6, 0), at(4, 7, 30)}, {night, ticket.AgentReply, at(4, 7, 30), time.Time{}},
		{night, ticket.AgentReply, at(28, 23, 0), at(29, 7, 30)}, // the clocks change meanwhile
		{noon, ticket.AgentNew, at(3, 12, 0), at(3, 14, 0)}, {noon, ticket.AgentNew, at(3, 14, 0), time.Time{}}, {noon, ticket.AgentNew, at(3, 11, 59), time.Time{}},
		{night, ticket.Transcript, at(3, 23, 0), time.Time{}}, {&ticket.Profile{}, ticket.AgentReply, at(3, 0, 0), time.Time{}}, {nil, ticket.AgentReply, at(3, 0, 0), time.Time{}},
	} {
		if got := c.p.Waits(c.kind, c.now.UTC(), paris); !got.Equal(c.want) {
			t.Errorf("%s at %s waits until %s, want %s", c.kind, c.now, got, c.want)
		}
	}
}
