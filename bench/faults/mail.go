//go:build linux

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// mail is one that the load sends. Its bytes follow from the seed and its number,
// so that thousands need no memory and each can be made again to compare.
type mail struct {
	seed   uint64
	number int
	// answers is the mail of the same sender that it follows up; nil opens a
	// ticket.
	answers *mail
}

// origin is the mail that opened the ticket.
func (m *mail) origin() *mail {
	if m.answers != nil {
		return m.answers.origin()
	}
	return m
}

func (m *mail) messageID() string {
	return fmt.Sprintf("n%d.%x@mail.customer.example", m.number, m.seed)
}

// Every ticket has a sender and a domain of its own: brakes are not what is
// looked at here.
func (m *mail) sender() string {
	o := m.origin().number
	return fmt.Sprintf("visitor-%d@c%d.customer.example", o, o)
}

// marker stands in its text.
func (m *mail) marker() string { return fmt.Sprintf("marker-%x-%d-end", m.seed, m.number) }

// boundary separates its parts.
const boundary = "=_between"

// raw is the mail as it is sent, each line ended by CRLF, before dots are doubled.
func (m *mail) raw() []byte {
	r := rand.New(rand.NewPCG(m.seed, uint64(m.number)))
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: %s", m.sender())
	line("To: %s", queueAddress)
	line("Subject: Matter %d", m.origin().number)
	line("Message-ID: <%s>", m.messageID())
	line("Date: %s", time.Unix(1_790_000_000+int64(m.number), 0).UTC().Format(time.RFC1123Z))
	if m.answers != nil {
		line("In-Reply-To: <%s>", m.answers.messageID())
		line("References: <%s>", m.answers.messageID())
	}
	line("MIME-Version: 1.0")
	file := attachment(r)
	if file != nil {
		line("Content-Type: multipart/mixed; boundary=\"%s\"", boundary)
		line("\r\n--%s", boundary)
	}
	line("Content-Type: text/plain; charset=utf-8")
	line("\r\n%s", m.marker())
	words(&b, r)
	if file != nil {
		line("\r\n--%s", boundary)
		line("Content-Type: application/octet-stream; name=\"scan.bin\"")
		line("Content-Disposition: attachment; filename=\"scan.bin\"")
		line("Content-Transfer-Encoding: base64\r\n")
		text := base64.StdEncoding.EncodeToString(file)
		for ; len(text) > 76; text = text[76:] {
			line("%s", text[:76])
		}
		line("%s", text)
		line("--%s--", boundary)
	}
	return b.Bytes()
}

// attachment is the file of one mail in eight, mostly above what travels inside
// a commit (16 KiB); nil for the others.
func attachment(r *rand.Rand) []byte {
	if r.IntN(8) > 0 {
		return nil
	}
	file := make([]byte, 4<<10+r.IntN(120<<10))
	for i := range file {
		file[i] = byte(r.Uint32())
	}
	return file
}

// file is the attachment that the mail carries, or nil.
func (m *mail) file() []byte { return attachment(rand.New(rand.NewPCG(m.seed, uint64(m.number)))) }

// words are some lines of text; some begin with a dot, which SMTP doubles.
func words(b *bytes.Buffer, r *rand.Rand) {
	for range 2 + r.IntN(60) {
		if r.IntN(10) == 0 {
			b.WriteByte('.')
		}
		for range 1 + r.IntN(12) {
			n := 2 + r.IntN(8)
			b.WriteString(strings.Repeat(string(rune('a'+r.IntN(26))), n) + " ")
		}
		b.WriteString("\r\n")
	}
}
