package parser

import (
	"strings"

	"github.com/abadojack/whatlanggo"
)

// headerLanguages are what Content-Language and Accept-Language ask for, as
// ISO 639-1 codes in their order.
func headerLanguages(h *header) []string {
	var list []string
	for _, name := range []string{"content-language", "accept-language"} {
		for tag := range strings.SplitSeq(h.get(name), ",") {
			tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
			code, _, _ := strings.Cut(strings.ToLower(tag), "-")
			if len(code) == 2 && isLetters(code) && len(list) < 10 && !contains(list, code) {
				list = append(list, code)
			}
		}
	}
	return list
}

func isLetters(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// detectLanguage is the ISO 639-1 code of a text, or "" when it is too short to
// tell.
func detectLanguage(text string, asked []string) string {
	sample := text
	if len(sample) > 2_000 {
		sample = strings.ToValidUTF8(sample[:2_000], "")
	}
	if len(sample) < 20 {
		return ""
	}
	info := whatlanggo.Detect(sample)
	if info.Confidence < 0.5 {
		return ""
	}
	return info.Lang.Iso6391()
}
