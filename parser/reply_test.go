package parser

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"guichet/ticket"
)

const plainHeader = "From: Bob <bob@example.com>\nTo: help@example.org\nSubject: Re: printer\n" +
	"Date: Tue, 3 Mar 2026 10:00:00 +0100\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"

const htmlHeader = "From: Bob <bob@example.com>\nTo: help@example.org\nSubject: Re: printer\n" +
	"Date: Tue, 3 Mar 2026 10:00:00 +0100\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"

func replyOf(text string) string { return Parse([]byte(plainHeader + text)).Reply }

// attributions reads the lines of testdata/attributions.txt.
func attributions(t *testing.T) (surely, maybe []string) {
	raw, err := os.ReadFile("testdata/attributions.txt")
	if err != nil {
		t.Fatal(err)
	}
	into := &surely
	for l := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n") {
		switch {
		case l == "%likely":
			into = &maybe
		case l != "" && !strings.HasPrefix(l, "#"):
			*into = append(*into, strings.ReplaceAll(l, `\n`, "\n"))
		}
	}
	return surely, maybe
}

func TestAttributions(t *testing.T) {
	const own = "My new words.\nSecond line."
	const marked, bare = "\n\n> quoted text\n> second line\n", "\n\nquoted text\nsecond line\n"
	surely, maybe := attributions(t)
	if len(surely) < 90 || len(maybe) < 5 {
		t.Fatalf("read only %d and %d lines", len(surely), len(maybe))
	}
	check := func(text, want string) {
		t.Helper()
		if got := replyOf(text); got != want {
			t.Errorf("%q\n got %q", text, got)
		}
	}
	for _, a := range surely {
		check(own+"\n\n"+a+marked, own)
		check(own+"\n\n"+a+bare, own)
		if i := strings.LastIndexByte(a[:len(a)*2/3], ' '); i > 30 && !strings.ContainsAny(a, "\n") && !strings.Contains(a, "---") {
			check(own+"\n\n"+a[:i]+"\n"+a[i+1:]+marked, own)
		}
	}
	for _, a := range maybe {
		check(own+"\n\n"+a+marked, own)
		check(own+"\n\n"+a+"\n\nnot quoted", own+"\n\n"+a+"\n\nnot quoted")
	}
}

func TestReplyPlain(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no quote", "Just this.\n", "Just this."},
		{"only a quote gives its text", "> nothing\n> else\n", "nothing\nelse"},
		{"answer below one quote", "On Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> Does it work?\n\nYes, it does.\n", "Yes, it does."},
		{"answers between quotes keep what they answer",
			"On Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> Hello Bob,\n> Does it print?\n\nYes.\n\n> And does it scan?\n\nNo.\n\n> Bye\n",
			"> Hello Bob,\n> Does it print?\n\nYes.\n\n> And does it scan?\n\nNo."},
		{"quoted by hand", "> Does it print?\n\nIt does.\n", "> Does it print?\n\nIt does."},
		{"greeting above, answer below", "Hi Ann,\n\nOn Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> Does it work?\n\nYes, it does.\n", "Hi Ann,\n\nYes, it does."},
		{"list of facts is no header block", "Meeting:\n\nDate: Wednesday 4 March 2026\nTime: 7:00\nPlace: room 2\n\nSee you.\n", "Meeting:\n\nDate: Wednesday 4 March 2026\nTime: 7:00\nPlace: room 2\n\nSee you."},
		{"a traveller's list", "Please book:\n\nFrom: Paris\nTo: Lyon\nDate: 5 May 2026, 10:00\n\nThank you.\n", "Please book:\n\nFrom: Paris\nTo: Lyon\nDate: 5 May 2026, 10:00\n\nThank you."},
		{"dashes with spaces that do not break", "Neu.\n\n------------------\u00a0原始邮件\u00a0------------------\n发件人:\u00a0\"Help\"<help@example.org>;\n发送时间:\u00a02026年3月2日 9:00\n\n旧\n", "Neu."},
		{"own sentence that begins like one", "On Monday at 10:00 I wrote to you:\nthe printer is broken.\n", "On Monday at 10:00 I wrote to you:\nthe printer is broken."},
		{"rule above the block goes along", "Thanks.\n\n________________________________\nFrom: Ann <ann@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nOld text.\n", "Thanks."},
		{"field names with stars", "Thanks.\n\n*From:* Ann [mailto:ann@example.com]\n*Sent:* Monday, 2 March 2026\n*To:* Bob\n\nOld.\n", "Thanks."},
		{"link folded out of the quote", "Done.\n\nOn Mon, 2 Mar 2026, Ann wrote:\n> see (http://example.com/a\n_b=1)\n>\n", "Done."},
		{"attribution on the line of the answer", "Done--- On Wed, Mar 4, 2026 at 3:59 PM, ann@example.com wrote:\n> Hi\n", "Done"},
		{"attribution under the marks", "Done.\n\n> On 2 Mar 2026, at 10:00, Ann <ann@example.com> wrote:\n> \n> Hi\n", "Done."},
		{"header under the marks", "Done.\n\n> From: ann@example.com\n> Subject: x\n> Date: Mon, 2 Mar 2026 10:00\n>\n> Hi\n", "Done."},
		{"bars for marks", "Done.\n\n2026/3/2 Ann <ann@example.com>\n\n| Hi Bob\n| bye\n", "Done."},
		{"initials for marks", "Done.\n\nOn Mon, 2 Mar 2026 10:00, Ann Lee <ann@example.com> wrote:\nAL> Hi\nAL> Bob\n", "Done."},
		{"GroupWise", "Done.\n\n>>> Ann Lee <ann@example.com> 3/3/2026 9:12 AM >>>\nHi Bob,\nbye\n", "Done."},
		{"three marks that end a quote", "On Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n>>> Hi\n>>> Does 2026 work? >>>\n\nIt does.\n", "It does."},
		{"Lotus Notes, a field on two lines", "Done.\n\n\nAnn Lee <ann@example.com>\n03/03/2026 09:12 AM\n\nTo\nBob\ncc\n\nSubject\nPrinter\n\nHi Bob\n", "Done."},
		{"a list that is no such block", "Bus 7 on 03/03/2026 at 09:12\n\nTo\nthe airport\n", "Bus 7 on 03/03/2026 at 09:12\n\nTo\nthe airport"},
		{"Lotus Notes, a drawn table", "Done.\n\n|---------+---------------->\n|         | Ann Lee        |\n|         | 03/03/2026     |\n|---------+---------------->\n  >---------------------|\n  | To: Bob             |\n  >---------------------|\n\nHi Bob\n", "Done."},
		{"the mark of another help desk", "Done.\n\n##- Please type your reply above this line -##\n\nHi Bob\n", "Done."},
		{"answers that are said to stand in the quote", "My answers are below in red.\n\nFrom: Ann <ann@example.com>\nSent: Monday, 2 March 2026\nTo: Bob\nSubject: x\n\nDoes it print?\nYES\n", "My answers are below in red.\n\nFrom: Ann <ann@example.com>\nSent: Monday, 2 March 2026\nTo: Bob\nSubject: x\n\nDoes it print?\nYES"},
		{"said to stand in a quote of ours", "My answers are below in red.\n\nFrom: Ann <ann@example.com>\nSent: Monday, 2 March 2026\nTo: Bob\nSubject: x\n\n" + ticket.QuoteMarker + "\nDoes it print?\nYES\n", "My answers are below in red."},
		{"folded address", "Done.\n\ntir. 3. mars 2026 kl. 13:09 skrev Ann <ann@example.com\n>:\n\n> Hi\n", "Done."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := replyOf(c.text); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestReplyHTML(t *testing.T) {
	const quoted = "<blockquote>Old words</blockquote>"
	for _, c := range []struct{ name, html, want string }{
		{"Gmail", `New.<br><div class="gmail_quote"><div class="gmail_attr">Quux, Ann:<br></div><blockquote class="gmail_quote">Old words</blockquote></div>`, "New."},
		{"Gmail, answers between", `<div class="gmail_quote"><div class="gmail_attr">On Mon, 2 Mar 2026, Ann &lt;ann@example.com&gt; wrote:</div><blockquote class="gmail_quote">One?</blockquote><div>First.</div><blockquote class="gmail_quote">Two?</blockquote><div>Second.</div></div>`, "> One?\n\nFirst.\n\n> Two?\n\nSecond."},
		{"Outlook on the web", `<p>New.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">Xyz: Ann</div><div>Old words</div>`, "New."},
		{"Outlook", `<p>New.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p>Xyz: Ann</p></div><p>Old words</p>`, "New."},
		{"Thunderbird", `New.<div class="moz-cite-prefix">Ann at noon:</div><blockquote type="cite">Old words</blockquote>`, "New."},
		{"Yahoo", `<div>New.</div><div class="yahoo_quoted" id="yahoo_quoted_1">Old words</div>`, "New."},
		{"Proton", `New.<div class="protonmail_quote">Old words</div>`, "New."},
		{"Zoho", `New.<div class="zmail_extra">Old words</div>`, "New."},
		{"GMX", `New.<div name="quote">Old words</div>`, "New."},
		{"Spark", `New.<div name="messageReplySection">Old words</div>`, "New."},
		{"NetEase", `New.<blockquote id="isReplyContent">Old words</blockquote>`, "New."},
		{"Zimbra", `New.<hr id="zwchr"><b>Xyz: </b>Ann<br>Old words`, "New."},
		{"quote by hand, then the mail", `New<blockquote>Regular</blockquote><div>On 2-Mar-2026, at 6:54 PM, Ann &lt;ann@example.com&gt; wrote:</div>` + quoted, "New\n\n> Regular"},
		{"all quote gives its text", `<div class="gmail_quote">Old words</div>`, "Old words"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Parse([]byte(htmlHeader + c.html)).Reply; got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestOwnMarker(t *testing.T) {
	for _, c := range []struct{ name, mail, want string }{
		{"marked quote, unknown language", plainHeader + "New.\n\nZzz 3/2 zzz Ann:\n> " + ticket.QuoteMarker + "\n> Old words\n> bye\n", "New."},
		{"a sentence above stays", plainHeader + "See my answer:\n\n> " + ticket.QuoteMarker + "\n> Old words\n> bye\n", "See my answer:"},
		{"without marks", plainHeader + "New.\n\nOn Mon, 2 Mar 2026, Help <help@example.org> wrote:\n" + ticket.QuoteMarker + "\nOld words\n", "New."},
		{"without marks or attribution", plainHeader + "New.\n\n" + ticket.QuoteMarker + "\nOld words\n\n-- \nHelp\n", "New."},
		{"answer below the quote", plainHeader + "> " + ticket.QuoteMarker + "\n> Old words\n\nNew.\n", "New."},
		{"HTML by class", htmlHeader + `New.<div>Zzz:</div><div class="guichet-mail">Old words</div>`, "New.\nZzz:"},
		{"HTML after Outlook on the web", htmlHeader + `New.<div class="x_guichet-mail">Old words</div>`, "New."},
		{"HTML by the marker", htmlHeader + `New.<div>` + ticket.QuoteMarker + `</div><p>Old words</p>`, "New."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Parse([]byte(c.mail)).Reply; got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestSignatures(t *testing.T) {
	for _, c := range []struct{ name, text, reply, signature string }{
		{"mark", "Hello.\n\n-- \nBob\nExample Ltd\n", "Hello.", "Bob\nExample Ltd"},
		{"mark that lost its space", "Hello.\n\n--\nBob\n", "Hello.", "Bob"},
		{"long dash", "Hello.\n\n—\nBob\n", "Hello.", "Bob"},
		{"dashes inside", "Because of:\n-- first point\n-- second point\n\nThanks\n", "Because of:\n-- first point\n-- second point\n\nThanks", ""},
		{"rule between two chapters", "Option A is cheaper.\n\n---\n\nOption B is what we would rather have, if you can do it.\n", "Option A is cheaper.\n\n---\n\nOption B is what we would rather have, if you can do it.", ""},
		{"rule above a signature", "Hello.\n\n_____________\nBob Lee\nTel. 1234\n", "Hello.", "Bob Lee\nTel. 1234"},
		{"greeting stays", "Hello.\n\nBest regards\nBob\n", "Hello.\n\nBest regards\nBob", ""},
		{"rule above a text", "Please look:\n\n---\n\n" + strings.Repeat("this is a long paragraph of the report ", 6) + "\n", "Please look:\n\n---\n\n" + strings.TrimSpace(strings.Repeat("this is a long paragraph of the report ", 6)), ""},
		{"iPhone", "Hello.\n\nSent from my iPhone\n", "Hello.", "Sent from my iPhone"},
		{"iPhone, German", "Hallo.\n\nVon meinem iPhone gesendet\n", "Hallo.", "Von meinem iPhone gesendet"},
		{"iPhone, French", "Bonjour.\n\nEnvoyé de mon iPhone\n", "Bonjour.", "Envoyé de mon iPhone"},
		{"iPhone, Spanish", "Hola.\n\nEnviado desde mi iPhone\n", "Hola.", "Enviado desde mi iPhone"},
		{"iPhone, Italian", "Ciao.\n\nInviato da iPhone\n", "Ciao.", "Inviato da iPhone"},
		{"iPhone, Dutch", "Hoi.\n\nVerstuurd vanaf mijn iPhone\n", "Hoi.", "Verstuurd vanaf mijn iPhone"},
		{"iPhone, Japanese", "了解です。\n\niPhoneから送信\n", "了解です。", "iPhoneから送信"},
		{"iPhone, Chinese", "好的。\n\n发自我的iPhone\n", "好的。", "发自我的iPhone"},
		{"iPhone, Korean", "네.\n\n나의 iPhone에서 보냄\n", "네.", "나의 iPhone에서 보냄"},
		{"iPhone, Russian", "Да.\n\nОтправлено с iPhone\n", "Да.", "Отправлено с iPhone"},
		{"Outlook", "Hello.\n\nGet Outlook for iOS<https://aka.ms/x>\n", "Hello.", "Get Outlook for iOS<https://aka.ms/x>"},
		{"a phone nobody listed", "Hello.\n\nSent from my Brand NAME 4G\n", "Hello.", "Sent from my Brand NAME 4G"},
		{"a program with its address", "Hello.\n\nSent from TypeApp<http://example.com/r?b=1>\n", "Hello.", "Sent from TypeApp<http://example.com/r?b=1>"},
		{"a link inside", "Hello.\n\nSent from Mail <https://example.com/m?id=5> for Windows\n", "Hello.", "Sent from Mail <https://example.com/m?id=5> for Windows"},
		{"a sentence of one's own", "Hello.\n\nSent from my desk, which is easier than my phone.\n", "Hello.\n\nSent from my desk, which is easier than my phone.", ""},
		{"disclaimer", "Hello.\n\nThis e-mail is confidential and intended solely for the addressee. If you have received this message in error please notify the sender and delete it with any attachments.\n", "Hello.", "This e-mail is confidential and intended solely for the addressee. If you have received this message in error please notify the sender and delete it with any attachments."},
		{"all of it", "-- \nBob\n", "-- \nBob", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Parse([]byte(plainHeader + c.text))
			if m.Reply != c.reply && m.Reply != tidy(c.reply) || m.Signature != c.signature {
				t.Errorf("reply     %q\nwant      %q\nsignature %q\nwant      %q", m.Reply, c.reply, m.Signature, c.signature)
			}
		})
	}
}

func TestReplyIsNeverEmptyWhenTextIsNot(t *testing.T) {
	for _, text := range []string{">", "> \n> \n>x", "-- \nBob", "Sent from my iPhone", "On Mon, 2 Mar 2026, Ann wrote:\n> x", ticket.QuoteMarker + "x", "From: a@example.com\nTo: b@example.com\nSubject: x\n\nx"} {
		if m := Parse([]byte(plainHeader + text)); m.Text != "" && m.Reply == "" {
			t.Errorf("%q: text %q, no reply", text, m.Text)
		}
	}
}

// TestProseOpensNoQuote holds the quick look at a line to all that it spares: over
// lines made of what quotes are opened with.
func TestProseOpensNoQuote(t *testing.T) {
	pieces := slices.Concat(wroteVerbs, originals, replyMarks, forwardWords, slices.Collect(maps.Keys(headerLabels)), slices.Collect(maps.Keys(openers)), []string{
		" ", " ", " ", " ", ":", "：", "-", "--", "-----", "> ", "|--", ".", "(a)", "*", "_", "\t", "\u00a0", "\u2063\u2063\u2063", "ann@example.com", "<ann@example.com>",
		"2026-03-02", "2 mars 2026", "17:12", "3/3/2026 9:12 AM >>>", "é", "à", "“", "\u200e", "\u2013", "the lamp stays green", "merci",
	})
	random := rand.New(rand.NewPCG(1, 2))
	plain := 0
	for range 200_000 {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		s := b.String()
		if !prose(s) {
			continue
		}
		plain++
		lines := []line{{text: s}, {text: "To"}, {text: "Ann"}, {text: "Subject"}}
		_, _, opens := opensQuote(lines, 0)
		if opens || carriesMarker(s) || candidate(s) || headOfRest(lines, 0) || forwardLine(s) || sameLine.MatchString(s) {
			t.Fatalf("%q is taken for prose", s)
		}
	}
	if plain < 10_000 {
		t.Errorf("only %d lines are prose", plain)
	}
}

func TestLineEndsOfAnySort(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = "\r\r\na"[random.IntN(4)]
		}
		s := string(b)
		want := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "\r\r\n", "\n"), "\r\n", "\n"), "\r", "\n")
		if got := newlines(b); got != want {
			t.Fatalf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestJunkIsSeenAtAnyPlace(t *testing.T) {
	for _, junk := range []string{"\x00", "\x1b", "\x7f", "\v", "\u202e"} {
		for at := range 20 {
			s := strings.Repeat("é", at/2) + strings.Repeat("a", at%2) + junk + "\n’ un texte"
			if !hasJunk(s) || !hasJunk([]byte(s)) {
				t.Errorf("%q behind %d bytes is not seen", junk, at)
			}
			if clean := strings.Replace(s, junk, "\u2019\t\f", 1); hasJunk(clean) {
				t.Errorf("%q has no junk", clean)
			}
		}
	}
}
