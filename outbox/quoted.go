package outbox

// quotedLine is how long a line of quoted-printable gets, without the sign that it
// goes on (RFC 2045 §6.7).
const quotedLine = 75

// plain are the bytes that quoted-printable leaves as they are; spaces and tabs
// are not among those at the end of a line.
var plain = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
		is[c] = c != '='
	}
	is['\t'] = true
	return is
}()

// appendQuoted appends text in quoted-printable; its line ends, \n, become CRLF.
// It is what mime/quotedprintable writes, which goes byte by byte: most of a text
// is copied as it is, a line at a time.
func appendQuoted(b []byte, text string) []byte {
	used := 0 // of the line
	for text != "" {
		n := 0
		for n < len(text) && n < quotedLine && plain[text[n]] {
			n++
		}
		switch {
		case n == 0 && text[0] == '\n':
			b = append(endQuoted(b, used), '\r', '\n')
			text, used = text[1:], 0
			continue
		case n == 0:
			if used+3 > quotedLine {
				b, used = append(b, "=\r\n"...), 0
			}
			b = quote(b, text[0])
			text, used = text[1:], used+3
			continue
		case used == quotedLine:
			b, used = append(b, "=\r\n"...), 0
		}
		n = min(n, quotedLine-used)
		b = append(b, text[:n]...)
		text, used = text[n:], used+n
	}
	return endQuoted(b, used)
}

// endQuoted encodes the space or tab that a line ends in, which would be lost.
func endQuoted(b []byte, used int) []byte {
	if used == 0 || b[len(b)-1] != ' ' && b[len(b)-1] != '\t' {
		return b
	}
	last := b[len(b)-1]
	if b = b[:len(b)-1]; used-1+3 > quotedLine {
		b = append(b, "=\r\n"...)
	}
	return quote(b, last)
}

func quote(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, '=', digits[c>>4], digits[c&15])
}
