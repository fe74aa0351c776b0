package parser

import (
	"sort"
	"strconv"
	"strings"
)

// parseParams reads a Content-Type or Content-Disposition: its value in lower
// case and its parameters (RFC 2045 §5.1, RFC 2231), also where quotes, the
// semicolon or the encoding are broken.
func parseParams(s string) (value string, params map[string]string) {
	head, rest, _ := strings.Cut(s, ";")
	value = strings.ToLower(strings.TrimSpace(head))
	if i := strings.IndexAny(value, " \t("); i >= 0 {
		// "text/plain charset=utf-8": the semicolon was forgotten.
		rest = s[min(len(s), strings.IndexAny(s, " \t(")+1):]
		value = strings.TrimSpace(value[:i])
	}
	params = make(map[string]string, 4)
	var pieces []paramPiece
	for rest != "" && len(pieces) < 200 {
		var p paramPiece
		if p, rest = cutParam(rest); p.name != "" {
			pieces = append(pieces, p)
		}
	}
	for _, p := range pieces {
		if p.section < 0 {
			// The extended form says the same more surely (RFC 2231 §4.1).
			if _, twice := params[p.name]; !twice || p.extended {
				params[p.name] = p.decode()
			}
		}
	}
	joinSections(params, pieces)
	return value, params
}

// paramPiece is one parameter as written, or one section of a long one.
type paramPiece struct {
	name     string
	section  int  // -1: the parameter is whole
	extended bool // name*: charset'language'percent-encoded
	value    string
}

func (p paramPiece) decode() string {
	if p.extended {
		label, text := cutExtended(p.value)
		decoded, _ := decodeCharset(unpercent(text), label)
		return decoded
	}
	return decodeWords(p.value)
}

// cutParam takes one name=value from the start of s.
func cutParam(s string) (p paramPiece, rest string) {
	p.section = -1
	s = strings.TrimLeft(s, " \t;,")
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return p, ""
	}
	if s[i] == ';' {
		return p, s[i+1:]
	}
	name := strings.ToLower(strings.TrimSpace(s[:i]))
	if j := strings.LastIndexAny(name, " \t"); j >= 0 {
		name = name[j+1:]
	}
	p.value, rest = cutParamValue(strings.TrimLeft(s[i+1:], " \t"))
	if strings.HasSuffix(name, "*") {
		p.extended, name = true, name[:len(name)-1]
	}
	if base, num, found := strings.Cut(name, "*"); found {
		n, err := strconv.Atoi(num)
		if err != nil || n < 0 {
			return p, rest
		}
		name, p.section = base, n
	}
	p.name = name
	return p, rest
}

func cutParamValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		// "boundary=abc charset=x": several without semicolons.
		if sp := strings.IndexAny(s[:end], " \t"); sp > 0 && strings.Contains(s[sp:end], "=") && !strings.Contains(s[:end], "=?") {
			end = sp
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			// A backslash of a Windows path is no escape.
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			out.WriteByte(s[i])
		case '"':
			return out.String(), s[i+1:]
		default:
			out.WriteByte(s[i])
		}
	}
	// The closing quote was lost: the value ends where the parameter does.
	value, rest, _ = strings.Cut(s[1:], ";")
	return strings.TrimSpace(value), rest
}

// joinSections puts long parameters together (RFC 2231 §3).
func joinSections(params map[string]string, pieces []paramPiece) {
	byName := map[string][]paramPiece{}
	for _, p := range pieces {
		if p.section >= 0 {
			byName[p.name] = append(byName[p.name], p)
		}
	}
	for name, parts := range byName {
		sort.SliceStable(parts, func(i, j int) bool { return parts[i].section < parts[j].section })
		label, raw, words := "", []byte(nil), strings.Builder{}
		anyExtended := false
		for i, p := range parts {
			text := p.value
			if p.extended {
				anyExtended = true
				if i == 0 {
					label, text = cutExtended(text)
				}
				raw = append(raw, unpercent(text)...)
			} else {
				raw = append(raw, text...)
			}
			words.WriteString(p.value)
		}
		if !anyExtended {
			params[name] = decodeWords(words.String())
			continue
		}
		params[name], _ = decodeCharset(raw, label)
	}
}

// cutExtended splits charset'language'text; where the quotes are missing all
// of it is text.
func cutExtended(s string) (label, text string) {
	label, after, ok := strings.Cut(s, "'")
	if !ok {
		return "", s
	}
	_, text, ok = strings.Cut(after, "'")
	if !ok {
		return "", s
	}
	return label, text
}

func unpercent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}
