package smtpd

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	inMemory = 256 << 10 // larger messages go to a spool file
	maxLine  = 64 << 10
)

// body collects the bytes of one message. Small ones stay in memory; the rest
// go to a file that has no name any more, so that a crash leaves nothing
// behind, and come back as a memory map, so that a hundred large mails at a
// time are the kernel's affair and not the heap's.
type body struct {
	dir     string
	limit   int64
	content content
	clean   []byte
	memory  []byte
	file    *os.File
	size    int64
	line    int // length of the line under way
	mapped  []byte
}

func newBody(dir string, limit int64) *body {
	return &body{dir: dir, limit: limit, content: newChunkContent()}
}

// Write takes content and mends its line ends. (What came by DATA has been
// mended by the wire; what came by BDAT is so here.)
func (b *body) Write(p []byte) (int, error) {
	b.clean, _, _ = b.content.decode(b.clean[:0], p)
	if err := b.add(b.clean); err != nil {
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
	if b.file == nil && len(b.memory)+len(p) <= inMemory {
		b.memory = append(b.memory, p...)
		return nil
	}
	if err := b.spool(); err != nil {
		return err
	}
	if b.memory = append(b.memory, p...); len(b.memory) < inMemory {
		return nil
	}
	return b.flush()
}

// measure follows the length of lines, and says when one is too long.
func (b *body) measure(p []byte) bool {
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

// spool opens the file. From then on memory is its write buffer.
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
	return b.flush()
}

func (b *body) flush() error {
	if _, err := b.file.Write(b.memory); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	b.memory = b.memory[:0]
	return nil
}

// finish gives the whole message. It may be written to, without effect on
// anything but these bytes, until freeze; it is gone after Close.
func (b *body) finish() ([]byte, error) {
	if err := b.add(b.content.finish(b.clean[:0])); err != nil {
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
	b.memory = nil
	return err
}
