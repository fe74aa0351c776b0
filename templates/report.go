package templates

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// ToReader is what a report is made from. Who reads it may be of the team or not:
// nothing in it is about any requester.
type ToReader struct {
	Locale string
	Site   *ticket.Site
	Report *ticket.Report
	// Flow shows what was opened and closed in each part of the time, Ages what is
	// open by how old it is.
	Flow, Ages Chart
}

// Chart is a picture that the mail brings.
type Chart struct {
	ContentID string
	// Top is what its uppermost line stands for.
	Top int
	// Colours are those of its columns, as HTML writes them.
	Colours []string
}

// readerView is what the source of a report may name.
type readerView struct {
	Who, Title, Queues, From, Until                   string
	Opened, Answered, Closed, Reopened, Open          int
	AnswerHalf, AnswerMost                            string
	SolutionHalf, SolutionMost                        string
	MissedAnswers, MissedSolutions                    int
	Promised                                          bool
	Oldest                                            string
	Beyond, Moved, SeveralQueues, Agents, Tags, Hours bool
}

// ToReader writes a report.
func (s *Set) ToReader(in ToReader) (Mail, error) {
	return in.write(s.catalogue(in.Site, in.Locale))
}

func (in ToReader) write(c *catalogue) (Mail, error) {
	r := in.Report
	t := r.Total
	view := readerView{
		Who: in.who(), From: c.when(r.From, in.Site.Zone), Until: c.when(r.Until, in.Site.Zone), Queues: in.queues(),
		Opened: t.Opened, Answered: t.Answered, Closed: t.Closed, Reopened: t.Reopened, Open: t.Open,
		MissedAnswers: t.Missed.Answers, MissedSolutions: t.Missed.Solutions, Promised: r.Promised,
		Beyond: r.Beyond, Moved: t.Opened+t.Answered+t.Closed > 0, SeveralQueues: len(r.Queues) > 1, Agents: len(r.Agents) > 0, Tags: len(r.Tags) > 0, Hours: r.Period == ticket.Day,
	}
	view.Title = c.word("report."+string(r.Period), "until", view.Until)
	if t.Answer.Count > 0 {
		view.AnswerHalf, view.AnswerMost = c.span(t.Answer.Half), c.span(t.Answer.Most)
	}
	if t.Solution.Count > 0 {
		view.SolutionHalf, view.SolutionMost = c.span(t.Solution.Half), c.span(t.Solution.Most)
	}
	if t.Open > 0 {
		view.Oldest = c.span(t.Oldest)
	}
	bring := map[string]block{":flow": {}, ":ages": {}, ":queues": {}, ":agents": {}, ":tags": {}, ":parts": {}}
	if view.Moved {
		bring[":flow"], bring[":parts"] = in.flow(c), in.parts(c)
	}
	if view.Open > 0 {
		bring[":ages"] = in.ages(c)
	}
	if view.SeveralQueues {
		bring[":queues"] = c.groups(r.Queues, in.queueTitle)
	}
	bring[":agents"] = c.groups(r.Agents, func(g ticket.Group) string {
		if g.Address == "" {
			return c.word("report.nobody")
		}
		return name(ticket.Mailbox{Name: g.Name, Address: g.Address})
	})
	bring[":tags"] = c.groups(r.Tags, func(g ticket.Group) string { return Line(g.Name, 60) })
	return c.finish(string(ticket.ReportMail), view, bring, "", "")
}

// who is whose numbers these are: one queue's, else the company's.
func (in ToReader) who() string {
	if q := in.Report.ReportBody.Queues; len(q) == 1 && !in.Report.Whole {
		return in.queueTitle(ticket.Group{Name: q[0]})
	}
	if in.Site.Organisation != "" {
		return Line(in.Site.Organisation, 60)
	}
	return Line(in.Site.Name, 60)
}

// queues names those that count, where they are not the whole site.
func (in ToReader) queues() string {
	if in.Report.Whole {
		return ""
	}
	var titles []string
	for _, q := range in.Report.ReportBody.Queues {
		titles = append(titles, in.queueTitle(ticket.Group{Name: q}))
	}
	return Line(strings.Join(titles, ", "), 500)
}

func (in ToReader) queueTitle(g ticket.Group) string {
	if q, ok := in.Site.Queue(g.Name); ok && q.Title != "" {
		return Line(q.Title, 60)
	}
	return Line(g.Name, 60)
}

// chartView is a picture and the words about it.
type chartView struct {
	ContentID, Alt string
	Legend         []legend
	// Labels stand below the columns: one under each, or under the first, the middle
	// and the last.
	Labels []chartLabel
	// Rows tell the same in text; none where a table does.
	Rows [][2]string
}

type legend struct{ Colour, Text string }

// chartLabel is words below a column: its number, what it is, and more of that.
type chartLabel struct{ Value, Text, Below, Align string }

func (in ToReader) flow(c *catalogue) block {
	v := &chartView{ContentID: in.Flow.ContentID, Alt: c.word("chart.flow")}
	v.Legend = c.legends(in.Flow, "column.opened", "column.closed")
	steps := in.Report.Steps
	if len(steps) <= 8 {
		for _, s := range steps {
			name, day, _ := strings.Cut(in.step(c, s, "step.day"), " ") // one below the other, so that eight fit a phone
			v.Labels = append(v.Labels, chartLabel{Text: name, Below: day, Align: "center"})
		}
		return block{Kind: chartBlock, Chart: v}
	}
	for i, align := range []string{"left", "center", "right"} {
		v.Labels = append(v.Labels, chartLabel{Text: in.step(c, steps[i*(len(steps)-1)/2], "step.date"), Align: align})
	}
	return block{Kind: chartBlock, Chart: v}
}

func (in ToReader) ages(c *catalogue) block {
	v := &chartView{ContentID: in.Ages.ContentID, Alt: c.word("chart.ages")}
	v.Legend = c.legends(in.Ages, "column.open")
	for i, n := range in.Report.Ages {
		band := c.band(i)
		v.Labels = append(v.Labels, chartLabel{Text: band, Value: strconv.Itoa(n), Align: "center"})
		v.Rows = append(v.Rows, [2]string{band, strconv.Itoa(n)})
	}
	return block{Kind: chartBlock, Chart: v}
}

// band names one of the bands of ages.
func (c *catalogue) band(i int) string {
	bands := ticket.AgeBands
	switch {
	case i == 0:
		return c.word("ages.below", "span", c.span(bands[0]))
	case i == len(bands):
		return c.word("ages.beyond", "span", c.span(bands[i-1]))
	}
	from, _, _ := strings.Cut(c.span(bands[i-1]), "\u00a0") // the unit stands once
	return c.word("ages.between", "from", from, "span", c.span(bands[i]))
}

// legends say what each colour is, and how much the uppermost line.
func (c *catalogue) legends(chart Chart, keys ...string) (out []legend) {
	for i, key := range keys {
		out = append(out, legend{chart.Colours[i], c.word(key)})
	}
	return append(out, legend{Text: c.word("chart.top", "n", strconv.Itoa(chart.Top))})
}

// step is what a part of the time is called: an hour, else a day in the words of a
// key.
func (in ToReader) step(c *catalogue, at time.Time, key string) string {
	at = at.In(cmp.Or(in.Site.Zone, time.UTC))
	if in.Report.Period == ticket.Day {
		return at.Format("15:04")
	}
	pick := func(key string, i int) string {
		names := strings.Split(c.words[key], ",")
		return strings.TrimSpace(names[min(i, len(names)-1)])
	}
	return c.word(key, "weekday", pick("weekdays", int(at.Weekday())), "day", strconv.Itoa(at.Day()), "month", pick("months", int(at.Month())-1))
}

// parts are the hours or days in which anything happened.
func (in ToReader) parts(c *catalogue) block {
	b := block{Kind: tableBlock, Columns: []string{c.word("column.opened"), c.word("column.answered"), c.word("column.closed")}}
	for i, f := range in.Report.Parts {
		if f.Opened+f.Answered+f.Closed > 0 {
			b.Table = append(b.Table, tableRow{Name: in.step(c, in.Report.Steps[i], "step.part"), Cells: numbers(f.Opened, f.Answered, f.Closed)})
		}
	}
	return b
}

// longestGroups is how many queues, agents or tags a mail shows; all stand in the
// table that it brings.
const longestGroups = 25

func (c *catalogue) groups(all []ticket.Group, called func(ticket.Group) string) block {
	b := block{Kind: tableBlock, Columns: []string{c.word("column.opened"), c.word("column.answered"), c.word("column.closed"), c.word("column.open")}}
	for _, g := range all[:min(len(all), longestGroups)] {
		b.Table = append(b.Table, tableRow{called(g), numbers(g.Opened, g.Answered, g.Closed, g.Open), c.times(g.Figures)})
	}
	if further := len(all) - len(b.Table); further > 0 {
		b.Table = append(b.Table, tableRow{Name: c.word("report.further", "count", strconv.Itoa(further)), Cells: slices.Repeat([]string{""}, len(b.Columns))})
	}
	return b
}

// times say how long answers and solutions took, where there were any, and how many
// came too late.
func (c *catalogue) times(f ticket.Figures) string {
	var said []string
	for _, each := range []struct {
		key    string
		spread ticket.Spread
	}{{"report.answers", f.Answer}, {"report.solutions", f.Solution}} {
		if each.spread.Count > 0 {
			said = append(said, c.word(each.key, "half", c.span(each.spread.Half), "most", c.span(each.spread.Most)))
		}
	}
	if n := f.Missed.Answers + f.Missed.Solutions; n > 0 {
		said = append(said, c.word("report.missed", "n", strconv.Itoa(n)))
	}
	return strings.Join(said, " · ")
}

func numbers(all ...int) []string {
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = strconv.Itoa(n)
	}
	return out
}

// span is a length of time in at most two units, and at least a minute.
func (c *catalogue) span(d time.Duration) string {
	minutes := max(1, int(d.Round(time.Minute)/time.Minute))
	unit := func(n int, key string) string { return strconv.Itoa(n) + "\u00a0" + c.word(key) }
	two := func(big int, bigKey string, small int, smallKey string) string {
		if small == 0 {
			return unit(big, bigKey)
		}
		return unit(big, bigKey) + "\u00a0" + unit(small, smallKey)
	}
	switch {
	case minutes < 60:
		return unit(minutes, "span.minutes")
	case minutes < 24*60:
		return two(minutes/60, "span.hours", minutes%60, "span.minutes")
	case minutes < 7*24*60:
		return two(minutes/(24*60), "span.days", minutes/60%24, "span.hours")
	}
	return unit(minutes/(24*60), "span.days")
}
