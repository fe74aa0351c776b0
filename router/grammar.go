package router

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"guichet/ticket"
)

// written is a command as it stands in a mail.
type written struct {
	line    string // as written, for the transcript
	command *command
	// argument is what follows its name on the line.
	argument string
}

// script is an agent's words taken apart.
type script struct {
	commands []written
	text     string // what follows the commands
	// problem is why nothing of it may run, with its line and the nearest name.
	problem, line, nearest string
}

// private reports whether a command keeps the text from the requester.
func (s script) private() bool {
	return slices.ContainsFunc(s.commands, func(w written) bool { return w.command.private })
}

// canned reports whether a canned answer is to be sent.
func (s script) canned() bool {
	return slices.ContainsFunc(s.commands, func(w written) bool { return w.command.sends && w.argument != "" })
}

// plain reports whether there are words at most: no command, and no slip.
func (s script) plain() bool { return s.problem == "" && len(s.commands) == 0 }

// read takes an agent's own words apart. Commands are the lines that begin with
// # in the first block; the rest is an answer or a note. A command below other
// words is a slip that could send a note to a customer, so that nothing runs.
func read(text string) script {
	var s script
	var words []string // what is no command, in order
	lines := strings.Split(text, "\n")
	i := 0
	for ; i < len(lines); i++ {
		name, argument, ok := commandLine(lines[i])
		if !ok {
			if strings.TrimSpace(lines[i]) == "" {
				words = append(words, "")
				continue
			}
			break
		}
		line := strings.TrimSpace(lines[i])
		c, known := find(name)
		switch {
		case !known:
			return script{problem: ticket.ProblemUnknown, line: line, nearest: nearest(name)}
		case argument != "" && !c.text && c.usage == "", argument == "" && c.needs():
			return script{problem: ticket.ProblemArgument, line: line, nearest: c.written(name)}
		case argument != "" && c.text:
			words = append(words, argument)
		}
		if !c.text {
			argument = strings.TrimRight(strings.Trim(strings.Map(plainSign, argument), `" `), ".;,! ")
		}
		s.commands = append(s.commands, written{line, c, argument})
	}
	words = append(words, lines[i:]...)
	if line, ok := stray(words); ok {
		return script{problem: ticket.ProblemStray, line: line}
	}
	s.text = strings.TrimSpace(strings.Join(words, "\n"))
	return s
}

// signs are the number signs that keyboards write: also full width, as Japanese
// ones do, and small.
const signs = "#\uff03\ufe5f"

// commandLine takes a line apart that may be a command: its name in small
// letters, and what follows on the line, with single spaces. "# Heading" and
// "#12" are words, but a known name counts however far from its sign it stands.
func commandLine(line string) (name, argument string, ok bool) {
	if first := strings.TrimLeft(line, " \t"); first != "" && first[0] > ' ' && first[0] < utf8.RuneSelf && !strings.Contains(signs, first[:1]) {
		return "", "", false // as most lines
	}
	line = norm.NFC.String(strings.Join(strings.Fields(strings.Map(plainSpace, line)), " "))
	rest := strings.TrimLeft(line, signs+" ")
	sign := line[:len(line)-len(rest)]
	end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(rest)
	}
	name = strings.ToLower(rest[:end])
	if sign == "" || name == "" || utf8.RuneCountInString(sign) > 1 && !like(name) {
		return "", "", false
	}
	return name, strings.TrimLeft(rest[end:], ".,:;! "), true
}

// plainSpace makes what mail programs put in the place of spaces one again, and
// drops what has no width or makes a picture of the sign before it.
func plainSpace(r rune) rune {
	switch {
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Me):
		return -1
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

// plainSign undoes what programs make of dashes and quotes as they are typed.
func plainSign(r rune) rune {
	switch r {
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212':
		return '-'
	case '\u2018', '\u2019':
		return '\''
	case '\u201c', '\u201d', '\u201e', '\u00ab', '\u00bb':
		return '"'
	}
	return r
}

// stray finds a command below the first block: at the start of a line, behind a
// banner that a mail system put there, or anywhere at all if it is one that
// keeps the mail from the requester: a note that slips cannot be taken back.
func stray(lines []string) (string, bool) {
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), ">") {
			continue // somebody else's words
		}
		name, _, ok := commandLine(afterBanner(line))
		if ok && like(name) || privateWord.MatchString(strings.Map(plainSpace, line)) {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}

// afterBanner drops what gateways and programs put before a line: "[EXTERN]",
// "*** EXTERNAL ***", list bullets.
func afterBanner(line string) string {
	line = strings.TrimSpace(strings.Map(plainSpace, line))
	for {
		before := line
		line = strings.TrimLeft(line, " *-•|")
		if strings.HasPrefix(line, "[") {
			if _, after, ok := strings.Cut(line, "]"); ok {
				line = after
			}
		}
		if shouted, after, ok := strings.Cut(line, "***"); ok && shouted == strings.ToUpper(shouted) {
			line = after
		}
		if line == before {
			return line
		}
	}
}

// like reports whether a name is a command's, or one slip away from it.
func like(name string) bool {
	close := func(n string) bool { return n == name || len(n) > 3 && distance(n, name) == 1 }
	return slices.ContainsFunc(commands, func(c command) bool { return slices.ContainsFunc(c.called, close) })
}

// nearest is the command that was perhaps meant, with #, or "".
func nearest(name string) string {
	best, least := "", 3
	for _, c := range commands {
		for _, n := range c.called {
			if d := distance(n, name); d < least {
				best, least = "#"+n, d
			}
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with the next to
// make one word the other (optimal string alignment).
func distance(one, other string) int {
	a, b := []rune(one), []rune(other)
	if len(b) > 40 {
		return len(b)
	}
	// Three rows of the table: of the letter before last, the last, and this.
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(old[j]+1, row[j-1]+1)
			if a[i-1] == b[j-1] {
				row[j] = min(row[j], old[j-1])
			} else {
				row[j] = min(row[j], old[j-1]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
