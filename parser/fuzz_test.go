package parser

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seedMails adds the mails of the tests to a corpus.
func seedMails(f *testing.F) {
	for _, raw := range [][]byte{benchSmall(), benchAlternative(), benchLongHTML()} {
		f.Add(raw)
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
	f.Add("> " + QuoteMarker + "\n> Old\nNew\n")
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
		readStatus(found, raw)
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
