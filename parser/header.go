package parser

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// header is the fields of one header block in their order (RFC 5322 §2.2).
// Values are views into the message: folded, undecoded.
type header struct {
	fields []field
	// size is the bytes of the block, the empty line that ends it included.
	size int
	// tooLarge is set when the block or one of its fields exceeds the limits.
	tooLarge bool
	// charset is what the body says it is written in; bytes in the fields that are
	// no UTF-8 are taken for the same.
	charset string
	// mended is set when lines without a colon were found among the fields.
	mended bool
}

type field struct {
	name  string // in lower case
	value []byte
	start int // where value begins in the block
}

// get is the first field of that name, unfolded, or "".
func (h *header) get(name string) string {
	for i := range h.fields {
		if h.fields[i].name == name {
			return h.decode(&h.fields[i])
		}
	}
	return ""
}

// decode is the value of a field as one line of UTF-8; encoded words stay.
func (h *header) decode(f *field) string {
	s := unfold(f.value)
	if utf8.ValidString(s) {
		return s
	}
	text, _ := decodeCharset([]byte(s), h.charset)
	return text
}

// has reports whether a field of that name stands there, even an empty one.
func (h *header) has(name string) bool {
	for i := range h.fields {
		if h.fields[i].name == name {
			return true
		}
	}
	return false
}

// all is every field of that name in order, unfolded.
func (h *header) all(name string) []string {
	var values []string
	for i := range h.fields {
		if h.fields[i].name == name {
			values = append(values, h.decode(&h.fields[i]))
		}
	}
	return values
}

// unfold makes one line of a folded value and trims it.
func unfold(v []byte) string {
	v = bytes.TrimSpace(v)
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return string(v)
	}
	out := make([]byte, 0, len(v))
	for _, c := range v {
		switch c {
		case '\r':
		case '\n':
			// A fold without the space that RFC 5322 asks for would glue words.
			if n := len(out); n > 0 && out[n-1] != ' ' && out[n-1] != '\t' {
				out = append(out, ' ')
			}
		case ' ', '\t':
			if n := len(out); n == 0 || out[n-1] != ' ' {
				out = append(out, c)
			}
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// readHeader takes the header block at the start of b. It never fails: lines
// that are no field are joined to the field before them when more fields
// follow, and end the header when none does (the empty line was lost).
func readHeader(b []byte) header {
	h := header{}
	known := -2
	last := func() int { // looked for only when a line is no field
		if known == -2 {
			known = lastKnownField(b)
		}
		return known
	}
	for pos := 0; pos < len(b); {
		line, next := nextLine(b, pos)
		switch {
		case len(line) == 0:
			h.size = next
			return h
		case isBlank(line):
			if pos >= last() {
				h.size = next
				return h
			}
		case pos > maxHeaderBlock:
			h.tooLarge = true
			h.size = endOfBlock(b, pos)
			return h
		case isSpace(line[0]) && len(h.fields) > 0:
			h.extend(b, next)
		case fieldName(line) > 0:
			h.add(b, pos, next)
		case isFromLine(line):
			h.mended = h.mended || pos > 0
		case pos < last() && len(h.fields) > 0:
			h.mended = true
			h.extend(b, next)
		case pos < last() && beforeField(b, next):
			h.mended = true // a line that a program put on top
		default:
			// Text without the empty line before it: the body begins here.
			h.mended = len(h.fields) > 0
			h.size = pos
			return h
		}
		pos = next
	}
	h.size = len(b)
	return h
}

func (h *header) add(b []byte, pos, next int) {
	colon := bytes.IndexByte(b[pos:next], ':')
	name := strings.ToLower(string(bytes.TrimRight(b[pos:pos+colon], " \t")))
	if next-pos > maxField {
		h.tooLarge = true
		next = pos + maxField
	}
	start := min(pos+colon+1, next)
	h.fields = append(h.fields, field{name, b[start:next], start})
}

// extend lengthens the last field up to next.
func (h *header) extend(b []byte, next int) {
	f := &h.fields[len(h.fields)-1]
	if next-f.start > maxField {
		h.tooLarge = true
		return
	}
	f.value = b[f.start:next]
}

// endOfBlock finds the body behind a header block that is too large.
func endOfBlock(b []byte, pos int) int {
	for pos < len(b) {
		line, next := nextLine(b, pos)
		if len(line) == 0 {
			return next
		}
		pos = next
	}
	return len(b)
}

// nextLine gives the line at pos without its end (CRLF or LF), and where the next
// one begins.
func nextLine(b []byte, pos int) (line []byte, next int) {
	i := bytes.IndexByte(b[pos:], '\n')
	if i < 0 {
		return b[pos:], len(b)
	}
	line = b[pos : pos+i]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, pos + i + 1
}

// fieldName is the length of the field name that line begins with, or 0.
func fieldName(line []byte) int {
	for i, c := range line {
		switch {
		case c == ':':
			return len(bytes.TrimRight(line[:i], " \t"))
		case c == ' ' || c == '\t':
			// Only spaces may stand between the name and its colon.
			rest := bytes.TrimLeft(line[i:], " \t")
			if i > 0 && len(rest) > 0 && rest[0] == ':' {
				return i
			}
			return 0
		case c < '!' || c > '~' || i > 77:
			return 0
		}
	}
	return 0
}

// beforeField reports whether a field begins at pos.
func beforeField(b []byte, pos int) bool {
	line, _ := nextLine(b, pos)
	return fieldName(line) > 0
}

// isFromLine tells the envelope line of an mbox, quoted or not, from a field.
func isFromLine(line []byte) bool {
	line = bytes.TrimLeft(line, ">")
	return bytes.HasPrefix(line, []byte("From ")) && fieldName(line) == 0
}

// lastKnownField is where the last line stands, in the block at the start of
// b, that begins a field of a well-known name; -1 where none does. Text below
// a lost empty line seldom has one ("Note: …" is none).
func lastKnownField(b []byte) int {
	last := -1
	for pos := 0; pos < len(b) && pos <= maxHeaderBlock; {
		line, next := nextLine(b, pos)
		if len(line) == 0 {
			break
		}
		if n := fieldName(line); n > 0 && knownField(line[:n]) {
			last = pos
		}
		pos = next
	}
	return last
}

func knownField(name []byte) bool {
	s := strings.ToLower(string(name))
	return knownFields[s] || strings.HasPrefix(s, "content-") || strings.HasPrefix(s, "x-") ||
		strings.HasPrefix(s, "resent-") || strings.HasPrefix(s, "list-") || strings.HasPrefix(s, "arc-")
}

var knownFields = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "subject": true, "date": true,
	"sender": true, "reply-to": true, "message-id": true, "in-reply-to": true,
	"references": true, "received": true, "return-path": true, "mime-version": true,
	"delivered-to": true, "envelope-to": true, "dkim-signature": true, "user-agent": true,
	"authentication-results": true, "received-spf": true, "auto-submitted": true,
	"precedence": true, "thread-topic": true, "thread-index": true, "importance": true,
	"organization": true, "errors-to": true, "accept-language": true, "status": true,
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
