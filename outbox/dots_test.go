package outbox

import (
	"bufio"
	"bytes"
	"io"
	"net/textproto"
	"testing"
)

// What we write must be what the standard library writes (which but loses count
// of CR CR LF, and so adds a third), however the content
// comes in pieces.
func TestDotsAreThoseOfTheStandardLibrary(t *testing.T) {
	for _, content := range []string{
		"", ".", "..", "\r\n", "\n", ".\r\n", "a\r\n.\r\nb", "a\n.b\n..c\r\n", "a\r", "a\r\n", "a\r.b\r\n.", "\n\n.\n", "x\n\r\n.",
	} {
		var want bytes.Buffer
		w := textproto.NewWriter(bufio.NewWriter(&want)).DotWriter()
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= len(content)+1; size++ {
			var got bytes.Buffer
			d := &dots{w: bufio.NewWriter(&got)}
			for rest := []byte(content); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if n, err := d.Write(rest[:min(size, len(rest))]); err != nil || n != min(size, len(rest)) {
					t.Fatal(n, err)
				}
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if got.String() != want.String() {
				t.Errorf("%q in pieces of %d: %q, not %q", content, size, got.String(), want.String())
			}
		}
	}
}
