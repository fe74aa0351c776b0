package parser

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
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
		for piece, err := range Pieces(r, math.MaxInt) {
			if !yield(piece.Raw, err) {
				return
			}
		}
	}
}

// Piece is a message of an mbox, and where it lies in it: the same bytes, given
// to Mbox, are that message again.
type Piece struct {
	Raw          []byte
	Offset, Size int64
	// Long is set where there is more of it than Raw was to hold.
	Long bool
}

// Pieces is Mbox, telling where each message lies, and holding no more than
// limit bytes of one.
func Pieces(r io.Reader, limit int) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		head, err := in.Peek(maxFromLine)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Piece{}, err)
			return
		}
		s := splitter{in: in, limit: limit, single: !mboxLine.Match(head)}
		s.split(yield)
	}
}

// maxFromLine is how many bytes of a From line are looked at for its date.
const maxFromLine = 1 << 10

// splitter cuts an mbox at each From line that an empty line stands before.
type splitter struct {
	in     *bufio.Reader
	limit  int
	single bool // no mbox, but one message
	piece  Piece
}

func (s *splitter) split(yield func(Piece, error) bool) {
	started, blank, fresh := s.single, true, true // fresh: at the start of a line
	for {
		l, err := s.in.ReadSlice('\n')
		whole := !errors.Is(err, bufio.ErrBufferFull)
		end := s.piece.Offset + s.piece.Size
		if fresh && blank && !s.single && mboxLine.Match(l) {
			s.piece.Raw = trimEOL(s.piece.Raw)
			if started && !yield(s.piece, nil) {
				return
			}
			s.piece = Piece{Offset: end}
			started, blank = true, false
		} else if len(l) > 0 {
			started = true
			s.keep(l, fresh)
			blank = fresh && whole && len(bytes.TrimRight(l, "\r\n")) == 0
		}
		s.piece.Size += int64(len(l))
		if fresh = whole; whole && err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if started || err != nil {
				yield(s.piece, err)
			}
			return
		}
	}
}

// keep adds a line, or the next part of a long one.
func (s *splitter) keep(l []byte, fresh bool) {
	if quoted := bytes.TrimLeft(l, ">"); fresh && !s.single && len(quoted) < len(l) && bytes.HasPrefix(quoted, []byte("From ")) {
		l = l[1:]
	}
	if room := s.limit - len(s.piece.Raw); len(l) > room {
		l, s.piece.Long = l[:room], true
	}
	s.piece.Raw = append(s.piece.Raw, l...)
}
