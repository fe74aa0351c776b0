package parser

import (
	"bytes"
	"encoding/base64"
	"io"
)

// newDecoder reads body as its Content-Transfer-Encoding says (RFC 2045 §6),
// a piece at a time. Wrong bytes are passed over, never an error.
func newDecoder(encoding string, body []byte) io.Reader {
	switch encoding {
	case "base64":
		return &base64Reader{src: body}
	case "quoted-printable":
		return &quotedReader{src: body}
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return bytes.NewReader(decodeUUBody(body))
	default:
		return bytes.NewReader(body)
	}
}

// decodeTransfer is the first limit bytes of body, decoded.
func decodeTransfer(encoding string, body []byte, limit int) []byte {
	switch encoding {
	case "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue":
	default:
		return body[:min(len(body), limit)]
	}
	var out bytes.Buffer
	out.Grow(min(len(body), limit) + bytes.MinRead)
	_, _ = io.Copy(&out, io.LimitReader(newDecoder(encoding, body), int64(limit)))
	return out.Bytes()
}

// base64Reader decodes base64 with line ends, foreign bytes, padding in the
// middle (two encodings joined) and a missing end.
type base64Reader struct {
	src  []byte
	out  []byte // decoded, not yet read
	quad [4]byte
	n    int // of quad
	buf  [3 << 10]byte
	text [4 << 10]byte
}

func (r *base64Reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if len(r.src) == 0 && r.n == 0 {
			return 0, io.EOF
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill decodes the next few kilobytes into out.
func (r *base64Reader) fill() {
	n := copy(r.text[:], r.quad[:r.n])
	r.n = 0
	i, padded := 0, false
	for ; i < len(r.src) && n < len(r.text); i++ {
		c := r.src[i]
		if base64Alphabet[c] {
			r.text[n] = c
			n++
		} else if c == '=' && n%4 != 0 {
			padded = true
			i++
			break
		}
	}
	r.src = r.src[i:]
	if padded {
		r.src = skipRemark(r.src)
	}
	whole := n
	if !padded && len(r.src) > 0 {
		whole = n &^ 3
		r.n = copy(r.quad[:], r.text[whole:n])
	}
	if whole%4 == 1 {
		whole-- // six bits are no byte
	}
	m, _ := base64.RawStdEncoding.Decode(r.buf[:], r.text[:whole])
	r.out = r.buf[:m]
}

// skipRemark passes words that stand behind the padding on its line. Without a
// space between they are a second encoding, joined to the first.
func skipRemark(b []byte) []byte {
	rest := bytes.TrimLeft(b, "=")
	if len(rest) == 0 || !isSpace(rest[0]) {
		return b
	}
	_, next := nextLine(rest, 0)
	return rest[next:]
}

var base64Alphabet = func() (t [256]bool) {
	for c := range t {
		t[c] = isBase64(byte(c))
	}
	return t
}()

// quotedReader decodes quoted-printable; an = that begins no escape is text.
type quotedReader struct {
	src []byte
	out []byte
}

func (r *quotedReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if len(r.src) == 0 {
			return 0, io.EOF
		}
		line, next := nextLine(r.src, 0)
		ended := next > len(line)
		r.out = decodeQuotedLine(r.out[:0], line, ended, r.src[len(line):next])
		r.src = r.src[next:]
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// decodeQuotedLine appends one line to dst, with its end unless it is soft.
func decodeQuotedLine(dst, line []byte, ended bool, eol []byte) []byte {
	// Space before the line end was added on the way (RFC 2045 §6.7 rule 3).
	line = bytes.TrimRight(line, " \t")
	soft := false
	if n := len(line); n > 0 && line[n-1] == '=' {
		soft = true
		line = line[:n-1]
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '=' && i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]) {
			c = unhex(line[i+1])<<4 | unhex(line[i+2])
			i += 2
		}
		dst = append(dst, c)
	}
	if ended && !soft {
		dst = append(dst, eol...)
	}
	return dst
}
