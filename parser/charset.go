package parser

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// decodeCharset gives b as UTF-8. A label is believed unless the bytes show it
// to be wrong; only where none says anything are they looked at to guess.
func decodeCharset(b []byte, label string) (text string, mended bool) {
	label = cleanLabel(label)
	if asItStands(b, label) {
		return string(b), false
	}
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF && utf8.Valid(b[3:]) {
		return string(b[3:]), false
	}
	switch {
	case isASCII(b):
		if stateful(label) {
			return decodeStateful(b, label), false
		}
		if escaped(b) && mayEscape(label) {
			return decodeStateful(b, "iso-2022-jp"), true
		}
		text, _ = decodeLabelled(label, b)
		return text, false
	case undeclared[label] || label == "us-ascii" || label == "ascii" || label == "ansi_x3.4-1968":
		return guessCharset(b)
	case label == "utf-8" || label == "utf8":
		return decodeUTF8(b)
	case stateful(label):
		// Eight bits under a label of seven: it is another charset of its language.
		if text = decodeStateful(b, label); strings.Contains(text, "\uFFFD") {
			return guessCharset(b)
		}
		return text, false
	}
	if !manyBytes(label) && utf8.Valid(b) {
		// UTF-8 under a single-byte label: two letters that happen to make a
		// valid sequence do not stand together in any real word of one.
		return string(b), true
	}
	text, known := decodeLabelled(label, b)
	if !known {
		return guessCharset(b)
	}
	if n := strings.Count(text, "\uFFFD"); n > 0 && (utf8.Valid(b) || n*10 > utf8.RuneCountInString(text)) {
		return guessCharset(b)
	}
	return text, false
}

// asItStands reports whether bytes are already the text that they mean, as most
// are: ASCII, whatever else they are called, or the UTF-8 that is expected.
func asItStands(b []byte, label string) bool {
	switch {
	case !isASCII(b):
		return (undeclared[label] || label == "utf-8") && utf8.Valid(b) && !bytes.HasPrefix(b, []byte("\uFEFF"))
	case stateful(label), wide(label) && bytes.IndexByte(b, 0) >= 0:
		return false
	}
	return !mayEscape(label) || !escaped(b)
}

// mayEscape are labels under which Japanese programs have sent ISO-2022-JP.
func mayEscape(label string) bool {
	return undeclared[label] || label == "us-ascii" || label == "utf-8"
}

// wide are the charsets that have zeros beside the letters of ASCII.
func wide(label string) bool {
	return strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") || label == "unicode"
}

// decodeUTF8 reads what says that it is UTF-8 and is not quite. Few wrong bytes
// among many good ones are an accident; where most are wrong the label is.
func decodeUTF8(b []byte) (string, bool) {
	if utf8.Valid(b) {
		return string(b), false
	}
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	if good >= bad {
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	}
	text, _ := guessCharset(b)
	return text, true
}

// guessCharset reads bytes of which nothing is known.
func guessCharset(b []byte) (string, bool) {
	if utf8.Valid(b) {
		return string(b), false
	}
	sample := b
	if len(sample) > 16<<10 {
		sample = sample[:16<<10]
	}
	if mostlyUTF8(sample) {
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	}
	label := likeliest
	if all, err := chardet.NewTextDetector().DetectAll(sample); err == nil {
		label = bestGuess(all, len(sample))
	}
	text, _ := decodeLabelled(label, b)
	return text, true
}

// likeliest is the charset of bytes in which nothing else is recognised.
const likeliest = "windows-1252"

// bestGuess takes a guess only where the detector is sure: the languages of
// Europe are told apart by a handful of bytes, and Windows-1252 is most likely.
func bestGuess(all []chardet.Result, size int) string {
	for _, r := range all {
		name := strings.ToLower(r.Charset)
		cyrillic := name == "koi8-r" || name == "windows-1251" || name == "iso-8859-5"
		if (manyBytes(name) && r.Confidence >= 50) || (cyrillic && r.Confidence >= 30) || r.Confidence >= 60 && size >= 200 {
			return name
		}
	}
	return likeliest
}

// mostlyUTF8 is true where a text is UTF-8 that was cut or lightly damaged.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		i += n
	}
	return good > 4*bad
}

func isASCII[T string | []byte](s T) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if eight(s, i)&highBits != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escaped tells ISO-2022-JP by the sequences that switch its sets.
func escaped(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@"))
}

// stateful labels are charsets of seven bits, which look like ASCII.
func stateful(label string) bool {
	return strings.HasPrefix(label, "iso-2022-") || strings.HasPrefix(label, "hz") || strings.HasPrefix(label, "cp5022") ||
		strings.Contains(label, "utf-7") || label == "utf7" || label == "csiso2022jp"
}

func decodeStateful(b []byte, label string) string {
	switch {
	case strings.Contains(label, "utf-7") || label == "utf7":
		return decodeUTF7(b)
	case label == "iso-2022-kr":
		return decodeISO2022KR(b)
	case strings.HasPrefix(label, "hz"):
		return decodeWith(simplifiedchinese.HZGB2312, b)
	default:
		return decodeWith(japanese.ISO2022JP, b)
	}
}

// decodeISO2022KR reads RFC 1557: EUC-KR with its high bits taken off between
// SO and SI, and one designator that means nothing more.
func decodeISO2022KR(b []byte) string {
	out, shifted := make([]byte, 0, len(b)), false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == 0x0E:
			shifted = true
		case c == 0x0F:
			shifted = false
		case c == 0x1B && bytes.HasPrefix(b[i:], []byte("\x1b$)C")):
			i += 3
		case c == '\n':
			shifted = false
			out = append(out, c)
		case shifted && c > ' ':
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return decodeWith(korean.EUCKR, out)
}

// decodeUTF7 reads RFC 2152, which no maintained module does. What is no valid
// run stays as it was written.
func decodeUTF7(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			out.WriteByte(b[i])
			continue
		}
		end := i + 1
		for end < len(b) && isBase64(b[end]) {
			end++
		}
		run := b[i+1 : end]
		switch {
		case len(run) == 0 && end < len(b) && b[end] == '-':
			out.WriteByte('+')
			i = end
			continue
		case len(run) == 0:
			out.WriteByte('+')
			continue
		}
		raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
		n, _ := base64.RawStdEncoding.Decode(raw, run)
		units := make([]uint16, 0, n/2)
		for j := 0; j+1 < n; j += 2 {
			units = append(units, uint16(raw[j])<<8|uint16(raw[j+1]))
		}
		out.WriteString(string(utf16.Decode(units)))
		if end < len(b) && b[end] == '-' {
			end++
		}
		i = end - 1
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}
