package main

import "strings"

// wrap breaks a text into lines of at most so many columns, at blanks; 0 is no
// bound. A word that is longer stands on a line of its own, so that a link can
// be copied. What continues a quoted line is quoted too. Nothing in the result
// steers a terminal.
func wrap(text string, columns int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n\t "), "\n") {
		line = printable(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\r "))
		lines = append(lines, wrapLine(line, columns)...)
	}
	return lines
}

func wrapLine(line string, columns int) []string {
	if columns <= 0 || cellsOf(line) <= columns {
		return []string{line}
	}
	rest := strings.TrimLeft(line, "> ")
	lead := line[:len(line)-len(rest)]
	if len(lead) > columns/2 {
		lead = strings.TrimRight(lead[:columns/2], " ") + " " // quoted, if less deep
	}
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(rest) {
		switch {
		case current == "":
			current = lead + word
		case cellsOf(current)+1+cellsOf(word) > columns:
			lines = append(lines, current)
			current = lead + word
		default:
			current += " " + word
		}
	}
	return append(lines, current)
}

// columns is how wide text that people read may be, beside an indentation; 0
// is no bound. Lines longer than that of a page are hard to read.
func (p *program) columns(indentation int) int {
	const page = 100
	if !p.Terminal || p.Width == 0 {
		return 0
	}
	return max(20, min(p.Width, page)-indentation)
}
