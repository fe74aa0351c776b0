package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// What was sealed once must open for ever, so the phrases never change: others
// would be a second book, beside this one.
func TestPhrasesNeverChange(t *testing.T) {
	const want = "c8f453404d37e61ed8d1141493aed1b1d5f9d6e4926ff5891117c5241fe349bd"
	if sum := sha256.Sum256(phraseBook); hex.EncodeToString(sum[:]) != want {
		t.Errorf("phrases.txt has the digest %x: what was packed with it before does not open", sum)
	}
}

func TestSealedOpens(t *testing.T) {
	v, err := newVault()
	if err != nil {
		t.Fatal(err)
	}
	k, at := newKey(), place{"acme", "ticket:x", fieldSealed}
	text := strings.Repeat(`{"number":1,"kind":"public","text":"Good morning, the till is dead."},`, 60)
	for n := 0; n <= len(text); n += 7 {
		plain := []byte(text[:n])
		got, err := v.open(k, at, v.seal(k, at, plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("of %d bytes: %d came back, error %v", n, len(got), err)
		}
	}
}

func TestShortValuesArePacked(t *testing.T) {
	v, err := newVault()
	if err != nil {
		t.Fatal(err)
	}
	k, at := newKey(), place{"acme", "notice:x", fieldSealed}
	plain := []byte(`{"id":"i3kg3km4jhzrpgsy","kind":"agent-new","site":"acme","queue":"help","ticket":"qcv4cumwrkn5u5xr","article":1,"to":1,"locale":"en","message_id":"a@mx.acme.example","created":"2026-11-22T01:43:08Z"}`)
	if got := len(v.seal(k, at, plain)) - sealedHead - chacha20poly1305.Overhead; got > len(plain)*2/3 {
		t.Errorf("%d bytes take %d", len(plain), got)
	}
}

// A value says how it is packed in clear, but is bound to that.
func TestSealedAnotherWayDoesNotOpen(t *testing.T) {
	v, err := newVault()
	if err != nil {
		t.Fatal(err)
	}
	k, at := newKey(), place{"acme", "ticket:x", fieldSealed}
	sealed := v.seal(k, at, []byte(strings.Repeat("the till is dead ", 9)))
	for how := range 256 {
		if byte(how) == sealed[0] {
			continue
		}
		altered := bytes.Clone(sealed)
		altered[0] = byte(how)
		if _, err := v.open(k, at, altered); !errors.Is(err, ErrSealed) {
			t.Errorf("with %d as its first byte: %v", how, err)
		}
	}
}
