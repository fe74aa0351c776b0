package parser

import "bytes"

// fallback shows the raw text of a message in whose parts nothing was found.
// No other reader is asked: none that was tried finds text there, and each has
// structures that cost it exponential or quadratic time.
func (b *body) fallback(root *part) {
	if isBlank(bytes.TrimSpace(root.body)) {
		return
	}
	b.problems.add("structure that could not be read")
	text, _ := decodeCharset(root.body[:min(len(root.body), maxRawText)], root.params["charset"])
	b.sections = append(b.sections, section{plain: cleanText(text), hasPlain: true})
}
