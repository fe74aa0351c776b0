package parser

import (
	"regexp"
	"strings"
)

// findBounce reads a report of delivery: by the standard (RFC 3464) where it
// has one, by X-Failed-Recipients (Exim, Google), else from its words. Reports
// of success, of reading and of complaint are no bounces.
func findBounce(m *Message, root *part, b *body) *Bounce {
	if complaint(root) {
		return nil
	}
	found := &Bounce{Recipients: []BouncedRecipient{}}
	delivered := false
	for _, p := range b.reports {
		if strings.HasSuffix(p.mediaType, "delivery-status") {
			delivered = readStatus(found, decodeTransfer(p.encoding, p.body, maxInner)) || delivered
		}
	}
	text := newReportText(m, root, b)
	switch {
	case len(found.Recipients) > 0:
	case delivered:
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

// readStatus reads message/delivery-status: groups of fields, the first about
// the message, each other about one recipient (RFC 3464 §2.1). It reports
// whether a recipient was reached.
func readStatus(found *Bounce, raw []byte) (delivered bool) {
	var pending *BouncedRecipient
	flush := func() {
		if pending != nil && pending.Address != "" {
			switch pending.Action {
			case "delivered", "relayed", "expanded":
				delivered = true
			default:
				found.add(*pending)
			}
		}
		pending = nil
	}
	for group := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\r", "\n"), "\n\n") {
		h := readHeader([]byte(strings.TrimLeft(group, "\n") + "\n"))
		if id := firstID(h.get("x-original-message-id"), h.get("original-message-id")); id != "" {
			found.OriginalMessageID = id
		}
		for i := range h.fields {
			f := &h.fields[i]
			switch f.name {
			case "final-recipient", "original-recipient", "x-actual-recipient":
				addr := reportAddress(unfold(f.value))
				switch {
				case pending != nil && pending.Address != "" && f.name == "final-recipient" && pending.Status != "":
					flush() // the empty line between two groups was lost
					pending = &BouncedRecipient{Address: addr}
				case pending == nil:
					pending = &BouncedRecipient{Address: addr}
				case !qualified(pending.Address) && qualified(addr) || f.name == "final-recipient" && qualified(addr):
					pending.Address = addr
				}
			case "action", "status", "diagnostic-code":
				if pending == nil {
					pending = &BouncedRecipient{}
				}
				pending.set(f.name, decodeWords(unfold(f.value)))
			}
		}
		if pending != nil && pending.Address != "" {
			flush()
		}
	}
	flush()
	return delivered
}

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
