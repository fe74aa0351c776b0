package parser

import (
	"bytes"
	"io"
	"strings"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// mailCharsets are labels by which mail means something else than the registers
// do, or which none of them lists, with the program or system that writes them.
// All others are looked up by go-message.
var mailCharsets = map[string]encoding.Encoding{
	// What is sent under these is the Windows code page around them.
	"iso-8859-1":      charmap.Windows1252,
	"iso_8859-1":      charmap.Windows1252,
	"iso_8859-1:1987": charmap.Windows1252,
	"csisolatin1":     charmap.Windows1252,
	"l1":              charmap.Windows1252,
	"cp819":           charmap.Windows1252,
	"ibm819":          charmap.Windows1252,
	"windows-1252":    charmap.Windows1252,
	"iso-8859-9":      charmap.Windows1254,
	"latin5":          charmap.Windows1254,
	"csisolatin5":     charmap.Windows1254,
	"iso-8859-11":     charmap.Windows874,
	"tis-620":         charmap.Windows874,
	"gb2312":          simplifiedchinese.GB18030,
	"gb_2312-80":      simplifiedchinese.GB18030,
	"csgb2312":        simplifiedchinese.GB18030,
	"gbk":             simplifiedchinese.GB18030,

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

// cleanLabel takes off what surrounds a label in broken headers.
func cleanLabel(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\"'<>;="))
	if i := strings.IndexByte(s, '*'); i > 0 {
		s = s[:i] // RFC 2231 §5: a language behind the charset
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "charset="), "$esc")
	return strings.Trim(s, " \t\"'_")
}

// manyBytes tells the charsets in which one letter can take several bytes.
func manyBytes(label string) bool {
	for _, prefix := range []string{"gb", "big5", "chinesebig5", "x-gbk", "euc", "x-euc", "shift", "sjis", "x-sjis", "windows-31j", "ms9", "x-ms-cp9", "cp9", "13", "ks", "uhc", "utf", "ucs", "iso-2022", "hz", "unicode"} {
		if strings.HasPrefix(label, prefix) {
			return true
		}
	}
	return false
}

// decodeLabelled reads b as its label says; known is false for a label that
// nobody knows. What has no meaning in the charset becomes U+FFFD.
func decodeLabelled(label string, b []byte) (text string, known bool) {
	if enc := mailCharsets[label]; enc != nil {
		return decodeWith(enc, b), true
	}
	r, err := charset.Reader(label, bytes.NewReader(b))
	if err != nil {
		return "", false
	}
	out, err := io.ReadAll(r)
	if err != nil && len(out) == 0 {
		out = b
	}
	return strings.ToValidUTF8(string(out), "\uFFFD"), true
}

func decodeWith(enc encoding.Encoding, b []byte) string {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil && len(out) == 0 {
		out = b
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}
