package parser

import (
	"strings"
	"testing"
)

// The look at two bytes spares most lines, and none that ends in a verb.
func TestEveryVerbMayEndALine(t *testing.T) {
	for word := range lastWords {
		for _, w := range []string{word, strings.ToUpper(word), word + "(a)"} {
			if line := "On 2 May, Ann " + w; !mayEndVerb(line) || !endsAttribution(line) {
				t.Errorf("%q is no end of an attribution", line)
			}
		}
	}
	for _, line := range []string{"", "e", "the till is dead", "room 12", "at last;", "bathroom"} {
		if mayEndVerb(line) {
			t.Errorf("%q may end in a verb", line)
		}
	}
}
