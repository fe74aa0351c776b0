package parser

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parts describes what Parse made of the structure of a message.
func parts(m *Message) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%q", m.Text)
	for _, a := range m.Attachments {
		fmt.Fprintf(&out, " %s(%s,%d)", a.Name, a.Type, a.Size)
	}
	return out.String()
}

func TestStructure(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"no header", "just text\nand more\n", `"just text\nand more"`},
		{"empty", "", `""`},
		{"mbox line on top", "From ann@example.com Tue Mar  3 10:00:00 2026\nSubject: x\n\nbody\n", `"body"`},
		{"quoted mbox line on top", ">From ann@example.com Tue Mar  3 10:00:00 2026\nSubject: x\n\nbody\n", `"body"`},
		{"line without colon among the fields", "Subject: x\nthis is no field\nTo: help@example.org\n\nbody\n", `"body"`},
		{"empty line before the body was lost", "Subject: x\nTo: help@example.org\nHello there\nNote: all is well\n", `"Hello there\nNote: all is well"`},
		{"lines of an old Macintosh", "Subject: x\rTo: help@example.org\r\rone\rtwo\r", `"one\ntwo"`},
		{"line ends made CRLF twice", "Subject: x\r\r\nTo: help@example.org\r\r\n\r\r\none\r\r\ntwo\r\r\n", `"one\ntwo"`},
		{"parts", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: image/png\n\nxx\n--b--\nepilogue\n", `"one" attachment-1.png(image/png,2)`},
		{"unclosed", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo", `"one\n\ntwo"`},
		{"boundary missing from the field", "Content-Type: multipart/mixed\n\n--b\nContent-Type: text/plain\n\none\n--b--\n", `"one"`},
		{"boundary wrong in the field", "Content-Type: multipart/mixed; boundary=c\n\n--b\nContent-Type: text/plain\n\none\n--b--\n", `"one"`},
		{"no boundary at all is text", "Content-Type: multipart/mixed; boundary=b\n\none\n", `"one"`},
		{"inner boundary begins with the outer", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--\n--b--\n", `"one"`},
		{"outer end mark opens the inner", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b--\n\n--b--\n\none\n--b----\n--b--\n", `"one"`},
		{"both of one boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\none and two\n--b\nContent-Type: text/html\n\n<p>one and two</p>\n--b--\n", `"one and two"`},
		{"alternative takes plain", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nhello to you\n--b\nContent-Type: text/html\n\n<p>hello to you</p>\n--b--\n", `"hello to you"`},
		{"alternative with a stub takes HTML", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nYour mail program does not support HTML messages, sorry for that.\n--b\nContent-Type: text/html\n\n<p>hello to you</p>\n--b--\n", `"hello to you"`},
		{"alternative whose HTML is poorer", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nhello to you all\n--b\nContent-Type: text/html\n\n<p>removed</p>\n--b--\n", `"hello to you all"`},
		{"Apple's HTML in pieces", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>above</p>\n--b\nContent-Type: application/pdf; name=a.pdf\nContent-Disposition: inline\n\n%PDF\n--b\nContent-Type: text/html\n\n<p>below</p>\n--b--\n", `"above\n\nbelow" a.pdf(application/pdf,4)`},
		{"an alternative sent as two texts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello to you\n--b\nContent-Type: text/html\n\n<p>hello to you</p>\n--b--\n", `"hello to you"`},
		{"footer below base64", "Content-Transfer-Encoding: base64\n\naGVsbG8=\n\n--\nfrom a list\n", `"hello\n--\nfrom a list"`},
		{"words under a base64 label", "Content-Transfer-Encoding: base64\n\nnot encoded at all\n", `"not encoded at all"`},
		{"parameters without a type", "Content-Type: charset=utf-8\n\nhello\n", `"hello"`},
		{"a text of a kind that nobody knows", "Content-Type: text/x-words\n\nhello\n", `"hello"`},
		{"words behind the padding", "Content-Transfer-Encoding: base64\n\naGVsbG8= ignored\nIHRoZXJl\n", `"hello there"`},
		{"two encodings joined", "Content-Transfer-Encoding: base64\n\naGVsbG8=IHRoZXJl\n", `"hello there"`},
		{"end mark without its line", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none--b--\n", `"one"`},
		{"header lost, parts plain to see", "Subject: x\n\n--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: image/png\n\nxx\n--b--\n", `"one" attachment-1.png(image/png,2)`},
		{"header lost, the remark on top", "Subject: x\n\nThis is a multi-part message in MIME format.\n\n--b\nContent-Type: text/plain\n\none\n--b--\n", `"one"`},
		{"header of a part lost", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--c\nContent-Type: text/plain\n\none\n--c--\n--b--\n", `"one"`},
		{"parts under the name of plain text", "Content-Type: text/plain\n\n--b\nContent-Type: text/plain\n\none\n--b--\n", `"one"`},
		{"a text that shows how parts begin", "Content-Type: text/plain\n\n--b\nContent-Type: text/plain\nis how each part begins.\n", `"--b\nContent-Type: text/plain\nis how each part begins."`},
		{"a signature mark on top", "Subject: x\n\n-- \nContent-wise: nothing\n", `"--\nContent-wise: nothing"`},
		{"empty line before the fields of MIME", "Subject: x\n\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>one</p>\n", `"one"`},
		{"and before others", "Subject: x\n\nContent-Type: text/html\nReply-To: ann@example.com\n\n<p>one</p>\n", `"reply-to: ann@example.com\n\none"`},
		{"a word that looks like a field", "Subject: x\n\nContent-wise: nothing\n\nBye\n", `"Content-wise: nothing\n\nBye"`},
		{"encoded as a whole", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n" + wrapBase64([]byte("--b\nContent-Type: text/plain\n\none\n--b--\n")), `"one"`},
		{"encoded in name only", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\nContent-Type: text/plain\n\none\n--b--\n", `"one"`},
		{"bytes that are no text", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n/wABAv7/\n--b--\n", `"one" attachment-1.bin(application/octet-stream,6)`},
		{"a line break of Word", "Content-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe\vBob\n", `"Grüße\nBob"`},
		{"signed", "Content-Type: multipart/signed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n", `"one"`},
		{"signed, named", "Content-Type: multipart/signed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/pgp-signature; name=s.asc\n\nsig\n--b--\n", `"one" s.asc(application/pgp-signature,3)`},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: inner\n\nx\n--b--\n", `"" inner.eml(message/rfc822,17)`},
		{"type guessed from bytes", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/octet-stream; name=a\n\n%PDF-1.7\n--b--\n", `"one" a(application/pdf,8)`},
		{"named text is a file", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain; name=log.txt\n\ntwo\n--b--\n", `"one" log.txt(text/plain,3)`},
		{"named text, the only one, is shown too", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name=log.txt\n\ntwo\n--b--\n", `"two" log.txt(text/plain,3)`},
		{"a picture as text", "Content-Type: text/plain\n\n" + strings.Repeat("\x00\x01\x02picture", 20), `"" attachment-1.bin(application/octet-stream,200)`},
		{"uuencoded part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/x-a; name=a\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n#8V%T\n`\nend\n--b--\n", `"one" a(application/x-a,3)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parts(Parse([]byte(c.raw))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			crlf := strings.ReplaceAll(c.raw, "\n", "\r\n")
			if got := Parse([]byte(crlf)).Text; got != Parse([]byte(c.raw)).Text {
				t.Errorf("with CRLF the text is %q", got)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return out.String() + "\ninnermost\n"
	}
	for _, c := range []struct {
		name, raw  string
		unreadable bool
	}{
		{"depth of ten", nested(maxDepth), false},
		{"depth of eleven", nested(maxDepth + 1), true},
		{"3,000 levels", nested(3_000), true},
		{"500 parts", "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", maxParts-1), false},
		{"501 parts", "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", maxParts), true},
		{"empty parts", "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n", 50_000), true},
		{"field of 16 KiB", "X-Long: " + strings.Repeat("x", maxField-20) + "\n\ninnermost", false},
		{"longer field", "X-Long: " + strings.Repeat("x", maxField) + "\n\ninnermost", true},
		{"longer folded field", "X-Long: x\n" + strings.Repeat(" x\n", maxField) + "\ninnermost", true},
		{"header of 64 KiB", strings.Repeat("X-A: b\n", maxHeaderBlock/8) + "\ninnermost", false},
		{"longer header", strings.Repeat("X-A: b\n", maxHeaderBlock/6) + "\ninnermost", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Parse([]byte("Subject: kept\nFrom: ann@example.com\n" + c.raw))
			if m.Unreadable != c.unreadable {
				t.Fatalf("unreadable is %v", m.Unreadable)
			}
			if m.Subject != "kept" || m.From.Address != "ann@example.com" {
				t.Errorf("the header was lost: %q, %v", m.Subject, m.From)
			}
			if strings.Contains(c.raw, "innermost") && !strings.Contains(m.Text, "innermost") {
				t.Errorf("the text was lost: %.60q", m.Text)
			}
			if m.Unreadable && (len(m.Problems) == 0 || m.Reply != m.Text) {
				t.Errorf("problems %v, reply %.40q", m.Problems, m.Reply)
			}
		})
	}
}

func TestAttachmentsAreViews(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 5_000)
	raw := []byte("Content-Type: application/x-a; name=a.bin\nContent-Transfer-Encoding: base64\n\n" + wrapBase64(content))
	m := Parse(raw)
	if len(m.Attachments) != 1 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	a := m.Attachments[0]
	sum := sha256.Sum256(content)
	if a.Size != int64(len(content)) || a.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("size %d, digest %s", a.Size, a.SHA256)
	}
	for range 2 { // Open starts again each time
		got, err := io.ReadAll(a.Open())
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	}
}

func wrapBase64(b []byte) string {
	var out strings.Builder
	text := base64.StdEncoding.EncodeToString(b)
	for len(text) > 76 {
		out.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return out.String() + text + "\n"
}

func TestTransferDecoding(t *testing.T) {
	for _, c := range []struct{ name, encoding, in, want string }{
		{"base64", "base64", "aGVsbG8gd29ybGQ=\n", "hello world"},
		{"base64 without padding", "base64", "aGVsbG8gd29ybGQ", "hello world"},
		{"base64 with foreign bytes", "base64", "aGVs!bG8g\x00d29y bGQ=", "hello world"},
		{"base64 joined from two", "base64", "aGVsbG8g\naGk=\nd29ybGQ=", "hello hiworld"},
		{"base64 with one letter too many", "base64", "aGVsbG8gd29ybGQhX", "hello world!"},
		{"quoted-printable", "quoted-printable", "caf=C3=A9 =\nau lait\n", "café au lait\n"},
		{"quoted-printable, lower case", "quoted-printable", "caf=c3=a9", "café"},
		{"quoted-printable with a bare =", "quoted-printable", "a=b, 1=2=", "a=b, 1=2"},
		{"quoted-printable with spaces at the end", "quoted-printable", "a  \nb =  \nc", "a\nb c"},
		{"seven bits", "7bit", "a=20b", "a=20b"},
	} {
		if got := string(decodeTransfer(c.encoding, []byte(c.in), 1_000)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	long := strings.Repeat("QUJD", 10_000)
	if got := decodeTransfer("base64", []byte(long), 100_000); len(got) != 30_000 || strings.Trim(string(got), "ABC") != "" {
		t.Errorf("long base64: %d bytes", len(got))
	}
}

func TestSafeNames(t *testing.T) {
	for in, want := range map[string]string{
		"report.pdf":                      "report.pdf",
		`C:\Users\ann\report.pdf`:         "report.pdf",
		"../../etc/passwd":                "passwd",
		"/etc/passwd":                     "passwd",
		"Invoice 3/2026.pdf":              "Invoice 3_2026.pdf",
		"gpj.\u202Eexe":                   "gpj.exe",
		"a\x00b\nc.txt":                   "ab_c.txt",
		"..":                              "",
		" . ":                             "",
		"":                                "",
		"name.":                           "name",
		strings.Repeat("x", 300) + ".pdf": strings.Repeat("x", 196) + ".pdf",
		"été à la mer.jpg":                "été à la mer.jpg",
	} {
		if got := safeName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestParams(t *testing.T) {
	for _, c := range []struct {
		in, value string
		params    map[string]string
	}{
		{`text/plain; charset=utf-8`, "text/plain", map[string]string{"charset": "utf-8"}},
		{`Text/Plain; Charset="utf-8"; format=flowed`, "text/plain", map[string]string{"charset": "utf-8", "format": "flowed"}},
		{`text/plain charset=utf-8`, "text/plain", map[string]string{"charset": "utf-8"}},
		{`attachment; filename=my report.pdf`, "attachment", map[string]string{"filename": "my report.pdf"}},
		{`attachment; filename="a;b.pdf"; size=3`, "attachment", map[string]string{"filename": "a;b.pdf", "size": "3"}},
		{`attachment; filename="lost.pdf; size=3`, "attachment", map[string]string{"filename": "lost.pdf", "size": "3"}},
		{`attachment; filename="a \"b\".pdf"`, "attachment", map[string]string{"filename": `a "b".pdf`}},
		{`attachment; filename*=utf-8'fr'r%C3%A9sum%C3%A9.doc`, "attachment", map[string]string{"filename": "résumé.doc"}},
		{`attachment; filename*0*=iso-8859-1''r%E9s; filename*1*=um%E9; filename*2=.doc`, "attachment", map[string]string{"filename": "résumé.doc"}},
		{`attachment; filename="resume.doc"; filename*=utf-8''r%C3%A9sum%C3%A9.doc`, "attachment", map[string]string{"filename": "résumé.doc"}},
		{`attachment; filename*1="ort.pdf"; filename*0="rep"`, "attachment", map[string]string{"filename": "report.pdf"}},
		{`attachment; filename*0="=?utf-8?Q?r=C3=A9"; filename*1="sum=C3=A9.doc?="`, "attachment", map[string]string{"filename": "résumé.doc"}},
		{`attachment; filename="=?iso-8859-1?Q?r=E9sum=E9.doc?="`, "attachment", map[string]string{"filename": "résumé.doc"}},
		{`multipart/mixed; boundary=abc charset=x`, "multipart/mixed", map[string]string{"boundary": "abc", "charset": "x"}},
		{``, "", map[string]string{}},
		{`;;;=;`, "", map[string]string{}},
	} {
		value, params := parseParams(c.in)
		if value != c.value {
			t.Errorf("%s: value %q", c.in, value)
		}
		if diff := cmp.Diff(c.params, params); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.in, diff)
		}
	}
}
