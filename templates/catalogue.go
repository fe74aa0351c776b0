package templates

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A language file is sections, each begun by a line "-- name --". The section
// words holds one "key: text" a line, whose {placeholders} the program fills;
// each other section is the source of one mail. What stands before the first
// section, and in words after a #, is for translators.

const wordsSection = "words"

// section is one part of a language file.
type section struct {
	file string
	line int // of the first line of text, from 1
	text string
}

// catalogue is all that is said in one language.
type catalogue struct {
	locale string
	words  map[string]string
	mails  map[string]*source
}

// word gives the text of a key with its placeholders filled from pairs of name
// and value. A key that is not there gives its last part: bare, but a mail.
func (c *catalogue) word(key string, pairs ...string) string {
	text, ok := c.words[key]
	if !ok {
		text = key[strings.LastIndexByte(key, '.')+1:]
	}
	var filled strings.Builder
	for len(pairs) > 0 {
		before, rest, begun := strings.Cut(text, "{")
		name, after, ended := strings.Cut(rest, "}")
		if !begun || !ended {
			break
		}
		filled.WriteString(before)
		if i := nameIn(pairs, name); i >= 0 {
			filled.WriteString(pairs[i+1])
			text = after
		} else { // it stands for itself
			filled.WriteByte('{')
			text = rest
		}
	}
	if filled.Len() == 0 {
		return text
	}
	filled.WriteString(text)
	return filled.String()
}

// nameIn is where a name stands in pairs of name and value, or -1.
func nameIn(pairs []string, name string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return i
		}
	}
	return -1
}

// split takes a language file apart.
func split(file, text string) (map[string]section, error) {
	sections := map[string]section{}
	name, start := "", 0
	var body strings.Builder
	end := func() {
		if name != "" {
			sections[name] = section{file, start, body.String()}
		}
		body.Reset()
	}
	n := 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		n++
		heading, ok := sectionName(line)
		if !ok {
			body.WriteString(line)
			continue
		}
		end()
		if _, twice := sections[heading]; twice {
			return nil, fmt.Errorf("%s:%d: section %q stands here a second time", file, n, heading)
		}
		name, start = heading, n+1
	}
	end()
	return sections, nil
}

func sectionName(line string) (string, bool) {
	name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, " --")
	return strings.TrimSpace(name), ok
}

// parseWords reads the section words.
func parseWords(s section) (map[string]string, error) {
	words := map[string]string{}
	n := s.line - 1
	for line := range strings.Lines(s.text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, text, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d: a word is written as key: text", s.file, n)
		}
		if _, twice := words[key]; twice {
			return nil, fmt.Errorf("%s:%d: %q stands here a second time", s.file, n, key)
		}
		words[key] = strings.TrimSpace(text)
	}
	return words, nil
}

// parseCatalogue reads a language file. base, where given, is what it alters:
// it may then hold a part only, and nothing that base does not have.
func parseCatalogue(locale, file, text string, base *catalogue) (*catalogue, error) {
	sections, err := split(file, text)
	if err != nil {
		return nil, err
	}
	c := &catalogue{locale: locale, words: map[string]string{}, mails: map[string]*source{}}
	if base != nil {
		maps.Copy(c.words, base.words)
		maps.Copy(c.mails, base.mails)
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		s := sections[name]
		if name == wordsSection {
			words, err := parseWords(s)
			if err != nil {
				return nil, err
			}
			if err := sameKeys(s, words, base); err != nil {
				return nil, err
			}
			maps.Copy(c.words, words)
			continue
		}
		if !slices.Contains(mailNames(), name) && !strings.HasPrefix(name, ownValidation) {
			return nil, fmt.Errorf("%s:%d: no mail is called %q; there are %s", file, s.line-1, name, strings.Join(mailNames(), ", "))
		}
		if c.mails[name], err = parseSource(name, s); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func sameKeys(s section, words map[string]string, base *catalogue) error {
	if base == nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(words)) {
		shipped, ok := base.words[key]
		if !ok {
			return fmt.Errorf("%s:%d: no word is called %q", s.file, s.line, key)
		}
		for _, p := range placeholders(words[key]) {
			if !slices.Contains(placeholders(shipped), p) {
				return fmt.Errorf("%s:%d: %s is not filled in %q", s.file, s.line, p, key)
			}
		}
	}
	return nil
}

// missing names what a language lacks beside another.
func (c *catalogue) missing(other *catalogue) []string {
	var lacks []string
	for _, name := range mailNames() {
		if c.mails[name] == nil {
			lacks = append(lacks, "-- "+name+" --")
		}
	}
	for key, text := range other.words {
		mine, ok := c.words[key]
		if !ok || !slices.Equal(placeholders(mine), placeholders(text)) {
			lacks = append(lacks, strings.Join(append([]string{key + ":"}, placeholders(text)...), " "))
		}
	}
	slices.Sort(lacks)
	return lacks
}

// placeholders are the {names} in a text, each once, sorted.
func placeholders(text string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(text, "{")
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			break
		}
		found = append(found, "{"+name+"}")
		text = after
	}
	slices.Sort(found)
	return slices.Compact(found)
}
