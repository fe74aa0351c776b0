package router

import (
	"regexp"
	"slices"
	"strings"

	"guichet/ticket"
)

// command is one row of the grammar. A new command is a row here and the
// function that it names.
type command struct {
	name string
	// names are what it is called in other languages, by language.
	names map[string][]string
	// usage is what follows the name on its line, as people read it; "" takes
	// nothing, and what stands in square brackets may be left out.
	usage string
	// action is what an agent must be allowed to do to give it.
	action ticket.Action
	// anywhere is set for what needs no ticket; text for what may be followed by
	// words on its own line, which are then part of the mail's; private for what
	// keeps the mail from the requester.
	anywhere, text, private bool
	// opens is set for what makes the ticket that the rest of the mail is about;
	// sends for what sends the canned answer that it names.
	opens, sends bool
	// many is set for what can be done to the tickets of a list, by their numbers.
	many bool
	// wants asks for what the command needs to know beside the ticket.
	wants func(argument string, in *Input, q *ticket.Query)
	run   func(*act) ticket.TranscriptLine
	// help says what it does, by language; example is a line as it is written.
	help    map[string]string
	example string
	// called are all its names, also those with accents without them.
	called []string
}

// needs reports whether something must follow the name.
func (c *command) needs() bool { return c.usage != "" && !c.text && !strings.HasPrefix(c.usage, "[") }

// written is how the command is written under one of its names.
func (c *command) written(name string) string { return strings.TrimSpace("#" + name + " " + c.usage) }

// commands is the grammar: one row a command. It is filled at start because
// the rows' functions use it themselves.
var commands []command

// privateWord finds the name of a private command anywhere in a line: behind any
// words, or glued to the words before or after it.
var privateWord *regexp.Regexp

func init() {
	commands = slices.Concat(answering, opening, standing, people, merging, choosing, canning, deciding, looking, reporting)
	var private []string
	for i := range commands {
		c := &commands[i]
		c.gather()
		if c.private {
			private = append(private, c.called...)
		}
	}
	word := "[" + signs + "]+ *(?:" + strings.Join(private, "|") + ")"
	privateWord = regexp.MustCompile(`(?i)(?:^| )` + word + "|" + word + `(?:[^\pL\pN]|$)`)
}

// CommandHelp is a row of the list that #help sends.
type CommandHelp struct {
	Name string // without #
	// Usage is the whole line as people read it; Example as somebody would write it.
	Usage, Example string
	// Names are what it is called besides, by language.
	Names map[string][]string
	// Action is what its writer must be allowed to do; Anywhere is set for what
	// needs no ticket.
	Action   ticket.Action
	Anywhere bool
	// Text says what it does, by language.
	Text map[string]string
}

// Help lists the commands.
func Help() []CommandHelp {
	var out []CommandHelp
	for _, c := range commands {
		out = append(out, CommandHelp{c.name, c.written(c.name), c.example, c.names, c.action, c.anywhere, c.help})
	}
	return out
}

// find gives the command of that name in any language.
func find(name string) (*command, bool) {
	i := slices.IndexFunc(commands, func(c command) bool { return slices.Contains(c.called, name) })
	if i < 0 {
		return nil, false
	}
	return &commands[i], true
}

// gather fills called.
func (c *command) gather() {
	c.called = []string{c.name}
	for _, names := range c.names {
		for _, n := range names {
			c.called = append(c.called, n)
			if bare := ticket.Fold(n); bare != n {
				c.called = append(c.called, bare)
			}
		}
	}
}
