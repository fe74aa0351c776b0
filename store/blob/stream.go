package blob

import (
	"bufio"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/chacha20poly1305"
)

// A file is a byte of version, a salt, and chunks under ChaCha20-Poly1305. The
// key is drawn from the owner's key, the salt and what the blob is bound to, so
// it is used for this file only and a plain counter serves as nonce. The nonce
// of the last chunk is marked: a file that was cut does not open.
const (
	version    = 1
	headBytes  = 1 + 16
	chunkBytes = 64 << 10
	lastChunk  = 1
)

// ErrBroken is what reading gives when a file was altered, cut, moved, or sealed
// under another key.
var ErrBroken = errors.New("blob: does not open")

func fileCipher(key [32]byte, salt, bind []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key[:], salt, "guichet blob "+string(bind), chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.New(k)
}

func nonce(n uint64, last bool) []byte {
	b := make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(b[3:], n)
	if last {
		b[11] = lastChunk
	}
	return b
}

// maxWindow is what reading keeps of a content to unpack the rest.
const maxWindow = 1 << 20

// seal packs and seals r into w.
func seal(w io.Writer, key [32]byte, bind []byte, r io.Reader) (int64, error) {
	s, err := begin(w, key, bind)
	if err != nil {
		return 0, err
	}
	defer s.end()
	pack := packers.Get().(*zstd.Encoder)
	defer packers.Put(pack)
	pack.Reset(s)
	n, err := io.Copy(pack, r)
	if err := errors.Join(err, pack.Close()); err != nil {
		return 0, err
	}
	return n, s.chunk(s.buf, true)
}

// sealPacked seals a frame into w.
func sealPacked(w io.Writer, key [32]byte, bind, frame []byte) error {
	s, err := begin(w, key, bind)
	if err != nil {
		return err
	}
	defer s.end()
	for ; len(frame) > chunkBytes; frame = frame[chunkBytes:] {
		if err := s.chunk(frame[:chunkBytes], false); err != nil {
			return err
		}
	}
	return s.chunk(frame, true)
}

// packers are some 600 KB each, to be used again.
var packers = sync.Pool{New: func() any {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(maxWindow/2), zstd.WithEncoderCRC(false))
	if err != nil {
		panic("blob: " + err.Error()) // only for options that do not go together
	}
	return pack
}}

// sealer writes chunks.
type sealer struct {
	w    io.Writer
	aead cipher.AEAD
	buf  []byte // the chunk that is not full yet
	out  []byte // what is written next: at first the head, before its chunk
	n    uint64
}

var sealers = sync.Pool{New: func() any {
	return &sealer{buf: make([]byte, 0, chunkBytes), out: make([]byte, 0, headBytes+chunkBytes+chacha20poly1305.Overhead)}
}}

// begin makes a sealer that writes one file.
func begin(w io.Writer, key [32]byte, bind []byte) (*sealer, error) {
	s := sealers.Get().(*sealer)
	s.out = s.out[:headBytes]
	s.out[0] = version
	_, _ = rand.Read(s.out[1:]) // never fails
	aead, err := fileCipher(key, s.out[1:], bind)
	if err != nil {
		return nil, err
	}
	s.w, s.aead, s.buf, s.n = w, aead, s.buf[:0], 0
	return s, nil
}

// end lets another file have the sealer.
func (s *sealer) end() {
	s.w, s.aead = nil, nil
	sealers.Put(s)
}

func (s *sealer) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		// A full chunk waits for the next byte: the last one is marked.
		if len(s.buf) == chunkBytes {
			if err := s.chunk(s.buf, false); err != nil {
				return 0, err
			}
			s.buf = s.buf[:0]
		}
		take := min(len(p), chunkBytes-len(s.buf))
		s.buf = append(s.buf, p[:take]...)
		p = p[take:]
	}
	return written, nil
}

// chunk writes one chunk.
func (s *sealer) chunk(plain []byte, last bool) error {
	_, err := s.w.Write(s.aead.Seal(s.out, nonce(s.n, last), plain, nil))
	s.out = s.out[:0]
	s.n++
	return err
}

// content reads a blob back.
type content struct {
	file   io.ReadCloser
	unpack *zstd.Decoder
	left   int64
}

func unseal(f io.ReadCloser, key [32]byte, bind []byte, size int64) (io.ReadCloser, error) {
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(f, head); err != nil || head[0] != version {
		return nil, ErrBroken
	}
	aead, err := fileCipher(key, head[1:], bind)
	if err != nil {
		return nil, err
	}
	o := &opener{r: bufio.NewReaderSize(f, chunkBytes+chacha20poly1305.Overhead+1), aead: aead}
	unpack, err := zstd.NewReader(o, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return &content{file: f, unpack: unpack, left: size}, nil
}

// Read never gives more than the size that was recorded, whatever the file
// unpacks to.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.unpack.Read(p)
	c.left -= int64(n)
	switch {
	case c.left < 0, err == io.EOF && c.left > 0:
		return 0, ErrBroken
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return n, err
}

func (c *content) Close() error {
	c.unpack.Close()
	return c.file.Close()
}

// opener reads chunks.
type opener struct {
	r    *bufio.Reader
	aead cipher.AEAD
	buf  []byte
	n    uint64
	done bool
}

func (o *opener) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(o.buf) == 0 {
		if o.done {
			return 0, io.EOF
		}
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.buf)
	o.buf = o.buf[n:]
	return n, nil
}

func (o *opener) next() error {
	chunk := make([]byte, chunkBytes+chacha20poly1305.Overhead)
	n, err := io.ReadFull(o.r, chunk)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrBroken
	}
	if _, err := o.r.Peek(1); err != nil {
		o.done = true
	}
	o.buf, err = o.aead.Open(chunk[:0], nonce(o.n, o.done), chunk[:n], nil)
	o.n++
	if err != nil {
		return ErrBroken
	}
	return nil
}
