package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 20, []string{""}},
		{"short\r\n\r\nlines\r\n\n", 20, []string{"short", "", "lines"}},
		{"as wide as this is, no more", 0, []string{"as wide as this is, no more"}},
		{"one two three four five", 10, []string{"one two", "three four", "five"}},
		{"https://example.com/a/long/path is whole", 10, []string{"https://example.com/a/long/path", "is whole"}},
		{"> > quoted words go on quoted", 16, []string{"> > quoted words", "> > go on quoted"}},
		{"請求書 請求書 請求書", 13, []string{"請求書 請求書", "請求書"}},
		{"red\x1b[31m \u202etxt.exe", 0, []string{"red\ufffd[31m \ufffdtxt.exe"}},
		{"\tindented\tby tabs", 40, []string{"    indented    by tabs"}},
		{"> > > > > > > > > > > > deep", 12, []string{"> > > deep"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.text, c.columns)); diff != "" {
			t.Errorf("%q at %d: -want +got\n%s", c.text, c.columns, diff)
		}
	}
}
