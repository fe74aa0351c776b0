package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a settings file.
type Mistake struct {
	File         string
	Line, Column int    // from 1; 0 where the file could not be read at all
	What         string // what is wrong
	Remedy       string // what would be right
}

func (m Mistake) String() string {
	where := m.File
	if m.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
	}
	if m.Remedy == "" {
		return where + ": " + m.What
	}
	return where + ": " + m.What + "; " + m.Remedy
}

// Mistakes are all that is wrong with a settings file, in the order in which
// they stand in it.
type Mistakes []Mistake

// Error is one mistake a line.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// sorted is the mistakes in the order of the file, each once.
func (ms Mistakes) sorted() Mistakes {
	slices.SortStableFunc(ms, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(ms)
}

// Warning is something that is allowed and yet unsafe, which an admin should
// have chosen rather than overlooked.
type Warning struct {
	Setting string // the key, as sites[0].outgoing.via
	Text    string
}

func (w Warning) String() string { return w.Setting + ": " + w.Text }
