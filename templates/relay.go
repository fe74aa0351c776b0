package templates

import (
	"bytes"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"guichet/ticket"
)

// passage is a paragraph that somebody wrote.
type passage struct {
	// Depth counts the quote signs before its lines.
	Depth int
	Lines [][]piece
}

// piece is part of a line; Link is where it leads, if anywhere.
type piece struct{ Text, Link string }

// Line makes one line of words out of what anybody may have written: a name, a
// subject, the name of a file. Control characters go, also those that turn the
// direction of writing or have no width, with which text is made to look like
// another; it is cut behind max characters.
func Line(s string, max int) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case hidden(r) && !joiner(r) || r == utf8.RuneError:
			continue
		}
		if space {
			b.WriteByte(' ')
			count++
		}
		space = false
		if count >= max-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}

// hidden characters have no place in words: controls, formats (direction, zero
// width), private and unassigned ones.
func hidden(r rune) bool {
	if r >= ' ' && r <= '~' {
		return false // as most are
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// joiner are the two formats that scripts and emoji need within a word.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// Body cleans a text of several lines in the same way, but for the marks with
// which right-to-left text is written. Our own quote marker goes with the rest:
// only what we write ourselves may carry it. Every line ends in \n, and none in
// spaces.
func Body(s string) string {
	clean := make([]byte, 0, len(s))
	for s != "" {
		n := 0
		for n < len(s) && s[n] >= ' ' && s[n] <= '~' {
			n++
		}
		if clean, s = append(clean, s[:n]...), s[n:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case strings.HasPrefix(s, "\r\n"):
			size = 2
			fallthrough
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			clean = append(bytes.TrimRight(clean, " "), '\n')
		case r == '\t':
			clean = append(clean, "    "...)
		case r == utf8.RuneError || hidden(r) && !joiner(r) && r != '\u200e' && r != '\u200f':
		default:
			clean = append(clean, s[:size]...)
		}
		s = s[size:]
	}
	return string(bytes.Trim(bytes.TrimRight(clean, " "), "\n"))
}

// largestText bounds what one mail carries of a text; the rest stays with the
// ticket.
const largestText = 1 << 20

// passages reads what somebody wrote as plain text.
func passages(s string) []passage {
	if len(s) > largestText {
		s = strings.ToValidUTF8(s[:largestText], "") + " […]"
	}
	var all []passage
	for paragraph := range strings.SplitSeq(Body(s), "\n\n") {
		last := -1
		for text := range strings.SplitSeq(strings.Trim(paragraph, "\n"), "\n") {
			depth, rest := quoteDepth(text)
			if last < 0 || all[last].Depth != depth {
				all = append(all, passage{Depth: depth})
				last = len(all) - 1
			}
			all[last].Lines = append(all[last].Lines, links(rest))
		}
	}
	if len(all) == 1 && len(all[0].Lines) == 1 && len(all[0].Lines[0]) == 0 {
		return nil
	}
	return all
}

// quoteDepth counts the quote signs before a line.
func quoteDepth(s string) (int, string) {
	depth, rest := 0, s
	for {
		next, ok := strings.CutPrefix(strings.TrimPrefix(rest, " "), ">")
		if !ok || depth > 20 {
			break
		}
		depth, rest = depth+1, next
	}
	if depth > 0 {
		rest = strings.TrimPrefix(rest, " ")
	}
	return depth, rest
}

// links parts a line into text and addresses that may be followed. What is
// shown is always where it leads.
func links(s string) []piece {
	var out []piece
	for s != "" {
		i := indexHTTP(s)
		if i < 0 {
			break
		}
		candidate := s[i:]
		if end := strings.IndexFunc(candidate, endsLink); end >= 0 {
			candidate = candidate[:end]
		}
		candidate = strings.TrimRight(candidate, ".,;:!?'*_…»”’")
		for strings.HasSuffix(candidate, ")") && strings.Count(candidate, ")") > strings.Count(candidate, "(") {
			candidate = strings.TrimRight(strings.TrimSuffix(candidate, ")"), ".,;:")
		}
		if !safeLink(candidate) {
			out = append(out, piece{Text: s[:i+4]})
			s = s[i+4:]
			continue
		}
		if i > 0 {
			out = append(out, piece{Text: s[:i]})
		}
		out = append(out, piece{candidate, candidate})
		s = s[i+len(candidate):]
	}
	if s != "" {
		out = append(out, piece{Text: s})
	}
	return out
}

// indexHTTP finds where a link may begin, in letters of either case.
func indexHTTP(s string) int {
	for i := 0; i+4 <= len(s); i++ {
		if s[i]|0x20 == 'h' && strings.EqualFold(s[i:i+4], "http") {
			return i
		}
	}
	return -1
}

func endsLink(r rune) bool {
	return r <= ' ' || unicode.IsSpace(r) || strings.ContainsRune("<>\"`{}|\\^", r)
}

// safeLink reports whether s leads where a reader would think: http or https, a
// plain host in ASCII, and no name before an @ that could be taken for it.
func safeLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > 2000 || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	for i := 0; i < len(host); i++ {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return strings.Contains(host, ".") && !strings.Contains(strings.ToLower(host), "xn--")
}

// plain is the text of a line.
func plain(l []piece) string {
	var b strings.Builder
	for _, p := range l {
		b.WriteString(p.Text)
	}
	return b.String()
}

// shorten keeps the beginning of a text, without what it quotes: so many lines
// with words on them, so many characters.
func shorten(s string, lines, characters int) string {
	var kept []string
	for l := range strings.SplitSeq(Body(s), "\n") {
		if depth, _ := quoteDepth(l); depth > 0 {
			continue
		}
		n := utf8.RuneCountInString(l)
		if lines == 0 && n == 0 {
			continue
		}
		if lines == 0 {
			kept = append(kept[:len(kept)-1], strings.TrimRight(kept[len(kept)-1], " ")+" …")
			break
		}
		if n > characters {
			kept = append(kept, string([]rune(l)[:characters])+"…")
			break
		}
		if n > 0 {
			lines, characters = lines-1, characters-n
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, "\n")
}

// compact leaves out empty lines.
func compact(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), "\n")
}

// showAddress is an address as a person should see it. A domain beyond ASCII is
// shown in both its forms; one whose letters come from several scripts only in
// its ASCII form, which nobody takes for another.
func showAddress(a ticket.Address) string {
	domain := a.Domain()
	if !strings.Contains(domain, "xn--") {
		return string(a)
	}
	read, err := idna.Display.ToUnicode(domain)
	if err != nil || read == domain || mixed(read) {
		return string(a)
	}
	return a.Local() + "@" + read + " (" + domain + ")"
}

// mixed reports whether one label of a domain is written in several scripts.
func mixed(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		seen := map[string]bool{}
		for _, r := range label {
			if unicode.IsLetter(r) {
				seen[script(r)] = true
			}
		}
		if len(seen) > 1 {
			return true
		}
	}
	return false
}

// script names the script of a letter; those that are written together count as
// one.
func script(r rune) string {
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo) {
		return "East Asian"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// greeting is the name by which somebody is addressed: what they put before
// their address, if it is a name. A stranger must not have us write to them, or
// to whom they name, what they like.
func greeting(name string) string {
	name = Line(name, 60)
	if strings.ContainsAny(name, "@/:<>") || strings.HasSuffix(name, "…") {
		return ""
	}
	return name
}
