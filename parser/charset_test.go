package parser

import (
	"strings"
	"testing"
)

func TestCharsets(t *testing.T) {
	for _, c := range []struct{ name, label, in, want string }{
		{"UTF-8", "utf-8", "café", "café"},
		{"UTF-8 with a BOM", "utf-8", "\xef\xbb\xbfcafé", "café"},
		{"Latin-1", "iso-8859-1", "caf\xe9", "café"},
		{"Windows under a Latin-1 label", "iso-8859-1", "\x93caf\xe9\x94 \x80", "“café” €"},
		{"UTF-8 under a Latin-1 label", "iso-8859-1", "café, thé", "café, thé"},
		{"Latin-1 under a UTF-8 label", "utf-8", "caf\xe9 fran\xe7ais", "café français"},
		{"UTF-8 with one wrong byte", "utf-8", "café \xff thé été", "café \uFFFD thé été"},
		{"no label, UTF-8", "", "café", "café"},
		{"no label, Windows", "", "Caf\xe9 au lait, s'il vous pla\xeet, et une cr\xeape", "Café au lait, s'il vous plaît, et une crêpe"},
		{"ASCII label, UTF-8", "us-ascii", "café", "café"},
		{"KOI8-R", "koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"Windows-1251 by its other name", "cp-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"GB2312", "gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"GB18030", "gb18030", "\xc4\xe3\xba\xc3\x95\x32\x82\x36", "你好𠀀"},
		{"Big5", "big5", "\xa7\x41\xa6\x6e", "你好"},
		{"Shift_JIS by its other name", "cp932", "\x82\xb1\x82\xf1", "こん"},
		{"EUC-JP", "euc-jp", "\xa4\xb3\xa4\xf3", "こん"},
		{"ISO-2022-JP", "iso-2022-jp", "\x1b$B$3$s\x1b(B", "こん"},
		{"ISO-2022-JP without a label", "", "\x1b$B$3$s\x1b(B", "こん"},
		{"EUC-KR by its other name", "ks_c_5601-1987", "\xbe\xc8\xb3\xe7", "안녕"},
		{"ISO-2022-KR", "iso-2022-kr", "\x1b$)C\x0e>H3g\x0f!", "안녕!"},
		{"HZ", "hz-gb-2312", "~{Dc:C~}", "你好"},
		{"UTF-7", "utf-7", "caf+AOk- 1 +- 1", "café 1 + 1"},
		{"UTF-7 by its old name", "unicode-1-1-utf-7", "+MFMwkw-", "こん"},
		{"UTF-16 with a BOM", "utf-16", "\xff\xfec\x00a\x00f\x00\xe9\x00", "café"},
		{"Mac", "macintosh", "caf\x8e", "café"},
		{"Thai", "tis-620", "\xca\xc7\xd1\xca", "สวัส"},
		{"Turkish", "iso-8859-9", "\xdd\xfe", "İş"},
		{"Polish", "iso-8859-2", "\xb6wi\xeata", "święta"},
		{"a name that only IANA lists", "ISO_8859-5:1988", "\xbf\xe0\xd8\xd2\xd5\xe2", "Привет"},
		{"a page of mainframes", "ibm037", "\x83\x81\x86\x85", "cafe"},
		{"label in quotes", `"utf-8"`, "café", "café"},
		{"label nobody knows", "x-nobody", "café", "café"},
	} {
		if got, _ := decodeCharset([]byte(c.in), c.label); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCharsetOfTheWrongWidth(t *testing.T) {
	text := strings.Repeat("\x88\xc8\x89\xba\x82\xcc\x83\x81\x83b\x83Z\x81[\x83W\x82\xf0\x91\x97\x90M\x82\xc5\x82\xab\x82\xdc\x82\xb9\x82\xf1", 4)
	got, mended := decodeCharset([]byte(text), "iso-2022-jp")
	if !strings.Contains(got, "以下のメッセージ") || !mended {
		t.Errorf("Shift_JIS under a label of seven bits: %q", got)
	}
}

func TestHTMLCharset(t *testing.T) {
	for _, head := range []string{`<meta charset="iso-8859-15">`, `<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">`, `<?xml version="1.0" encoding="iso-8859-15"?>`} {
		m := Parse([]byte("Content-Type: text/html\n\n" + head + "<p>10 \xa4</p>"))
		if m.Text != "10 €" {
			t.Errorf("%s: %q", head, m.Text)
		}
	}
}
