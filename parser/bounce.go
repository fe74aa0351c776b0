package parser

import (
	"bytes"
	"regexp"
	"strings"
)

// findBounce reads a report of delivery: by the standard (RFC 3464) where it
// has one, by X-Failed-Recipients (Exim, Google), else from its words. Reports
// of success, of reading and of complaint are no bounces, nor are those by
// which a challenge system asks to be answered.
func findBounce(m *Message, root *part, b *body) *Bounce {
	if complaint(root) {
		return nil
	}
	found := &Bounce{Recipients: []BouncedRecipient{}}
	status := statusReader{found: found}
	for _, p := range b.reports {
		if strings.HasSuffix(p.mediaType, "delivery-status") {
			status.read(decodeTransfer(p.encoding, p.body, maxInner))
		}
	}
	text := newReportText(m, root, b)
	switch {
	case len(found.Recipients) > 0:
	case status.delivered || status.challenged:
		b.challenge = status.challenged
		return nil
	case root.header.has("x-failed-recipients"):
		for _, a := range parseAddresses(root.header.get("x-failed-recipients")) {
			found.add(BouncedRecipient{Address: a.Address, Action: "failed"})
		}
	case text.isBounce():
		for _, addr := range text.recipients() {
			found.add(BouncedRecipient{Address: addr})
		}
	default:
		return nil
	}
	if text.quoted == "" {
		text.part()
	}
	text.complete(found)
	return found
}

// complaint reports whether the message is a feedback report (RFC 5965).
func complaint(root *part) bool {
	if strings.EqualFold(root.params["report-type"], "feedback-report") {
		return true
	}
	for _, c := range root.children {
		if c.mediaType == "message/feedback-report" || complaint(c) {
			return true
		}
	}
	return false
}

// add files a recipient, each once.
func (b *Bounce) add(r BouncedRecipient) {
	if len(b.Recipients) >= maxRecipients {
		return
	}
	for i := range b.Recipients {
		if strings.EqualFold(b.Recipients[i].Address, r.Address) {
			return
		}
	}
	b.Recipients = append(b.Recipients, r)
}

// statusReader reads message/delivery-status: groups of fields, the first about
// the message, each other about one recipient (RFC 3464 §2.1).
type statusReader struct {
	found      *Bounce
	pending    *BouncedRecipient
	delivered  bool // a recipient was reached
	challenged bool // a recipient asks who the sender is before it takes the message
}

func (r *statusReader) read(raw []byte) {
	if bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	}
	for n := 0; len(raw) > 0 && n < maxGroups; n++ {
		raw = bytes.TrimLeft(raw, "\r\n")
		end := endOfBlock(raw, 0)
		r.group(raw[:end])
		raw = raw[end:]
	}
	r.flush()
}

func (r *statusReader) group(raw []byte) {
	h := readHeader(raw)
	if id := firstID(h.get("x-original-message-id"), h.get("original-message-id")); id != "" {
		r.found.OriginalMessageID = id
	}
	for i := range h.fields {
		f := &h.fields[i]
		switch f.name {
		case "final-recipient", "original-recipient", "x-actual-recipient":
			r.recipient(f.name, reportAddress(unfold(f.value)))
		case "action", "status", "diagnostic-code":
			if r.pending == nil {
				r.pending = &BouncedRecipient{}
			}
			r.pending.set(f.name, decodeWords(unfold(f.value)))
		}
	}
	if r.pending != nil && r.pending.Address != "" {
		r.flush()
	}
}

func (r *statusReader) recipient(field, addr string) {
	p := r.pending
	switch {
	case p != nil && p.Address != "" && field == "final-recipient" && p.Status != "":
		r.flush() // the empty line between two groups was lost
		r.pending = &BouncedRecipient{Address: addr}
	case p == nil:
		r.pending = &BouncedRecipient{Address: addr}
	case !qualified(p.Address) && qualified(addr) || field == "final-recipient" && qualified(addr):
		p.Address = addr
	}
}

// flush files the recipient whose group is complete.
func (r *statusReader) flush() {
	p := r.pending
	r.pending = nil
	switch {
	case p == nil || p.Address == "":
	case p.Action == "delivered" || p.Action == "relayed" || p.Action == "expanded":
		r.delivered = true
	case strings.HasPrefix(p.Status, "4.7.") && containsAny(strings.ToLower(p.Diagnostic), challengeWords):
		r.challenged = true
	default:
		r.found.add(*p)
	}
}

// challengeWords stand in the diagnostics of systems that let a message in once
// its sender has said that they are a person. The status beside them is that of
// a security matter which may change (RFC 3463 §3.8).
var challengeWords = []string{"pre-approved", "preapproved", "not yet approved", "challenge", "guest list", "confirm your", "verify your", "verify that you", "confirm that you"}

// qualified tells an address of the world from one that only its host knows.
func qualified(addr string) bool {
	_, domain, ok := strings.Cut(addr, "@")
	return ok && strings.Contains(domain, ".")
}

func (r *BouncedRecipient) set(name, value string) {
	switch name {
	case "action":
		word, _, _ := strings.Cut(strings.ToLower(value), " ")
		r.Action = strings.Trim(word, ";,.")
	case "status":
		r.Status = statusPattern.FindString(value)
	case "diagnostic-code":
		kind, rest, ok := strings.Cut(value, ";")
		if ok && len(kind) < 20 && !strings.Contains(kind, " ") {
			value = rest
		}
		r.Diagnostic = strings.TrimSpace(value)
	}
}

// reportAddress takes the address out of "rfc822; ann@example.com".
func reportAddress(s string) string {
	if i := strings.IndexByte(s, ';'); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Trim(strings.TrimSpace(s), "<>")
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.HasPrefix(s, "@") {
		s = s[i+1:] // a source route
	}
	if strings.Contains(s, "=?") || !strings.Contains(s, "@") {
		return s // what only its host can read stays as it wrote it
	}
	if list := parseAddresses(s); len(list) > 0 {
		return list[0].Address
	}
	return ""
}

func firstID(values ...string) string {
	for _, v := range values {
		if ids := parseIDs(v); len(ids) > 0 {
			return ids[0]
		}
	}
	return ""
}

var statusPattern = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)

// reportText is what a report says outside of the standard.
type reportText struct {
	m       *Message
	header  *header
	text    string // the report's own words
	quoted  string // the message that came back, or its header, as text
	inner   *header
	reports bool // it has a delivery-status part, read or not
}

func newReportText(m *Message, root *part, b *body) *reportText {
	t := &reportText{m: m, header: &root.header, reports: len(b.reports) > 0}
	t.text = shorten(m.Text, 64<<10)
	for _, p := range b.messages {
		h := readHeader(decodeTransfer(p.encoding, p.body, maxHeaderBlock))
		t.inner = &h
		break
	}
	return t
}

// part divides the report's words from the message that it returns.
func (t *reportText) part() {
	t.text, t.quoted = cutReturned(t.text)
	if t.inner == nil && t.quoted != "" {
		h := readHeader([]byte(strings.TrimLeft(t.quoted, "\n >")))
		if len(h.fields) > 1 {
			t.inner = &h
		}
	}
}
