package proof

import (
	"fmt"
	"strings"
)

// result is one check of an Authentication-Results field (RFC 8601 §2.2).
type result struct {
	method, value string
	properties    map[string]string
}

// parseResults reads an Authentication-Results field. It knows comments and
// quoted strings, because both may hold a semicolon and what follows it, in
// words that the sender chose. What is not well-formed is not believed at all.
func parseResults(value string) (id string, results []result, ok bool) {
	sections, ok := splitResults(value)
	if !ok || len(sections[0]) == 0 {
		return "", nil, false
	}
	head := sections[0]
	if len(head) > 2 || len(head) == 2 && head[1] != "1" {
		return "", nil, false // a version that we do not know
	}
	for _, section := range sections[1:] {
		if len(section) == 0 || len(section) == 1 && strings.EqualFold(section[0], "none") {
			continue
		}
		r := result{properties: map[string]string{}}
		for i, pair := range section {
			name, value, ok := strings.Cut(pair, "=")
			name = strings.ToLower(name)
			switch {
			case !ok || name == "":
				return head[0], nil, false
			case i == 0:
				r.method, _, _ = strings.Cut(name, "/")
				r.value = strings.ToLower(value)
			default:
				if _, twice := r.properties[name]; twice {
					return head[0], nil, false
				}
				r.properties[name] = value
			}
		}
		results = append(results, r)
	}
	return head[0], results, true
}

// splitResults cuts the field at its semicolons, and each section into words:
// "name=value" is one, whatever space stands around its sign.
func splitResults(s string) (sections [][]string, ok bool) {
	var words []string
	var word strings.Builder
	open := false // the last word waits for its value
	finish := func() {
		if word.Len() > 0 && !open {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch b := s[i]; b {
		case '(', '"':
			end := closing(s, i)
			if end < 0 {
				return nil, false
			}
			if b == '"' {
				word.WriteString(strings.ReplaceAll(s[i+1:end], `\`, ""))
				open = false
			}
			i = end
		case ' ', '\t':
			if next := strings.TrimLeft(s[i:], " \t"); !strings.HasPrefix(next, "=") {
				finish()
			}
		case '=':
			if word.Len() == 0 {
				return nil, false
			}
			open = !strings.Contains(word.String(), "=")
			word.WriteByte('=')
		case ';':
			open = false
			finish()
			sections = append(sections, words)
			words = nil
		default:
			open = false
			word.WriteByte(b)
		}
	}
	open = false
	finish()
	return append(sections, words), true
}

// Field is our own Authentication-Results, CRLF ended, under the name host (RFC
// 8601 §2.2). It names domains only.
func (v *Verdict) Field(host string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Authentication-Results: %s", host)
	if !v.checked {
		b.WriteString("; none\r\n")
		return b.String()
	}
	add := func(method string, result Result, property, domain string) {
		fmt.Fprintf(&b, ";\r\n\t%s=%s", method, result)
		if validName(domain) {
			fmt.Fprintf(&b, " %s=%s", property, domain)
		}
	}
	property := "smtp.mailfrom"
	if v.SPF.helo {
		property = "smtp.helo"
	}
	add("spf", v.SPF.Result, property, v.SPF.Domain)
	for _, s := range v.DKIM {
		add("dkim", s.Result, "header.d", s.Domain)
	}
	if len(v.DKIM) == 0 {
		add("dkim", None, "", "")
	}
	add("dmarc", v.DMARC(), "header.from", v.Evidence.From.Domain())
	if v.ARC != None {
		add("arc", v.ARC, "", "")
	}
	b.WriteString("\r\n")
	return b.String()
}
