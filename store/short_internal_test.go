package store

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"
)

// What is packed here is what the module reads, and has ever written itself.
func TestShortValuesAreS2Blocks(t *testing.T) {
	words := strings.Fields(string(phraseBook))
	rapid.Check(t, func(t *rapid.T) {
		var plain []byte
		for range rapid.IntRange(0, 40).Draw(t, "pieces") {
			switch rapid.IntRange(0, 3).Draw(t, "sort") {
			case 0:
				plain = append(plain, rapid.SampledFrom(words).Draw(t, "phrase")...)
			case 1:
				plain = append(plain, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")...)
			case 2: // of itself, or of the book to its very end
				all := append(bytes.Clone(phraseBook), plain...)
				from := rapid.IntRange(0, len(all)).Draw(t, "from")
				plain = append(plain, all[from:min(len(all), from+rapid.IntRange(0, 400).Draw(t, "length"))]...)
			case 3:
				plain = append(plain, strings.Repeat("-", rapid.IntRange(0, 300).Draw(t, "times"))...)
			}
		}
		got, err := phrases.Decode(nil, phrases.pack(nil, plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%q came back as %q, error %v", plain, got, err)
		}
	})
}

// The module's own writer is what the form was chosen for: ours may take more
// bytes than it for no value that is mostly phrases.
func TestShortValuesArePackedAsWellAsByTheModule(t *testing.T) {
	module := s2.MakeDict(phraseBook, nil)
	for _, plain := range []string{
		`{"id":"i3kg3km4jhzrpgsy","kind":"agent-new","site":"acme","queue":"help","ticket":"qcv4cumwrkn5u5xr","article":1,"to":1,"locale":"en","message_id":"a@mx.acme.example","created":"2026-11-22T01:43:08Z"}`,
		`{"ticket":"qcv4cumwrkn5u5xr","participants":[{"number":1,"role":"requester","mailbox":{"Name":"Marie Martin","Address":"marie@customer.example"}},{"number":2,"role":"agent","mailbox":{"Name":"","Address":"anna@acme.example"}},{"number":3,"role":"agent","mailbox":{"Name":"","Address":"ben@acme.example"}}]}`,
	} {
		if ours, theirs := len(phrases.pack(nil, []byte(plain))), len(module.Encode(nil, []byte(plain))); ours > theirs {
			t.Errorf("%d bytes take %d, and %d by the module: %.40s…", len(plain), ours, theirs, plain)
		}
	}
}

func BenchmarkPackShort(b *testing.B) {
	plain := []byte(`{"id":"i3kg3km4jhzrpgsy","kind":"agent-new","site":"acme","queue":"help","ticket":"qcv4cumwrkn5u5xr","article":1,"to":1,"locale":"en","message_id":"a@mx.acme.example","created":"2026-11-22T01:43:08Z"}`)
	var packed []byte
	for b.Loop() {
		packed = phrases.pack(packed[:0], plain)
	}
}
