package outbox

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"guichet/templates"
	"guichet/ticket"
)

// message is one mail to one recipient, ready to be written as often as is
// needed: once to be signed and measured, once for each host that is tried. It
// gives the same bytes each time. Files are opened when they are written, and
// pass through; nothing holds them whole.
//
// Composing is done here on the standard library: the modules for it hold every
// file in memory, encoded, until the message is sent.
type message struct {
	fields   []field
	boundary string // a word that no encoded content can hold
	locale   string
	text     string
	html     string
	files    []file
}

// field is a header field. Its name is a constant of this package; its value is
// ASCII without line ends.
type field struct{ name, value string }

// file is an attachment.
type file struct {
	name, mediaType string
	contentID       string // where the HTML shows it
	encoding        string // base64, or 7bit for an attached message (RFC 2046 §5.2.1)
	open            func(context.Context) (io.ReadCloser, error)
}

// longestLine is what header lines are folded at (RFC 5322 §2.1.1).
const longestLine = 76

// words encodes what may be in any language for a field (RFC 2047).
func words(s string) string { return mime.QEncoding.Encode("utf-8", s) }

// mailbox writes name and address for an address field.
func mailbox(name string, a ticket.Address) string {
	return (&mail.Address{Name: templates.Line(name, 120), Address: string(a)}).String()
}

// add appends a field; an empty value adds none. Whatever should not be there
// and somehow is, a line end above all, is taken out at this one place.
func (m *message) add(name, value string) {
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value)
	if value != "" {
		m.fields = append(m.fields, field{name, value})
	}
}

// writeTo writes the whole message with CRLF line ends.
func (m *message) writeTo(ctx context.Context, w io.Writer) error {
	for _, f := range m.fields {
		if _, err := io.WriteString(w, fold(f)); err != nil {
			return err
		}
	}
	alternative := "multipart/alternative; boundary=\"" + m.boundary + "a\""
	if len(m.files) == 0 {
		if _, err := io.WriteString(w, fold(field{"Content-Type", alternative})+"\r\n"); err != nil {
			return err
		}
		return m.writeBody(w)
	}
	outer := multipart.NewWriter(w)
	if err := outer.SetBoundary(m.boundary + "m"); err != nil {
		return err
	}
	if _, err := io.WriteString(w, fold(field{"Content-Type", "multipart/mixed; boundary=\"" + m.boundary + "m\""})+"\r\n"); err != nil {
		return err
	}
	body, err := outer.CreatePart(textproto.MIMEHeader{"Content-Type": {alternative}})
	if err != nil {
		return err
	}
	if err := m.writeBody(body); err != nil {
		return err
	}
	for _, f := range m.files {
		part, err := outer.CreatePart(f.header())
		if err != nil {
			return err
		}
		if err := f.writeTo(ctx, part); err != nil {
			return err
		}
	}
	return outer.Close()
}

// writeBody writes the text twice over: plain, then HTML (RFC 2046 §5.1.4).
func (m *message) writeBody(w io.Writer) error {
	both := multipart.NewWriter(w)
	if err := both.SetBoundary(m.boundary + "a"); err != nil {
		return err
	}
	for _, each := range []struct{ mediaType, text string }{
		{"text/plain; charset=utf-8; format=flowed", m.text},
		{"text/html; charset=utf-8", m.html},
	} {
		part, err := both.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {each.mediaType},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return err
		}
		encoder := quotedprintable.NewWriter(part)
		if _, err := io.WriteString(encoder, each.text); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
	}
	return both.Close()
}

func (f file) header() textproto.MIMEHeader {
	params := map[string]string{}
	if f.name != "" {
		params["name"] = f.name
	}
	h := textproto.MIMEHeader{
		"Content-Type":              {parameters(f.mediaType, params)},
		"Content-Transfer-Encoding": {f.encoding},
	}
	disposition := "attachment"
	if f.contentID != "" {
		disposition = "inline"
		h.Set("Content-Id", "<"+f.contentID+">")
	}
	delete(params, "name")
	if f.name != "" {
		params["filename"] = f.name
	}
	h.Set("Content-Disposition", parameters(disposition, params))
	return h
}

// parameters writes a value with parameters (RFC 2045, RFC 2231), on lines of
// their own because names may be long.
func parameters(value string, params map[string]string) string {
	whole := mime.FormatMediaType(value, params)
	if whole == "" {
		return value
	}
	return strings.ReplaceAll(whole, "; ", ";\r\n ")
}

// writeTo writes the file's bytes, encoded.
func (f file) writeTo(ctx context.Context, w io.Writer) error {
	r, err := f.open(ctx)
	if err != nil {
		return fmt.Errorf("file of the article: %w", err)
	}
	defer r.Close()
	if f.encoding != "base64" {
		_, err = io.Copy(w, r)
		return err
	}
	lines := &lineWriter{w: w}
	encoder := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(encoder, r); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	return lines.end()
}

// lineWriter breaks base64 into lines (RFC 2045 §6.8).
type lineWriter struct {
	w    io.Writer
	used int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), longestLine-l.used)
		if _, err := l.w.Write(p[:n]); err != nil {
			return written, err
		}
		written, p, l.used = written+n, p[n:], l.used+n
		if l.used == longestLine {
			if err := l.end(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (l *lineWriter) end() error {
	if l.used == 0 {
		return nil
	}
	l.used = 0
	_, err := io.WriteString(l.w, "\r\n")
	return err
}

// fold writes a field as lines, broken at its spaces.
func fold(f field) string {
	var b strings.Builder
	b.WriteString(f.name + ":")
	used := b.Len()
	for word := range strings.SplitSeq(f.value, " ") {
		if word == "" {
			continue
		}
		if used+1+len(word) > longestLine && used > len(f.name)+1 {
			b.WriteString("\r\n")
			used = 0
		}
		b.WriteString(" " + word)
		used += 1 + len(word)
	}
	b.WriteString("\r\n")
	return b.String()
}
