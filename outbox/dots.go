package outbox

import (
	"bufio"
	"bytes"
	"io"
)

// dots writes the content of a mail as DATA wants it: every line end CRLF, and
// one more dot before a line that begins with one (RFC 5321 §4.5.2). It looks at
// lines, not at bytes, since nearly all is passed on as it is.
type dots struct {
	w    *bufio.Writer
	last byte // the last byte that was written, 0 before the first
}

func (d *dots) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if rest[0] == '.' && (d.last == '\n' || d.last == 0) {
			if err := d.w.WriteByte('.'); err != nil {
				return 0, err
			}
		}
		end := bytes.IndexByte(rest, '\n')
		line := rest
		if end >= 0 {
			line = rest[:end]
		}
		if len(line) > 0 {
			if _, err := d.w.Write(line); err != nil {
				return 0, err
			}
			d.last = line[len(line)-1]
		}
		if end < 0 {
			break
		}
		if err := d.endLine(); err != nil {
			return 0, err
		}
		rest = rest[end+1:]
	}
	return len(p), nil
}

// endLine writes what a line end lacks behind the last byte.
func (d *dots) endLine() error {
	end := "\r\n"
	if d.last == '\r' {
		end = "\n"
	}
	d.last = '\n'
	_, err := io.WriteString(d.w, end)
	return err
}

// Close writes the dot that ends the content, and sends it.
func (d *dots) Close() error {
	if d.last != '\n' {
		if err := d.endLine(); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(d.w, ".\r\n"); err != nil {
		return err
	}
	return d.w.Flush()
}
