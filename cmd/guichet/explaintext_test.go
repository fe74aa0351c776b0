package main

import (
	"regexp"
	"testing"

	"guichet/router"
)

// Whatever a router may decide, explain has words for it.
func TestExplainHasWordsForEveryDecision(t *testing.T) {
	for _, c := range []struct {
		file, constant string
		worded         func(name string) bool
	}{
		{"router/decide.go", `(?m)^\s+\w+\s+Did\s*= "([a-z-]+)"`, func(name string) bool { return didWords[router.Did(name)] != "" }},
		{"router/match.go", `(?m)^\s+\w+\s+Rule\s*= "([a-z-]+)"`, func(name string) bool { return ruleWords[router.Rule(name)] != "" }},
	} {
		names := regexp.MustCompile(c.constant).FindAllStringSubmatch(readRoot(t, c.file), -1)
		if len(names) < 3 {
			t.Errorf("%s: %d names were found", c.file, len(names))
		}
		for _, name := range names {
			if !c.worded(name[1]) {
				t.Errorf("%s: there are no words for %q", c.file, name[1])
			}
		}
	}
}
