package outbox

import (
	"mime/quotedprintable"
	"strings"
	"testing"
)

func FuzzQuotedPrintableIsThatOfTheLibrary(f *testing.F) {
	for _, s := range []string{
		"", "\n", "a b \nc\t\n\n ", "1 = 1\n", "Ça marche très bien.\n", "\x00\x7f\xff",
		strings.Repeat("x", 75) + "\n" + strings.Repeat("x", 76) + "\n" + strings.Repeat("x", 74) + " \n" + strings.Repeat("x", 75) + " ",
		strings.Repeat("é", 50), strings.Repeat("a=", 60), strings.Repeat("x", 72) + "é", strings.Repeat("x", 73) + "é" + strings.Repeat("x", 73) + "\t",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(s, "\r", "") // mails are written with \n alone
		var want strings.Builder
		w := quotedprintable.NewWriter(&want)
		if _, err := w.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := string(appendQuoted(nil, s)); got != want.String() {
			t.Errorf("%q:\n%s\nwant:\n%s", s, got, want.String())
		}
	})
}
