package parser

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"guichet/ticket"
)

// seedMails adds the mails of the tests to a corpus.
func seedMails(f *testing.F) {
	f.Add(benchSmall())
	for _, raw := range seeds {
		f.Add([]byte(raw))
	}
	files, err := filepath.Glob("testdata/bounces/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatal("no bounces to begin with")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

// seeds are small, so that the fuzzer is quick with them.
var seeds = []string{
	"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c\nContent-Type: text/html\n\n<p>one\n--c--\n--b\nContent-Type: a/b; name*0*=utf-8''%41; name*1=b\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b--\n",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nFrom: a@example.com\nSubject: x\n\nbody\n--b\nContent-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n--b--\n",
	"From: =?utf-8?Q?Andr=C3=A9?= <a@example.com>\nContent-Type: text/plain; charset=iso-2022-jp; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\n=1B$B$3$s=1B(B \nflow\n",
	"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n0\x80\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x02\xa0\x80",
	"Subject: Fwd: x\n\n---------- Forwarded message ---------\nFrom: a@example.com\nDate: Tue, 3 Mar 2026 10:00:00 +0100\nSubject: y\n\nbody\n",
	"From a@example.com Tue Mar  3 10:00:00 2026\nno field\nContent-Type: multipart/mixed\n\n--x\nContent-Type: text/html\n\n<div class=gmail_quote>a</div>",
}

// check holds what is true of every Message.
func check(t *testing.T, m *Message) {
	t.Helper()
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(out) {
		t.Error("JSON is not UTF-8")
	}
	for name, s := range map[string]string{"subject": m.Subject, "text": m.Text, "reply": m.Reply, "signature": m.Signature, "from": m.From.Name + m.From.Address} {
		if !utf8.ValidString(s) {
			t.Errorf("%s is not UTF-8: %q", name, s)
		}
	}
	if visible(m.Text) && !visible(m.Reply) {
		t.Errorf("text %q without a reply", m.Text)
	}
	for _, a := range m.Attachments {
		if n, err := io.Copy(io.Discard, a.Open()); n != a.Size || err != nil {
			t.Errorf("attachment of %d bytes reads %d, %v", a.Size, n, err)
		}
		if a.Name == "" || strings.ContainsAny(a.Name, "/\\\x00\n") {
			t.Errorf("unsafe name %q", a.Name)
		}
	}
	if m.Bounce != nil && m.Automatic != BounceNotice {
		t.Errorf("a bounce that is %q", m.Automatic)
	}
}

func FuzzParse(f *testing.F) {
	seedMails(f)
	f.Fuzz(func(t *testing.T, raw []byte) { check(t, Parse(raw)) })
}

func FuzzReply(f *testing.F) {
	f.Add("New.\n\nOn Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> Old\n\n-- \nBob\n")
	f.Add("New.\n\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nOld\n")
	f.Add("> " + ticket.QuoteMarker + "\n> Old\nNew\n")
	f.Add("----- Forwarded Message ----- From: a@example.com To: b@example.com Subject: x\nOld")
	f.Fuzz(func(t *testing.T, text string) { check(t, Parse([]byte(plainHeader+text))) })
}

func FuzzHTML(f *testing.F) {
	f.Add(`New.<div class="gmail_quote"><blockquote class="gmail_quote">Old</blockquote></div>`)
	f.Add(`<ul><li>a<ol start=3><li>b</ol></ul><table><tr><td>c<td>d</table><pre>e</pre><a href="http://example.com">f</a><img src="cid:1">`)
	f.Add(`New.<hr id="zwchr"><div style="border:none;border-top:solid #E1E1E1 1.0pt">Old</div>`)
	f.Fuzz(func(t *testing.T, source string) { check(t, Parse([]byte(htmlHeader+source))) })
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"=?utf-8?Q?caf=C3=A9?= <a@example.com>", "=?iso-2022-jp?B?GyRCJDMbKEI=?=", "=?utf-7?Q?+AOk-?=", "attachment; filename*0*=utf-8''a%20; filename*1=b", `"a, b" <c@example.com>, d: e@example.com;`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if out := decodeWords(s); !utf8.ValidString(out) {
			t.Errorf("%q", out)
		}
		for _, m := range parseAddresses(s) {
			if !utf8.ValidString(m.Name) || !utf8.ValidString(m.Address) {
				t.Errorf("%q", m)
			}
		}
		_, params := parseParams(s)
		for name, v := range params {
			if !utf8.ValidString(v) {
				t.Errorf("%s=%q", name, v)
			}
		}
		parseIDs(s)
		parseDate(s)
	})
}

func FuzzTNEF(f *testing.F) {
	f.Add(winmail(tnefAttribute(tnefBody, []byte("Hello")), tnefAttribute(tnefRendering, nil), tnefAttribute(tnefData, []byte("x"))))
	f.Add(winmail(tnefAttribute(tnefProperties, mapiProperties(mapiProperty(propRTF, mapiBinary, plainRTF(`{\rtf1\fromhtml1{\*\htmltag64 <p>}a\'e9\u8364?}`))))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		msg, _ := readTNEF(raw)
		if !utf8.ValidString(msg.plain) || !utf8.ValidString(msg.html) {
			t.Error("text is not UTF-8")
		}
		readRTF(raw)
		expandRTF(raw)
		signedContent(raw)
	})
}

func FuzzBounce(f *testing.F) {
	seedMails(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		check(t, Parse(append([]byte("From: MAILER-DAEMON@example.com\nSubject: failure notice\nContent-Type: multipart/report; report-type=delivery-status; boundary=B1\n\n--B1\n\nfailed\n--B1\nContent-Type: message/delivery-status\n\n"), raw...)))
		found := &Bounce{}
		(&statusReader{found: found}).read(raw)
		if len(found.Recipients) > maxRecipients {
			t.Error("too many recipients")
		}
	})
}

func FuzzUuencode(f *testing.F) {
	f.Add("begin 644 hello.txt\n+:&5L;&\\@=V]R;&0\n`\nend\n")
	f.Add("text\nbegin-base64 644 a\naGVsbG8=\n====\nmore\n")
	f.Fuzz(func(t *testing.T, s string) {
		rest, files := cutUuencoded(s)
		if len(files) == 0 && rest != s {
			t.Error("text changed without a file")
		}
		decodeUUBody([]byte(s))
	})
}
