package ticket

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// reportColumns are those of a report's table for other programs. They are the
// same in every language.
var reportColumns = []string{"kind", "name", "address", "from", "until", "opened", "answered", "closed", "reopened", "open",
	"oldest_open_hours", "first_answer_p50_minutes", "first_answer_p90_minutes", "solution_p50_minutes", "solution_p90_minutes",
	"first_answers_missed", "solutions_missed"}

// CSV is the report as a table for other programs (RFC 4180, UTF-8): a line for
// the whole, for each hour or day, queue, agent and tag. No cell is a formula to a
// spreadsheet.
func (r *Report) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	w.Write(reportColumns) // into memory, where nothing fails
	write := func(kind string, g Group, from, until time.Time) {
		w.Write(g.cells(kind, from, until))
	}
	write("total", Group{Figures: r.Total}, r.From, r.Until)
	for i, f := range r.Parts {
		until := r.Until
		if i+1 < len(r.Steps) {
			until = r.Steps[i+1]
		}
		write("part", Group{Figures: f}, r.Steps[i], until)
	}
	for _, each := range []struct {
		kind   string
		groups []Group
	}{{"queue", r.Queues}, {"agent", r.Agents}, {"tag", r.Tags}} {
		for _, g := range each.groups {
			write(each.kind, g, r.From, r.Until)
		}
	}
	w.Flush()
	return b.Bytes()
}

func (g Group) cells(kind string, from, until time.Time) []string {
	minutes := func(s Spread, d time.Duration) string {
		if s.Count == 0 {
			return "" // which is not 0: there was nothing to measure
		}
		return strconv.Itoa(int(d.Round(time.Minute).Minutes()))
	}
	oldest, open, missed := "", "", []string{"", ""}
	if kind != "part" { // of which these are not known
		open, missed = strconv.Itoa(g.Open), []string{strconv.Itoa(g.Missed.Answers), strconv.Itoa(g.Missed.Solutions)}
	}
	if g.Open > 0 {
		oldest = strconv.Itoa(int(g.Oldest.Hours()))
	}
	return append([]string{kind, unformula(g.Name), unformula(string(g.Address)), from.Format(time.RFC3339), until.Format(time.RFC3339),
		strconv.Itoa(g.Opened), strconv.Itoa(g.Answered), strconv.Itoa(g.Closed), strconv.Itoa(g.Reopened), open, oldest,
		minutes(g.Answer, g.Answer.Half), minutes(g.Answer, g.Answer.Most), minutes(g.Solution, g.Solution.Half), minutes(g.Solution, g.Solution.Most)}, missed...)
}

// unformula keeps a cell from being a formula: people choose names and tags. What
// follows spaces counts, too; wide signs are folded by some programs.
func unformula(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
	if bare := strings.TrimLeft(s, " \u00a0"); bare != "" && strings.ContainsAny(string([]rune(bare)[:1]), "=+-@|%＝＋－＠") {
		return "'" + s
	}
	return s
}
