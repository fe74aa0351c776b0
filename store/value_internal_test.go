package store

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/ticket"
)

func written(t *testing.T, v any) []byte {
	t.Helper()
	w := writers.New().(*writer)
	if err := w.write(v); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func TestTextsStandBehindTheJSON(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, text := range []string{"", "Cold.", "a\nb\r\n\"c\" <d> \\ \x00 \u2028 é", strings.Repeat("wet\n", 100_000)} {
		for _, whole := range []string{"", "Cold.\n> Why?"} {
			want := ticket.Article{Number: 1, Kind: ticket.PublicArticle, At: at, Text: text, Whole: whole, Detail: "x"}
			plain := written(t, &want)
			line, behind, _ := bytes.Cut(plain, []byte("\n"))
			if len(line) > 200 || !strings.Contains(string(behind), text) {
				t.Errorf("the JSON of %.20q takes %d bytes", text, len(line))
			}
			var got ticket.Article
			if err := readValue(plain, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestAValueThatWasCutIsNotRead(t *testing.T) {
	plain := written(t, &ticket.Held{ID: "x", Text: strings.Repeat("cold ", 40)})
	end := bytes.IndexByte(plain, '\n') + 1 // a value without texts is one of before version 4
	for n := range plain {
		if err := readValue(plain[:n], &ticket.Held{}); err == nil && n != end && n != end-1 {
			t.Errorf("%d bytes of %d are read", n, len(plain))
		}
	}
	if err := readValue(append(plain[:end:end], bytes.Repeat([]byte{0xFF}, 11)...), &ticket.Held{}); err == nil {
		t.Error("a length that is none is read")
	}
}
