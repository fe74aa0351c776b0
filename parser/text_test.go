package parser

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTMLText(t *testing.T) {
	for _, c := range []struct{ name, html, want string }{
		{"paragraphs", "<p>one</p><p>two</p>", "one\n\ntwo"},
		{"white space", "a\n  b&nbsp;c<br>d", "a b\u00a0c\nd"},
		{"words over elements", "<b>bo</b>ld and <i>slan</i>ted", "bold and slanted"},
		{"list", "<ul><li>one<li>two<ul><li>deep</ul></ul>", "* one\n* two\n  * deep"},
		{"list of paragraphs", "<ul><li><p>one</p></li><li> <div>two</div></li><li></li></ul><p>end</p>", "* one\n\n* two\n\nend"},
		{"numbered list", "<ol start=3><li>three</li><li>four</li></ol>", "3. three\n4. four"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a\tb\nc\td"},
		{"table of Word", "<p>x</p><table><tr><td><p>a</p></td><td><p>b</p></td><td><div>c</div></td></tr><tr><td><p>d</p></td><td><p>e</p><p>f</p></td></tr></table><p>y</p>", "x\n\na\tb\tc\nd\te\n\nf\n\ny"},
		{"table with an empty cell at the end", "<table><tr><td><p>a</p></td><td></td></tr><tr><td><p>b</p></td><td><ul><li>c</ul></td></tr></table>", "a\nb\n* c"},
		{"table that lays out", "<table><tr><td><p>one</p><p>two</p></td><td><p>three</p></td></tr></table>", "one\n\ntwo\n\nthree"},
		{"plain text by another name", "one\n  two &amp; three\n", "one\n  two & three"},
		{"link", `<a href="https://example.com/x">here</a>`, "here <https://example.com/x>"},
		{"link that names itself", `<a href="https://example.com/x">https://example.com/x</a>`, "https://example.com/x"},
		{"address", `<a href="mailto:ann@example.com">ann@example.com</a>`, "ann@example.com"},
		{"script in a link", `<a href="javascript:alert(1)">here</a>`, "here"},
		{"preformatted", "<pre>a\n  b</pre>", "a\n  b"},
		{"rule", "a<hr>b", "a\n\n________________________________\n\nb"},
		{"picture with words", `<img src="cid:1" alt="The form">`, "The form"},
		{"picture in its place", `above<br><img src="cid:1" alt="image001.png"><br>below`, "above\n[🖼]\nbelow"},
		{"tracking picture", `a<img src="https://example.com/p.gif">b`, "ab"},
		{"hidden", `<div style="display: none">no</div><style>p{}</style><script>no()</script><title>no</title>yes`, "yes"},
		{"block quote", "a<blockquote>b<blockquote>c</blockquote></blockquote>d", "a\n\n> b\n>\n>> c\n\nd"},
		{"nothing closed", "<div><p>a<p>b", "a\n\nb"},
		{"closed too often", "a</div></p></b>b", "a\nb"},
		{"Word", "<p class=MsoNormal>a<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>b</p>", "a\n\n\nb"},
		{"entities", "&lt;a&gt; &amp; &eacute; &#x20AC;", "<a> & é €"},
		{"deep", strings.Repeat("<div>", 5_000) + "deep", "deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := join(htmlLines(c.html)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestFlowed(t *testing.T) {
	for _, c := range []struct {
		in    string
		delSp bool
		want  string
	}{
		{"one \ntwo\nthree", false, "one two\nthree"},
		{"one \ntwo", true, "onetwo"},
		{"> one \n> two\nthree", false, "> one two\nthree"},
		{"one \n> two", false, "one \n> two"},
		{"> a \n>> b", false, "> a \n>> b"},
		{" stuffed", false, "stuffed"},
		{"text \n-- \nsignature", false, "text \n-- \nsignature"},
	} {
		if got := unflow(c.in, c.delSp); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestUuencodeInText(t *testing.T) {
	const file = "begin 644 hello.txt\n+:&5L;&\\@=V]R;&0\n`\nend\n"
	m := Parse([]byte(plainHeader + "See the file.\n\n" + file + "\nBye\n"))
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "hello.txt" || strings.Contains(m.Text, "begin 644") || !strings.Contains(m.Text, "Bye") {
		t.Fatalf("%s", parts(m))
	}
	got, err := io.ReadAll(m.Attachments[0].Open())
	if err != nil || string(got) != "hello world" {
		t.Errorf("content %q, %v", got, err)
	}
	for _, text := range []string{
		"begin 644 things today\nthen stop.\n",                    // a sentence
		"begin 9x4 a\n`\nend\n",                                   // no mode
		"=ybegin line=128 size=5 name=a.bin\nabc\n=yend size=5\n", // yEnc is left alone
	} {
		if m := Parse([]byte(plainHeader + text)); len(m.Attachments) != 0 || m.Text != strings.TrimSpace(text) {
			t.Errorf("%q: %s", text, parts(m))
		}
	}
	m = Parse([]byte(plainHeader + "begin-base64 644 a.bin\naGVsbG8=\n====\n"))
	if len(m.Attachments) != 1 || m.Attachments[0].Size != 5 {
		t.Errorf("begin-base64: %s", parts(m))
	}
}

// tnefAttribute is one attribute of a TNEF stream.
func tnefAttribute(id uint32, data []byte) []byte {
	out := []byte{1}
	out = binary.LittleEndian.AppendUint32(out, id)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
	out = append(out, data...)
	return append(out, 0, 0)
}

// mapiProperty is one property of variable size.
func mapiProperty(id, kind uint16, value []byte) []byte {
	out := binary.LittleEndian.AppendUint16(nil, kind)
	out = binary.LittleEndian.AppendUint16(out, id)
	out = binary.LittleEndian.AppendUint32(out, 1)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(value)))
	out = append(out, value...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

func mapiProperties(list ...[]byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	return append(out, bytes.Join(list, nil)...)
}

// plainRTF is RTF in the container that TNEF keeps it in, not compressed.
func plainRTF(rtf string) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(rtf)+12))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(rtf)))
	out = binary.LittleEndian.AppendUint32(out, 0x414c454d)
	out = binary.LittleEndian.AppendUint32(out, 0)
	return append(out, rtf...)
}

func winmail(attributes ...[]byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, tnefSignature)
	out = append(out, 1, 0)
	return append(out, bytes.Join(attributes, nil)...)
}

func TestTNEF(t *testing.T) {
	file := bytes.Join([][]byte{
		tnefAttribute(tnefRendering, make([]byte, 14)),
		tnefAttribute(tnefTitle, []byte("RAPPO~1.PDF\x00")),
		tnefAttribute(tnefData, []byte("%PDF-1.7 x")),
		tnefAttribute(tnefAttachment, mapiProperties(mapiProperty(propLongName, mapiUnicode, []byte("r\x00\xe9\x00.\x00p\x00d\x00f\x00\x00\x00")))),
	}, nil)
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"body", tnefAttribute(tnefBody, []byte("Hello\r\nAnn\x00")), `"Hello\nAnn" ré.pdf(application/pdf,10)`},
		{"HTML", tnefAttribute(tnefProperties, mapiProperties(mapiProperty(propHTML, mapiBinary, []byte("<p>Hello</p>")))), `"Hello" ré.pdf(application/pdf,10)`},
		{"RTF", tnefAttribute(tnefProperties, mapiProperties(mapiProperty(propRTF, mapiBinary, plainRTF(`{\rtf1\ansi Hello\par caf\'e9 \u8364?}`)))), `"Hello\ncafé €" ré.pdf(application/pdf,10)`},
		{"HTML in RTF", tnefAttribute(tnefProperties, mapiProperties(mapiProperty(propRTF, mapiBinary, plainRTF(`{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hello{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0}`)))), `"Hello" ré.pdf(application/pdf,10)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n" + wrapBase64(winmail(c.body, file))
			if got := parts(Parse([]byte(raw))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	broken := Parse([]byte("Content-Type: application/ms-tnef; name=winmail.dat\n\nnot TNEF at all"))
	if len(broken.Attachments) != 1 || len(broken.Problems) == 0 {
		t.Errorf("broken: %s %v", parts(broken), broken.Problems)
	}
}

func TestCompressedRTF(t *testing.T) {
	// The example of [MS-OXRTFCP] §3.1: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n".
	packed := []byte{0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67,
		0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0}
	const want = "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
	if got := string(expandRTF(packed)); got != want {
		t.Errorf("got %q", got)
	}
	if text, isHTML := readRTF([]byte(want)); text != "hello world" || isHTML {
		t.Errorf("text %q", text)
	}
}

// ber is one element of definite length.
func ber(tag byte, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	if len(body) < 0x80 {
		return append([]byte{tag, byte(len(body))}, body...)
	}
	return append([]byte{tag, 0x82, byte(len(body) >> 8), byte(len(body))}, body...)
}

// berOpen is one of indefinite length.
func berOpen(tag byte, content ...[]byte) []byte {
	return append(append([]byte{tag, 0x80}, bytes.Join(content, nil)...), 0, 0)
}

func TestOpaqueSigned(t *testing.T) {
	inner := []byte("Content-Type: text/plain; charset=utf-8\r\n\r\nSigned words.\r\n")
	half := len(inner) / 2
	der := ber(0x30, ber(0x06, []byte(oidSignedData)), ber(0xa0, ber(0x30, ber(0x02, []byte{1}), ber(0x31), ber(0x30, ber(0x06, []byte(oidData)), ber(0xa0, ber(0x04, inner))))))
	open := berOpen(0x30, ber(0x06, []byte(oidSignedData)), berOpen(0xa0, berOpen(0x30, ber(0x02, []byte{1}), ber(0x31),
		berOpen(0x30, ber(0x06, []byte(oidData)), berOpen(0xa0, berOpen(0x24, ber(0x04, inner[:half]), ber(0x04, inner[half:])))))))
	for name, content := range map[string][]byte{"DER": der, "BER of open length, in pieces": open} {
		raw := "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n" + wrapBase64(content)
		if m := Parse([]byte(raw)); m.Text != "Signed words." || m.Encrypted != "" {
			t.Errorf("%s: text %q, encrypted %q", name, m.Text, m.Encrypted)
		}
	}
}

func TestEncrypted(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"S/MIME", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nxxxx", "smime"},
		{"PGP/MIME", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nxxx\n--b--\n", "pgp"},
		{"PGP in line", "\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n", "pgp"},
		{"nothing", "\nhello", ""},
	} {
		if got := Parse([]byte(c.raw)).Encrypted; got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestClearsigned(t *testing.T) {
	m := Parse([]byte(plainHeader + "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello.\n- - a point\n- -- \nBob\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"))
	if m.Text != "Hello.\n- a point\n--\nBob" || m.Reply != "Hello.\n- a point" || m.Signature != "Bob" || m.Encrypted != "" {
		t.Errorf("text %q, reply %q, signature %q", m.Text, m.Reply, m.Signature)
	}
	const quoted = "He wrote -----BEGIN PGP SIGNED MESSAGE----- above it."
	if m := Parse([]byte(plainHeader + quoted)); m.Text != quoted {
		t.Errorf("a sentence about it: %q", m.Text)
	}
}

func TestCalendar(t *testing.T) {
	const ics = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTIMEZONE\nDTSTART:19700101T000000\nEND:VTIMEZONE\nBEGIN:VEVENT\nSUMMARY:Printer\\, second\n  floor\nORGANIZER;CN=\"Ann: Lee\":mailto:ann@example.com\nDTSTART;TZID=Europe/Paris:20260303T100000\nEND:VEVENT\nEND:VCALENDAR\n"
	m := Parse([]byte("Content-Type: multipart/alternative; boundary=b\n\n--b\n\nCome by.\n--b\nContent-Type: text/calendar; method=REQUEST\n\n" + ics + "--b--\n"))
	want := &Calendar{Method: "request", Summary: "Printer, second floor", Organizer: "ann@example.com", Start: "20260303T100000 Europe/Paris"}
	if diff := cmp.Diff(want, m.Calendar); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if m.Text != "Come by." || len(m.Attachments) != 1 || m.Attachments[0].Type != "text/calendar" {
		t.Errorf("%s", parts(m))
	}
}

func TestInvitationWithoutAText(t *testing.T) {
	m := Parse([]byte("Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Visit\nDESCRIPTION:Come by\\, please.\\nSecond\n  floor.\nEND:VEVENT\nEND:VCALENDAR\n"))
	if m.Text != "Come by, please.\nSecond floor." || m.Calendar == nil || len(m.Attachments) != 1 {
		t.Errorf("%s, %v", parts(m), m.Calendar)
	}
}

func TestMbox(t *testing.T) {
	read := func(s string) (list []string) {
		for raw, err := range Mbox(strings.NewReader(s)) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, string(raw))
		}
		return list
	}
	const line = "From ann@example.com Tue Mar  3 10:00:00 2026\n"
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"two", line + "Subject: a\n\none\n\n" + line + "Subject: b\n\ntwo\n", []string{"Subject: a\n\none\n", "Subject: b\n\ntwo\n"}},
		{"quoted", line + "Subject: a\n\n>From here\n>>From there\n", []string{"Subject: a\n\nFrom here\n>From there\n"}},
		{"a sentence", line + "Subject: a\n\none\n\nFrom here on, 10:00 is early in 2026 or so\n", []string{"Subject: a\n\none\n\nFrom here on, 10:00 is early in 2026 or so\n"}},
		{"no mbox", "Subject: a\n\nFrom x\n", []string{"Subject: a\n\nFrom x\n"}},
		{"a mail that tells of an mbox", "Subject: a\n\none\n\n" + line + "Subject: b\n\ntwo\n", []string{"Subject: a\n\none\n\n" + line + "Subject: b\n\ntwo\n"}},
		{"a text that is no mbox keeps its quoting", "From here on\n>From there\n", []string{"From here on\n>From there\n"}},
		{"mail under a broken From line", "From nobody\nSubject: a\n\none\n", []string{"From nobody\nSubject: a\n\none\n"}},
		{"empty", "", []string{""}},
	} {
		if diff := cmp.Diff(c.want, read(c.in)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

// Each piece of an mbox, read alone, is the message that it was, however long
// lines are; what is longer than the limit says so.
func TestPieces(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	box := "From a@example.com Thu Mar 12 14:05:00 2026\nSubject: 1\n\n>From here\n\nFrom b@example.com Thu Mar 12 14:06:00 2026\nSubject: 2\n\n" + long + "\n\n" +
		"From c@example.com Thu Mar 12 14:07:00 2026\nSubject: 3\n\nlast\n"
	want := []string{"Subject: 1\n\nFrom here\n", "Subject: 2\n\n" + long + "\n", "Subject: 3\n\nlast\n"}
	n, end := 0, int64(0)
	for p, err := range Pieces(strings.NewReader(box), 1<<20) {
		if err != nil || n == len(want) || string(p.Raw) != want[n] || p.Long || p.Offset != end {
			t.Fatalf("piece %d at %d, long %v, %v", n, p.Offset, p.Long, err)
		}
		for again, err := range Mbox(strings.NewReader(box[p.Offset : p.Offset+p.Size])) {
			if err != nil || strings.TrimRight(string(again), "\n") != strings.TrimRight(want[n], "\n") {
				t.Errorf("piece %d alone is %.60q, %v", n, again, err)
			}
		}
		n, end = n+1, p.Offset+p.Size
	}
	if n != len(want) || end != int64(len(box)) {
		t.Errorf("%d pieces, up to %d", n, end)
	}
	n = 0
	for p := range Pieces(strings.NewReader(box), 100) {
		if n++; len(p.Raw) > 100 || p.Long != (n == 2) {
			t.Errorf("piece %d has %d bytes, long %v", n, len(p.Raw), p.Long)
		}
	}
}
