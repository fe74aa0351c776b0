package router

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"guichet/ticket"
)

// command is one row of the grammar.
type command struct {
	name string
	// names are what it is called in other languages, by language.
	names map[string][]string
	// action is what an agent must be allowed to do to give it.
	action ticket.Action
	// anywhere is set for what needs no ticket; text for what may be followed by
	// words on its own line, which are then part of the mail's; argument for what
	// takes a word; private for what keeps the mail from the requester.
	anywhere, text, argument, private bool
	run                               func(*act) ticket.TranscriptLine
	// help says what it does, by language.
	help map[string]string
}

// commands is the grammar: one row a command. It is filled at start because
// the rows' functions use it themselves.
var commands []command

// privateWord finds the name of a private command anywhere in a line: behind any
// words, or glued to the words before or after it.
var privateWord *regexp.Regexp

func init() {
	commands = []command{
		{name: "note", action: ticket.AgentWrite, text: true, private: true, run: (*act).note,
			help: map[string]string{
				"en": "The whole mail is an internal note. The requester never sees it.",
				"fr": "Tout le message est une note interne. Le demandeur ne la voit jamais."}},
		{name: "close", names: map[string][]string{"fr": {"fermer", "clore"}}, action: ticket.AgentWrite, run: (*act).close,
			help: map[string]string{
				"en": "Closes the ticket, after the answer below it if there is one.",
				"fr": "Ferme la demande, après la réponse écrite en dessous s’il y en a une."}},
		{name: "reopen", names: map[string][]string{"fr": {"rouvrir"}}, action: ticket.AgentWrite, run: (*act).reopen,
			help: map[string]string{
				"en": "Opens a closed ticket again.",
				"fr": "Rouvre une demande fermée."}},
		{name: "take", names: map[string][]string{"fr": {"prendre"}}, action: ticket.AgentWrite, run: (*act).take,
			help: map[string]string{
				"en": "Assigns the ticket to you.",
				"fr": "Vous attribue la demande."}},
		{name: "verify", names: map[string][]string{"fr": {"vérifier", "verifier"}}, action: ticket.AgentWrite, argument: true, run: (*act).verify,
			help: map[string]string{
				"en": "Takes the validation code that the requester reads out to you, as in #verify 347G-9CDF.",
				"fr": "Prend le code de validation que le demandeur vous lit, comme dans #verify 347G-9CDF."}},
		{name: "accept", names: map[string][]string{"fr": {"accepter"}}, action: ticket.AgentWrite, argument: true, anywhere: true, run: (*act).accept,
			help: map[string]string{
				"en": "Takes a held mail, and its writer for somebody who belongs to the ticket.",
				"fr": "Accepte un message retenu, et son auteur comme participant à la demande."}},
		{name: "reject", names: map[string][]string{"fr": {"rejeter"}}, action: ticket.AgentWrite, argument: true, anywhere: true, run: (*act).reject,
			help: map[string]string{
				"en": "Throws a held mail away.",
				"fr": "Jette un message retenu."}},
		{name: "spam", names: map[string][]string{"fr": {"indésirable", "indesirable"}}, action: ticket.AgentWrite, argument: true, anywhere: true, run: (*act).spam,
			help: map[string]string{
				"en": "Throws a held mail away, and sets aside unanswered what its sender writes later.",
				"fr": "Jette un message retenu, et met de côté sans réponse ce que son auteur écrira ensuite."}},
		{name: "help", names: map[string][]string{"fr": {"aide"}}, action: ticket.AgentRead, anywhere: true, run: (*act).help,
			help: map[string]string{
				"en": "Sends this list.",
				"fr": "Envoie cette liste."}},
	}
	var private []string
	for _, c := range commands {
		if c.private {
			private = append(private, c.called()...)
		}
	}
	word := "[" + signs + "]+ *(?:" + strings.Join(private, "|") + ")"
	privateWord = regexp.MustCompile(`(?i)(?:^| )` + word + "|" + word + `(?:[^\pL\pN]|$)`)
}

// CommandHelp is a row of the list that #help sends.
type CommandHelp struct {
	Name string // without #
	// Text says what it does, by language.
	Text map[string]string
}

// Help lists the commands.
func Help() []CommandHelp {
	var out []CommandHelp
	for _, c := range commands {
		out = append(out, CommandHelp{c.name, c.help})
	}
	return out
}

// find gives the command of that name in any language.
func find(name string) (*command, bool) {
	i := slices.IndexFunc(commands, func(c command) bool { return slices.Contains(c.called(), name) })
	if i < 0 {
		return nil, false
	}
	return &commands[i], true
}

// called are all its names.
func (c *command) called() []string {
	all := []string{c.name}
	for _, names := range c.names {
		all = append(all, names...)
	}
	return all
}

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
		case argument != "" && !c.text && !c.argument:
			return script{problem: ticket.ProblemArgument, line: line, nearest: "#" + name}
		case argument != "" && c.text:
			words = append(words, argument)
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
	line = strings.Join(strings.Fields(strings.Map(plainSpace, line)), " ")
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
	return slices.ContainsFunc(commands, func(c command) bool { return slices.ContainsFunc(c.called(), close) })
}

// nearest is the command that was perhaps meant, with #, or "".
func nearest(name string) string {
	best, least := "", 3
	for _, c := range commands {
		for _, n := range c.called() {
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
