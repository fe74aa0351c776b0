package smtpd

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestContent shows what becomes of each way to write a line end: "want" is
// what a reader of the message gets, "rest" what is taken for commands.
func TestContent(t *testing.T) {
	for _, c := range []struct {
		name, in, want, rest string
		open, bare           bool
	}{
		{name: "plain", in: "a\r\nb\r\n.\r\nQUIT\r\n", want: "a\r\nb\r\n", rest: "QUIT\r\n"},
		{name: "empty", in: ".\r\n", want: ""},
		{name: "stuffed", in: "..a\r\n..\r\n.b\r\n.\r\n", want: ".a\r\n.\r\nb\r\n"},
		{name: "bare LF", in: "a\nb\r\n.\r\n", want: "a\r\nb\r\n", bare: true},
		{name: "bare CR", in: "a\rb\r\n.\r\n", want: "a\r\nb\r\n", bare: true},
		{name: "CR CR LF is one end", in: "a\r\r\nb\r\n.\r\n", want: "a\r\nb\r\n", bare: true},
		{name: "CR CR LF dot CR LF ends", in: "a\r\r\n.\r\nQUIT\r\n", want: "a\r\n", rest: "QUIT\r\n", bare: true},
		{name: "LF dot LF", in: "a\n.\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "LF dot CR LF", in: "a\n.\r\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "LF dot CR", in: "a\n.\rQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CR dot CR LF", in: "a\r.\r\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CR dot LF", in: "a\r.\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CR dot CR", in: "a\r.\rQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CRLF dot LF", in: "a\r\n.\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CRLF dot CR", in: "a\r\n.\rQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CRLF dot CR CR LF", in: "a\r\n.\r\r\nQUIT\r\n.\r\n", want: "a\r\n.\r\nQUIT\r\n", bare: true},
		{name: "CRLF NUL dot CRLF", in: "a\r\n\x00.\r\nQUIT\r\n.\r\n", want: "a\r\n\x00.\r\nQUIT\r\n"},
		{name: "CRLF dot NUL CRLF", in: "a\r\n.\x00\r\nQUIT\r\n.\r\n", want: "a\r\n\x00\r\nQUIT\r\n"},
		{name: "dot in the text", in: "a.\r\n a .b\r\n.\r\n", want: "a.\r\n a .b\r\n"},
		{name: "LF at the very start", in: "\n.\r\nx\r\n.\r\n", want: "\r\n.\r\nx\r\n", bare: true},
		{name: "never ended", in: "a\r\n.", want: "a\r\n", open: true},
		{name: "a row of CRs", in: "a" + strings.Repeat("\r", 40) + "\n.\r\n", want: "a\r\n" + strings.Repeat("\r\n", 32), bare: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			// In one piece, byte by byte, and in any two pieces: the same.
			for cut := range len(c.in) + 1 {
				got, rest, end, bare := read(c.in[:cut], c.in[cut:])
				if got != c.want || rest != c.rest || end == c.open || bare != c.bare {
					t.Fatalf("cut at %d: got %q, rest %q, end %v, bare %v", cut, got, rest, end, bare)
				}
			}
			if got, _, _, _ := read(strings.Split(c.in, "")...); got != c.want {
				t.Fatalf("byte by byte: %q", got)
			}
		})
	}
}

// read gives the pieces to a content.
func read(pieces ...string) (text, rest string, end, bare bool) {
	var c content
	var out []byte
	for _, piece := range pieces {
		if end {
			rest += piece
			continue
		}
		var used int
		out, used, end = c.decode(out, []byte(piece))
		rest += piece[used:]
	}
	return string(out), rest, end, c.bare
}

// TestContentOnlyEnd: whatever comes, the data end where CR LF dot CR LF first
// stands (or dot CR LF at the start), and nowhere else; and what is read has no
// CR or LF alone in it.
func TestContentOnlyEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"\r", "\n", "\r\n", ".", "a", "\r\n.\r\n", "\x00"})).Draw(t, "in"), "")
		cut := rapid.IntRange(0, len(in)).Draw(t, "cut")
		text, rest, end, _ := read(in[:cut], in[cut:])
		at := strings.Index("\r\n"+in, "\r\n.\r\n")
		if end != (at >= 0) || end && rest != ("\r\n" + in)[at+5:] {
			t.Fatalf("%q: end %v, rest %q", in, end, rest)
		}
		if strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\n") {
			t.Fatalf("%q: bare newline in %q", in, text)
		}
	})
}

func TestCRLF(t *testing.T) {
	if got := string(CRLF([]byte(".\na\r\nb\rc\r\r\n.\r\n\r"))); got != ".\r\na\r\nb\r\nc\r\n.\r\n\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestBody(t *testing.T) {
	long := strings.Repeat("0123456789abcde\r\n", 40_000) // 680,000 bytes
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{name: "empty"},
		{name: "mended", in: "a\nb\r", want: "a\r\nb\r\n"},
		{name: "spooled", in: long, want: long},
		{name: "exactly the limit", in: strings.Repeat("x\n", 1<<18), want: strings.Repeat("x\r\n", 1<<18)},
		{name: "one more", in: strings.Repeat("x\n", 1<<18) + "x", err: errTooLarge},
		{name: "longest line", in: strings.Repeat("x", maxLine-2) + "\r\ny", want: strings.Repeat("x", maxLine-2) + "\r\ny"},
		{name: "longer line", in: strings.Repeat("x", maxLine+1), err: errLongLine},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			shared := newAllowance(allMemory)
			b := newBody(dir, 3<<18, shared)
			err := b.copyFrom(strings.NewReader(c.in))
			var got []byte
			if err == nil {
				got, err = b.finish()
			}
			if err != c.err || string(got) != c.want {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			if err := b.freeze(); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil || shared.left.Load() != allMemory {
				t.Errorf("%d bytes are not given back (%v)", allMemory-shared.left.Load(), err)
			}
		})
	}
}

// TestBodiesShareMemory: when there is none left, a message goes to the spool
// however small it is, and is the same.
func TestBodiesShareMemory(t *testing.T) {
	shared := newAllowance(3 * firstPiece)
	want := strings.Repeat("0123456789abcde\r\n", 300)
	for i := range 5 {
		b := newBody(t.TempDir(), 1<<20, shared)
		defer b.Close()
		if err := b.copyFrom(strings.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := b.finish(); err != nil || string(got) != want || (b.file != nil) != (i > 0) {
			t.Errorf("message %d: %d bytes, %v, in a file: %v", i, len(got), err, b.file != nil)
		}
	}
	if left := shared.left.Load(); left < 0 {
		t.Errorf("%d bytes too many are taken", -left)
	}
}

// TestBodiesKeepApart: memory is used again, and never by two messages at a time.
func TestBodiesKeepApart(t *testing.T) {
	shared := newAllowance(allMemory)
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := range 50 {
				line := fmt.Sprintf("%d of sender %d\r\n", i, sender)
				want := strings.Repeat(line, 1+(7*i+sender)*13%3000)
				b := newBody(t.TempDir(), 1<<20, shared)
				err := b.copyFrom(strings.NewReader(want))
				got, failed := b.finish()
				if err != nil || failed != nil || string(got) != want {
					t.Errorf("message %d of sender %d is not as it was sent (%v, %v)", i, sender, err, failed)
				}
				b.Close()
			}
		})
	}
	senders.Wait()
	if left := shared.left.Load(); left != allMemory {
		t.Errorf("%d bytes are not given back", allMemory-left)
	}
}
