package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Period is how long a time a report tells of.
type Period string

const (
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
)

// Periods are all of them.
var Periods = []Period{Day, Week, Month}

// ReportBody says what a report is of. The numbers are counted when it leaves.
type ReportBody struct {
	Period Period `json:"period"`
	// From is the first moment that counts, Until the first that does not.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Steps are where its parts begin, the first at From: hours of a day, days of
	// a week or month. At a change of clocks a day has 23 or 25 hours.
	Steps []time.Time `json:"steps"`
	// Queues are those that count; Whole counts the whole site.
	Queues []string `json:"queues,omitempty"`
	Whole  bool     `json:"whole,omitempty"`
}

// ReportUntil is the day, week or month before a time, by the calendar of its
// zone: what begins at eight ends at eight.
func ReportUntil(p Period, until time.Time) ReportBody {
	from := until.AddDate(0, 0, -1)
	switch p {
	case Week:
		from = until.AddDate(0, 0, -7)
	case Month:
		from = until.AddDate(0, -1, 0)
		if from.Day() != until.Day() { // there is no 31 February
			from = from.AddDate(0, 0, -from.Day())
		}
	}
	return reportBody(p, from, until)
}

// CalendarPeriod reads a day or a month of the calendar, 2026-11-20 or 2026-11,
// and gives when it begins.
func CalendarPeriod(text string, zone *time.Location) (p Period, at time.Time, ok bool) {
	if at, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return Day, at, true
	}
	at, err := time.ParseInLocation("2006-01", text, zone)
	return Month, at, err == nil
}

// ReportOf is the calendar day, week (from its Monday) or month that a time lies
// in, by the calendar of its zone.
func ReportOf(p Period, at time.Time) ReportBody {
	y, m, d := at.Date()
	midnight := func(month time.Month, day int) time.Time { return time.Date(y, month, day, 0, 0, 0, 0, at.Location()) }
	monday := d - (int(at.Weekday())+6)%7
	switch p {
	case Week:
		return reportBody(p, midnight(m, monday), midnight(m, monday+7))
	case Month:
		return reportBody(p, midnight(m, 1), midnight(m+1, 1))
	}
	return reportBody(Day, midnight(m, d), midnight(m, d+1))
}

func reportBody(p Period, from, until time.Time) ReportBody {
	b := ReportBody{Period: p, From: from, Until: until}
	for at := from; at.Before(until); at = nextStep(p, at) {
		b.Steps = append(b.Steps, at)
	}
	return b
}

// nextStep is the next full hour, or the next midnight.
func nextStep(p Period, at time.Time) time.Time {
	y, m, d := at.Date()
	if p == Day {
		intoHour := time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
		return at.Add(time.Hour - intoHour) // not by the clock, which shows one hour twice in autumn
	}
	return time.Date(y, m, d+1, 0, 0, 0, 0, at.Location())
}

// Report is what happened in a time, and what is open when it is made.
type Report struct {
	ReportBody
	Made time.Time `json:"made"`
	// Beyond is set where there were more tickets than could be counted.
	Beyond bool `json:"beyond"`
	// Promised is set where a time was promised for any of the tickets.
	Promised bool    `json:"promised"`
	Total    Figures `json:"total"`
	// Parts are what happened in each of Steps.
	Parts []Figures `json:"parts"`
	// Queues, Agents and Tags are those that anything was counted of, the busiest
	// first. The agent without an address is nobody.
	Queues []Group `json:"by_queue"`
	Agents []Group `json:"by_agent"`
	Tags   []Group `json:"by_tag"`
	// Ages is how many open tickets are younger than each of AgeBands, and how many
	// are older than all of them.
	Ages []int `json:"ages"`
}

// AgeBands part the open tickets by how long ago they were opened.
var AgeBands = []time.Duration{24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour}

// Group is the figures of one queue, agent or tag.
type Group struct {
	Name string `json:"name"`
	// Address is an agent's.
	Address Address `json:"address,omitempty"`
	Figures
}

// Figures are counts of tickets. One that was closed twice counts once.
type Figures struct {
	Opened   int `json:"opened"`
	Answered int `json:"answered"` // for the first time
	Closed   int `json:"closed"`   // solved or closed
	Reopened int `json:"reopened"`
	Open     int `json:"open"` // now
	// Oldest is for how long the oldest of those has been open.
	Oldest time.Duration `json:"oldest_ns"`
	// Answer is how long first answers took, Solution how long it took from the
	// opening until the team was done.
	Answer   Spread `json:"first_answer"`
	Solution Spread `json:"solution"`
	Missed   Missed `json:"missed"`
}

// Missed counts what was promised for that time and not kept.
type Missed struct {
	Answers   int `json:"first_answers"`
	Solutions int `json:"solutions"`
}

func (f Figures) empty() bool {
	return f.Opened+f.Answered+f.Closed+f.Reopened+f.Open+f.Missed.Answers+f.Missed.Solutions == 0
}

// Spread is how times lie: half are at most Half, nine of ten at most Most.
type Spread struct {
	Count int           `json:"count"`
	Half  time.Duration `json:"p50_ns"`
	Most  time.Duration `json:"p90_ns"`
}

// spreadOf sorts the times. A percentile is one of them (nearest rank).
func spreadOf(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times)
	rank := func(percent int) time.Duration { return times[(len(times)*percent+99)/100-1] }
	return Spread{len(times), rank(50), rank(90)}
}

// Tally counts tickets for a report.
type Tally struct {
	report  Report
	total   sums
	parts   []sums
	queues  map[string]*sums
	agents  map[string]*sums
	tags    map[string]*sums
	counted map[ID]bool
}

// sums are figures while they are counted.
type sums struct {
	Group
	answers, solutions []time.Duration
}

// NewTally begins a report that is made now.
func NewTally(b ReportBody, now time.Time) *Tally {
	return &Tally{report: Report{ReportBody: b, Made: now, Ages: make([]int, len(AgeBands)+1)}, parts: make([]sums, len(b.Steps)),
		queues: map[string]*sums{}, agents: map[string]*sums{}, tags: map[string]*sums{}, counted: map[ID]bool{}}
}

// what is what a report counts of one ticket.
type what struct {
	opened, answered, closed, reopened, open bool
	missedAnswer, missedSolution             bool
	answer, solution, age                    time.Duration
}

// Add counts a ticket, once however often it is given.
func (y *Tally) Add(t *Ticket) {
	if y.counted[t.ID] {
		return
	}
	y.counted[t.ID] = true
	y.report.Promised = y.report.Promised || t.Service.FirstAnswer.Within+t.Service.Solution.Within > 0
	w := y.look(t)
	y.total.add(w)
	sumsOf(y.queues, t.Queue, t.Queue, "").add(w)
	for _, tag := range t.Tags {
		sumsOf(y.tags, tag, tag, "").add(w)
	}
	y.addAgents(t, w)
	y.addParts(t, w)
	if w.open {
		band := slices.IndexFunc(AgeBands, func(band time.Duration) bool { return w.age < band })
		if band < 0 {
			band = len(AgeBands)
		}
		y.report.Ages[band]++
	}
}

// look says what counts of a ticket. One that goes on in another is counted
// there, save that it was opened.
func (y *Tally) look(t *Ticket) what {
	w := what{opened: y.in(t.Opened), answered: y.in(t.Course.Answered), reopened: y.last(t.Course.Reopened) >= 0}
	w.answer = t.Course.Answered.Sub(t.Opened)
	if !t.Merged.IsZero() {
		return w
	}
	if finished := t.finished(); y.last(finished) >= 0 {
		w.closed, w.solution = true, finished[y.last(finished)].Sub(t.Opened)
	}
	w.missedAnswer, w.missedSolution = y.missed(t.Service.FirstAnswer), y.missed(t.Service.Solution)
	w.open, w.age = !t.State.Done(), y.report.Made.Sub(t.Opened)
	return w
}

func (y *Tally) in(at time.Time) bool {
	return !at.IsZero() && !at.Before(y.report.From) && at.Before(y.report.Until)
}

// missed reports whether the time for a promise was over within the report's, and
// it was not kept by then.
func (y *Tally) missed(p Promise) bool {
	return y.in(p.Missed) || y.in(p.Due) && p.Late(y.report.Made)
}

// last is the newest of some times that counts, or -1.
func (y *Tally) last(times []time.Time) int {
	for i, at := range slices.Backward(times) {
		if y.in(at) {
			return i
		}
	}
	return -1
}

// addAgents gives a first answer to whoever wrote it, and all else to whoever has
// the ticket.
func (y *Tally) addAgents(t *Ticket, w what) {
	if w.answered {
		y.agent(t, t.Course.AnsweredBy).add(what{answered: true, answer: w.answer})
		w.answered = false
	}
	y.agent(t, t.Assignee).add(w)
}

func (y *Tally) agent(t *Ticket, number uint16) *sums {
	p, ok := t.Participant(number)
	if !ok {
		return sumsOf(y.agents, "", "", "")
	}
	s := sumsOf(y.agents, p.Address.Key(), p.Called(), p.Address)
	if p.Name != "" {
		s.Name = p.Name
	}
	return s
}

func (y *Tally) addParts(t *Ticket, w what) {
	part := func(at time.Time) *sums {
		i, found := slices.BinarySearchFunc(y.report.Steps, at, time.Time.Compare)
		if !found {
			i--
		}
		return &y.parts[i]
	}
	if w.opened {
		part(t.Opened).Opened++
	}
	if w.answered {
		part(t.Course.Answered).Answered++
	}
	if w.closed {
		finished := t.finished()
		part(finished[y.last(finished)]).Closed++
	}
	if w.reopened {
		part(t.Course.Reopened[y.last(t.Course.Reopened)]).Reopened++
	}
}

func sumsOf(all map[string]*sums, key, name string, a Address) *sums {
	if all[key] == nil {
		all[key] = &sums{Group: Group{Name: name, Address: a}}
	}
	return all[key]
}

func (s *sums) add(w what) {
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	count(&s.Opened, w.opened)
	count(&s.Answered, w.answered)
	count(&s.Closed, w.closed)
	count(&s.Reopened, w.reopened)
	count(&s.Open, w.open)
	count(&s.Missed.Answers, w.missedAnswer)
	count(&s.Missed.Solutions, w.missedSolution)
	if w.answered {
		s.answers = append(s.answers, w.answer)
	}
	if w.closed {
		s.solutions = append(s.solutions, w.solution)
	}
	if w.open {
		s.Oldest = max(s.Oldest, w.age)
	}
}

func (s *sums) group() Group {
	s.Answer, s.Solution = spreadOf(s.answers), spreadOf(s.solutions)
	return s.Group
}

// Report is what was counted; beyond is set where not all could be.
func (y *Tally) Report(beyond bool) *Report {
	r := y.report
	r.Beyond = beyond
	r.Total = y.total.group().Figures
	for i := range y.parts {
		r.Parts = append(r.Parts, y.parts[i].Figures)
	}
	r.Queues, r.Agents, r.Tags = groupsOf(y.queues), groupsOf(y.agents), groupsOf(y.tags)
	return &r
}

// groupsOf gives those of whom anything was counted, the busiest first.
func groupsOf(all map[string]*sums) []Group {
	out := []Group{}
	for _, s := range all {
		if g := s.group(); !g.empty() {
			out = append(out, g)
		}
	}
	busy := func(g Group) int { return g.Opened + g.Answered + g.Closed + g.Open }
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(busy(b), busy(a)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// Reports is when a site's reports leave by themselves, and to whom.
type Reports struct {
	// At is for each period the time in a form of ParseReportTime; none is never.
	At map[Period]ReportTime
	To []Address
}

// Has reports whether that address gets the site's reports.
func (r Reports) Has(a Address) bool { return slices.ContainsFunc(r.To, a.Same) }

// ReportTime is a time that comes again each day, week or month.
type ReportTime struct {
	Weekday time.Weekday // of a week
	Date    int          // of a month, 1 to 28
	Minute  int          // of the day
}

// weekdayNames are as settings write them.
var weekdayNames = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// ParseReportTime reads 18:00 for a day, mon 08:00 for a week, 1 08:00 for a
// month, whose days are 1 to 28: those that every month has.
func ParseReportTime(p Period, text string) (ReportTime, error) {
	var at ReportTime
	var word string
	var hour, minute, n int
	var err error
	switch p {
	case Day:
		n, err = fmt.Sscanf(text, "%d:%d", &hour, &minute)
		n++
	case Week:
		n, err = fmt.Sscanf(text, "%s %d:%d", &word, &hour, &minute)
		day, ok := weekdayNames[word]
		if !ok && err == nil {
			err = fmt.Errorf("%q is no day of the week", word)
		}
		at.Weekday = day
	case Month:
		n, err = fmt.Sscanf(text, "%d %d:%d", &at.Date, &hour, &minute)
		if err == nil && (at.Date < 1 || at.Date > 28) {
			err = fmt.Errorf("%d is not a day of every month", at.Date)
		}
	}
	if err != nil || n != 3 || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return ReportTime{}, fmt.Errorf("no time of a report by the %s: %q", p, text)
	}
	at.Minute = hour*60 + minute
	return at, nil
}

// Last is the newest time of a period that is not after now, by the calendar of
// its zone.
func (r ReportTime) Last(p Period, now time.Time) time.Time {
	y, m, d := now.Date()
	on := func(month time.Month, day int) time.Time {
		return time.Date(y, month, day, 0, r.Minute, 0, 0, now.Location())
	}
	var at, before time.Time
	switch p {
	case Week:
		d -= (int(now.Weekday()-r.Weekday) + 7) % 7
		at, before = on(m, d), on(m, d-7)
	case Month:
		at, before = on(m, r.Date), on(m-1, r.Date)
	default:
		at, before = on(m, d), on(m, d-1)
	}
	if at.After(now) {
		return before
	}
	return at
}
