package templates

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// width is how long lines get before they flow on (RFC 3676 §4.2).
const width = 72

// textWriter renders a document as text/plain; format=flowed: a line that ends
// in a space goes on in the next, so that phones can set it anew while old
// programs see short lines.
type textWriter struct {
	strings.Builder
	words *catalogue
}

// usualText is more than the text of most mails takes.
const usualText = 8 << 10

// text renders the document. The marker stands before its first character.
func (d *document) text(c *catalogue, marker string) string {
	w := &textWriter{words: c}
	w.Grow(usualText)
	w.WriteString(marker)
	for i, b := range d.blocks {
		if b.Kind == chartBlock && len(b.Chart.Rows) == 0 {
			continue // a table tells the same
		}
		if i > 0 && !(b.Kind == buttonsBlock && !b.told()) {
			w.WriteByte('\n')
		}
		w.block(b)
	}
	return w.String()
}

func (w *textWriter) block(b block) {
	switch b.Kind {
	case titleBlock, paragraphBlock:
		w.flow("", "", b.Words.String())
	case headingBlock:
		w.flow("", "", b.Words.String())
		w.flow("", "", strings.Repeat("─", min(width, utf8.RuneCountInString(b.Words.String()))))
	case listBlock:
		for _, l := range b.Lines {
			w.flow("- ", "  ", l.String())
		}
	case smallBlock:
		for _, l := range b.Lines {
			w.flow("", "", l.String())
		}
	case warningBlock:
		w.flow("(!) ", "", b.Words.String())
	case factsBlock:
		rows := make([][2]string, len(b.Facts))
		for i, f := range b.Facts {
			rows[i] = [2]string{f.Label, f.Value.String()}
		}
		w.columns(rows)
	case ruleBlock:
		w.flow("", "", strings.Repeat("─", 24))
	case buttonsBlock:
		w.buttons(b.Buttons)
	default:
		w.brought(b)
	}
}

// brought renders what the program brings.
func (w *textWriter) brought(b block) {
	switch b.Kind {
	case articleBlock, cardBlock:
		w.passages("", 0, b.Text)
	case quoteBlock:
		w.passages("", 1, b.Text)
	case filesBlock:
		for _, r := range b.Rows {
			w.flow("- ", "  ", r.Head+" ("+r.Side+")")
		}
	case historyBlock:
		for i, r := range b.Rows {
			if i > 0 {
				w.WriteByte('\n')
			}
			w.flow("", "  ", strings.TrimSuffix(r.Head+", "+r.Side, ", "))
			w.passages("    ", 0, r.Text)
			for _, b := range r.Buttons {
				w.flow("    ", "    ", b.Command)
			}
		}
	case worklistBlock:
		w.worklist(b.Rows)
	case chartBlock:
		w.columns(b.Chart.Rows)
	case tableBlock:
		w.table(b.Columns, b.Table)
	case commandsBlock:
		for i, r := range b.Rows {
			if i > 0 {
				w.WriteByte('\n')
			}
			w.flow("  ", "  ", r.Head)
			w.flow("    ", "    ", r.Side)
		}
	case transcriptBlock:
		rows := make([][2]string, len(b.Rows))
		for i, r := range b.Rows {
			rows[i] = [2]string{r.Head, r.Side}
		}
		w.columns(rows)
	}
}

// worklist writes tickets, a few short lines each. Where they have numbers, what
// can be done to them is said once, below the list.
func (w *textWriter) worklist(rows []row) {
	for i, r := range rows {
		if i > 0 {
			w.WriteByte('\n')
		}
		head, first := r.Head, ""
		if r.Number != "" {
			first = r.Number + "  "
		}
		if head != "" && r.Side != "" {
			head += " · "
		}
		indent := strings.Repeat(" ", utf8.RuneCountInString(first))
		w.flow(first, indent, head+r.Side)
		if r.Title != "" {
			w.flow(indent, indent, r.Title)
		}
		w.passages(indent, 0, r.Text)
		if r.Number == "" {
			for _, b := range r.Buttons {
				w.flow(indent, indent, b.Command)
			}
		}
	}
}

// longestName is how much room a table leaves for names.
const longestName = 28

// table writes names with their numbers under the words of the columns. A longer
// name has a line of its own.
func (w *textWriter) table(columns []string, rows []tableRow) {
	wide := 0
	for _, r := range rows {
		wide = max(wide, min(longestName, utf8.RuneCountInString(r.Name)))
	}
	pad := func(s string, n int) string { return strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s))) }
	line := func(name string, cells []string) {
		if utf8.RuneCountInString(name) > wide {
			w.flow("  ", "  ", name)
			name = ""
		}
		text := "  " + name + pad(name, wide)
		for i, cell := range cells {
			text += "  " + pad(cell, utf8.RuneCountInString(columns[i])) + cell
		}
		w.flow("", "", strings.TrimRight(text, " "))
	}
	line("", columns)
	for _, r := range rows {
		line(r.Name, r.Cells)
		if r.Note != "" {
			w.flow("    ", "    ", r.Note)
		}
	}
}

// told reports whether text has something to say of buttons.
func (b block) told() bool {
	return slices.ContainsFunc(b.Buttons, func(b button) bool { return b.Command != "" || b.Address != "" || b.Page != "" })
}

// buttons tells what to write instead of pressing one.
func (w *textWriter) buttons(all []button) {
	var rows [][2]string
	for _, b := range all {
		if b.Command != "" {
			rows = append(rows, [2]string{b.Command, b.Label})
		}
	}
	if len(rows) > 0 {
		w.flow("", "", w.words.word("reply-with"))
		w.columns(rows)
	}
	for _, b := range all {
		if b.Address != "" {
			w.flow("", "  ", w.words.word("write-to", "what", b.Label, "address", b.Address))
		}
		if b.Page != "" {
			w.flow("", "  ", w.words.word("open-page", "what", b.Label, "page", b.Page))
		}
	}
}

// passages writes what somebody wrote, with so many more quote signs.
func (w *textWriter) passages(indent string, deeper int, all []passage) {
	for i, p := range all {
		sign := strings.Repeat(">", p.Depth+deeper)
		if i > 0 {
			w.WriteString(strings.TrimRight(strings.Repeat(">", min(p.Depth, all[i-1].Depth)+deeper), " ") + "\n")
		}
		if sign != "" {
			sign += " "
		}
		for _, l := range p.Lines {
			w.flow(indent+sign, indent+sign, plain(l))
		}
	}
}

// columns writes pairs with the second ones under each other, or below the
// first where there is no room.
func (w *textWriter) columns(rows [][2]string) {
	wide := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= 24 {
			wide = max(wide, n)
		}
	}
	indent := strings.Repeat(" ", wide+4)
	for _, r := range rows {
		n := utf8.RuneCountInString(r[0])
		if n > wide {
			w.flow("  ", "  ", r[0])
			w.flow(indent, indent, r[1])
			continue
		}
		w.flow("  "+r[0]+strings.Repeat(" ", wide+2-n), indent, r[1])
	}
}

// flow writes one line of text as lines of the width. Each but the last ends in
// the space that says that it goes on; not so where the next is indented, for
// set anew the indent would stand between the words. Lines that begin with a
// sign which format=flowed reads get a space before it (RFC 3676 §4.4).
func (w *textWriter) flow(first, next, s string) {
	prefix := first
	for {
		line := prefix + s
		rest := ""
		if utf8.RuneCountInString(line) > width {
			line, rest = breakLine(prefix, s)
		}
		quoted := strings.HasPrefix(prefix, ">")
		if !quoted && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ")) {
			w.WriteByte(' ')
		}
		if rest == "" {
			// "-- " is the sign of a signature and keeps its space; whatever else
			// ends a line must not be taken for one that goes on.
			w.WriteString(strings.TrimRight(line, " "))
			w.WriteByte('\n')
			return
		}
		w.WriteString(line)
		if next == "" || quoted {
			w.WriteByte(' ')
		}
		w.WriteByte('\n')
		prefix, s = next, rest
	}
}

// breakLine parts s at the last space within the width, or at the first beyond
// it: a word is never broken.
func breakLine(prefix, s string) (line, rest string) {
	room := width - utf8.RuneCountInString(prefix)
	at, count, begun := -1, 0, false
	for i, r := range s {
		if r == ' ' && begun && (at < 0 || count < room) {
			at = i
		}
		begun = begun || r != ' '
		if count++; count > room && at >= 0 {
			break
		}
	}
	if at < 0 {
		return prefix + s, ""
	}
	return prefix + strings.TrimRight(s[:at], " "), strings.TrimLeft(s[at:], " ")
}
