package proof

import (
	"bytes"
	"crypto/sha256"
	"strings"

	"guichet/ticket"
)

// Beyond these no signature is checked: no mail program writes such a header, and
// it costs more than it may. Who its author is can still be said, if the field
// stands in what would be read, and is the only one of the whole.
const (
	maxHeader = 64 << 10
	maxField  = 16 << 10
	maxFields = 500
)

// singletons are the fields of which a message has at most one (RFC 5322 §3.6,
// RFC 2045 §3). With two of them, the one that was signed and the one that is
// shown may be different ones.
var singletons = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true,
	"date": true, "message-id": true, "in-reply-to": true, "references": true, "subject": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true,
}

type span struct{ start, end int }

type field struct {
	name string // in lower case
	span
}

// header is the fields of a message, by their place in it.
type header struct {
	data    []byte
	fields  []field // those before it broke, or grew too large
	body    int     // where the body begins
	broken  string  // why the header proves nothing
	huge    string  // why its signatures are not checked
	authors int     // From fields, also beyond the limits
	results []span  // all Authentication-Results, also of a broken header
	hops    int     // Received fields

	bodySums [2]bodySum // as they are asked for: simple, relaxed
}

// readHeader walks the header. It is linear in its length and, beyond the
// limits, keeps nothing but the places of what must be cut.
func readHeader(data []byte) *header {
	h := &header{data: data, body: len(data)}
	for at := 0; at < len(data); {
		end := fieldEnd(data, at)
		line := data[at:end]
		if string(line) == "\r\n" {
			h.body = end
			break
		}
		h.add(line, span{at, end})
		at = end
	}
	if h.body > maxHeader {
		h.exceed("its header is too large for signatures to be checked")
	}
	return h
}

// fieldEnd is where the field that begins at at ends, with its folded lines.
func fieldEnd(data []byte, at int) int {
	first := at
	for {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return len(data)
		}
		at += i + 1
		empty := at-first == 2 && data[first] == '\r'
		if empty || at >= len(data) || data[at] != ' ' && data[at] != '\t' {
			return at
		}
	}
}

func (h *header) add(line []byte, at span) {
	raw, _, ok := bytes.Cut(line, []byte(":"))
	name := strings.ToLower(string(bytes.TrimRight(raw[:min(len(raw), 80)], " \t")))
	switch {
	case !ok || len(raw) > 76 || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		h.spoil("the header has a line that is no field")
		return
	case name == "authentication-results":
		h.cut(at)
	case name == "received":
		h.hops++
	case name == "from":
		h.authors++
	}
	switch {
	case h.broken != "":
	case h.authors > 1 || singletons[name] && h.count(name) > 0:
		h.spoil("the header has two " + name + " fields")
	case len(line) > maxField, at.end > maxHeader:
		h.exceed("its header is too large for signatures to be checked")
	case len(h.fields) == maxFields:
		h.exceed("its header has too many fields for signatures to be checked")
	default:
		h.fields = append(h.fields, field{name, at})
	}
}

func (h *header) cut(at span) {
	if n := len(h.results); n > 0 && h.results[n-1].end == at.start {
		h.results[n-1].end = at.end
		return
	}
	h.results = append(h.results, at)
}

func (h *header) exceed(why string) {
	if h.huge == "" {
		h.huge = why
	}
}

func (h *header) spoil(why string) {
	if h.broken == "" {
		h.broken = why
	}
}

func (h *header) count(name string) int {
	n := 0
	for _, f := range h.fields {
		if f.name == name {
			n++
		}
	}
	return n
}

// value is a field's text, unfolded, without what surrounds it.
func (h *header) value(f field) string {
	_, value, _ := bytes.Cut(h.data[f.start:f.end], []byte(":"))
	return strings.TrimSpace(strings.ReplaceAll(string(value), "\r\n", ""))
}

// author is the one address of the one From field, or why there is none.
func (h *header) author() (address ticket.Address, problem string) {
	if h.broken != "" {
		return "", h.broken
	}
	for _, f := range h.fields {
		if f.name == "from" {
			if address, ok := oneAddress(h.value(f)); ok {
				return address, ""
			}
			return "", "the From field is not exactly one address"
		}
	}
	if h.authors > 0 {
		return "", "the From field is beyond what is read of a header"
	}
	return "", "there is no From field"
}

// oneAddress reads a From field that names exactly one mailbox, in a way that
// leaves no room for another reading: "words <address>", "<address>" or
// "address", with comments. Lists, groups, and an @ in words that are not
// quoted are refused rather than understood.
func oneAddress(s string) (ticket.Address, bool) {
	words, inside, ok := splitMailbox(s)
	switch {
	case !ok:
		return "", false
	case inside == "":
		inside = words // without angle brackets the words are the address
	case strings.ContainsAny(words, "@,;:"):
		return "", false
	}
	address, err := ticket.ParseAddress(inside)
	return address, err == nil
}

// splitMailbox takes a mailbox apart: the words before angle brackets, and what
// stands in the one pair of them at the end, if there is one. Of a quoted
// string the words keep a quote and of a comment a space, neither of which can
// be in an address: so none can be made by leaving something out.
func splitMailbox(s string) (words, inside string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '(':
			end := closing(s, i)
			if end < 0 || s[i] == '"' && inside != "" {
				return "", "", false
			}
			b.WriteByte(map[byte]byte{'"': '"', '(': ' '}[s[i]])
			i = end
		case '<':
			end := strings.IndexByte(s[i:], '>')
			if end < 0 || inside != "" {
				return "", "", false
			}
			inside, i = s[i+1:i+end], i+end
			if inside == "" {
				return "", "", false
			}
		default:
			if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f || s[i] == '\\' || inside != "" && s[i] != ' ' && s[i] != '\t' {
				return "", "", false
			}
			b.WriteByte(s[i])
		}
	}
	return strings.TrimSpace(b.String()), inside, true
}

// closing is where the quoted string or (nested) comment that opens at i ends,
// or -1.
func closing(s string, i int) int {
	quoted, depth := s[i] == '"', 1
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case quoted && s[i] == '"':
			return i
		case !quoted && s[i] == '(':
			depth++
		case !quoted && s[i] == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// Strip takes the Authentication-Results that nobody vouches for out of data
// and returns what is left. It moves the header within data, towards the body,
// which stays where it is, however large.
func (v *Verdict) Strip(data []byte) []byte {
	if len(v.cut) == 0 {
		return data
	}
	begin := v.cut[len(v.cut)-1].end
	for i := len(v.cut) - 1; i >= 0; i-- {
		keep := 0
		if i > 0 {
			keep = v.cut[i-1].end
		}
		kept := data[keep:v.cut[i].start]
		begin -= len(kept)
		copy(data[begin:], kept)
	}
	return data[begin:]
}

// Digest is the same for two deliveries of one message, whatever trace lines
// the hosts between wrote: SHA-256 over the fields that a sender does not
// change when it tries again, and the body.
func Digest(data []byte) [sha256.Size]byte {
	h := readHeader(data)
	sum := sha256.New()
	for _, f := range h.fields {
		switch f.name {
		case "message-id", "from", "date", "subject":
			sum.Write(data[f.start:f.end])
		}
	}
	sum.Write([]byte("\r\n"))
	sum.Write(data[h.body:])
	return [sha256.Size]byte(sum.Sum(nil))
}
