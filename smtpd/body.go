package smtpd

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	inMemory   = 256 << 10 // larger messages go to a spool file
	firstPiece = 4 << 10
	maxLine    = 64 << 10

	// allMemory is what the messages under way may have in memory together: no
	// number of clients that send something and then stand still may take more.
	allMemory = 16 << 20
)

// allowance is memory that is shared.
type allowance struct{ left atomic.Int64 }

func newAllowance(n int64) *allowance {
	a := &allowance{}
	a.left.Store(n)
	return a
}

func (a *allowance) take(n int) bool {
	if a.left.Add(-int64(n)) >= 0 {
		return true
	}
	a.give(n)
	return false
}

func (a *allowance) give(n int) { a.left.Add(int64(n)) }

// body collects the bytes of one message. Small ones stay in memory, as long as
// there is enough for all; the rest go to a file that has no name any more, so
// that a crash leaves nothing behind, and come back as a memory map, so that a
// hundred large mails at a time are the kernel's affair and not the heap's.
type body struct {
	dir     string
	limit   int64
	shared  *allowance
	content content
	memory  []byte  // its capacity is taken from shared
	block   *[]byte // of blocks, that memory is in
	file    *os.File
	size    int64
	line    int // length of the line under way
	mapped  []byte
}

func newBody(dir string, limit int64, shared *allowance) *body {
	return &body{dir: dir, limit: limit, shared: shared, content: newChunkContent()}
}

// copyFrom takes all of r. What a client has sent waits here in small pieces,
// since most of the time it is the client that is waited for.
func (b *body) copyFrom(r io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{b}, struct{ io.Reader }{r}, make([]byte, firstPiece))
	return err
}

// Write takes content that came by BDAT and mends its line ends. (What came by
// DATA has been mended by the wire, and is added as it is.)
func (b *body) Write(p []byte) (int, error) {
	lent := scratch.Get().(*workplace)
	defer scratch.Put(lent)
	clean, _, _ := b.content.decode(lent[:0], p)
	if err := b.add(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (b *body) add(p []byte) error {
	if b.size += int64(len(p)); b.size > b.limit {
		return errTooLarge
	}
	if !b.measure(p) {
		return errLongLine
	}
	if b.file == nil && b.room(len(p)) {
		b.memory = append(b.memory, p...)
		return nil
	}
	if err := b.spool(); err != nil {
		return err
	}
	if len(b.memory)+len(p) > cap(b.memory) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if len(p) > cap(b.memory) {
		return b.write(p)
	}
	b.memory = append(b.memory, p...)
	return nil
}

// room makes place for n more bytes in memory, if there may be.
func (b *body) room(n int) bool {
	need, have := len(b.memory)+n, cap(b.memory)
	if need <= have {
		return true
	}
	size := firstPiece
	for size < need && size < inMemory {
		size *= 2
	}
	if need > size || !b.shared.take(size) {
		return false
	}
	block := newBlock(size)
	memory := append((*block)[:0], b.memory...)
	b.forget()
	b.memory, b.block = memory, block
	return true
}

// forget gives memory back.
func (b *body) forget() {
	if b.block == nil {
		return
	}
	b.shared.give(cap(b.memory))
	blocksOf(cap(b.memory)).Put(b.block)
	b.memory, b.block = nil, nil
}

// blocks are what messages lie in, by size: firstPiece, and twice as much each
// time, up to inMemory. A message is gone when its Handler is done, so that the
// next may lie there.
var blocks [7]sync.Pool

func blocksOf(size int) *sync.Pool { return &blocks[bits.Len(uint(size/firstPiece))-1] }

func newBlock(size int) *[]byte {
	if block, ok := blocksOf(size).Get().(*[]byte); ok {
		return block
	}
	block := make([]byte, size)
	return &block
}

// measure follows the length of lines, and says when one is too long.
func (b *body) measure(p []byte) bool {
	if b.line+len(p) <= maxLine { // whatever the line ends in p
		if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
			b.line, p = 0, p[i+1:]
		}
		b.line += len(p)
		return true
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			b.line += len(p)
			return b.line <= maxLine
		}
		if b.line+i+1 > maxLine {
			return false
		}
		b.line, p = 0, p[i+1:]
	}
	return true
}

// spool opens the file. What memory a large message has by then is its write
// buffer from now on; one for which there is no more has none.
func (b *body) spool() error {
	if b.file != nil {
		return nil
	}
	file, err := os.CreateTemp(b.dir, "guichet-spool-")
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	b.file = file
	if err := os.Remove(file.Name()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := b.flush(); err != nil {
		return err
	}
	if cap(b.memory) < inMemory {
		b.forget()
	}
	return nil
}

func (b *body) flush() error {
	if len(b.memory) == 0 {
		return nil
	}
	err := b.write(b.memory)
	b.memory = b.memory[:0]
	return err
}

func (b *body) write(p []byte) error {
	if _, err := b.file.Write(p); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// finish gives the whole message. It may be written to, without effect on
// anything but these bytes, until freeze; it is gone after Close.
func (b *body) finish() ([]byte, error) {
	if err := b.add(b.content.finish(nil)); err != nil {
		return nil, err
	}
	if b.file == nil {
		return b.memory, nil
	}
	if err := b.flush(); err != nil {
		return nil, err
	}
	mapped, err := unix.Mmap(int(b.file.Fd()), 0, int(b.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("spool: map: %w", err)
	}
	b.mapped = mapped
	return mapped, nil
}

// freeze makes a mapped message read-only, so that whoever breaks the promise
// of Envelope.Data is found out at once.
func (b *body) freeze() error {
	if b.mapped == nil {
		return nil
	}
	if err := unix.Mprotect(b.mapped, unix.PROT_READ); err != nil {
		return fmt.Errorf("spool: protect: %w", err)
	}
	return nil
}

// Close gives everything back. The message must not be touched any more.
func (b *body) Close() error {
	var err error
	if b.mapped != nil {
		err = unix.Munmap(b.mapped)
		b.mapped = nil
	}
	if b.file != nil {
		if closed := b.file.Close(); err == nil {
			err = closed
		}
		b.file = nil
	}
	b.forget()
	return err
}
