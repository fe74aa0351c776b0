package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"guichet/ticket"
)

// cannedOf reads the canned answers of a directory: NAME.txt, or NAME.LANGUAGE.txt
// for each of several languages. "" has none.
func cannedOf(dir, locale string) (ticket.Texts, error) {
	if dir == "" {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	var texts ticket.Texts
	for _, file := range files {
		name, language, ok := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txt"), ".")
		if !ok {
			language = locale
		}
		if !ticket.CannedName(name) {
			return nil, fmt.Errorf("%s: %q is no name for a canned answer: it is one word of letters and digits", file, name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if field, unknown := ticket.UnknownField(string(text)); unknown {
			return nil, fmt.Errorf("%s: there is no %s: a text may name {%s}", file, field, strings.Join(ticket.CannedFields, "}, {"))
		}
		if len(text) > ticket.LongestCanned || !utf8.Valid(text) {
			return nil, fmt.Errorf("%s: a canned answer is UTF-8 text of at most %d bytes", file, ticket.LongestCanned)
		}
		texts.Put(name, language, strings.TrimSpace(string(text)))
	}
	return texts, nil
}
