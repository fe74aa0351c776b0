package parser

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"=?utf-8?Q?caf=C3=A9?=": "café",
		"=?UTF-8?b?Y2Fmw6k=?=":  "café",
		"=?utf-8?B?Y2Fmw6k?=":   "café", // padding lost
		"=?iso-8859-1?Q?caf=E9?= and =?utf-8?Q?th=C3=A9?=": "café and thé",
		"=?utf-8?Q?a?= =?utf-8?Q?b?=":                      "ab",
		"=?utf-8?Q?a?==?utf-8?Q?b?=":                       "ab",
		"=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?=":               "café", // a letter cut in two
		"=?utf-8?B?Y2Fmww==?= =?utf-8?B?qQ==?=":            "café",
		"=?utf-8?Q?a b c?=":                                "a b c", // spaces inside
		"=?utf-8?Q?what??=":                                "what?",
		"=?utf-8?Q?what?=20now?=":                          "what? now", // a ? that should have been encoded
		"=?utf-8*en?Q?hello?=":                             "hello",     // RFC 2231 §5
		"=?utf-8?Q?open=C3=A9":                             "opené",     // never closed
		"\"=?utf-8?Q?caf=C3=A9?=\"":                        `"café"`,
		"=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=":       "こんにちは",
		"=?gb2312?B?xOO6ww==?=":                            "你好",
		"=?koi8-r?B?8NLJ18XU?=":                            "Привет",
		"=?utf-7?Q?caf+AOk-?=":                             "café",
		"=?unknown-charset?Q?abc?=":                        "abc",
		"=?utf-8?X?abc?=":                                  "=?utf-8?X?abc?=",
		"1 =? 2 ?= 3":                                      "1 =? 2 ?= 3",
		"caf\xe9":                                          "café", // bytes without a label
		"a\x00b\tc":                                        "ab c",
	} {
		if got := decodeWords(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string][]Mailbox{
		"ann@example.com":                                                  {{"", "ann@example.com"}},
		"Ann Lee <ann@Example.COM>":                                        {{"Ann Lee", "ann@example.com"}},
		`"Lee, Ann" <ann@example.com>`:                                     {{"Lee, Ann", "ann@example.com"}},
		"Lee, Ann <ann@example.com>":                                       {{"Lee, Ann", "ann@example.com"}},
		"ann@example.com (Ann Lee)":                                        {{"Ann Lee", "ann@example.com"}},
		"Ann Lee (ann@example.com)":                                        {{"Ann Lee", "ann@example.com"}},
		"Ann Lee ann@example.com":                                          {{"Ann Lee", "ann@example.com"}},
		"Ann | [x] <ann@example.com>":                                      {{"Ann | [x]", "ann@example.com"}},
		"a@example.com, b@example.com; c@example.com":                      {{"", "a@example.com"}, {"", "b@example.com"}, {"", "c@example.com"}},
		"team: a@example.com, b@example.com;":                              {{"", "a@example.com"}, {"", "b@example.com"}},
		"undisclosed-recipients:;":                                         {},
		"=?utf-8?Q?Andr=C3=A9?= <a@example.com>":                           {{"André", "a@example.com"}},
		"=?utf-8?Q?Andr=C3=A9_<a@example.com>?=":                           {{"André", "a@example.com"}},
		"'Ann' <ann@example.com>":                                          {{"Ann", "ann@example.com"}},
		"<mailto:ann@example.com>":                                         {{"", "ann@example.com"}},
		`Pete(A nice \) chap) <pete(his account)@silly.example(his host)>`: {{"Pete(A nice ) chap)", "pete@silly.example"}},
		"John Doe <jdoe@machine(comment).  example>":                       {{"John Doe", "jdoe@machine.example"}},
		"Mary <mary@example.net>, , jdoe@mx  . example":                    {{"Mary", "mary@example.net"}, {"", "jdoe@mx.example"}},
		"team(of some) :Chris <c@(his)public.example>,joe@example.org;":    {{"Chris", "c@public.example"}, {"", "joe@example.org"}},
		"Dr. J. Doe jdoe@example.com":                                      {{"Dr. J. Doe", "jdoe@example.com"}},
		`"john doe"@example.com`:                                           {{"", `"john doe"@example.com`}},
		`John <"john doe"@example.com>`:                                    {{"John", `"john doe"@example.com`}},
		"MAILER-DAEMON <>":                                                 {{"MAILER-DAEMON", ""}},
		"Mail System <MAILER-DAEMON>":                                      {{"Mail System MAILER-DAEMON", ""}},
		"<@relay.example:ann@example.com>":                                 {{"", "ann@example.com"}},
		"ann@exämple.test":                                                 {{"", "ann@xn--exmple-cua.test"}},
		"Ann \u202Enna <ann@example.com>":                                  {{"Ann nna", "ann@example.com"}},
		"nobody":                                                           {{"nobody", ""}},
		"":                                                                 {},
	} {
		if diff := cmp.Diff(want, parseAddresses(in)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", in, diff)
		}
	}
}

func TestIDs(t *testing.T) {
	for in, want := range map[string][]string{
		"<a@b>":                {"a@b"},
		"<a@b> <c@d>\n <a@b>":  {"a@b", "c@d"},
		"<a@\n b>":             {"a@b"},
		"a@b c@d":              {"a@b", "c@d"},
		"Your mail of <a@b> x": {"a@b"},
		"<a@b":                 {"a@b"},
		"bare":                 {"bare"},
		"":                     {},
	} {
		if diff := cmp.Diff(want, parseIDs(in)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", in, diff)
		}
	}
}

func TestDates(t *testing.T) {
	want := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	for _, in := range []string{
		"Tue, 3 Mar 2026 10:00:00 +0100", "3 Mar 2026 10:00:00 +0100 (CET)", "Tue, 03 Mar 2026 09:00:00 GMT", "Tue, 3 Mar 2026 10:00 +0100",
		"Tue, 3 Mar 26 10:00:00 +0100", "2026-03-03 10:00:00 +0100", "2026-03-03T10:00:00+01:00", "Tue, 3 Mar 2026 10.00.00 +0100", "Tue Mar  3 09:00:00 2026",
	} {
		if got := parseDate(in); !got.Equal(want) {
			t.Errorf("%q: got %v", in, got)
		}
	}
	for _, in := range []string{"", "yesterday", "Tue, 3 Mar 0000 10:00:00 +0100", "Tue, 99 Mar 2026"} {
		if got := parseDate(in); !got.IsZero() {
			t.Errorf("%q: got %v", in, got)
		}
	}
	if _, err := parseDate("Tue, 3 Mar 2026 10:00:00 +9999").MarshalJSON(); err != nil {
		t.Errorf("a zone that JSON cannot write: %v", err)
	}
}

func TestHeaderFields(t *testing.T) {
	m := Parse([]byte("Message-ID: <1@example.com>\nIn-Reply-To: <0@example.org>\nReferences: <r@example.org>\n <0@example.org>\n" +
		"From: Ann <ann@example.com>\nSender: Bot <bot@example.com>\nReply-To: ann2@example.com\nTo: help@example.org\nTo: b@example.org\nCc: c@example.org\n" +
		"Subject: =?utf-8?Q?L'=C3=A9tage?=\nDate: Tue, 3 Mar 2026 10:00:00 +0100\nAccept-Language: fr-FR, en;q=0.8\nContent-Language: de\n\nbody\n"))
	got := []any{m.MessageID, m.InReplyTo, m.References, m.From, *m.Sender, m.ReplyTo, m.To, m.Cc, m.Subject, m.Languages, m.Problems}
	want := []any{"1@example.com", []string{"0@example.org"}, []string{"r@example.org", "0@example.org"}, Mailbox{"Ann", "ann@example.com"},
		Mailbox{"Bot", "bot@example.com"}, []Mailbox{{"", "ann2@example.com"}}, []Mailbox{{"", "help@example.org"}, {"", "b@example.org"}},
		[]Mailbox{{"", "c@example.org"}}, "L'étage", []string{"de", "fr", "en"}, []string{"several to fields"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRawBytesInTheHeader(t *testing.T) {
	for _, c := range []struct{ charset, subject, want string }{
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"utf-8", "Pri\xe8re", "Prière"},
		{"x-nobody", "Pri\xe8re", "Prière"},
	} {
		m := Parse([]byte("Subject: " + c.subject + "\nFrom: " + c.subject + " <a@example.com>\nContent-Type: text/plain; charset=" + c.charset + "\n\nx\n"))
		if m.Subject != c.want || m.From.Name != c.want {
			t.Errorf("%s: subject %q, name %q", c.charset, m.Subject, m.From.Name)
		}
	}
}

func TestDigestIgnoresTrace(t *testing.T) {
	const mail = "Message-ID: <1@example.com>\nFrom: ann@example.com\nSubject: x\n\nbody\n"
	one, two := Parse([]byte("Received: by a.example\n"+mail)), Parse([]byte("Received: by b.example\nX-Spam: no\n"+mail))
	if one.Digest != two.Digest {
		t.Error("trace lines change the digest")
	}
	if other := Parse([]byte(mail + "more")); other.Digest == one.Digest {
		t.Error("another body has the same digest")
	}
}

func TestChatPrograms(t *testing.T) {
	for raw, want := range map[string]bool{
		"Chat-Version: 1.0\nSubject: x\n\nhi\n": true,
		"chat-version: 1.0\n\nhi\n":             true,
		"Subject: Chat-Version: 1.0\n\nhi\n":    false,
		"Subject: x\n\nChat-Version: 1.0\n":     false,
	} {
		if got := Parse([]byte(raw)).Chat; got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
}
