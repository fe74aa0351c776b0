package parser

import "strings"

// line is one line of a body with what its markup said about it.
type line struct {
	text  string // without quote marks
	depth uint8  // of quoting: marks before it, or block quotes around it
	hint  hint
}

// hint is what markup says surely of a line.
type hint uint8

const (
	hintNone  hint = 0
	hintQuote hint = 1 << iota // inside what a program marks as the quoted mail
	hintCut                    // the quoted mail begins here and lasts to the end
	hintSign                   // inside what a program marks as the signature
	hintOurs                   // inside a mail of ours
	hintBlock                  // inside a block quote of HTML that says nothing of whose
	hintLoose                  // inside a quote in which answers stand between the block quotes
)

// plainLines makes lines of plain text, and takes the quote marks off.
func plainLines(text string) []line {
	lines := make([]line, 0, 1+strings.Count(text, "\n"))
	for s := range strings.SplitSeq(text, "\n") {
		rest, depth := cutQuoteMarks(s)
		if n := len(lines); depth == 1 && n > 0 && openAngle(lines[n-1].text) {
			// The > closes an address that was folded, and quotes nothing.
			rest, depth = s, lines[n-1].depth
		}
		lines = append(lines, line{text: rest, depth: depth})
	}
	return lines
}

// openAngle reports whether the < before an address is still open at the end
// of a line.
func openAngle(s string) bool {
	if strings.HasPrefix(s, "mailto:") {
		return true // its < stands on the line above
	}
	i := strings.LastIndexByte(s, '<')
	return i >= 0 && !strings.Contains(s[i:], ">") && (strings.Contains(s[i:], "@") || strings.TrimSpace(s[i+1:]) == "")
}

// cutQuoteMarks counts and removes the > before a line (RFC 3676 §4.5), and
// the | of programs that have never heard of it.
func cutQuoteMarks(s string) (rest string, depth uint8) {
	if s == "" {
		return s, 0
	}
	rest = strings.TrimLeft(s, " \t")
	if len(s)-len(rest) > 3 {
		return s, 0 // indented text, not a quote
	}
	if !strings.HasPrefix(rest, ">") && !strings.HasPrefix(rest, "＞") {
		return s, 0
	}
	for depth < maxQuoteDepth {
		next := rest
		switch {
		case strings.HasPrefix(rest, ">"):
			next = rest[1:]
		case strings.HasPrefix(rest, "＞"):
			next = rest[len("＞"):]
		case strings.HasPrefix(rest, " >"):
			next = rest[2:]
		}
		if len(next) == len(rest) {
			break
		}
		rest = next
		depth++
	}
	return strings.TrimPrefix(rest, " "), depth
}

// join writes lines as text again, with their quote marks.
func join(lines []line) string {
	var out strings.Builder
	for i, l := range lines {
		if i > 0 {
			out.WriteByte('\n')
		}
		for range l.depth {
			out.WriteByte('>')
		}
		if l.depth > 0 && l.text != "" {
			out.WriteByte(' ')
		}
		out.WriteString(l.text)
	}
	return tidy(out.String())
}

// tidy takes off empty lines around a text and spaces behind its lines, and
// leaves at most two empty lines together.
func tidy(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	empty := 0
	for l := range strings.SplitSeq(s, "\n") {
		l = strings.TrimRight(l, " \t\u00a0\f")
		if l == "" {
			empty++
			continue
		}
		if out.Len() > 0 {
			for range 1 + min(empty, 2) {
				out.WriteByte('\n')
			}
		}
		empty = 0
		out.WriteString(l)
	}
	return out.String()
}

// blank reports whether nothing can be seen on the line.
func (l line) blank() bool {
	for _, r := range l.text {
		switch r {
		case ' ', '\t', '\u00a0', '\u200b', '\u200c', '\u200d', '\ufeff', '\f', '\u2060':
		default:
			return false
		}
	}
	return true
}
