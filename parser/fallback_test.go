package parser

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const secondRead = "structure that only a second reader understood"

func TestSecondReader(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"text behind the end mark", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\nThe printer is broken.\n", `"The printer is broken."`},
		{"a part behind the end mark", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\nContent-Type: text/plain\n\nThe printer is broken.\n", `"The printer is broken."`},
		{"not in UTF-8", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\nL'imprimante est cass\xe9e.\n", `"L'imprimante est cassée."`},
	} {
		m := Parse([]byte(c.raw))
		if got := parts(m); got != c.want || !slices.Contains(m.Problems, secondRead) {
			t.Errorf("%s: got %s, %q", c.name, got, m.Problems)
		}
	}
}

// It is asked last, and never for what could cost it dear.
func TestSecondReaderIsAskedLast(t *testing.T) {
	open := func(levels int) string {
		var out strings.Builder
		for i := range levels {
			fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d--\n", i, i)
		}
		return out.String()
	}
	const nothing = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n"
	for _, c := range []struct{ name, raw, text string }{
		{"there is a text", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b--\nepilogue\n", "Hello"},
		{"there is a file", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n\nx\n--b--\nepilogue\n", ""},
		{"there is nothing", nothing, ""},
		{"too large", nothing + strings.Repeat("word ", maxSecond/5), ""},
		{"too many multiparts", open(maxSecondMultiparts + 1), strings.TrimSpace(strings.SplitN(open(maxSecondMultiparts+1), "\n\n", 2)[1])},
		{"too many lines like boundaries", nothing + strings.Repeat("--x\n", maxSecondDashes), ""},
	} {
		m := Parse([]byte(c.raw))
		if m.Text != c.text || slices.Contains(m.Problems, secondRead) {
			t.Errorf("%s: %.200q, %q", c.name, m.Text, m.Problems)
		}
	}
}

func TestGuarded(t *testing.T) {
	if guarded(func() { panic("a fault in another's code") }) || !guarded(func() {}) {
		t.Error("a panic was not told from an end")
	}
}
