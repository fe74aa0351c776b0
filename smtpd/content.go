package smtpd

import "bytes"

// content reads the bytes of a message and makes every line end CRLF. It is
// the one judge of where a message ends, and knows a single sign: CR LF dot CR
// LF (RFC 5321 §4.1.1.4). A CR or LF that stands alone is content. It ends a
// line for whoever reads the message later, but neither it nor a dot beside it
// ends the message: that difference between two hosts is what smuggling lives
// on.
//
// For DATA it takes the dots away that the client put before its lines. (go-smtp
// never sees this content: its own reader loses count after CR CR LF, and takes
// each byte by itself.) For BDAT there are no dots to mind.
type content struct {
	chunk bool      // no dot-stuffing and no end: the length says where it ends
	at    linePlace // where in a line we are
	crs   int       // CRs seen, whose line end is not yet decided
	bare  bool      // a CR or LF stood alone somewhere
}

type linePlace int8

const (
	afterCRLF linePlace = iota // at the start of a line that CRLF, or nothing, precedes
	afterBare                  // at the start of a line that a bare newline precedes
	afterDot                   // after a dot that stood afterCRLF, and is none of the text
	inLine
)

// CRLF is data with every line end made CRLF, as the door does to what it
// receives: for mail that comes from a file instead.
func CRLF(data []byte) []byte {
	c := newChunkContent()
	out, _, _ := c.decode(make([]byte, 0, len(data)+len(data)/32), data)
	return c.finish(out)
}

func newChunkContent() content { return content{chunk: true, at: inLine} }

// maxPendingCR is how many CRs wait for their LF. CR CR LF is one line end, as
// broken programs mean it; a longer row is as many line ends.
const maxPendingCR = 16

// decode appends what src means to dst and says how much of src it used. When
// end is true the message is over, and the rest of src is the next command.
func (c *content) decode(dst, src []byte) (out []byte, used int, end bool) {
	for used < len(src) && !end {
		if c.crs == 0 && c.at != afterDot {
			var n int
			dst, n, end = c.plain(dst, src[used:])
			used += n
		}
		// The rest of a line that is not as plain, or not whole.
		for ended := end; used < len(src) && !ended && !end; used++ {
			ended = src[used] == '\n'
			dst, end = c.step(dst, src[used])
		}
	}
	return dst, used, end
}

// plain takes the lines at the start of src that CRLF ends and that have no other
// CR or LF in them, as nearly all lines of nearly all mails; many in one piece.
func (c *content) plain(dst, src []byte) (out []byte, used int, end bool) {
	copied := 0
	for {
		lf := bytes.IndexByte(src[used:], '\n')
		if lf < 1 || bytes.IndexByte(src[used:used+lf], '\r') != lf-1 {
			break
		}
		if c.at == afterCRLF && src[used] == '.' { // never so in a chunk
			dst = append(dst, src[copied:used]...)
			if lf == len(".\r") {
				return dst, used + lf + 1, true
			}
			copied = used + 1
		}
		used += lf + 1
		c.place(afterCRLF)
	}
	return append(dst, src[copied:used]...), used, false
}

// step takes one byte.
func (c *content) step(dst []byte, b byte) (out []byte, end bool) {
	switch b {
	case '\r':
		if c.crs == maxPendingCR {
			dst = c.bareNewlines(dst)
		}
		c.crs++
	case '\n':
		if c.at == afterDot {
			if c.crs == 1 {
				return dst, true
			}
			// A dot and something that is no CRLF: the dot is text.
			dst = append(dst, '.')
		}
		dst = append(dst, "\r\n"...)
		c.bare = c.bare || c.crs != 1
		if c.crs > 0 {
			c.place(afterCRLF)
		} else {
			c.place(afterBare)
		}
		c.crs = 0
	default:
		dst = c.text(c.bareNewlines(dst), b)
	}
	return dst, false
}

// text takes a byte that is neither CR nor LF.
func (c *content) text(dst []byte, b byte) []byte {
	if b == '.' && c.at == afterCRLF {
		c.at = afterDot
		return dst
	}
	c.at = inLine
	return append(dst, b)
}

// bareNewlines makes line ends of the CRs that turned out to stand alone.
func (c *content) bareNewlines(dst []byte) []byte {
	if c.crs == 0 {
		return dst
	}
	if c.at == afterDot {
		dst = append(dst, '.')
	}
	for ; c.crs > 0; c.crs-- {
		dst = append(dst, "\r\n"...)
	}
	c.bare = true
	c.place(afterBare)
	return dst
}

// finish ends content whose length said where it ends.
func (c *content) finish(dst []byte) []byte {
	return c.bareNewlines(dst)
}

func (c *content) place(at linePlace) {
	if c.chunk {
		at = inLine
	}
	c.at = at
}
