package parser

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// extraCharsets are labels that mail carries and no register lists, each with
// the program or system that writes it.
var extraCharsets = map[string]encoding.Encoding{
	"cp932":                          japanese.ShiftJIS, // Becky!, Outlook Japan
	"ms932":                          japanese.ShiftJIS,
	"windows-31j":                    japanese.ShiftJIS,
	"x-ms-cp932":                     japanese.ShiftJIS,
	"shift-jis":                      japanese.ShiftJIS, // scripts
	"sjis":                           japanese.ShiftJIS,
	"iso-2022-jp-1":                  japanese.ISO2022JP,
	"iso-2022-jp-2":                  japanese.ISO2022JP,
	"iso-2022-jp-ms":                 japanese.ISO2022JP, // PHP
	"cp50220":                        japanese.ISO2022JP, // Outlook Express Japan
	"cp50221":                        japanese.ISO2022JP,
	"eucjp-win":                      japanese.EUCJP, // PHP
	"cp936":                          simplifiedchinese.GB18030,
	"ms936":                          simplifiedchinese.GB18030, // Foxmail
	"x-gbk":                          simplifiedchinese.GB18030,
	"gb2312_charset":                 simplifiedchinese.GB18030, // bulk mailers
	"chinesebig5":                    traditionalchinese.Big5,
	"cp950":                          traditionalchinese.Big5,
	"136":                            traditionalchinese.Big5, // Windows font charset numbers in Notes mail
	"134":                            simplifiedchinese.GB18030,
	"cp949":                          korean.EUCKR,
	"ms949":                          korean.EUCKR,
	"uhc":                            korean.EUCKR,
	"euckr":                          korean.EUCKR,
	"latin1":                         charmap.Windows1252,
	"iso8859-1":                      charmap.Windows1252,
	"iso-8859":                       charmap.Windows1252,
	"8859-1":                         charmap.Windows1252,
	"iso-8859-1-windows-3.1-latin-1": charmap.Windows1252,
	"ansi":                           charmap.Windows1252,
	"ansi_x3.4":                      charmap.Windows1252,
	"unknown-8bit":                   charmap.Windows1252, // sendmail; replaced by detection
	"cp1250":                         charmap.Windows1250,
	"cp1251":                         charmap.Windows1251,
	"cp-1251":                        charmap.Windows1251,
	"win-1251":                       charmap.Windows1251, // The Bat!
	"cp1252":                         charmap.Windows1252,
	"cp-1252":                        charmap.Windows1252,
	"cp1253":                         charmap.Windows1253,
	"cp1254":                         charmap.Windows1254,
	"cp1255":                         charmap.Windows1255,
	"cp1256":                         charmap.Windows1256,
	"cp1257":                         charmap.Windows1257,
	"cp1258":                         charmap.Windows1258,
	"cp437":                          charmap.CodePage437,
	"cp850":                          charmap.CodePage850,
	"cp852":                          charmap.CodePage852,
	"cp866":                          charmap.CodePage866,
	"koi8":                           charmap.KOI8R,
	"koi-8":                          charmap.KOI8R,
	"macroman":                       charmap.Macintosh,
	"x-mac-roman":                    charmap.Macintosh, // Apple Mail, Eudora
	"utf-16":                         unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-16le":                       unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf-16be":                       unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"unicode":                        unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"ucs-2":                          unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-32":                         utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	"ucs-4":                          utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
}

// undeclared are labels that say nothing about the bytes.
var undeclared = map[string]bool{
	"": true, "unknown-8bit": true, "x-unknown": true, "unknown": true, "x-user-defined": true,
	"default": true, "default_charset": true, "default-charset": true, "binary": true, "none": true, "8bit": true,
	"_charset": true, "charset": true, "null": true, "x-unknown-charset": true,
}

// decodeCharset gives b as UTF-8. A label is believed unless the bytes show it
// to be wrong; only where none says anything are they looked at to guess.
func decodeCharset(b []byte, label string) (text string, mended bool) {
	label = cleanLabel(label)
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF && utf8.Valid(b[3:]) {
		return string(b[3:]), false
	}
	switch {
	case isASCII(b):
		if stateful(label) {
			return decodeStateful(b, label), false
		}
		if escaped(b) && (undeclared[label] || label == "us-ascii" || label == "utf-8") {
			return decodeStateful(b, "iso-2022-jp"), true
		}
		if label == "utf-16" || strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") || label == "unicode" {
			if bytes.IndexByte(b, 0) >= 0 {
				return decodeWith(lookup(label), b), false
			}
		}
		return string(b), false
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
	enc := lookup(label)
	if enc == nil {
		return guessCharset(b)
	}
	if _, single := enc.(*charmap.Charmap); single && utf8.Valid(b) {
		// UTF-8 under a single-byte label: two letters that happen to make a
		// valid sequence do not stand together in any real word of one.
		return string(b), true
	}
	text = decodeWith(enc, b)
	if n := strings.Count(text, "\uFFFD"); n > 0 && (utf8.Valid(b) || n*10 > utf8.RuneCountInString(text)) {
		return guessCharset(b)
	}
	return text, false
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
	enc := encoding.Encoding(charmap.Windows1252)
	if all, err := chardet.NewTextDetector().DetectAll(sample); err == nil {
		enc = bestGuess(all, len(sample))
	}
	return decodeWith(enc, b), true
}

// bestGuess takes a guess only where the detector is sure: the languages of
// Europe are told apart by a handful of bytes, and Windows-1252 is most likely.
func bestGuess(all []chardet.Result, size int) encoding.Encoding {
	for _, r := range all {
		name := strings.ToLower(r.Charset)
		multi := strings.HasPrefix(name, "gb") || strings.HasPrefix(name, "big5") || strings.HasPrefix(name, "euc") ||
			strings.HasPrefix(name, "shift") || strings.HasPrefix(name, "iso-2022") || strings.HasPrefix(name, "utf-16")
		cyrillic := name == "koi8-r" || name == "windows-1251" || name == "iso-8859-5"
		if (multi && r.Confidence >= 50) || (cyrillic && r.Confidence >= 30) || r.Confidence >= 60 && size >= 200 {
			if enc := lookup(name); enc != nil {
				return enc
			}
		}
	}
	return charmap.Windows1252
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

// cleanLabel takes off what surrounds a label in broken headers.
func cleanLabel(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\"'<>;="))
	if i := strings.IndexByte(s, '*'); i > 0 {
		s = s[:i] // RFC 2231 §5: a language behind the charset
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "charset="), "$esc")
	return strings.Trim(s, " \t\"'_")
}

// lookup finds an encoding by the labels of the web, of IANA and of mail.
func lookup(label string) encoding.Encoding {
	if enc := extraCharsets[label]; enc != nil {
		return enc
	}
	if enc, err := htmlindex.Get(label); err == nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(label); err == nil && enc != nil {
		return enc
	}
	if enc, err := ianaindex.IANA.Encoding(label); err == nil && enc != nil {
		return enc
	}
	return nil
}

func decodeWith(enc encoding.Encoding, b []byte) string {
	if enc == nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil && len(out) == 0 {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
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
