package parser

import (
	"bytes"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// fallback shows to enmime what our own walk found nothing in, within bounds
// that its exponential and quadratic cases cannot reach. Where it finds
// nothing either, the raw text is the text.
func (b *body) fallback(raw []byte, root *part) {
	if isBlank(bytes.TrimSpace(root.body)) {
		return
	}
	if text := enmimeText(raw); strings.TrimSpace(text) != "" {
		b.problems.add("structure that was read by the second reader")
		b.sections = append(b.sections, section{plain: text, hasPlain: true})
		return
	}
	b.problems.add("structure that could not be read")
	text, _ := decodeCharset(root.body[:min(len(root.body), maxRawText)], root.params["charset"])
	b.sections = append(b.sections, section{plain: cleanText(text), hasPlain: true})
}

func enmimeText(raw []byte) (text string) {
	if len(raw) > maxFallbackSize || bytes.Count(raw, []byte("boundary")) > maxFallbackBoundaries ||
		bytes.Count(raw, []byte("\n--")) > maxFallbackDashes {
		return ""
	}
	// A fault in it is no fault of the message.
	defer func() { _ = recover() }()
	env, err := enmime.NewParser(enmime.DisableCharacterDetection(true)).ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return cleanText(env.Text)
}
