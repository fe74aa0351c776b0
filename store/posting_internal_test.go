package store

import (
	"os"
	"regexp"
	"testing"
)

// TestPostingsStayWhereTheyAre holds postings to where docs/redis.md shows them: what
// is elsewhere is not found by a program that is exchanged.
func TestPostingsStayWhereTheyAre(t *testing.T) {
	page, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []posting{postingOf("29fpomOOH8sukFuc9oeYDA"), postingOfNumber(1042)} {
		if !regexp.MustCompile(`:` + p.record + ` +hash +` + p.field + ` = ngsvdef6422fvci7`).Match(page) {
			t.Errorf("docs/redis.md does not show %+v", p)
		}
	}
	for number, want := range map[uint64]string{0: "by-number:0", 63: "by-number:0", 64: "by-number:1"} {
		if got := postingOfNumber(number).record; got != want {
			t.Errorf("number %d is in %s, want %s", number, got, want)
		}
	}
}
