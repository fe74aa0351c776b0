package outbox

import (
	"errors"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"unicode/utf8"

	"guichet/templates"
)

var errTooLarge = errors.New("too large to be scrubbed")

// calendar scrubs an invitation (RFC 5545). For a requester the team's queue
// becomes its organiser, so that the answer comes to the ticket, and of the
// attendees only they themselves stay.
func (s *scrubber) calendar(b []byte) ([]byte, error) {
	var out strings.Builder
	for _, l := range unfold(string(b)) {
		switch property(l) {
		case "ORGANIZER":
			if s.recipient != nil {
				l = `ORGANIZER;CN="` + quotable(s.queue.Title) + `":mailto:` + string(s.queue.Address)
			}
		case "ATTENDEE":
			if s.recipient != nil && !s.names(l) {
				continue
			}
		}
		refold(&out, s.text(l))
	}
	return []byte(out.String()), nil
}

// names reports whether an address of the recipient stands in the line, and
// nobody else's.
func (s *scrubber) names(l string) bool {
	found := mailtoAddress.FindAllStringSubmatch(l, -1)
	for _, m := range found {
		if !strings.EqualFold(m[1], string(s.recipient.Address)) {
			return false
		}
	}
	return len(found) > 0
}

var mailtoAddress = regexp.MustCompile(`(?i)mailto:([^\s";,:]+)`)

// card scrubs a vCard (RFC 6350). Keys and certificates go: they name their
// owner in a form that cannot be altered.
func (s *scrubber) card(b []byte) ([]byte, error) {
	var out strings.Builder
	for _, l := range unfold(string(b)) {
		if name := property(l); name == "KEY" || name == "SOUND" {
			continue
		}
		l = plainValue(l)
		refold(&out, s.text(l))
	}
	return []byte(out.String()), nil
}

// plainValue decodes a value in quoted-printable, as vCard 2.1 writes it.
func plainValue(l string) string {
	head, value, ok := strings.Cut(l, ":")
	if !ok || !quotedParameter.MatchString(head) {
		return l
	}
	decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
	if err != nil || !utf8.Valid(decoded) {
		return head + ":"
	}
	text := strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(string(decoded))
	return quotedParameter.ReplaceAllString(head, "") + ":" + text
}

var quotedParameter = regexp.MustCompile(`(?i);(?:ENCODING=)?QUOTED-PRINTABLE`)

// property is the name of a content line, in capitals, without its group.
func property(l string) string {
	name := l
	if i := strings.IndexAny(l, ";:"); i >= 0 {
		name = l[:i]
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToUpper(strings.TrimSpace(name))
}

// unfold gives content lines whole (RFC 5545 §3.1, and the soft line ends of
// vCard 2.1).
func unfold(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	text = strings.ToValidUTF8(strings.TrimPrefix(text, "\ufeff"), "")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	var lines []string
	var whole strings.Builder
	quoted := false // the line begun is in quoted-printable
	for l := range strings.SplitSeq(text, "\n") {
		if whole.Len() == 0 {
			head, _, _ := strings.Cut(l, ":")
			quoted = quotedParameter.MatchString(head)
		}
		if part, soft := strings.CutSuffix(l, "="); soft && quoted {
			whole.WriteString(part)
			continue
		}
		if whole.WriteString(l); whole.Len() > 0 {
			lines = append(lines, whole.String())
		}
		whole.Reset()
	}
	if whole.Len() > 0 {
		lines = append(lines, whole.String())
	}
	return lines
}

// refold writes a content line in pieces of at most 75 octets.
func refold(b *strings.Builder, l string) {
	room := 75
	for len(l) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(l[cut]) {
			cut--
		}
		b.WriteString(l[:cut] + "\r\n ")
		l, room = l[cut:], 74
	}
	b.WriteString(l + "\r\n")
}

// quotable is a text that may stand between quotation marks in a parameter.
func quotable(s string) string {
	return strings.ReplaceAll(templates.Line(s, 100), `"`, "'")
}
