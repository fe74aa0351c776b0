package templates

import (
	"strings"

	"guichet/ticket"
)

// commandButton writes a mail that holds one command. empty is the link that
// writes it without.
func commandButton(empty, command string) block {
	return block{Kind: buttonsBlock, Buttons: []button{{Command: command, Link: empty}}}
}

// leads is where a button leads. Few of those that a mail may have stand in it,
// so the link of a command is made when it does.
func (b button) leads() string {
	if b.Command == "" {
		return b.Link
	}
	return withBody(b.Link, b.Command+"\r\n")
}

// codeButton writes a mail that sends a code back. The code stands in its text:
// never in a subject or an address, which many more hosts keep.
func codeButton(to ticket.Address, team, code string) block {
	return block{Kind: buttonsBlock, Buttons: []button{{Link: mailto(to, team, code+"\r\n")}}}
}

// noteButton writes a mail to the address where everything is a note.
func noteButton(to ticket.Address, subject string) block {
	return block{Kind: buttonsBlock, Buttons: []button{{Address: string(to), Link: mailto(to, subject, "")}}}
}

// pageButton opens a page of the site's.
func pageButton(link string) block {
	return block{Kind: buttonsBlock, Buttons: []button{{Page: link, Link: link}}}
}

// mailto makes a link that writes a mail (RFC 6068).
func mailto(to ticket.Address, subject, body string) string {
	return withBody("mailto:"+percent(string(to))+"?subject="+percent(subject), body)
}

// withBody puts a text into the mail that a link writes.
func withBody(link, body string) string {
	if body == "" {
		return link
	}
	return link + "&body=" + percent(body)
}

// percent encodes everything but what no program could misread. The + of our
// reply addresses is encoded too: some programs take it for a space.
func percent(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if letterOrDigit(c) || strings.IndexByte("-._~@", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}
