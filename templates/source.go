package templates

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"guichet/ticket"
)

// The source of a mail is a text/template whose output is read line by line:
//
//	# words             the title
//	## words            a heading
//	- words             an entry of a list
//	| label | words     a fact; consecutive ones make a table
//	! label | words     the one fact that must be found again: the tracking code
//	* words             a warning
//	~ words             in small print
//	[#command] words    a button, which writes a mail with that command
//	[[#command]] words  the likeliest of several
//	---                 a rule
//	:name               a block that the program brings: article, quote, files, …
//	Subject: words      on the first line: a subject in place of the ticket's
//
// Everything else is paragraphs, parted by blank lines; **words** are strong.
// What an {{action}} gives is always words, never any of these signs, whoever
// wrote it: it is enclosed in two control characters, which cleaned values do
// not contain, and the reader of lines looks for signs only outside of them.

const (
	valueBegin = '\x02'
	valueEnd   = '\x03'
)

// source is one mail in one language, ready to be filled.
type source struct {
	name string
	tmpl *template.Template
}

// parseSource compiles the source of a mail. Errors name file and line.
func parseSource(name string, s section) (*source, error) {
	// Blank lines in front make the template's own line numbers those of the file.
	text := strings.Repeat("\n", s.line-1) + s.text
	t, err := template.New(s.file).Funcs(template.FuncMap{"value": value}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, each := range t.Templates() {
		enclose(each.Root)
	}
	return &source{name, t}, nil
}

// enclose makes each action's last step value.
func enclose(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, each := range n.Nodes {
			enclose(each)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			last := parse.NewIdentifier("value").SetPos(n.Pos)
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{last}})
		}
	case *parse.IfNode:
		enclose(n.List)
		enclose(n.ElseList)
	case *parse.RangeNode:
		enclose(n.List)
		enclose(n.ElseList)
	case *parse.WithNode:
		enclose(n.List)
		enclose(n.ElseList)
	}
}

// value encloses what an action gives. Views hold cleaned words; that none of
// them ends the enclosure, or a line, is made sure here all the same.
func value(v any) string {
	words := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, fmt.Sprint(v))
	return string(valueBegin) + words + string(valueEnd)
}

// fill executes the source and reads its lines.
func (s *source) fill(view any, bring map[string]block) (*document, error) {
	var out strings.Builder
	if err := s.tmpl.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	d, err := readLines(out.String(), bring)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.tmpl.Name(), s.name, err)
	}
	if d.subject != "" && !ownSubject[ticket.NoticeKind(s.name)] && !strings.HasPrefix(s.name, ownValidation) {
		return nil, fmt.Errorf("%s: %s: its subject is that of the ticket, so that it stays in the conversation", s.tmpl.Name(), s.name)
	}
	return d, nil
}

// ownSubject are the mails whose subject their source may say: those that belong
// to no ticket, or must not tell which.
var ownSubject = map[ticket.NoticeKind]bool{
	ticket.Receipt: true, ticket.Validation: true, ticket.CodeFailed: true, ticket.Asked: true, ticket.Done: true,
	ticket.Status: true, ticket.History: true, ticket.Export: true, ticket.HeldDigest: true, ticket.AgentList: true, ticket.ReportMail: true, ticket.Postmaster: true,
}
