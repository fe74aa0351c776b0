package store

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/chacha20poly1305"
)

// key is 256 random bits.
type key [32]byte

func newKey() (k key) {
	_, _ = rand.Read(k[:]) // never fails
	return k
}

// place is where a sealed value belongs. A value that was moved to another
// site, record or field does not open there.
type place struct{ site, record, field string }

// ErrSealed is what anything gives that does not open: it was altered, moved,
// or sealed under another key.
var ErrSealed = errors.New("store: sealed content does not open")

// vault seals: packed, then XChaCha20-Poly1305 with a random nonce, which at 192
// bits never repeats. Its methods may be called at the same time.
type vault struct {
	pack   *zstd.Encoder
	unpack *zstd.Decoder
	// scratch is where a value lies between packing and sealing.
	scratch sync.Pool
}

// maxUnpacked bounds what a sealed value may unpack to.
const maxUnpacked = 256 << 20

func newVault() (*vault, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &vault{pack: pack, unpack: unpack, scratch: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// A sealed value is a byte that says how, the nonce, and the rest under the
// AEAD.
const (
	sealedPlain  = 1
	sealedPacked = 2 // with zstd
	sealedShort  = 3 // with S2 and the phrases
	sealedHead   = 1 + chacha20poly1305.NonceSizeX
	// sealedWrapped is a key: see wrap.
	sealedWrapped = 4
)

// A short value is mostly names of fields and what stands in each of its kind.
// S2 with a dictionary of them halves it in two microseconds; zstd takes five
// times as long for a sixth less. Longer ones are mostly text, and gain by
// zstd's entropy step.
const (
	worthPacking = 32
	worthEntropy = 2 << 10
)

//go:embed phrases.txt
var phraseBook []byte

func (v *vault) seal(k key, at place, plain []byte) []byte {
	scratch := v.scratch.Get().(*[]byte)
	defer v.scratch.Put(scratch)
	how, packed := byte(sealedPlain), plain
	switch {
	case len(plain) < worthPacking:
	case len(plain) < worthEntropy:
		*scratch = phrases.pack((*scratch)[:0], plain)
		how, packed = sealedShort, *scratch
	default:
		*scratch = v.pack.EncodeAll(plain, (*scratch)[:0])
		how, packed = sealedPacked, *scratch
	}
	if len(packed) >= len(plain) {
		how, packed = sealedPlain, plain
	}
	return sealed(k, at, how, packed)
}

// sealed seals what is packed.
func sealed(k key, at place, how byte, packed []byte) []byte {
	out := make([]byte, sealedHead, sealedHead+len(packed)+chacha20poly1305.Overhead)
	out[0] = how
	_, _ = rand.Read(out[1:])
	return aead(k).Seal(out, out[1:sealedHead], packed, at.bind(how))
}

func (v *vault) open(k key, at place, sealed []byte) ([]byte, error) {
	if len(sealed) < sealedHead {
		return nil, fmt.Errorf("%w (%s %s)", ErrSealed, at.site, at.record)
	}
	plain, err := aead(k).Open(nil, sealed[1:sealedHead], sealed[sealedHead:], at.bind(sealed[0]))
	if err == nil {
		plain, err = v.unpacked(sealed[0], plain)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%s %s)", ErrSealed, at.site, at.record)
	}
	return plain, nil
}

func (v *vault) unpacked(how byte, packed []byte) ([]byte, error) {
	switch how {
	case sealedPlain:
		return packed, nil
	case sealedPacked:
		return v.unpack.DecodeAll(packed, nil)
	case sealedShort:
		if n, err := s2.DecodedLen(packed); err != nil || n >= worthEntropy {
			return nil, ErrSealed
		}
		return phrases.Decode(nil, packed)
	}
	return nil, ErrSealed
}

// A key is wrapped under one that is drawn from its place, so that few are ever
// wrapped under the same and a nonce of 96 bits is enough: Redis keeps a record in
// half the memory as long as no value of it has more than 64 bytes. Until version 5
// keys were sealed like everything else.
const (
	wrappedHead  = 1 + chacha20poly1305.NonceSize
	wrappedBytes = wrappedHead + len(key{}) + chacha20poly1305.Overhead
	sealedBytes  = sealedHead + len(key{}) + chacha20poly1305.Overhead
)

// wrappedLength is how long a wrapped key is that begins so; 0 is of none.
func wrappedLength(how byte) int {
	switch how {
	case sealedWrapped:
		return wrappedBytes
	case sealedPlain:
		return sealedBytes
	}
	return 0
}

// wrap seals a key, as it is.
func wrap(under key, at place, k key) []byte {
	out := make([]byte, wrappedHead, wrappedBytes)
	out[0] = sealedWrapped
	_, _ = rand.Read(out[1:])
	return wrapping(under, at).Seal(out, out[1:], k[:], nil)
}

func unwrap(under key, at place, wrapped []byte) (k key, err error) {
	err = ErrSealed
	var plain []byte
	if len(wrapped) > 0 && len(wrapped) == wrappedLength(wrapped[0]) {
		if wrapped[0] == sealedWrapped {
			plain, err = wrapping(under, at).Open(nil, wrapped[1:wrappedHead], wrapped[wrappedHead:], nil)
		} else {
			plain, err = aead(under).Open(nil, wrapped[1:sealedHead], wrapped[sealedHead:], at.bind(sealedPlain))
		}
	}
	if err != nil {
		return k, fmt.Errorf("%w (key of %s %s)", ErrSealed, at.site, at.record)
	}
	return key(plain), nil
}

// wrapping is what the key of a place is wrapped with.
func wrapping(under key, at place) cipher.AEAD {
	h := hmac.New(sha256.New, under[:])
	h.Write(at.bind(sealedWrapped))
	a, err := chacha20poly1305.New(h.Sum(nil))
	if err != nil {
		panic("store: " + err.Error()) // only for keys of another length
	}
	return a
}

// bound begins what sealed values are bound to.
const bound = "guichet"

// bind writes the place as the AEAD's associated data.
func (p place) bind(how byte) []byte {
	b := make([]byte, 0, len(bound)+1+3*4+len(p.site)+len(p.record)+len(p.field))
	b = append(append(b, bound...), how)
	for _, part := range []string{p.site, p.record, p.field} {
		b = appendPart(b, part)
	}
	return b
}

// digest is what a thing is looked up by in place of itself: 128 bits of HMAC,
// so that who has the store alone can neither read it nor try guesses.
type digest string

// kind keeps digests of different things apart.
type kind string

const (
	kindMessage   kind = "message"
	kindTracking  kind = "tracking"
	kindSeen      kind = "seen"
	kindOperation kind = "operation"
	kindBrake     kind = "brake"
	kindBlob      kind = "blob"
	kindAddress   kind = "address"
	kindDigest    kind = "digest" // one that is renamed
	kindTerm      kind = "term"
)

// namer makes digests under one key. Its method may be called at the same time.
type namer struct{ macs *sync.Pool } // of *naming

// naming is an HMAC with room for what it is of.
type naming struct {
	hash.Hash
	text, sum []byte
}

func newNamer(k key) namer {
	return namer{&sync.Pool{New: func() any { return &naming{Hash: hmac.New(sha256.New, k[:])} }}}
}

func (n namer) digest(of kind, parts ...string) digest {
	h := n.macs.Get().(*naming)
	defer n.macs.Put(h)
	h.text = appendPart(h.text[:0], string(of))
	for _, p := range parts {
		h.text = appendPart(h.text, p)
	}
	h.Reset()
	h.Write(h.text)
	h.sum = h.Sum(h.sum[:0])
	return digest(base64.RawURLEncoding.EncodeToString(h.sum[:16]))
}

// appendPart writes a part behind its length, so that no two lists of parts are
// the same bytes.
func appendPart(b []byte, part string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}
