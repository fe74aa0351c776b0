package templates

import (
	"fmt"
	"strings"
)

// document is a mail before it is text or HTML.
type document struct {
	subject string
	blocks  []block
}

// block is one piece of a document. Which fields are used depends on its kind.
type block struct {
	Kind    blockKind
	Words   line     // title, heading, paragraph, warning
	Lines   []line   // list, small
	Facts   []fact   // facts
	Buttons []button // buttons
	Text    []passage
	Written string // what Text is read from, where that is left to do
	Images  []image
	Chart   *chartView
	Columns []string   // table
	Table   []tableRow // table
	Rows    []row      // files, history, transcript, commands, worklist
}

type blockKind string

const (
	titleBlock     blockKind = "title"
	headingBlock   blockKind = "heading"
	paragraphBlock blockKind = "paragraph"
	listBlock      blockKind = "list"
	factsBlock     blockKind = "facts"
	warningBlock   blockKind = "warning"
	smallBlock     blockKind = "small"
	buttonsBlock   blockKind = "buttons"
	ruleBlock      blockKind = "rule"

	// What somebody wrote: as the mail's own text, set apart, or quoted.
	articleBlock blockKind = "article"
	cardBlock    blockKind = "card"
	quoteBlock   blockKind = "quote"

	filesBlock      blockKind = "files"
	historyBlock    blockKind = "history"
	transcriptBlock blockKind = "transcript"
	commandsBlock   blockKind = "commands"
	worklistBlock   blockKind = "worklist"
	chartBlock      blockKind = "chart"
	tableBlock      blockKind = "table"
)

// line is words, some of them strong.
type line []span

type span struct {
	Text   string
	Strong bool
}

func (l line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

type fact struct {
	Label string
	Value line
	Key   bool // must be found again: the tracking code
}

// button writes a mail when it is pressed. In text its command stands beside
// its label instead; one without command or address is told in words anyway.
type button struct {
	Command string
	Label   string
	Link    string // mailto: of the mail that it writes, but for the command; or that of Page
	// Address is what the mail goes to where that, not a command, is the point.
	Address string
	// Page is what it opens in the place of writing a mail.
	Page string
	Main bool // the likeliest of several
}

// row is a file, an earlier article, a command that ran or one that exists, or a
// ticket of a list.
type row struct {
	// Number and Title are those of a ticket in a list.
	Number, Title string

	Head string
	Side string
	Note bool // internal
	Text []passage
	// Buttons are those that decide on a held mail, labelled by their commands, or
	// what can be done to a ticket.
	Buttons []button
}

// tableRow is a name with numbers, and perhaps a word about them below.
type tableRow struct {
	Name  string
	Cells []string
	Note  string
}

// image is a picture of an article, shown where the mail brings it.
type image struct{ ContentID, Name string }

// readLines makes a document of the lines that a source gave.
func readLines(text string, bring map[string]block) (*document, error) {
	d := &document{}
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			d.add(block{Kind: paragraphBlock, Words: readWords(strings.Join(paragraph, " "))})
		}
		paragraph = nil
	}
	for raw := range strings.Lines(text) {
		words := strings.TrimSpace(raw)
		sign, rest, _ := strings.Cut(words, " ")
		rest = strings.TrimSpace(rest)
		if words == "" {
			end()
			continue
		}
		b, ok, err := readSign(sign, rest, bring)
		if err != nil {
			return nil, err
		}
		subject, isSubject := strings.CutPrefix(words, "Subject: ")
		switch {
		case isSubject && len(d.blocks) == 0 && len(paragraph) == 0:
			d.subject = readWords(subject).String()
		case ok:
			end()
			d.add(b)
		default:
			paragraph = append(paragraph, words)
		}
	}
	end()
	return d, nil
}

// readSign reads a line that begins with a sign; ok is false for plain words.
func readSign(sign, rest string, bring map[string]block) (b block, ok bool, err error) {
	switch {
	case sign == "#":
		return block{Kind: titleBlock, Words: readWords(rest)}, true, nil
	case sign == "##":
		return block{Kind: headingBlock, Words: readWords(rest)}, true, nil
	case sign == "-":
		return block{Kind: listBlock, Lines: []line{readWords(rest)}}, true, nil
	case sign == "|" || sign == "!":
		label, words, ok := strings.Cut(rest, " | ")
		if !ok {
			return block{}, false, fmt.Errorf("a fact is written as | label | words, not %q", sign+" "+rest)
		}
		f := fact{readWords(label).String(), readWords(words), sign == "!"}
		return block{Kind: factsBlock, Facts: []fact{f}}, true, nil
	case sign == "*":
		return block{Kind: warningBlock, Words: readWords(rest)}, true, nil
	case sign == "~":
		return block{Kind: smallBlock, Lines: []line{readWords(rest)}}, true, nil
	case sign == "---":
		return block{Kind: ruleBlock}, true, nil
	case strings.HasPrefix(sign, "[") && strings.HasSuffix(sign, "]"):
		command := strings.TrimSuffix(strings.TrimPrefix(sign, "["), "]")
		b, known := bring["["+strings.Trim(command, "[]")+"]"]
		if !known {
			return block{}, false, fmt.Errorf("this mail has no button %s", sign)
		}
		made := b.Buttons[0]
		made.Label, made.Main = readWords(rest).String(), strings.HasPrefix(command, "[")
		return block{Kind: buttonsBlock, Buttons: []button{made}}, true, nil
	case strings.HasPrefix(sign, ":"):
		b, known := bring[sign]
		if !known {
			return block{}, false, fmt.Errorf("this mail has no block %s", sign)
		}
		if b.Written != "" { // much is brought that a mail does not show
			b.Text = passages(b.Written)
		}
		return b, true, nil
	}
	return block{}, false, nil
}

// add appends a block, joined to the one before where they are of one piece.
func (d *document) add(b block) {
	if b.empty() {
		return
	}
	if n := len(d.blocks); n > 0 && d.blocks[n-1].Kind == b.Kind {
		last := &d.blocks[n-1]
		switch b.Kind {
		case listBlock, smallBlock:
			last.Lines = append(last.Lines, b.Lines...)
			return
		case factsBlock:
			last.Facts = append(last.Facts, b.Facts...)
			return
		case buttonsBlock:
			last.Buttons = append(last.Buttons, b.Buttons...)
			return
		}
	}
	d.blocks = append(d.blocks, b)
}

func (b block) empty() bool {
	switch b.Kind {
	case "":
		return true
	case articleBlock, cardBlock, quoteBlock:
		return len(b.Text) == 0 && len(b.Images) == 0
	case filesBlock, historyBlock, transcriptBlock, commandsBlock, worklistBlock:
		return len(b.Rows) == 0
	case tableBlock:
		return len(b.Table) == 0
	case headingBlock, paragraphBlock, titleBlock, warningBlock:
		return strings.TrimSpace(b.Words.String()) == ""
	}
	return false
}

// readWords finds the strong words, and takes the values out of their enclosure.
func readWords(s string) line {
	var l line
	var now strings.Builder
	strong, inValue := false, false
	cut := func() {
		if now.Len() > 0 {
			l = append(l, span{now.String(), strong})
		}
		now.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == valueBegin:
			inValue = true
		case s[i] == valueEnd:
			inValue = false
		case !inValue && strings.HasPrefix(s[i:], "**"):
			cut()
			strong = !strong
			i++
		default:
			now.WriteByte(s[i])
		}
	}
	cut()
	return l
}
