package ticket

import "time"

// ServiceLevel is what a queue promises its requesters, in business time.
type ServiceLevel struct {
	Targets
	// Remind is the part of a time, in percent, after which the team is reminded; 0
	// never reminds.
	Remind int
	// Escalate are the people who are told, beside the team, of a time that was
	// missed.
	Escalate []Address
	// Of are the targets of priorities that have their own.
	Of map[Priority]Targets
}

// Targets are business times, from the beginning of a ticket; 0 promises none.
type Targets struct{ FirstAnswer, Solution time.Duration }

// targets are those of tickets of a priority.
func (s *ServiceLevel) targets(p Priority) Targets {
	if own, ok := s.Of[p]; ok {
		return own
	}
	return s.Targets
}

// Autoclose is what becomes of tickets that wait for their requester: after how
// long they are reminded, and the ticket is closed; 0 is never.
type Autoclose struct{ Remind, Close time.Duration }

// Service is what a ticket's site promised, and what is next due on it by the
// site's settings. It stands on the ticket, so that lists and mails need no
// calendar to tell of it.
type Service struct {
	FirstAnswer Promise `json:"first_answer,omitzero"`
	Solution    Promise `json:"solution,omitzero"`
	// Remind and Close are when the requester, who is to answer, is reminded, and
	// when the ticket is closed without an answer; zero is never.
	Remind time.Time `json:"remind,omitzero"`
	Close  time.Time `json:"close,omitzero"`
}

// Promise is one business time and how far along it is.
type Promise struct {
	Within time.Duration `json:"within,omitempty"` // business time; 0 promises nothing
	// Since is since when it runs; zero while it stands still. Spent is the business
	// time that had gone by before.
	Since time.Time     `json:"since,omitzero"`
	Spent time.Duration `json:"spent,omitempty"`
	// Due is when it is missed, and Remind when the team is reminded, if it goes on
	// running; both are zero while it stands still.
	Due    time.Time `json:"due,omitzero"`
	Remind time.Time `json:"remind,omitzero"`
	// Kept is when what was promised was done; Missed when the time for it was over,
	// zero where it was not, or is not yet known to be.
	Kept   time.Time `json:"kept,omitzero"`
	Missed time.Time `json:"missed,omitzero"`
	// Reminded and Escalated are set once the mails that this owes have been made.
	Reminded  bool `json:"reminded,omitempty"`
	Escalated bool `json:"escalated,omitempty"`
}

// Late reports whether the time is over, or was when it was done.
func (p Promise) Late(now time.Time) bool {
	return !p.Missed.IsZero() || !p.Due.IsZero() && !now.Before(p.Due)
}

// Over is when the time was over or will be: zero where nothing is promised,
// while it stands still, and once it is kept.
func (p Promise) Over() time.Time {
	if !p.Kept.IsZero() || p.Since.IsZero() {
		return time.Time{}
	}
	if !p.Missed.IsZero() {
		return p.Missed
	}
	return p.Due
}

// Pressing is which promise the team is to keep next, and until when; late is
// set where that is past. It is nil where none runs.
func (t *Ticket) Pressing(now time.Time) (promise *Promise, until time.Time, late bool) {
	for _, p := range []*Promise{&t.Service.FirstAnswer, &t.Service.Solution} {
		if at := p.Over(); !at.IsZero() && (until.IsZero() || at.Before(until)) {
			promise, until, late = p, at, p.Late(now)
		}
	}
	return promise, until, late
}

// Deadline is the first of what the team is to do by a time: what it wants
// itself, and what was promised. Zero is none.
func (t *Ticket) Deadline() time.Time {
	_, until, _ := t.Pressing(time.Time{})
	if until.IsZero() || !t.Due.IsZero() && t.Due.Before(until) {
		return t.Due
	}
	return until
}

// Reckon brings what is due on a ticket in line with where it stands now: its
// state, queue and priority. It may be done as often as one likes.
func (s *Site) Reckon(t *Ticket, now time.Time) { s.reckon(t, now, false) }

// ReckonAnew does that by the calendar as it is now, which other settings may
// have changed since the ticket was last reckoned.
func (s *Site) ReckonAnew(t *Ticket, now time.Time) { s.reckon(t, now, true) }

func (s *Site) reckon(t *Ticket, now time.Time, anew bool) {
	t.Service.Remind, t.Service.Close = s.waitsUntil(t)
	var level ServiceLevel
	if q, ok := s.Queue(t.Queue); ok {
		level = q.Service
	}
	within := level.targets(t.Priority)
	working := t.State == New || t.State == Open
	done := time.Time{}
	if t.State.Done() {
		done = t.Since
	}
	first := clock{&s.Calendar, within.FirstAnswer, level.Remind, t.State == New && t.Course.Answered.IsZero(), t.Course.Answered, anew}
	solution := clock{&s.Calendar, within.Solution, level.Remind, working, done, anew}
	first.move(&t.Service.FirstAnswer, now)
	solution.move(&t.Service.Solution, now)
}

// waitsUntil is when a requester is reminded that a ticket waits for them, and
// when it is closed. Who is not proved to have written it is not reminded: mail
// that anybody may have called for stays short and rare.
func (s *Site) waitsUntil(t *Ticket) (remind, closes time.Time) {
	if t.State != Waiting || t.Since.IsZero() {
		return remind, closes
	}
	if s.Autoclose.Remind > 0 && t.Reminded.Before(t.Since) && !t.Unproved {
		remind = t.Since.Add(s.Autoclose.Remind)
	}
	if s.Autoclose.Close > 0 {
		closes = t.Since.Add(s.Autoclose.Close)
	}
	return remind, closes
}

// clock is by what a promise runs.
type clock struct {
	calendar *Calendar
	within   time.Duration
	remind   int
	running  bool
	done     time.Time // zero until what was promised is done
	anew     bool      // the calendar may be another than before
}

// move brings a promise in line. One that does not run yet is not made: what was
// done before somebody promised it was not done in time, nor late.
func (c clock) move(p *Promise, now time.Time) {
	if p.Within == 0 && (c.within == 0 || !c.running) {
		return
	}
	anew := c.anew || p.Since.IsZero()
	if p.Within != c.within { // another queue or priority, or other settings: promised anew
		p.Within, p.Missed, p.Reminded, p.Escalated, anew = c.within, time.Time{}, false, false, true
	}
	if p.Within == 0 || !c.running {
		c.halt(p, now)
		return
	}
	p.Kept = time.Time{}
	if p.Since.IsZero() {
		p.Since = now
	}
	if anew && p.Missed.IsZero() {
		p.Due = c.calendar.Add(p.Since, p.Within-p.Spent)
		p.Remind = c.reminds(p)
	}
	if !p.Due.IsZero() && !now.Before(p.Due) {
		p.Missed, p.Due, p.Remind = p.Due, time.Time{}, time.Time{}
	}
}

// reminds is when the team is reminded of a promise that runs.
func (c clock) reminds(p *Promise) time.Time {
	if c.remind == 0 || p.Reminded {
		return time.Time{}
	}
	return c.calendar.Add(p.Since, p.Within*time.Duration(c.remind)/100-p.Spent)
}

// halt stops a promise, for a while or because it is kept.
func (c clock) halt(p *Promise, now time.Time) {
	if !p.Since.IsZero() {
		p.Spent += c.calendar.Between(p.Since, now)
		if !p.Due.IsZero() && now.After(p.Due) {
			p.Missed = p.Due
		}
	}
	p.Since, p.Due, p.Remind = time.Time{}, time.Time{}, time.Time{}
	if p.Within == 0 {
		*p = Promise{}
		return
	}
	p.Kept = c.done
}

// Equal reports whether two services are the same.
func (s Service) Equal(o Service) bool {
	return s.FirstAnswer.equal(o.FirstAnswer) && s.Solution.equal(o.Solution) && s.Remind.Equal(o.Remind) && s.Close.Equal(o.Close)
}

func (p Promise) equal(o Promise) bool {
	return p.Within == o.Within && p.Spent == o.Spent && p.Since.Equal(o.Since) && p.Due.Equal(o.Due) && p.Remind.Equal(o.Remind) &&
		p.Kept.Equal(o.Kept) && p.Missed.Equal(o.Missed) && p.Reminded == o.Reminded && p.Escalated == o.Escalated
}
