package parser

import (
	"bytes"
	"strings"
)

// recover gives back to p what its header lost, where the first lines of its
// body plainly show it: fields that an empty line cut off, or the boundary of a
// multipart. Nobody wants to read either.
func (w *walker) recover(p *part) {
	if p.header.has("content-type") {
		if p.parent == nil && (p.mediaType == "text/plain" || p.mediaType == "text/html") && closes(p.body, leadingBoundary(p.body)) {
			w.become(p)
		}
		return
	}
	if p.parent == nil && w.takeFields(p) {
		p.describe("text/plain")
	}
	if !p.header.has("content-type") && leadingBoundary(p.body) != "" {
		w.become(p)
	}
}

// become makes a multipart of p, at the boundary that its body begins with.
func (w *walker) become(p *part) {
	w.problems.add("multipart whose header was lost")
	p.mediaType, p.declared, p.encoding = "multipart/mixed", "multipart/mixed", ""
	p.params = map[string]string{"boundary": leadingBoundary(p.body)}
}

// takeFields reads on where an empty line in the header left fields of MIME to
// the body (RFC 2045 §3), as scripts do that write it by hand. Other fields among
// them stay text: who wrote is told by the header alone, which the door judged.
func (w *walker) takeFields(p *part) bool {
	body := p.body
	for len(body) > 0 {
		line, next := nextLine(body, 0)
		if !isBlank(line) {
			break
		}
		body = body[next:]
	}
	if line, _ := nextLine(body, 0); !mimeField(line) {
		return false
	}
	more := readHeader(body)
	if !more.has("content-type") || more.mended {
		return false
	}
	w.problems.add("empty line within the header")
	w.exceeded = w.exceeded || more.tooLarge
	for _, f := range more.fields {
		if mimeName(f.name) {
			p.header.fields = append(p.header.fields, f)
		} else {
			w.stray = append(w.stray, f.name+": "+more.decode(&f))
		}
	}
	p.body = body[min(more.size, len(body)):]
	return true
}

// mimeField reports whether line begins a field that only MIME has.
func mimeField(line []byte) bool {
	return mimeName(strings.ToLower(string(line[:fieldName(line)])))
}

func mimeName(name string) bool {
	return name == "mime-version" || strings.HasPrefix(name, "content-")
}

// leadingBoundary is the boundary that a body begins with: a line "--something"
// with a Content- field below it, under nothing but the remark on MIME that
// programs put on top for those who cannot read it.
func leadingBoundary(body []byte) string {
	const maxRemark = 6 // lines
	for pos, lines := 0, 0; pos < len(body) && lines < maxRemark; {
		line, next := nextLine(body, pos)
		switch {
		case len(line) > 2 && line[0] == '-' && line[1] == '-':
			if below, _ := nextLine(body, next); len(line) < 200 && mimeField(below) {
				return strings.TrimRight(string(line[2:]), " \t")
			}
			return ""
		case isBlank(line):
		case lines > 0 || bytes.Contains(line, []byte("MIME")) || bytes.Contains(line, []byte("multi")):
			lines++
		default:
			return ""
		}
		pos = next
	}
	return ""
}

// closes reports whether body ends with the end mark of a boundary.
func closes(body []byte, boundary string) bool {
	return boundary != "" && bytes.HasSuffix(bytes.TrimRight(body, " \t\r\n"), []byte("--"+boundary+"--"))
}

// encoded reports whether the body says that it is in base64 or the like, which
// no multipart may be (RFC 2045 §6.4).
func (p *part) encoded() bool {
	switch p.encoding {
	case "base64", "quoted-printable":
		return true
	}
	return false
}
