package ticket

import (
	"cmp"
	"slices"
	"time"
)

// Profile is what an agent chose for a site, and what is remembered of them
// there. Who never chose anything has none.
type Profile struct {
	// Address is theirs as the settings list it.
	Address Address `json:"address"`
	// Others are addresses that they have shown to be theirs too: what comes from
	// them is taken as theirs, and answered to Address.
	Others []Address `json:"others,omitempty"`
	Notify Notify    `json:"notify,omitempty"`
	// Quiet are the hours in which no mail is sent to them that can wait.
	Quiet Hours `json:"quiet,omitzero"`
	// Away is until when they are not there; zero where they are.
	Away time.Time `json:"away,omitzero"`
	// Chat is set while a program shows them mail as a chat, by the last mail of
	// theirs.
	Chat bool `json:"chat,omitempty"`
	// Version counts changes; 0 creates.
	Version uint64 `json:"-"`
}

// Notify is which mails about tickets an agent wants.
type Notify string

const (
	NotifyAll    Notify = ""       // of every ticket of their queues
	NotifyMine   Notify = "mine"   // of those that they have or follow, and of new ones
	NotifyDigest Notify = "digest" // of those that they have or follow
	NotifyOff    Notify = "off"    // of those that they have
)

// Watch is an agent's wish for one ticket.
type Watch string

const (
	WatchUsual Watch = ""       // as their profile says
	Follow     Watch = "follow" // all of it
	Unfollow   Watch = "unfollow"
)

// Hours is a part of the day, in minutes since midnight, that may go over
// midnight. From and To alike are none.
type Hours struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Hold reports whether the time of day lies in the hours.
func (h Hours) Hold(at time.Time) bool {
	minute := at.Hour()*60 + at.Minute()
	if h.From <= h.To {
		return minute >= h.From && minute < h.To
	}
	return minute >= h.From || minute < h.To
}

// End is when the hours that a time lies in are over.
func (h Hours) End(at time.Time) time.Time {
	y, m, d := at.Date()
	end := time.Date(y, m, d, 0, h.To, 0, 0, at.Location())
	if !end.After(at) {
		end = time.Date(y, m, d+1, 0, h.To, 0, 0, at.Location())
	}
	return end
}

// Gone reports whether they are away at a time.
func (p *Profile) Gone(now time.Time) bool { return p != nil && now.Before(p.Away) }

// Wants reports whether an agent wants a mail of that kind about a ticket. What
// answers them, and what asks the team to decide, always comes.
func (p *Profile) Wants(kind NoticeKind, t *Ticket, number uint16) bool {
	who, ok := t.Participant(number)
	switch kind {
	case AgentNew, AgentReply, AgentAnswer, AgentNote, AgentEvent:
	default:
		return true
	}
	if !ok || t.Assignee == number {
		return true
	}
	switch who.Watch {
	case Follow:
		return true
	case Unfollow:
		return false
	}
	if p == nil {
		return true
	}
	switch p.Notify {
	case NotifyMine:
		return kind == AgentNew
	case NotifyDigest, NotifyOff:
		return false
	}
	return true
}

// Waits reports until when a mail of that kind waits, for the agent's quiet
// hours: zero where it leaves at once. Answers to them always do.
func (p *Profile) Waits(kind NoticeKind, now time.Time, zone *time.Location) time.Time {
	switch kind {
	case AgentNew, AgentReply, AgentAnswer, AgentNote, AgentEvent, AgentHeld, HeldDigest:
	default:
		return time.Time{}
	}
	if p == nil || p.Quiet.From == p.Quiet.To {
		return time.Time{}
	}
	if local := now.In(cmp.Or(zone, time.UTC)); p.Quiet.Hold(local) {
		return p.Quiet.End(local)
	}
	return time.Time{}
}

// Has reports whether an address is one of theirs.
func (p *Profile) Has(a Address) bool {
	return p.Address.Same(a) || slices.ContainsFunc(p.Others, a.Same)
}
