package main

import (
	"fmt"
	"io"
	"strings"

	"guichet/ticket"
)

// fields are names and values, one a line, the values aligned and wrapped to the
// terminal.
type fields struct {
	p    *program
	rows [][2]string
}

// add appends a field that has a value. Without a name it goes on with the one
// before.
func (f *fields) add(name, value string) {
	if value != "" {
		f.rows = append(f.rows, [2]string{name, printable(value)})
	}
}

func (f *fields) text() string {
	width := 0
	for _, row := range f.rows {
		width = max(width, cellsOf(row[0]))
	}
	var b strings.Builder
	for _, row := range f.rows {
		name := row[0] + strings.Repeat(" ", width-cellsOf(row[0]))
		for _, line := range wrapLine(row[1], f.p.columns(width+len(gap))) {
			fmt.Fprintf(&b, "%s%s%s\n", f.p.style.bold(name), gap, line)
			name = strings.Repeat(" ", width)
		}
	}
	return b.String()
}

// person is somebody as people read them, name first.
func person(m ticket.Mailbox) string {
	switch {
	case m.Address == "" && m.Name == "":
		return "nobody"
	case m.Address == "":
		return m.Name
	case m.Name == "":
		return string(m.Address)
	}
	return m.Name + " <" + string(m.Address) + ">"
}

// indentation stands before what somebody wrote, so that nothing in it can be
// taken for what we say of it.
const indentation = "    "

// indent writes what somebody wrote, wrapped to the terminal.
func (p *program) indent(b *strings.Builder, text string) {
	if strings.TrimSpace(text) == "" {
		b.WriteString(indentation + "(no text)\n")
		return
	}
	for _, line := range wrap(text, p.columns(len(indentation))) {
		b.WriteString(strings.TrimRight(indentation+line, " ") + "\n")
	}
}

// attached writes the names and sizes of files.
func attached(b *strings.Builder, files []ticket.Attachment) {
	for _, a := range files {
		how := "attached"
		if a.Inline {
			how = "in the text"
		}
		fmt.Fprintf(b, "%s%s: %s (%s, %s)\n", indentation, how, printable(a.Name), printable(a.Type), size(a.Size))
	}
}

// attachmentObject is a file as programs get it.
type attachmentObject struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Inline bool   `json:"inline"`
}

func attachmentsOf(files []ticket.Attachment) []attachmentObject {
	out := []attachmentObject{}
	for _, a := range files {
		out = append(out, attachmentObject{a.Name, a.Type, a.Size, a.Inline})
	}
	return out
}

func (p *program) write(text string) error {
	_, err := io.WriteString(p.Stdout, text)
	return err
}

// copyRaw prints a stored message: to a terminal as text that cannot steer it,
// to anything else byte for byte.
func (p *program) copyRaw(open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return rawGone(err)
	}
	defer r.Close()
	if !p.Terminal {
		_, err := io.Copy(p.Stdout, r)
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return p.write(strings.Join(wrap(string(raw), 0), "\n") + "\n")
}
