package parser

import (
	"bytes"
	"strings"
)

// part is one MIME entity (RFC 2045 §2.4) as views into the message.
type part struct {
	header header
	raw    []byte // header and body
	body   []byte // as sent, still encoded

	mediaType   string // in lower case; never empty
	declared    string // mediaType as it was before the body said otherwise
	params      map[string]string
	disposition string // "", inline, attachment
	dispParams  map[string]string
	encoding    string // in lower case

	parent   *part
	children []*part
}

// walker opens the structure of one message under the limits.
type walker struct {
	parts    int
	exceeded bool
	problems problems
	stray    []string // fields that an empty line cut off from the header
}

// walk reads the entity in raw and those within it. A message/rfc822 is a leaf:
// whoever wants to see into it walks it on its own.
func (w *walker) walk(raw []byte, parent *part, depth int, defaultType string) *part {
	p := &part{header: readHeader(raw), raw: raw, parent: parent}
	p.body = raw[min(p.header.size, len(raw)):]
	w.parts++
	if p.header.tooLarge || w.parts > maxParts || depth > maxDepth {
		w.exceeded = true
	}
	if p.header.mended {
		w.problems.add("header with lines that are no fields")
	}
	p.describe(defaultType)
	w.recover(p)
	if w.exceeded || !strings.HasPrefix(p.mediaType, "multipart/") {
		return p
	}
	w.split(p, depth)
	return p
}

// describe reads what the fields say of the body.
func (p *part) describe(defaultType string) {
	contentType := p.header.get("content-type")
	p.mediaType, p.params = parseParams(contentType)
	if strings.Contains(p.mediaType, "=") && !strings.Contains(p.mediaType, "/") {
		p.mediaType, p.params = parseParams(";" + contentType) // the type itself is missing
	}
	if !strings.Contains(p.mediaType, "/") {
		p.mediaType = fullType(p.mediaType, defaultType)
	}
	p.declared = p.mediaType
	p.header.charset = p.params["charset"]
	p.disposition, p.dispParams = parseParams(p.header.get("content-disposition"))
	enc, _, _ := strings.Cut(strings.ToLower(p.header.get("content-transfer-encoding")), ";")
	p.encoding = strings.Trim(enc, " \t\"'.:")
	switch p.encoding {
	case "quoted", "quoted-printible", "quoted printable", "qp", "quoted_printable":
		p.encoding = "quoted-printable"
	case "base-64", "b64", "base 64":
		p.encoding = "base64"
	}
}

// fullType mends a media type that lacks its other half.
func fullType(t, defaultType string) string {
	switch t {
	case "":
		return defaultType
	case "text", "plain", "ascii":
		return "text/plain"
	case "html":
		return "text/html"
	case "mixed", "alternative", "related", "signed", "report":
		return "multipart/" + t
	default:
		return "application/octet-stream"
	}
}

// split opens a multipart. One whose boundary is missing or wrong is opened
// at the lines that look like one; where there are none it is text.
func (w *walker) split(p *part, depth int) {
	boundary := p.params["boundary"]
	pieces := cutParts(p.body, boundary)
	if len(pieces) == 0 && p.encoded() {
		w.problems.add("multipart that was encoded as a whole")
		p.body, p.encoding = decodeTransfer(p.encoding, p.body, maxInner), ""
		pieces = cutParts(p.body, boundary)
	}
	if len(pieces) == 0 {
		if guess := guessBoundary(p.body); guess != "" && guess != boundary {
			w.problems.add("multipart whose boundary was guessed")
			pieces = cutParts(p.body, guess)
		}
	}
	if len(pieces) == 0 {
		if !p.sharesBoundary() {
			w.problems.add("multipart without parts")
			p.mediaType = "text/plain"
		}
		return
	}
	childType := "text/plain"
	if p.mediaType == "multipart/digest" {
		childType = "message/rfc822"
	}
	for i, piece := range pieces {
		if w.exceeded {
			return
		}
		child := w.walk(piece, p, depth+1, childType)
		p.children = append(p.children, child)
		if child.adopts(boundary) && i+1 < len(pieces) {
			// The inner multipart has its parent's boundary: what follows is its own.
			w.problems.add("nested multiparts of one boundary")
			for _, piece := range pieces[i+1:] {
				child.children = append(child.children, w.walk(piece, child, depth+2, "text/plain"))
			}
			return
		}
	}
}

// sharesBoundary reports whether p is an empty multipart of its parent's boundary.
func (p *part) sharesBoundary() bool {
	return p.parent != nil && p.params["boundary"] != "" && p.params["boundary"] == p.parent.params["boundary"]
}

func (p *part) adopts(boundary string) bool {
	return strings.HasPrefix(p.mediaType, "multipart/") && len(p.children) == 0 && p.params["boundary"] == boundary && isBlank(bytes.TrimSpace(p.body))
}

// cutParts cuts a multipart body at its boundary lines (RFC 2046 §5.1.1). The
// line end before a boundary belongs to it. An unclosed last part ends with
// the body.
func cutParts(body []byte, boundary string) [][]byte {
	if boundary == "" {
		return nil
	}
	delimiter := []byte("--" + boundary)
	var pieces [][]byte
	start := -1
	for pos := 0; pos < len(body) && len(pieces) <= maxParts; {
		i := bytes.Index(body[pos:], delimiter)
		if i < 0 {
			break
		}
		at := pos + i
		line, next := nextLine(body, at)
		closing, ok := boundaryLine(line[len(delimiter):])
		if !ok || at > 0 && body[at-1] != '\n' || closing && start >= 0 && namesBoundary(body[start:at], boundary+"--") {
			pos = at + len(delimiter)
			continue
		}
		if start >= 0 {
			pieces = append(pieces, trimEOL(body[start:max(start, at)]))
		}
		start, pos = next, next
		if closing {
			start = -1
			// Some programs go on after the closing line; RFC 2046 calls it epilogue.
			if !bytes.Contains(body[pos:], delimiter) {
				break
			}
		}
	}
	if start >= 0 && start < len(body) {
		pieces = append(pieces, cutClosing(body[start:], delimiter))
	}
	return pieces
}

// cutClosing takes the closing delimiter off an unclosed last piece: the line
// end before it was lost.
func cutClosing(piece, delimiter []byte) []byte {
	rest, closed := bytes.CutSuffix(bytes.TrimRight(piece, " \t\r\n"), []byte("--"))
	if rest, found := bytes.CutSuffix(rest, delimiter); closed && found {
		return rest
	}
	return piece
}

// namesBoundary reports whether the header of a piece gives it a boundary that
// begins with its parent's end mark: such a line opens the inner one.
func namesBoundary(piece []byte, boundary string) bool {
	h := piece[:min(len(piece), 4<<10)]
	i := bytes.Index(h, []byte(boundary))
	return i > 0 && bytes.Contains(bytes.ToLower(h[:i]), []byte("boundary="))
}

// boundaryLine says whether what follows a delimiter ends its line.
func boundaryLine(rest []byte) (closing, ok bool) {
	if bytes.HasPrefix(rest, []byte("--")) {
		closing, rest = true, rest[2:]
	}
	return closing, isBlank(rest)
}

func trimEOL(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r"))
}

// guessBoundary finds a line "--something" with a Content- field below it.
func guessBoundary(body []byte) string {
	tries := 0
	for pos := 0; pos < len(body) && tries < 1_000; tries++ {
		line, next := nextLine(body, pos)
		if len(line) > 2 && len(line) < 200 && line[0] == '-' && line[1] == '-' {
			below, _ := nextLine(body, next)
			if mimeField(below) {
				return strings.TrimRight(string(line[2:]), " \t")
			}
		}
		pos = next
	}
	return ""
}

// filename is the name that a part gives its content, undressed of paths; the
// forms of RFC 2183, RFC 2231 and of those who know neither.
func (p *part) filename() string {
	for _, params := range []map[string]string{p.dispParams, p.params} {
		for _, key := range []string{"filename", "name"} {
			if name := safeName(params[key]); name != "" {
				return name
			}
		}
	}
	return ""
}

// isText reports whether p may be read as the text of the message.
func (p *part) isText() bool {
	switch p.mediaType {
	case "text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-markdown", "application/xhtml+xml":
		return true
	case "text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/rtf", "text/csv", "text/rfc822-headers", "text/rfc822":
		return false
	}
	// A subtype that nobody knows is text to be shown (RFC 2046 §4.1.4), where it
	// is the whole message and not a file beside it.
	return p.parent == nil && strings.HasPrefix(p.mediaType, "text/") && p.filename() == ""
}

// text is the decoded text of p, with \n line ends and without a BOM.
func (p *part) text(ps *problems) string {
	body, tail := p.body, []byte(nil)
	if p.encoding == "base64" {
		body, tail = cutFooter(p.body)
	}
	raw := decodeTransfer(p.encoding, body, maxText)
	if len(raw) == maxText {
		ps.add("text cut at its limit")
	}
	label := p.params["charset"]
	if label == "" && (p.mediaType == "text/html" || p.mediaType == "application/xhtml+xml") {
		label = metaCharset(raw)
	}
	var text string
	if asItStands(raw, cleanLabel(label)) {
		text = newlines(raw) // one copy, and not two
	} else {
		var mended bool
		if text, mended = decodeCharset(raw, label); mended {
			ps.add("text in another charset than it says")
		}
	}
	if len(tail) > 0 {
		ps.add("text below the end of its encoding")
		footer, _ := decodeCharset(tail[:min(len(tail), maxText)], "")
		text += "\n" + footer
	}
	return cleanText(text)
}

// cutFooter parts base64 from the plain lines that some mailing lists and virus
// scanners put below it: they begin behind padding or an empty line.
func cutFooter(body []byte) (encoded, footer []byte) {
	begun, ended := false, false
	for pos := 0; pos < len(body); {
		line, next := nextLine(body, pos)
		trimmed := bytes.TrimSpace(line)
		plain := bytes.TrimRight(trimmed, "=")
		for i := 0; i < len(plain); i++ {
			if !base64Alphabet[plain[i]] {
				switch {
				case ended:
					return body[:pos], body[pos:]
				case !begun && bytes.Count(trimmed, []byte(" ")) > 1:
					return nil, body // not encoded at all
				}
				return body, nil
			}
		}
		begun = begun || len(trimmed) > 0
		ended = len(plain) < len(trimmed) || len(trimmed) == 0 && pos > 0 || ended && len(trimmed) == 0
		pos = next
	}
	return body, nil
}

// cleanText makes line ends \n and takes out what no text holds.
func cleanText(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = newlines([]byte(s))
	}
	s = strings.TrimPrefix(s, "\uFEFF")
	if !hasJunk(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\v':
			return '\n' // how Word breaks a line within a paragraph
		case isJunk(r):
			return -1
		}
		return r
	}, s)
}

// newlines makes every line end \n: CR LF, CR CR LF (an end that was made CRLF
// twice) and a CR that stands alone. In a longer row of CRs the last two are of
// the LF behind them.
func newlines(s []byte) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := bytes.IndexByte(s, '\r'); i >= 0; i = bytes.IndexByte(s, '\r') {
		out.Write(s[:i])
		end := i + 1
		for end < len(s) && s[end] == '\r' {
			end++
		}
		ends := end - i
		if end < len(s) && s[end] == '\n' {
			ends, end = max(ends-2, 1), end+1
		}
		for range ends {
			out.WriteByte('\n')
		}
		s = s[end:]
	}
	out.Write(s)
	return out.String()
}

// hasJunk reports whether any rune of s is junk. It looks at eight bytes at a
// time, and closely only where one of them may be.
func hasJunk[T string | []byte](s T) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if mayBeJunk(eight(s, i)) && junkWithin(s, i, i+8) {
			return true
		}
	}
	return junkWithin(s, i, len(s))
}

// lowBits and highBits are those bits of each of eight bytes.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// eight are the eight bytes of s at i.
func eight[T string | []byte](s T, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// mayBeJunk reports whether one of eight bytes is a control character, DEL, or
// the first of a character that turns the direction.
func mayBeJunk(b uint64) bool {
	control := b - ' '*lowBits
	del := b ^ 0x7f*lowBits
	turn := b ^ 0xE2*lowBits
	return (control&^b|(del-lowBits)&^del|(turn-lowBits)&^turn)&highBits != 0
}

func junkWithin[T string | []byte](s T, from, to int) bool {
	for i := from; i < to; i++ {
		c := s[i]
		if c < ' ' && c != '\n' && c != '\t' && c != '\f' || c == 0x7f {
			return true
		}
		if c == 0xE2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] >= 0xAA && s[i+2] <= 0xAE {
			return true
		}
	}
	return false
}

// isJunk are control characters that no text needs, and those that turn the
// direction of what follows and so show another text than is there.
func isJunk(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' && r != '\f' || r == 0x7f || r >= 0x202A && r <= 0x202E
}
