package outbox

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"guichet/templates"
	"guichet/ticket"
)

// scrubber takes out of what one party wrote what another must not see: our
// tokens, which let whoever holds them write as their owner, and in mail to
// requesters the addresses of everybody else and the codes of their requests.
type scrubber struct {
	queue *ticket.Queue
	// hidden are addresses, in the form of Key, and what stands in their place.
	hidden map[string]string
	// recipient is whom the mail is for; nil where nobody's address is hidden.
	recipient *ticket.Participant
	// codes takes out the tracking codes of who else's requests it is about.
	codes *strings.Replacer
}

// scrubForRequester hides everybody but the recipient: the team behind the
// queue's address, others behind their names.
func scrubForRequester(site *ticket.Site, queue *ticket.Queue, tickets []*ticket.Ticket, to *ticket.Participant) *scrubber {
	s := &scrubber{queue: queue, hidden: map[string]string{}, recipient: to}
	for _, t := range tickets {
		for _, p := range t.Participants {
			shown := string(queue.Address)
			if name := templates.Line(p.Name, 60); p.Role != ticket.AgentRole && name != "" && !strings.Contains(name, "@") {
				shown = name
			}
			for _, a := range append([]ticket.Address{p.Address}, p.Other...) {
				s.hidden[a.Key()] = shown
			}
		}
	}
	for _, q := range site.Queues {
		for _, a := range q.Agents {
			s.hidden[a.Key()] = string(queue.Address)
		}
	}
	for _, a := range append([]ticket.Address{to.Address}, to.Other...) {
		delete(s.hidden, a.Key())
	}
	delete(s.hidden, "")
	s.codes = othersCodes(tickets, to)
	return s
}

// othersCodes takes the tracking codes out of a text that are not the
// recipient's: an answer may name one, and leaves to those copied too.
func othersCodes(tickets []*ticket.Ticket, to *ticket.Participant) *strings.Replacer {
	var pairs []string
	for _, t := range tickets {
		if t.Tracking != "" && !t.Requester().Is(to.Address) {
			pairs = append(pairs, ticket.ShowCode(t.Tracking), "…", t.Tracking, "…")
		}
	}
	return strings.NewReplacer(pairs...)
}

// scrubForAgent takes out tokens alone: the team may see who is who.
func scrubForAgent(queue *ticket.Queue) *scrubber { return &scrubber{queue: queue} }

// line scrubs a subject or a person's name.
func (s *scrubber) line(text string) string { return s.text(templates.Line(text, 1000)) }

// fileName scrubs the name of a file, whose ending would otherwise be taken for
// a part of the domain: anna@acme.example.pdf.
func (s *scrubber) fileName(name string) string {
	scrubbed := s.line(name)
	ending := path.Ext(name)
	if scrubbed != templates.Line(name, 1000) || ending == "" || ending == name {
		return fileName(scrubbed)
	}
	return fileName(s.fileName(strings.TrimSuffix(name, ending)) + ending)
}

// text scrubs a text.
func (s *scrubber) text(text string) string {
	if s.codes != nil {
		text = s.codes.Replace(text)
	}
	return s.addresses(s.tokens(text))
}

// wrapped finds a token that a mail program broke over lines, with or without
// quote signs: the parts are of its alphabet, and an @ ends it.
var wrapped = regexp.MustCompile(`(?i)[a-z2-7]+(?:=?\r?\n[> \t]*[a-z2-7]+){1,3}@`)

var betweenParts = regexp.MustCompile(`=?\r?\n[> \t]*`)

func (s *scrubber) tokens(text string) string {
	if mayBeWrapped(text) {
		text = wrapped.ReplaceAllStringFunc(text, func(found string) string {
			joined := betweenParts.ReplaceAllString(found, "")
			if _, ok := ticket.ParseToken(strings.TrimSuffix(joined, "@")); ok {
				return joined
			}
			return found
		})
	}
	var b strings.Builder
	for {
		start, end := nextToken(text)
		if start < 0 {
			b.WriteString(text)
			return b.String()
		}
		left, right := aroundToken(text, start, end)
		b.WriteString(text[:left])
		b.WriteString(s.inPlace(text[left:right], text[end:right]))
		text = text[right:]
	}
}

// mayBeWrapped spares the pattern texts in which no @ ends a line's first word.
func mayBeWrapped(text string) bool {
	for rest, before := text, 0; ; {
		i := strings.IndexByte(rest, '@')
		if i < 0 {
			return false
		}
		at := before + i
		rest, before = text[at+1:], at+1
		first := at
		for first > 0 && tokenLetter(text[first-1]) {
			first--
		}
		start := strings.TrimRight(text[:first], "> \t")
		if first < at && strings.HasSuffix(start, "\n") {
			return true
		}
	}
}

// nextToken finds the first run of exactly a token's length in its alphabet
// that reads as one.
func nextToken(text string) (start, end int) {
	begin := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && tokenLetter(text[i]) {
			if begin < 0 {
				begin = i
			}
			continue
		}
		if begin >= 0 {
			if at, ok := tokenIn(text, begin, i); ok {
				return at, at + ticket.TokenLength
			}
		}
		begin = -1
	}
	return -1, -1
}

// tokenIn looks for a token in a run of its letters: the run itself, or its end
// where it stands behind an encoded plus sign (%2B, of which 2B are letters too).
func tokenIn(text string, begin, end int) (at int, ok bool) {
	if end-begin == ticket.TokenLength+2 && begin > 0 && text[begin-1] == '%' {
		begin += 2
	}
	if end-begin != ticket.TokenLength {
		return 0, false
	}
	_, ok = ticket.ParseToken(text[begin:end])
	return begin, ok
}

func tokenLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '2' && c <= '7'
}

// aroundToken gives the whole of the address or Message-ID that holds a token.
func aroundToken(text string, start, end int) (left, right int) {
	left, right = start, end
	for left > 0 && (localLetter(text[left-1]) || text[left-1] == '%') {
		left--
	}
	for right < len(text) && (localLetter(text[right]) || text[right] == '@' || text[right] == '%') {
		right++
	}
	for right > end && text[right-1] == '.' {
		right--
	}
	return left, right
}

func localLetter(c byte) bool {
	return tokenLetter(c) || c >= '0' && c <= '9' || strings.IndexByte("+-._=", c) >= 0
}

// inPlace says what stands for something that held a token: the queue's address
// for an address of the queue, nothing for an identifier.
func (s *scrubber) inPlace(found, after string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(after, "@"), "%40")
	if len(host) == len(after) { // no @ follows the token at once
		if after == "" && !strings.ContainsAny(found, "+=") {
			return "…"
		}
		return ""
	}
	domains := []string{s.queue.Address.Domain(), s.queue.ReplyDomain}
	for _, a := range s.queue.Aliases {
		domains = append(domains, a.Domain())
	}
	if slices.Contains(domains, strings.ToLower(host)) {
		return string(s.queue.Address)
	}
	return ""
}

// addresses puts something else in the place of addresses that are hidden.
func (s *scrubber) addresses(text string) string {
	if len(s.hidden) == 0 {
		return text
	}
	var b strings.Builder
	for {
		at, sign := nextAt(text)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + sign
		for end < len(text) {
			r, n := utf8.DecodeRuneInString(text[end:])
			if !(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '-' || r == '.') {
				break
			}
			end += n
		}
		domain := strings.TrimRight(text[at+sign:end], ".-")
		end = at + sign + len(domain)
		begin, shown, found := s.find(text[:at], domain)
		if !found {
			b.WriteString(text[:at+sign])
			text = text[at+sign:]
			continue
		}
		b.WriteString(text[:begin] + shown)
		text = text[end:]
	}
}

// nextAt finds the next @, as it is or encoded as in a link, and its length.
func nextAt(text string) (at, length int) {
	for at < len(text) {
		i := strings.IndexAny(text[at:], "@%")
		if i < 0 {
			break
		}
		at += i
		if text[at] == '@' {
			return at, 1
		}
		if strings.HasPrefix(text[at:], "%40") {
			return at, 3
		}
		at++
	}
	return -1, 0
}

// longestLocal bounds how far before an @ a local part is looked for: 64 octets
// (RFC 5321 §4.5.3.1.1) and what may be glued to it.
const longestLocal = 80

// find tells whether what ends text and stands before an @ is the local part of
// a hidden address, and where it begins.
func (s *scrubber) find(text, domain string) (begin int, shown string, found bool) {
	begin = len(text)
	for begin > 0 && len(text)-begin < longestLocal {
		r, n := utf8.DecodeLastRuneInString(text[:begin])
		if !(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune("!#$&'*+/?^_`{|}~.-", r)) {
			break
		}
		begin -= n
	}
	local := text[begin:]
	// What is glued to it on the left may be a sign of its surroundings: a
	// quotation mark, emphasis, a path, an escape such as %3A.
	for skip := range len(local) {
		if skip > 0 && !glue(local, skip, begin > 0 && text[begin-1] == '%') {
			continue
		}
		if shown, found = s.lookUp(local[skip:], domain); found {
			return begin + skip, shown, true
		}
	}
	return 0, "", false
}

// glue reports whether a local part may begin at i of what was found: behind a
// sign, or behind the two digits of an escape.
func glue(local string, i int, escaped bool) bool {
	if escaped && i == 2 {
		return true
	}
	return strings.IndexByte("!#$&'*/?^_`{|}~.-", local[i-1]) >= 0
}

func (s *scrubber) lookUp(local, domain string) (string, bool) {
	base, _, _ := strings.Cut(local, "+")
	for _, each := range []string{local, base} {
		if a, err := ticket.ParseAddress(each + "@" + domain); err == nil {
			if shown, ok := s.hidden[a.Key()]; ok {
				return shown, true
			}
		}
	}
	return "", false
}
