package parser

import (
	"strings"
	"unicode/utf8"
)

// prose reports whether a line surely opens no quote, in whichever way opensQuote
// and its like know: as most lines of most mails, it begins and ends with a word
// and has nothing in it that such a line needs. The patterns that are dear to try
// are then not tried.
func prose(s string) bool {
	if len(s) < 3 || !beginsWord[s[0]] || signsIn[s[1]]&signRule != 0 || signsIn[s[2]]&signRule != 0 {
		return false
	}
	var found lineSigns
	for i := 0; i < len(s); i++ {
		found |= signsIn[s[i]]
	}
	switch {
	case found&signColon != 0,
		found&signDigit != 0 && len(s) <= 60, // notesBlock
		found&signRule != 0 && strings.Contains(s, "--"),
		found&signWide != 0 && (strings.Contains(s, "：") || strings.Contains(s, markerSign)):
		return false
	}
	end := s[len(s)-1]
	return (endsWord[end] || end >= utf8.RuneSelf && beginsWord[s[len(s)-2]]) && !endsAttribution(s)
}

// lineSigns are what a line that opens a quote has in it, of which prose has no
// more than one here and there.
type lineSigns uint8

const (
	signColon lineSigns = 1 << iota
	signDigit
	signRule // what rules are drawn with
	signWide // the first byte of a wide colon, of our marker
)

// signsIn tells the signs by their bytes; beginsWord and endsWord those between
// which prose stands: letters and digits, the first bytes of the letters of
// Europe and the Near East, and the marks that close a sentence.
var signsIn, beginsWord, endsWord = func() (signs [256]lineSigns, begins, ends [256]bool) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9':
			signs[c], begins[c], ends[c] = signDigit, true, true
		case isLetterByte(byte(c)):
			begins[c], ends[c] = true, true
		case c >= 0xC3 && c <= 0xDF:
			begins[c] = true
		}
	}
	for _, c := range []byte("-_=~#*") {
		signs[c] = signRule
	}
	for _, c := range []byte(".,;!?)'\"") {
		ends[c] = true
	}
	signs[':'], signs[0xE2], signs[0xEF] = signColon, signWide, signWide
	return signs, begins, ends
}()
