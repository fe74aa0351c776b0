package parser

import (
	"strings"
)

// uuFile is a file that stood uuencoded in a text.
type uuFile struct {
	name    string
	content []byte
}

// cutUuencoded takes the uuencoded files (POSIX uuencode, both alphabets) out
// of a text. Only one that begins, has well-formed lines and ends counts: a
// sentence that starts with "begin 666" stays what it is. yEnc is left alone.
func cutUuencoded(text string) (rest string, files []uuFile) {
	if !strings.HasPrefix(text, "begin") && !strings.Contains(text, "\nbegin") {
		return text, nil
	}
	var out strings.Builder
	lines := strings.Split(text, "\n")
	copied := 0
	for i := 0; i < len(lines); i++ {
		name, old, ok := uuBegin(lines[i])
		if !ok {
			continue
		}
		content, next, ok := uuContent(lines, i+1, old)
		if !ok {
			i = max(i, next-1) // what was tried is not tried again
			continue
		}
		for _, l := range lines[copied:i] {
			out.WriteString(l)
			out.WriteByte('\n')
		}
		files = append(files, uuFile{name, content})
		copied = next
		i = next - 1
	}
	if len(files) == 0 {
		return text, nil
	}
	out.WriteString(strings.Join(lines[copied:], "\n"))
	return out.String(), files
}

// uuBegin reads "begin 644 name"; classic tells it from begin-base64.
func uuBegin(l string) (name string, classic, ok bool) {
	rest, classic := strings.CutPrefix(l, "begin ")
	if !classic {
		if rest, ok = strings.CutPrefix(l, "begin-base64 "); !ok {
			return "", false, false
		}
	}
	mode, name, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" {
		return "", false, false
	}
	return strings.TrimSpace(name), classic, strings.TrimSpace(name) != ""
}

// uuContent decodes from line i to the end mark. next is the line behind it,
// or, where ok is false, the line at which it was seen to be no uuencode.
func uuContent(lines []string, i int, classic bool) (content []byte, next int, ok bool) {
	if !classic {
		for j := i; j < len(lines); j++ {
			if strings.HasPrefix(lines[j], "====") {
				return decodeWordBase64(strings.Join(lines[i:j], "")), j + 1, true
			}
		}
		return nil, len(lines), false
	}
	for ; i < len(lines); i++ {
		l := strings.TrimRight(lines[i], "\r")
		if l == "end" {
			return content, i + 1, true
		}
		var good bool
		if content, good = decodeUULine(content, l); !good {
			return nil, i, false
		}
	}
	// The end was cut off: still a file if it is of some length.
	return content, i, len(content) > 400
}

// decodeUULine appends the bytes of one line. Its first character counts them.
func decodeUULine(dst []byte, l string) ([]byte, bool) {
	if l == "" || l == "`" {
		return dst, true
	}
	if l[0] < ' ' || l[0] > '`' {
		return dst, false
	}
	n := int(l[0]-' ') & 63
	body := l[1:]
	// Spaces at the end get lost on the way; more than a checksum too much is no uuencode.
	if want := (n + 2) / 3 * 4; len(body) > want+2 || len(body) < want-4 && n > 0 {
		if strings.Trim(l, " ") == "" {
			return dst, true
		}
		return dst, false
	}
	at := func(i int) byte {
		if i >= len(body) {
			return 0
		}
		return (body[i] - ' ') & 63
	}
	for i := 0; n > 0; i += 4 {
		a, b, c, d := at(i), at(i+1), at(i+2), at(i+3)
		three := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | d}
		dst = append(dst, three[:min(n, 3)]...)
		n -= 3
	}
	return dst, true
}

// decodeUUBody decodes a part whose transfer encoding is uuencode.
func decodeUUBody(body []byte) []byte {
	lines := strings.Split(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")
	for i, l := range lines {
		if _, classic, ok := uuBegin(l); ok {
			if content, _, ok := uuContent(lines, i+1, classic); ok {
				return content
			}
			break
		}
	}
	return body
}
