package main

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// column is one column of a list.
type column struct {
	title string
	right bool // numbers stand to the right
	flex  bool // gives way when the terminal is too narrow
}

// list prints rows as an aligned table, or each as a JSON object on a line of
// its own, written at once so that a long list begins to flow.
//
//	l := p.list(c.JSON, column{title: "TICKET"}, column{title: "SUBJECT", flex: true})
//	err := l.add(summary, summary.Reference, summary.Subject)
//	…
//	return l.flush()
type list struct {
	out      io.Writer
	style    style
	columns  []column
	asJSON   *json.Encoder
	rows     [][]string
	terminal int // columns of the terminal; 0 is no bound
}

// list is of a command that takes --json.
func (p *program) list(asJSON bool, columns ...column) *list {
	l := p.table(columns...)
	if asJSON {
		l.asJSON = objectsTo(p.Stdout)
	}
	return l
}

// table is a list for people.
func (p *program) table(columns ...column) *list {
	l := &list{out: p.Stdout, style: p.style, columns: columns}
	if p.Terminal {
		l.terminal = p.Width
	}
	return l
}

// object prints one object on a line of its own, as --json does.
func (p *program) object(o any) error { return objectsTo(p.Stdout).Encode(o) }

func objectsTo(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// add appends a row: object is what --json prints, cells are what people read.
func (l *list) add(object any, cells ...string) error {
	if l.asJSON != nil {
		return l.asJSON.Encode(object)
	}
	row := make([]string, len(l.columns))
	for i := range min(len(cells), len(row)) {
		row[i] = printable(cells[i])
	}
	l.rows = append(l.rows, row)
	return nil
}

// flush prints the table, if it has rows.
func (l *list) flush() error {
	if l.asJSON != nil || len(l.rows) == 0 {
		return nil
	}
	widths := l.widths()
	var text strings.Builder
	titles := make([]string, len(l.columns))
	for i, c := range l.columns {
		titles[i] = c.title
	}
	text.WriteString(l.style.bold(l.line(titles, widths)) + "\n")
	for _, row := range l.rows {
		text.WriteString(l.line(row, widths) + "\n")
	}
	_, err := io.WriteString(l.out, text.String())
	return err
}

// gap stands between columns.
const gap = "  "

// widths is how wide each column must be, and how much of it fits.
func (l *list) widths() []int {
	widths := make([]int, len(l.columns))
	total := len(gap) * (len(widths) - 1)
	for i, c := range l.columns {
		widths[i] = cellsOf(c.title)
		for _, row := range l.rows {
			widths[i] = max(widths[i], cellsOf(row[i]))
		}
		total += widths[i]
	}
	if l.terminal == 0 {
		return widths
	}
	for i, c := range l.columns {
		if over := total - l.terminal; c.flex && over > 0 {
			narrow := max(cellsOf(c.title), widths[i]-over)
			total -= widths[i] - narrow
			widths[i] = narrow
		}
	}
	return widths
}

// line is one row, without blanks at its end.
func (l *list) line(row []string, widths []int) string {
	var text strings.Builder
	for i, cell := range row {
		if i > 0 {
			text.WriteString(gap)
		}
		cell = truncate(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-cellsOf(cell))
		if l.columns[i].right {
			text.WriteString(pad + cell)
		} else {
			text.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(text.String(), " ")
}

// printable is text that cannot steer a terminal: subjects and names come from
// strangers. Line breaks become blanks, other control and direction characters
// a mark.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// cellsOf is how many columns of a terminal a text takes (Unicode UAX #11).
func cellsOf(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOfRune(r)
	}
	return n
}

func cellsOfRune(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// truncate cuts a text to so many columns, the last of which says so.
func truncate(s string, columns int) string {
	if cellsOf(s) <= columns {
		return s
	}
	used := 0
	for i, r := range s {
		if n := cellsOfRune(r); used+n > columns-1 {
			return s[:i] + "…"
		} else {
			used += n
		}
	}
	return s
}
