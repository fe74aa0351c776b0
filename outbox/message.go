package outbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"guichet/templates"
	"guichet/ticket"
)

// message is one mail to one recipient, ready to be written as often as is
// needed: once to be signed and measured, once for each host that is tried. It
// gives the same bytes each time. Files are opened when they are written, and
// pass through; nothing holds them whole.
type message struct {
	fields   []field
	boundary string // a word that no encoded content can hold
	skeleton []byte // all but the files' bytes, once it was composed
	locale   string
	text     string // with \n line ends, as html
	html     string // "" for a text alone
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
	mark            string // stands in the skeleton where its bytes go
	open            func(context.Context) (io.ReadCloser, error)
}

// longestLine is that of base64 (RFC 2045 §6.8).
const longestLine = 76

// words encodes what may be in any language for a field (RFC 2047).
func words(s string) string { return mime.QEncoding.Encode("utf-8", s) }

// mailbox writes name and address for an address field.
func mailbox(name string, a ticket.Address) string {
	return (&netmail.Address{Name: templates.Line(name, 120), Address: string(a)}).String()
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
	if m.skeleton == nil {
		if err := m.compose(); err != nil {
			return fmt.Errorf("compose: %w", err)
		}
	}
	rest := m.skeleton
	for _, f := range m.files {
		before, after, ok := bytes.Cut(rest, f.slot())
		if !ok {
			return errors.New("compose: a file has no place in the message")
		}
		if _, err := w.Write(before); err != nil {
			return err
		}
		if err := f.writeTo(ctx, w); err != nil {
			return err
		}
		rest = after
	}
	_, err := w.Write(rest)
	return err
}

// compose has go-mail write the message, with a mark in the place of what it
// brings: it would hold files whole, and encoded, until they are sent, and has
// texts encoded byte by byte. The texts are put in their places at once.
func (m *message) compose() error {
	frame, err := m.frame()
	if err != nil {
		return err
	}
	texts := []string{m.text}
	if m.html != "" {
		texts = append(texts, m.html)
	}
	mark := appendQuoted(nil, m.boundary)
	skeleton := make([]byte, 0, len(frame)+(len(m.text)+len(m.html))*5/4)
	for _, text := range texts {
		before, after, ok := bytes.Cut(frame, mark)
		if !ok {
			return errors.New("a text has no place in the message")
		}
		skeleton, frame = appendQuoted(append(skeleton, before...), text), after
	}
	m.skeleton = append(skeleton, frame...)
	return nil
}

func (m *message) frame() ([]byte, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	for _, f := range m.fields {
		if err := f.setOn(msg); err != nil {
			return nil, err
		}
	}
	msg.SetBodyString("text/plain; format=flowed", m.boundary)
	if m.html != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.boundary)
	}
	var files []*mail.File
	for i := range m.files {
		f := &m.files[i]
		f.mark = m.boundary + strconv.Itoa(i)
		files = append(files, &mail.File{Header: f.header(), Writer: func(w io.Writer) (int64, error) {
			n, err := io.WriteString(w, f.mark)
			return int64(n), err
		}})
	}
	msg.SetAttachments(files)
	var b bytes.Buffer
	_, err := msg.WriteTo(&b)
	return b.Bytes(), err
}

// setOn gives the field to go-mail: addresses as such, all else as generic
// fields, whose values it encodes.
func (f field) setOn(msg *mail.Msg) error {
	switch f.name {
	case "From", "To", "Reply-To":
		return msg.SetAddrHeader(mail.AddrHeader(f.name), f.value)
	}
	msg.SetGenHeader(mail.Header(f.name), f.value)
	return nil
}

// slot is what go-mail makes of the file's mark: whatever the field says, it
// writes base64. Nothing else in the message can hold a mark, which is drawn
// with the message.
func (f file) slot() []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(f.mark)) + "\r\n")
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
