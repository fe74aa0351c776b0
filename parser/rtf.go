package parser

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// rtfDictionary is what the window of compressed RTF begins with
// ([MS-OXRTFCP] §2.1.2.1).
const rtfDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}" +
	"{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier" +
	"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// expandRTF unpacks compressed RTF; nil where it is none.
func expandRTF(b []byte) []byte {
	const header = 16
	if len(b) < header {
		return nil
	}
	raw := int(binary.LittleEndian.Uint32(b[4:]))
	switch binary.LittleEndian.Uint32(b[8:]) {
	case 0x414c454d: // "MELA": not compressed
		return b[header:min(len(b), header+max(0, raw))]
	case 0x75465a4c: // "LZFu"
	default:
		return nil
	}
	var window [4096]byte
	at := copy(window[:], rtfDictionary)
	out := make([]byte, 0, min(max(0, raw), maxText))
	put := func(c byte) {
		out = append(out, c)
		window[at] = c
		at = (at + 1) % len(window)
	}
	for b = b[header:]; len(b) > 0 && len(out) < maxText; {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0 && len(out) < maxText; bit++ {
			if flags>>bit&1 == 0 {
				put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 {
				return out
			}
			ref := int(b[0])<<8 | int(b[1])
			b = b[2:]
			from, n := ref>>4, ref&15+2
			if from == at {
				return out // the end mark
			}
			for range n {
				put(window[from%len(window)])
				from++
			}
		}
	}
	return out
}

// rtfReader turns RTF into text, or into the HTML that Outlook wrapped in it
// ([MS-OXRTFEX]).
type rtfReader struct {
	out     strings.Builder
	pending []byte // bytes of the code page, not yet decoded
	charset string
	state   rtfState
	stack   []rtfState
	html    bool
	skip    int // characters that repeat a \u before them
}

type rtfState struct {
	hidden  bool // in a group that is no text
	htmlRTF bool // in what stands only for readers without HTML
	tag     bool // in {\*\htmltag …}
	uc      int  // characters behind each \u
}

// readRTF gives the text of RTF, and whether it is HTML.
func readRTF(b []byte) (text string, isHTML bool) {
	if len(b) == 0 {
		return "", false
	}
	r := &rtfReader{charset: "windows-1252", state: rtfState{uc: 1}}
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case '{':
			if len(r.stack) < 1_000 {
				r.stack = append(r.stack, r.state)
			}
			i++
		case '}':
			if n := len(r.stack); n > 0 {
				r.state, r.stack = r.stack[n-1], r.stack[:n-1]
			}
			r.skip = 0
			i++
		case '\\':
			i = r.control(b, i+1)
		case '\r', '\n':
			i++
		default:
			r.char(c)
			i++
		}
	}
	r.flush()
	return cleanText(r.out.String()), r.html
}

// control reads one control word or symbol at b[i] and gives where it ends.
func (r *rtfReader) control(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	if c := b[i]; c < 'a' || c > 'z' {
		switch c {
		case '\'':
			if i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
				r.char(unhex(b[i+1])<<4 | unhex(b[i+2]))
				return i + 3
			}
		case '*':
			r.state.hidden = !isHTMLTag(b[i+1:])
		case '~':
			r.write("\u00a0")
		case '\\', '{', '}':
			r.char(c)
		case '\n', '\r':
			r.write("\n")
		}
		return i + 1
	}
	start := i
	for i < len(b) && b[i] >= 'a' && b[i] <= 'z' {
		i++
	}
	word, number := string(b[start:i]), i
	if i < len(b) && b[i] == '-' {
		i++
	}
	for i < len(b) && b[i] >= '0' && b[i] <= '9' && i-number < 10 {
		i++
	}
	n, err := strconv.Atoi(string(b[number:i]))
	if i < len(b) && b[i] == ' ' {
		i++
	}
	r.word(word, n, err == nil)
	return i
}

func isHTMLTag(b []byte) bool { return strings.HasPrefix(string(b[:min(len(b), 9)]), `\htmltag`) }

// rtfHidden are the groups that hold no text.
var rtfHidden = map[string]bool{
	"fonttbl": true, "colortbl": true, "stylesheet": true, "info": true, "pict": true, "object": true, "header": true, "footer": true,
	"listtable": true, "listoverridetable": true, "generator": true, "themedata": true, "xmlnstbl": true, "revtbl": true, "rsidtbl": true, "datastore": true,
}

// rtfText is what some control words stand for.
var rtfText = map[string]string{
	"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t", "lquote": "‘", "rquote": "’",
	"ldblquote": "“", "rdblquote": "”", "bullet": "•", "endash": "–", "emdash": "—",
}

func (r *rtfReader) word(word string, n int, hasN bool) {
	switch {
	case word == "fromhtml":
		r.html = true
	case word == "htmlrtf":
		r.state.htmlRTF = !hasN || n != 0
	case word == "htmltag":
		r.state.tag = true
	case word == "ansicpg" && hasN && n > 0:
		r.charset = codepage(uint32(n))
	case word == "uc" && hasN:
		r.state.uc = max(0, min(n, 10))
	case word == "u" && hasN:
		if n < 0 {
			n += 1 << 16
		}
		r.write(string(rune(n)))
		r.skip = r.state.uc
	case rtfHidden[word]:
		r.state.hidden = true
	case rtfText[word] != "":
		r.write(rtfText[word])
	}
}

// char is one character of the code page.
func (r *rtfReader) char(c byte) {
	if r.skip > 0 {
		r.skip--
		return
	}
	if r.shown() {
		r.pending = append(r.pending, c)
	}
}

func (r *rtfReader) write(s string) {
	if r.shown() {
		r.flush()
		r.out.WriteString(s)
	}
}

func (r *rtfReader) shown() bool {
	return !r.state.hidden && !(r.html && r.state.htmlRTF && !r.state.tag)
}

func (r *rtfReader) flush() {
	if len(r.pending) > 0 {
		text, _ := decodeCharset(r.pending, r.charset)
		r.out.WriteString(text)
		r.pending = r.pending[:0]
	}
}
