package parser

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"unicode/utf8"
)

// Parse reads a message (RFC 5322, MIME) from its bytes as they came. Any bytes
// give a Message; it costs time linear in their number. Attachments are views
// of raw, which must stay unchanged as long as they are used.
func Parse(raw []byte) *Message { return parse(raw, true) }

// parse does the work of Parse. A message within a message is read with outer
// unset: those within it stay closed.
func parse(raw []byte, outer bool) *Message {
	raw = skipPreamble(raw)
	w := &walker{}
	root := w.walk(raw, nil, 0, "text/plain")
	m := &Message{}
	m.envelope(&root.header, &w.problems)
	m.Digest = digest(m, root)
	if w.exceeded {
		m.unreadable(root, &w.problems)
		return m
	}
	b := &body{problems: &w.problems}
	if len(w.stray) > 0 {
		b.sections = append(b.sections, section{plain: strings.Join(w.stray, "\n"), hasPlain: true})
	}
	b.gather(root)
	b.useSpare()
	b.fallback(root)
	m.fill(root, b, outer)
	m.Problems = w.problems.list()
	return m
}

// fill puts what was found in the parts into the message.
func (m *Message) fill(root *part, b *body, outer bool) {
	var c content
	if tooLong(b.sections) {
		m.Text = whole(b.sections)
	} else {
		c = compose(b.sections)
		if m.Text = c.whole; m.Text == "" {
			m.Text = join(c.text)
		}
		if len(c.text) > maxReplyLines {
			c = content{}
		}
	}
	m.Attachments = b.attachments
	if m.Attachments == nil {
		m.Attachments = []Attachment{}
	}
	nameAttachments(m.Attachments)
	m.Encrypted = b.encrypted
	if m.Encrypted == "" && strings.Contains(m.Text, "-----BEGIN PGP MESSAGE-----") {
		m.Encrypted = "pgp"
	}
	m.Calendar = b.invitation
	m.Bounce = findBounce(m, root, b)
	m.Automatic = classify(m, root, b.challenge)
	if outer {
		m.Forwarded = findForwarded(m, c, b)
	}
	m.Reply, m.Signature = m.split(c)
	m.Language = detectLanguage(m.Reply, m.Languages)
}

// envelope reads the header fields.
func (m *Message) envelope(h *header, ps *problems) {
	if ids := parseIDs(h.get("message-id")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = parseIDs(strings.Join(h.all("in-reply-to"), " "))
	m.References = parseIDs(strings.Join(h.all("references"), " "))
	m.Date = parseDate(h.get("date"))
	m.Subject = decodeWords(h.get("subject"))
	m.From = firstAuthor(h)
	if s := parseAddresses(h.get("sender")); len(s) > 0 {
		m.Sender = &s[0]
	}
	m.ReplyTo = parseAddresses(h.get("reply-to"))
	m.To = parseAddresses(strings.Join(h.all("to"), ", "))
	m.Cc = parseAddresses(strings.Join(h.all("cc"), ", "))
	m.Languages = headerLanguages(h)
	m.Chat = h.get("chat-version") != ""
	for _, name := range []string{"from", "subject", "date", "message-id", "to"} {
		if len(h.all(name)) > 1 {
			ps.add("several " + name + " fields")
		}
	}
	if m.Date.IsZero() {
		ps.add("no date that can be read")
	}
}

// firstAuthor is From, or what stands in for it where it is missing.
func firstAuthor(h *header) Mailbox {
	for _, name := range []string{"from", "sender", "reply-to", "return-path"} {
		for _, value := range h.all(name) {
			if list := parseAddresses(value); len(list) > 0 {
				return list[0]
			}
		}
	}
	return Mailbox{}
}

// unreadable fills a message whose structure exceeds the limits: nothing in it
// is opened, its text is the raw text as far as it can be shown.
func (m *Message) unreadable(root *part, ps *problems) {
	ps.add("structure beyond the limits")
	m.Unreadable = true
	text, _ := decodeCharset(root.body[:min(len(root.body), maxRawText)], "")
	m.Text = tidy(cleanText(text))
	m.Reply = m.Text
	m.Attachments = []Attachment{}
	m.Automatic = classify(m, root, false)
	m.Problems = ps.list()
}

// digest is the same for two deliveries of one message.
func digest(m *Message, root *part) (sum [32]byte) {
	h := sha256.New()
	for _, name := range []string{"message-id", "from", "date", "subject"} {
		h.Write([]byte(root.header.get(name)))
		h.Write([]byte{0})
	}
	h.Write(root.body)
	h.Sum(sum[:0])
	return sum
}

// skipPreamble passes what may stand before the first field: a BOM, empty
// lines, the envelope line of an mbox, also a quoted one.
func skipPreamble(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	if len(raw) > 1 && !utf8.Valid(raw[:2]) && (raw[0] == 0xFF && raw[1] == 0xFE || raw[0] == 0xFE && raw[1] == 0xFF) {
		text, _ := decodeCharset(raw[:min(len(raw), maxText)], "utf-16")
		raw = []byte(text)
	}
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")) // a file of an old Macintosh
	}
	for len(raw) > 0 {
		line, next := nextLine(raw, 0)
		if !isBlank(line) && !isFromLine(line) {
			return raw
		}
		// Empty lines before a body that has no header are no header's end.
		rest := raw[next:]
		if isBlank(line) {
			if below, _ := nextLine(rest, 0); !isBlank(below) && fieldName(below) == 0 && !isFromLine(below) {
				return raw
			}
		}
		raw = rest
	}
	return raw
}
