package templates

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/ticket"
)

func TestOnlyHonestLinksCanBeFollowed(t *testing.T) {
	for _, test := range []struct {
		text string
		want []piece
	}{
		{"see https://example.com/a?b=1.", []piece{{"see ", ""}, {"https://example.com/a?b=1", "https://example.com/a?b=1"}, {".", ""}}},
		{"(http://example.com/x_(y))", []piece{{"(", ""}, {"http://example.com/x_(y)", "http://example.com/x_(y)"}, {")", ""}}},
		{"HTTPS://Example.COM", []piece{{"HTTPS://Example.COM", "HTTPS://Example.COM"}}},
		{"https://bank.example@evil.test/", []piece{{"https://bank.example@evil.test/", ""}}},
		{"https://b\u0430nk.example/", []piece{{"https://b\u0430nk.example/", ""}}},
		{"https://xn--bnk-7cd.example/", []piece{{"https://xn--bnk-7cd.example/", ""}}},
		{"javascript:alert(1)", []piece{{"javascript:alert(1)", ""}}},
		{"httpjavascript:alert(1)", []piece{{"httpjavascript:alert(1)", ""}}},
		{"https://localhost/", []piece{{"https://localhost/", ""}}},
		{`https://example.com/"onclick="x`, []piece{{"https://example.com/", "https://example.com/"}, {`"onclick="x`, ""}}},
		{"", nil},
	} {
		got := links(test.text)
		var joined []piece // neighbours without a link are one
		for _, p := range got {
			if n := len(joined); n > 0 && p.Link == "" && joined[n-1].Link == "" {
				joined[n-1].Text += p.Text
				continue
			}
			joined = append(joined, p)
		}
		if diff := cmp.Diff(test.want, joined); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestLinksLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("htps:/.@ a(),é\u202e\"<"))).Draw(t, "text")
		if got := plain(links(text)); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// TestFlowedTextSaysTheSame undoes format=flowed as RFC 3676 §4.2 tells.
func TestFlowedTextSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := Body(rapid.StringOf(rapid.SampledFrom([]rune("ab >-\nFrom é "))).Draw(t, "text"))
		w := &textWriter{}
		w.passages("", 0, passages(text))
		for line := range strings.Lines(w.String()) {
			if n := utf8.RuneCountInString(line); n > width+3 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Fatalf("a line of %d characters that could be broken: %q", n, line)
			}
		}
		want, got := spelled(text), spelled(unflow(w.String()))
		if want != got {
			t.Fatalf("%q became %q, which reads %q", text, w.String(), got)
		}
	})
}

// spelled is a text without regard to how it is spaced and quoted.
func spelled(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, ">", " ")), " ")
}

func unflow(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		line = strings.TrimPrefix(line, " ")
		if strings.HasSuffix(line, " ") {
			b.WriteString(line)
			continue
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestSubject(t *testing.T) {
	ref := ticket.Reference{Prefix: "ACM", Number: 1042}
	for _, test := range []struct{ original, want string }{
		{"The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"Re: The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"RE: AW: Fwd: SV: The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"Re[2]: The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"TR : RE : La machine fuit", "Re: [ACM-1042] La machine fuit"},
		{"回复：机器漏水", "Re: [ACM-1042] 机器漏水"},
		{"Re: [ACM-1042] Re: [acm-1042] The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"[Ticket#2026112110000017] Re: The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"Re: [other-1] [#123] The machine leaks", "Re: [ACM-1042] The machine leaks"},
		{"The machine leaks [ACM-7]", "Re: [ACM-1042] The machine leaks"},
		{"[URGENT] Lot [12] of 2026", "Re: [ACM-1042] [URGENT] Lot [12] of 2026"},
		{"Reference: the order", "Re: [ACM-1042] Reference: the order"},
		{"Important: read this", "Re: [ACM-1042] Important: read this"},
		{"", "Re: [ACM-1042]"},
		{"Re:", "Re: [ACM-1042]"},
		{"a\r\nBcc: x@y\u202e", "Re: [ACM-1042] a Bcc: x@y"},
	} {
		if got := Subject(ref, test.original); got != test.want {
			t.Errorf("Subject(%q) = %q, want %q", test.original, got, test.want)
		}
	}
}

func TestSubjectIsStable(t *testing.T) {
	ref := ticket.Reference{Prefix: "ACM", Number: 1042}
	rapid.Check(t, func(t *rapid.T) {
		original := rapid.StringOf(rapid.SampledFrom([]rune("Re:fwdAW[]#-1ACM042 é\n"))).Draw(t, "subject")
		once := Subject(ref, original)
		if twice := Subject(ref, once); twice != once {
			t.Fatalf("%q, then %q", once, twice)
		}
		if n := utf8.RuneCountInString(once); n > largestSubject+20 {
			t.Fatalf("%d characters", n)
		}
	})
}

func TestTheAgentsOwnNameIsNotSaidTwice(t *testing.T) {
	for _, test := range []struct {
		text string
		want bool
	}{
		{"Hello,\n\nit is done.\n\nRegards\nAnna", true},
		{"It is done.\n\nAnna Berg, Acme", true},
		{"Anna Berg told me.\n\n1\n2\n3\n4", false},
		{"It is done.", false},
	} {
		if got := signs(test.text, "Anna Berg"); got != test.want {
			t.Errorf("signs(%q) = %v", test.text, got)
		}
	}
}

func TestMailtoSurvivesEveryProgram(t *testing.T) {
	got := mailto("help+abc@acme.example", "Re: [ACM-1042] 100 % & more?", "#close\r\n")
	want := "mailto:help%2Babc@acme.example?subject=Re%3A%20%5BACM-1042%5D%20100%20%25%20%26%20more%3F&body=%23close%0D%0A"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"one\ntwo", "one\ntwo"},
		{"one\n\ntwo\n\nthree\n\nfour", "one\n\ntwo\n\nthree …"},
		{"> quoted\none", "one"},
		{"0123456789012345678901234567890123456789", "012345678901234567890123456789…"},
		{"", ""},
	} {
		if got := shorten(test.text, 3, 30); got != test.want {
			t.Errorf("%q became %q, want %q", test.text, got, test.want)
		}
	}
}

func TestLinksLeadNowhereButToPagesAndMails(t *testing.T) {
	for link, want := range map[string]string{
		"https://example.com/a?b=c&d=%C3%A9":   "https://example.com/a?b=c&d=%C3%A9",
		"mailto:help%2Bx@acme.example?body=%0": "mailto:help%2Bx@acme.example?body=%250",
		"JavaScript:alert(1)":                  "#",
		"data:text/html,x":                     "#",
		"/page:1 \"'<>":                        "/page:1%20%22%27%3c%3e",
	} {
		if got := safeHref(link); got != want {
			t.Errorf("%s leads to %s, not %s", link, got, want)
		}
	}
}
