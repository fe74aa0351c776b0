package outbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"

	"guichet/ticket"
)

// deepest and mostParts bound an attached message; one beyond is not passed on.
const (
	deepest   = 6
	mostParts = 100
)

var errStructure = errors.New("an attached message of too many parts")

// mailScrubber writes an attached message anew: the few fields that a reader
// needs, and each part decoded, scrubbed and encoded again. Nothing of the
// original is copied unread, so nothing of it slips through.
type mailScrubber struct {
	*scrubber
	parts int
}

// mail scrubs an attached message (RFC 5322). The result is 7bit.
func (s *scrubber) mail(b []byte) ([]byte, error) {
	var out bytes.Buffer
	m := mailScrubber{scrubber: s}
	err := m.message(&out, bytes.NewReader(b), 0)
	return out.Bytes(), err
}

func (m *mailScrubber) message(w *bytes.Buffer, r io.Reader, depth int) error {
	read, err := mail.ReadMessage(r)
	if err != nil {
		return fmt.Errorf("an attached message: %w", err)
	}
	for _, name := range []string{"Date", "From", "To", "Cc", "Subject"} {
		value := m.field(name, read.Header.Get(name))
		if value != "" {
			w.WriteString(fold(field{name, value}))
		}
	}
	w.WriteString("MIME-Version: 1.0\r\n")
	return m.part(w, textproto.MIMEHeader(read.Header), read.Body, depth)
}

// field scrubs one header field.
func (m *mailScrubber) field(name, value string) string {
	switch name {
	case "Date":
		if t, err := mail.ParseDate(value); err == nil {
			return t.Format("Mon, 02 Jan 2006 15:04:05 -0700")
		}
		return ""
	case "Subject":
		return words(m.line(decodeWords(value)))
	}
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}}
	list, err := parser.ParseList(value)
	if err != nil {
		return ""
	}
	var shown []string
	for _, each := range list {
		a, err := ticket.ParseAddress(m.text(each.Address))
		if err != nil { // a name stands for the address
			shown = append(shown, mailbox(m.line(each.Name), m.queue.Address))
			continue
		}
		shown = append(shown, mailbox(m.line(each.Name), a))
	}
	return strings.Join(shown, ", ")
}

// part writes the header of a part, an empty line, and its content.
func (m *mailScrubber) part(w *bytes.Buffer, h textproto.MIMEHeader, body io.Reader, depth int) error {
	if m.parts++; m.parts > mostParts || depth > deepest {
		return errStructure
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind == "" {
		kind, params = "text/plain", map[string]string{}
	}
	decoded := decodeTransfer(h.Get("Content-Transfer-Encoding"), body)
	if strings.HasPrefix(kind, "multipart/") {
		return m.multipart(w, kind, params["boundary"], body, depth)
	}
	name := m.partName(h, params)
	switch how := treat(ticket.Attachment{Name: name, Type: kind}); how {
	case scrubMail:
		w.WriteString("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n")
		return m.message(w, decoded, depth+1)
	case scrubCalendar, scrubCard:
		return m.scrubbedPart(w, kind, name, decoded, how)
	}
	if strings.HasPrefix(kind, "text/") {
		return m.textPart(w, kind, params["charset"], name, decoded)
	}
	content, err := io.ReadAll(decoded)
	if err != nil {
		return err
	}
	m.leaf(w, mediaType(kind), name, content)
	return nil
}

// multipart writes its parts, without those that cannot be passed on. What was
// signed is signed no longer.
func (m *mailScrubber) multipart(w *bytes.Buffer, kind, boundary string, body io.Reader, depth int) error {
	if boundary == "" || kind == "multipart/encrypted" {
		return errStructure
	}
	if kind == "multipart/signed" || kind == "multipart/report" {
		kind = "multipart/mixed"
	}
	ours := fmt.Sprintf("=_attached-%d", m.parts)
	w.WriteString(fold(field{"Content-Type", kind + "; boundary=\"" + ours + "\""}) + "\r\n")
	r := multipart.NewReader(body, boundary)
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("an attached message: %w", err)
		}
		if m.leftOut(p) {
			continue
		}
		w.WriteString("--" + ours + "\r\n")
		if err := m.part(w, p.Header, p, depth+1); err != nil {
			return err
		}
		w.WriteString("\r\n")
	}
	w.WriteString("--" + ours + "--\r\n")
	return nil
}

func (m *mailScrubber) leftOut(p *multipart.Part) bool {
	kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
	how := treat(ticket.Attachment{Name: m.partName(p.Header, params), Type: kind})
	return how == dropQuietly || how == keepBack
}

func (m *mailScrubber) partName(h textproto.MIMEHeader, params map[string]string) string {
	name := params["name"]
	if _, p, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && p["filename"] != "" {
		name = p["filename"]
	}
	if name == "" {
		return ""
	}
	return m.fileName(decodeWords(name))
}

func (m *mailScrubber) scrubbedPart(w *bytes.Buffer, kind, name string, r io.Reader, how treatment) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if how == scrubCalendar {
		content, err = m.calendar(content)
	} else {
		content, err = m.card(content)
	}
	if err != nil {
		return err
	}
	m.leaf(w, mediaType(kind)+"; charset=utf-8", name, content)
	return nil
}

func (m *mailScrubber) textPart(w *bytes.Buffer, kind, label, name string, r io.Reader) error {
	if label != "" {
		converted, err := charset.NewReaderLabel(label, r)
		if err == nil {
			r = converted
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	text := strings.ToValidUTF8(string(content), "\ufffd")
	if kind == "text/html" {
		text = m.html(text)
	} else {
		text = m.text(text)
	}
	m.leaf(w, mediaType(kind)+"; charset=utf-8", name, []byte(text))
	return nil
}

// html scrubs the text and the attributes of HTML, where an address may be
// written with entities.
func (m *mailScrubber) html(text string) string {
	var out strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.String()
		}
		token := z.Token()
		if kind == html.CommentToken {
			continue
		}
		for i := range token.Attr {
			token.Attr[i].Val = m.text(token.Attr[i].Val)
		}
		if kind == html.TextToken {
			token.Data = m.text(token.Data)
		}
		out.WriteString(token.String())
	}
}

// leaf writes a part without parts, in base64.
func (m *mailScrubber) leaf(w *bytes.Buffer, kind, name string, content []byte) {
	value, params := kind, map[string]string{}
	if v, p, err := mime.ParseMediaType(kind); err == nil {
		value, params = v, p
	}
	if name != "" {
		params["name"] = name
	}
	w.WriteString("Content-Type: " + parameters(value, params) + "\r\nContent-Transfer-Encoding: base64\r\n")
	if name != "" {
		w.WriteString("Content-Disposition: " + parameters("attachment", map[string]string{"filename": name}) + "\r\n")
	}
	w.WriteString("\r\n")
	lines := &lineWriter{w: w}
	encoder := base64.NewEncoder(base64.StdEncoding, lines)
	_, _ = encoder.Write(content) // a bytes.Buffer takes all
	_ = encoder.Close()
	_ = lines.end()
}

// decodeTransfer undoes a transfer encoding; an unknown one is none.
func decodeTransfer(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

func charsetReader(label string, r io.Reader) (io.Reader, error) {
	return charset.NewReaderLabel(label, r)
}

// fold writes a field as lines, broken at its spaces (RFC 5322 §2.1.1).
func fold(f field) string {
	var b strings.Builder
	b.WriteString(f.name + ":")
	used := b.Len()
	for word := range strings.SplitSeq(f.value, " ") {
		if word == "" {
			continue
		}
		if used+1+len(word) > 76 && used > len(f.name)+1 {
			b.WriteString("\r\n")
			used = 0
		}
		b.WriteString(" " + word)
		used += 1 + len(word)
	}
	b.WriteString("\r\n")
	return b.String()
}
