package parser

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"regexp"
)

var mboxLine = regexp.MustCompile(`^From \S+\s+\pL{3},?\s+(?:\pL{3}\s+\d{1,2}|\d{1,2}\s+\pL{3})\s+(?:\d{4}\s+)?\d{1,2}:\d{2}`)

// Mbox gives each message of r: of an mbox (RFC 4155) one after the other,
// with the quoting of its From lines undone, of anything else the whole as one.
// An mbox begins with a From line that holds a date; what begins with a field
// is one message. Only one message is in memory at a time. It ends at the first
// error of r.
func Mbox(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		head, err := in.Peek(maxFromLine)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(nil, err)
			return
		}
		if !mboxLine.Match(head) {
			yield(io.ReadAll(in))
			return
		}
		splitMbox(in, yield)
	}
}

// maxFromLine is how many bytes of a From line are looked at for its date.
const maxFromLine = 1 << 10

// splitMbox cuts at each From line that an empty line stands before.
func splitMbox(in *bufio.Reader, yield func([]byte, error) bool) {
	var msg []byte
	started, blank := false, true
	for {
		l, err := in.ReadBytes('\n')
		if blank && mboxLine.Match(l) {
			if started && !yield(trimEOL(msg), nil) {
				return
			}
			msg, started, blank = nil, true, false
		} else if len(l) > 0 {
			started = true
			blank = len(bytes.TrimRight(l, "\r\n")) == 0
			if quoted := bytes.TrimLeft(l, ">"); len(quoted) < len(l) && bytes.HasPrefix(quoted, []byte("From ")) {
				l = l[1:]
			}
			msg = append(msg, l...)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if started || err != nil {
				yield(msg, err)
			}
			return
		}
	}
}
