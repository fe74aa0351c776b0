package store

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/s2"
)

// phrases is what short values are packed with, for ever: other phrases would
// open none of them.
var phrases = newPhrases(phraseBook)

// phrasePacker writes S2 blocks over a book of phrases. (s2.Dict, which reads
// them, would clear 64 KiB of the stack for each value that it writes: to pack a
// few hundred bytes a goroutine first grew to 128 KiB.)
type phrasePacker struct {
	*s2.Dict
	book   []byte
	places lastPlaces // in the book
	desks  sync.Pool  // of *desk
}

// desk is where one value is packed.
type desk struct {
	text   []byte // the book, and the value behind it
	places lastPlaces
}

func newPhrases(book []byte) *phrasePacker {
	p := &phrasePacker{Dict: s2.MakeDict(book, nil), book: book}
	for at := 1; at+4 <= len(book); at++ {
		p.places.put(binary.LittleEndian.Uint32(book[at:]), at)
	}
	p.desks.New = func() any { return &desk{text: append(make([]byte, 0, len(book)+worthEntropy), book...)} }
	return p
}

// lastPlaces tells where in a text four bytes stood last, by their hash; 0 is
// nowhere.
type lastPlaces [1 << lastPlacesBits]uint16

const lastPlacesBits = 12

// put notes a place of four bytes, and gives the one before.
func (l *lastPlaces) put(four uint32, at int) (before int) {
	last := &l[four*0x9E3779B1>>(32-lastPlacesBits)]
	before, *last = int(*last), uint16(at)
	return before
}

// pack appends a value to dst, packed. With the book it has less than 64 KiB.
func (p *phrasePacker) pack(dst, plain []byte) []byte {
	d := p.desks.Get().(*desk)
	defer p.desks.Put(d)
	text := append(d.text[:len(p.book)], plain...)
	d.text = text
	d.places = p.places // on a line of its own, or the stack holds one more
	dst = binary.AppendUvarint(dst, uint64(len(plain)))
	written := len(p.book)
	for at := written; at+4 <= len(text); {
		four := binary.LittleEndian.Uint32(text[at:])
		from := d.places.put(four, at)
		if from == 0 || binary.LittleEndian.Uint32(text[from:]) != four {
			at += 1 + (at-written)>>6 // what repeats nothing for long will not soon
			continue
		}
		end := len(text)
		if from < len(p.book) {
			end = min(end, at+len(p.book)-from) // a copy does not run on from the book
		}
		n := alike(text[from:], text[at:end])
		for at > written && from > 1 && from != len(p.book) && text[at-1] == text[from-1] {
			at, from, n = at-1, from-1, n+1
		}
		dst = appendCopy(appendLiteral(dst, text[written:at]), at-from, n)
		at += n
		written = at
	}
	return appendLiteral(dst, text[written:])
}

// alike is how many bytes of b, which is not the longer one, a begins with.
func alike(a, b []byte) (n int) {
	for ; n+8 <= len(b); n += 8 {
		if differ := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); differ != 0 {
			return n + bits.TrailingZeros64(differ)/8
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// The elements of a block, in the form that Snappy gave them. Lengths and
// offsets are below 64 KiB.
const (
	tagLiteral = 0
	tagCopy1   = 1 // with 11 bits of offset, and a length of 4 to 11
	tagCopy2   = 2 // with 16 bits of offset, and a length of 1 to 64
)

func appendLiteral(dst, text []byte) []byte {
	switch n := len(text) - 1; {
	case n < 0:
	case n < 60:
		dst = append(dst, byte(n)<<2|tagLiteral)
	case n < 1<<8:
		dst = append(dst, 60<<2|tagLiteral, byte(n))
	default:
		dst = append(dst, 61<<2|tagLiteral, byte(n), byte(n>>8))
	}
	return append(dst, text...)
}

func appendCopy(dst []byte, offset, n int) []byte {
	for n > 64 {
		piece := min(64, n-4) // so that what is left is no less than a copy takes
		dst = append(dst, byte(piece-1)<<2|tagCopy2, byte(offset), byte(offset>>8))
		n -= piece
	}
	if n >= 4 && n < 12 && offset < 1<<11 {
		return append(dst, byte(offset>>8)<<5|byte(n-4)<<2|tagCopy1, byte(offset))
	}
	return append(dst, byte(n-1)<<2|tagCopy2, byte(offset), byte(offset>>8))
}
