package parser

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeWords reads a header value with its encoded words (RFC 2047), also
// broken ones: with spaces inside, without padding, with a character split
// between two, without the space between neighbours, in quotes, in raw 8-bit
// text. What is no encoded word stays as it was written.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return cleanLine(decodeRaw(s))
	}
	var out strings.Builder
	var run wordRun
	for len(s) > 0 {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		word, rest, ok := cutWord(s[i:])
		if !ok {
			run.flush(&out)
			out.WriteString(decodeRaw(s[:i+2]))
			s = s[i+2:]
			continue
		}
		if gap := s[:i]; run.open() && strings.TrimSpace(gap) == "" {
			// Space between encoded words is no text (RFC 2047 §6.2).
			run.join(&out, word)
		} else {
			run.flush(&out)
			out.WriteString(decodeRaw(gap))
			run.join(&out, word)
		}
		s = rest
	}
	run.flush(&out)
	out.WriteString(decodeRaw(s))
	return cleanLine(out.String())
}

// encodedWord is one =?charset?encoding?text?= with its text decoded to bytes.
type encodedWord struct {
	charset string
	bytes   []byte
}

// wordRun gathers neighbours of one charset, so that a character that was
// split between two words is whole again when it is decoded.
type wordRun struct {
	charset string
	bytes   []byte
}

func (r *wordRun) open() bool { return r.charset != "" }

func (r *wordRun) join(out *strings.Builder, w encodedWord) {
	if r.charset != w.charset || stateful(r.charset) {
		r.flush(out)
	}
	r.charset = w.charset
	r.bytes = append(r.bytes, w.bytes...)
}

func (r *wordRun) flush(out *strings.Builder) {
	if r.charset != "" {
		text, _ := decodeCharset(r.bytes, r.charset)
		out.WriteString(text)
	}
	*r = wordRun{}
}

// cutWord takes the encoded word at the start of s.
func cutWord(s string) (w encodedWord, rest string, ok bool) {
	label, after, found := strings.Cut(s[2:], "?")
	if !found || label == "" || len(label) > 60 || strings.ContainsAny(label, " \t=<>@,") || len(after) < 2 || after[1] != '?' {
		return w, s, false
	}
	enc, body := after[0]|0x20, after[2:]
	if enc != 'q' && enc != 'b' {
		return w, s, false
	}
	end, skip := wordEnd(body, enc)
	w.charset = cleanLabel(label)
	if w.charset == "" {
		w.charset = "us-ascii"
	}
	if enc == 'b' {
		w.bytes = decodeWordBase64(body[:end])
	} else {
		w.bytes = decodeWordQ(body[:end])
	}
	return w, body[end+skip:], true
}

// wordEnd finds where the text of an encoded word ends, and how many bytes of
// ending follow. A word without an end lasts to the next one, or for base64 as
// long as the alphabet does.
func wordEnd(body string, enc byte) (end, skip int) {
	for from := 0; ; {
		i := strings.Index(body[from:], "?=")
		if i < 0 {
			break
		}
		i += from
		// "what?=20now?=": a question mark that should have been encoded.
		if enc == 'q' && i+4 <= len(body) && isHex(body[i+2]) && isHex(body[i+3]) && strings.Contains(body[i+4:], "?=") &&
			!strings.Contains(body[i+4:i+4+strings.Index(body[i+4:], "?=")], "=?") {
			from = i + 2
			continue
		}
		if j := strings.Index(body[:i], "=?"); j >= 0 && enc == 'b' {
			return j, 0
		}
		return i, 2
	}
	if j := strings.Index(body, "=?"); j >= 0 {
		return j, 0
	}
	if enc == 'b' {
		end = 0
		for end < len(body) && (isBase64(body[end]) || body[end] == '=') {
			end++
		}
		if end < len(body) && body[end] == '?' {
			return end, 1
		}
		return end, 0
	}
	return len(strings.TrimSuffix(body, "?")), len(body) - len(strings.TrimSuffix(body, "?"))
}

func decodeWordQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func decodeWordBase64(s string) []byte {
	var out []byte
	for chunk := range strings.SplitSeq(s, "=") {
		clean := make([]byte, 0, len(chunk))
		for i := 0; i < len(chunk); i++ {
			if isBase64(chunk[i]) {
				clean = append(clean, chunk[i])
			}
		}
		dec := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
		n, _ := base64.RawStdEncoding.Decode(dec, clean)
		out = append(out, dec[:n]...)
	}
	return out
}

// decodeRaw is header text outside encoded words: UTF-8 (RFC 6532), or bytes
// that somebody wrote without saying which charset they are.
func decodeRaw(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	text, _ := decodeCharset([]byte(s), "")
	return text
}

// cleanLine makes one line without control characters of s.
func cleanLine(s string) string {
	ok := true
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			ok = false
			break
		}
	}
	if ok {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
