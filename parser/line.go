package parser

import "strings"

// line is one line of a body with what its markup said about it.
type line struct {
	text  string // without quote marks
	depth uint8  // of quoting: marks before it, or block quotes around it
	hint  hint
	prose bool // as prose says of text; false also where nobody asked
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

// plainLines makes lines of plain text, and takes the quote marks off. tidy is set
// where join would write the text again as it is, but for the empty lines around.
func plainLines(text string) (lines []line, tidy bool) {
	lines, tidy = make([]line, 0, 1+strings.Count(text, "\n")), true
	empty := 0
	for s := range strings.SplitSeq(text, "\n") {
		rest, depth := cutQuoteMarks(s)
		if n := len(lines); depth == 1 && n > 0 && openAngle(lines[n-1].text) {
			// The > closes an address that was folded, and quotes nothing.
			rest, depth = s, lines[n-1].depth
		}
		if empty++; s != "" {
			empty = 0
		}
		tidy = tidy && depth == 0 && empty < 3 && !endsInSpace(s)
		lines = append(lines, line{text: rest, depth: depth, prose: prose(rest)})
	}
	return lines, tidy
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

// cutQuoteMarks counts and removes the > before a line (RFC 3676 §4.5), also the
// full-width one that East Asian keyboards write.
func cutQuoteMarks(s string) (rest string, depth uint8) {
	if s == "" || s[0] > ' ' && s[0] < 0x80 && s[0] != '>' {
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

// join writes lines as text again, with their quote marks, tidily.
func join(lines []line) string {
	size := 0
	for _, l := range lines {
		size += len(l.text) + int(l.depth) + 2
	}
	var w tidyWriter
	w.out.Grow(size)
	for _, l := range lines {
		w.line(l.depth, l.text)
	}
	return w.out.String()
}

// tidy is a text as join would write it.
func tidy(s string) string {
	var w tidyWriter
	w.out.Grow(len(s))
	for l := range strings.SplitSeq(s, "\n") {
		w.line(0, l)
	}
	return w.out.String()
}

// tidyWriter takes off empty lines around a text and spaces behind its lines,
// and leaves at most two empty lines together.
type tidyWriter struct {
	out   strings.Builder
	empty int // lines since the last that was written
}

func (w *tidyWriter) line(depth uint8, text string) {
	if endsInSpace(text) {
		text = strings.TrimRight(text, " \t\u00a0\f")
	}
	if text == "" && depth == 0 {
		w.empty++
		return
	}
	if w.out.Len() > 0 {
		w.out.WriteString("\n\n\n"[:1+min(w.empty, 2)])
	}
	w.empty = 0
	w.out.WriteString(quoteMarks[:depth])
	if depth > 0 && text != "" {
		w.out.WriteByte(' ')
	}
	w.out.WriteString(text)
}

// endsInSpace reports whether a line may end in space: the last byte of one that
// does not break ends other characters, too.
func endsInSpace(s string) bool {
	n := len(s)
	return n > 0 && (s[n-1] <= ' ' || s[n-1] == 0xA0)
}

// quoteMarks are as many as are told apart.
var quoteMarks = strings.Repeat(">", maxQuoteDepth)

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
