package parser

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// parseAddresses reads an address field as people and programs write it: the
// forms of RFC 5322 §3.4, and names with commas or without quotes, comments
// instead of names, semicolons for commas, addresses inside encoded words.
func parseAddresses(s string) []Mailbox {
	list := []Mailbox{}
	name := ""
	for _, chunk := range splitAddresses(s) {
		if name != "" {
			chunk = strings.TrimSpace(name) + ", " + strings.TrimSpace(chunk)
			name = ""
		}
		m := parseMailbox(chunk)
		switch {
		case m.Address != "":
			list = append(list, m)
		case strings.TrimSpace(chunk) != "" && len(chunk) <= maxName:
			// "Smith, John <j@example.com>": a comma in an unquoted name.
			name = chunk
		}
		if len(list) == maxAddresses {
			return list
		}
	}
	if name != "" {
		if m := parseMailbox(name); m.Name != "" || m.Address != "" {
			list = append(list, m)
		}
	}
	return list
}

// splitAddresses cuts at the commas (and semicolons) that separate addresses,
// and takes the names of groups off (RFC 5322 §3.4: "team: a@x, b@x;").
func splitAddresses(s string) []string {
	var chunks []string
	start, depth := 0, 0
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			// A quote that never closes is a letter.
			if quoted || strings.IndexByte(s[i+1:], '"') >= 0 {
				quoted = !quoted
			}
		case quoted:
		case c == '(' && strings.IndexByte(s[i:], ')') > 0:
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ':' && !angle && !strings.Contains(s[start:i], "@"):
			start = i + 1
		case (c == ',' || c == ';') && !angle:
			chunks = append(chunks, s[start:i])
			start = i + 1
		}
		if len(chunks) > maxAddresses {
			return chunks
		}
	}
	return append(chunks, s[min(start, len(s)):])
}

// parseMailbox reads one address with its name.
func parseMailbox(s string) Mailbox {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "@") && strings.Contains(s, "=?") {
		s = decodeWords(s) // the whole was encoded
	}
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		inside, after, _ := strings.Cut(s[i+1:], ">")
		name := cleanName(s[:i])
		if addr := cleanAddress(inside); addr != "" {
			if name == "" {
				name = cleanName(after)
			}
			return Mailbox{Name: name, Address: addr}
		}
		return Mailbox{Name: cleanName(strings.Join([]string{strings.TrimSpace(s[:i]), inside, after}, " "))}
	}
	bare, comment := cutComment(s)
	if a := closeUp(strings.TrimSpace(bare)); strings.Contains(a, "@") && (!strings.ContainsAny(a, " \t") || quotedLocal(a)) {
		return Mailbox{Name: cleanName(comment), Address: cleanAddress(a)}
	}
	if a := cleanAddress(comment); strings.Contains(a, "@") && !strings.ContainsAny(a, " ") {
		return Mailbox{Name: cleanName(bare), Address: a} // Name (address)
	}
	// "Jane Doe jane@example.com", "mailto:jane@example.com": a word with an @.
	for word := range strings.FieldsSeq(bare) {
		if i := strings.IndexByte(word, '@'); i > 0 && i < len(word)-1 {
			name := strings.Replace(bare, word, "", 1)
			return Mailbox{Name: cleanName(name), Address: cleanAddress(strings.Trim(word, `"'()[],;`))}
		}
	}
	return Mailbox{Name: cleanName(bare)}
}

// cutComment takes the last parenthesis off an address (RFC 5322 §3.2.2).
func cutComment(s string) (bare, comment string) {
	i := strings.IndexByte(s, '(')
	j := strings.LastIndexByte(s, ')')
	if i < 0 || j < i {
		return s, ""
	}
	return s[:i] + s[j+1:], s[i+1 : j]
}

// withoutComments takes all parentheses out of an address, also those within
// it: pete(his account)@example.com(his host).
func withoutComments(s string) string {
	var out strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	if depth > 0 {
		return s // never closed
	}
	return out.String()
}

// closeUp takes out the white space that may stand around the @ of an address
// and the dots behind it (RFC 5322 §4.4): ann@mx  . example.
func closeUp(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || !strings.ContainsAny(s, " \t") {
		return s
	}
	labels := strings.Split(s[at+1:], ".")
	for i := range labels {
		labels[i] = strings.TrimSpace(labels[i])
	}
	return strings.TrimRight(s[:at], " \t") + "@" + strings.Join(labels, ".")
}

// quotedLocal tells an address whose local part is quoted, which may hold spaces.
func quotedLocal(s string) bool {
	i := strings.Index(s, `"@`)
	return i > 0 && s[0] == '"' && !strings.ContainsAny(s[i:], " \t") && strings.Count(s, `"`) == 2
}

// cleanAddress takes off what does not belong to an address and lowers its
// domain. What is left may still be no valid address: it is shown as found.
func cleanAddress(s string) string {
	if s = decodeWords(s); !isASCII(s) { // control bytes are gone by then
		s = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, s)
	}
	if strings.ContainsAny(s, "( \t") {
		s = closeUp(withoutComments(s))
	}
	if s = strings.Trim(s, " \t<>'"); !strings.HasPrefix(s, `"`) || !strings.Contains(s, `"@`) {
		s = strings.Trim(s, " \t<>\"'")
	}
	for _, prefix := range []string{"mailto:", "smtp:", "SMTP:"} {
		s = strings.TrimPrefix(s, prefix)
	}
	if i := strings.IndexByte(s, '?'); i > 0 && strings.Contains(s[:i], "@") {
		s = s[:i]
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return ""
	}
	local, domain := s[:at], strings.ToLower(strings.TrimSpace(s[at+1:]))
	if strings.HasPrefix(local, "@") { // a source route (RFC 5322 §4.4)
		local = local[strings.LastIndexAny(local, ":,")+1:]
	}
	if !isASCII(domain) {
		if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
			domain = ascii
		}
	}
	if local = strings.TrimSpace(local); local == "" {
		return ""
	}
	return local + "@" + domain
}

// cleanName is a display name without quotes and with its words decoded.
func cleanName(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, `"\`) {
		s = unquote(s)
	}
	s = decodeWords(s)
	if strings.ContainsAny(s, `"`) {
		s = strings.TrimSpace(strings.Trim(s, `"`))
	}
	if n := len(s); n > 2 && s[0] == '\'' && s[n-1] == '\'' {
		s = s[1 : n-1] // Outlook puts 'name' around what was a bare address
	}
	if isASCII(s) {
		return strings.TrimSpace(s)
	}
	// Direction and other invisible characters make one name look like another.
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// unquote takes quotes and backslashes off (RFC 5322 §3.2.4).
func unquote(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case s[i] == '"':
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
