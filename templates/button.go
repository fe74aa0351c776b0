package templates

import (
	"fmt"
	"strings"

	"guichet/ticket"
)

// commandButton writes a mail that holds one command.
func commandButton(to ticket.Address, subject, command string) block {
	return block{Kind: buttonsBlock, Buttons: []button{{Command: command, Link: mailto(to, subject, command+"\r\n")}}}
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
	link := "mailto:" + percent(string(to)) + "?subject=" + percent(subject)
	if body != "" {
		link += "&body=" + percent(body)
	}
	return link
}

// percent encodes everything but what no program could misread. The + of our
// reply addresses is encoded too: some programs take it for a space.
func percent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
