package parser

import (
	"strings"
	"unicode"
)

// content is the text of a message in the forms that later steps read.
type content struct {
	text  []line // whole, as shown; nil where it has too many lines
	html  []line // the same from the HTML with its marks; nil where there is none
	plain bool   // text comes from plain text
	whole string // text as join would write it, where that is known already
}

// tooLong reports whether the plain text has more lines than anybody wrote: a
// log, a dump. It is shown as it is; nobody's reply is looked for in it.
func tooLong(sections []section) bool {
	n := 0
	for _, s := range sections {
		n += strings.Count(s.plain, "\n")
	}
	return n > maxReplyLines
}

// whole is the text of sections that are too long to be read by lines.
func whole(sections []section) string {
	var texts []string
	for _, s := range sections {
		if s.hasPlain {
			texts = append(texts, s.plain)
		} else {
			texts = append(texts, join(htmlLines(s.html)))
		}
	}
	return tidy(strings.Join(texts, "\n\n"))
}

// compose makes one text of the sections, in order.
func compose(sections []section) content {
	var c content
	marked := false
	for _, s := range paired(sections) {
		var fromHTML, chosen []line
		tidy := false
		if s.hasHTML {
			fromHTML = htmlLines(s.html)
		}
		if s.hasPlain {
			chosen, tidy = plainLines(s.plain)
		}
		if !s.hasPlain || s.hasHTML && !plainWillDo(chosen, fromHTML) {
			chosen, tidy = fromHTML, false
		} else {
			c.plain = true
		}
		if blankLines(chosen) && blankLines(fromHTML) {
			continue
		}
		if fromHTML == nil {
			fromHTML = chosen
		} else {
			marked = true
		}
		if c.whole = ""; tidy && c.text == nil {
			c.whole = strings.Trim(s.plain, "\n")
		}
		c.text = appendSection(c.text, chosen)
		c.html = appendSection(c.html, fromHTML)
	}
	if !marked {
		c.html = nil
	}
	return c
}

// paired makes one section of a plain text and the same in HTML that follows it:
// some scripts send an alternative as if it were two texts.
func paired(sections []section) []section {
	if len(sections) < 2 || len(sections) > 20 {
		return sections
	}
	var out []section
	for _, s := range sections {
		if n := len(out); n > 0 && s.hasHTML && !s.hasPlain && out[n-1].hasPlain && !out[n-1].hasHTML && sameWords(out[n-1].plain, s.html) {
			out[n-1].html, out[n-1].hasHTML = s.html, true
			continue
		}
		out = append(out, s)
	}
	return out
}

// sameWords reports whether nine of ten words of a plain text and of one in HTML
// stand in the other.
func sameWords(plain, html string) bool {
	lines, _ := plainLines(plain)
	inA, inB := wordCounts(lines, 3_000), wordCounts(htmlLines(html), 3_000)
	total, common := 0, 0
	for w, n := range inA {
		total += n
		common += min(n, inB[w])
	}
	for _, n := range inB {
		total += n
	}
	return total > 0 && float64(2*common) >= 0.9*float64(total)
}

// appendSection puts an empty line between two parts of one body.
func appendSection(to, lines []line) []line {
	if len(to) == 0 {
		return lines
	}
	if len(lines) > 0 {
		to = append(to, line{})
	}
	return append(to, lines...)
}

func blankLines(lines []line) bool {
	for _, l := range lines {
		if !l.blank() {
			return false
		}
	}
	return true
}

// plainWillDo reports whether the plain form of a mail says what its HTML says.
// Some programs write a stub there ("your program cannot show HTML"), or an
// older or emptier text; some do so in the HTML. Where the two differ, the one
// that says more is taken. Links and pictures are left out of the comparison.
func plainWillDo(plain, html []line) bool {
	const sample = 3_000
	want := wordCounts(html, sample)
	have := wordCounts(plain, 2*sample)
	total, found, words := 0, 0, 0
	for w, n := range want {
		total += n
		found += min(n, have[w])
	}
	for _, n := range have {
		words += n
	}
	switch {
	case words == 0:
		return total == 0
	case float64(found) >= 0.6*float64(total):
		return true
	}
	return words >= total && !isStub(plain)
}

// isStub tells the sentences that stand in for a text that is only in HTML.
func isStub(plain []line) bool {
	for _, l := range plain[:min(len(plain), 20)] {
		lower := strings.ToLower(l.text)
		if strings.Contains(lower, "html") && containsAny(lower, stubWords) {
			return true
		}
	}
	return false
}

// stubWords stand beside "HTML" in such sentences, by language.
var stubWords = []string{"client", "program", "reader", "support", "browser", "display", "view", "format", "afficher", "messagerie", "anzeigen", "darstellen", "visualizza", "mostrar", "weergeven"}

// wordCounts counts the first limit words of some lines, addresses left out.
func wordCounts(lines []line, limit int) map[string]int {
	counts := map[string]int{}
	for _, l := range lines {
		for w := range strings.FieldsSeq(l.text) {
			if strings.Contains(w, "://") || strings.HasPrefix(w, "<http") {
				continue
			}
			w = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
			if w == "" {
				continue
			}
			if limit--; limit < 0 {
				return counts
			}
			counts[w]++
		}
	}
	return counts
}
