package outbox

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"guichet/ticket"
)

// tokens of the matter's customer, in the forms in which they come back.
func (m *matter) tokensOf(number uint16) (reply, messageID, bounce string) {
	p, _ := m.t.Participant(number)
	q := &m.site.Queues[0]
	token := func(purpose ticket.Purpose) string { return m.mint.Signer.Sign(purpose, "acme", m.t.ID, p) }
	return string(q.With(token(ticket.ReplyToken))), token(ticket.ReplyToken) + ".abcdefghijklmnop@mx.guichet.test", string(q.With(token(ticket.BounceToken)))
}

func TestTokensAreTakenOut(t *testing.T) {
	m := newMatter(t)
	address, id, bounce := m.tokensOf(2)
	token := address[len("help+") : len("help+")+ticket.TokenLength]
	s := scrubForAgent(&m.site.Queues[0])
	for _, test := range []struct{ text, want string }{
		{"write to " + address + ", please", "write to help@acme.example, please"},
		{"<" + address + ">", "<help@acme.example>"},
		{"<mailto:" + strings.Replace(address, "+", "%2B", 1) + "?subject=x>", "<mailto:help@acme.example?subject=x>"},
		{"mailto:" + strings.Replace(strings.Replace(address, "+", "%2B", 1), "@", "%40", 1), "mailto:help@acme.example"},
		{strings.ToUpper(address), "help@acme.example"},
		{"Return-Path: <" + bounce + ">", "Return-Path: <help@acme.example>"},
		{"> In-Reply-To: <" + id + ">\n> more", "> In-Reply-To: <>\n> more"},
		{"bare " + token + " here", "bare … here"},
		{token, "…"},
		{"> help+" + token[:20] + "\n> " + token[20:] + "@acme.example", "> help@acme.example"},
		{"help+" + token[:30] + "=\n" + token[30:] + "@acme.example", "help@acme.example"},
		{"two: " + address + " " + address, "two: help@acme.example help@acme.example"},
		{"support+" + token + "@acme.example.", "help@acme.example."},
		// What only looks like one stays.
		{"da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{strings.Repeat("a", 39), strings.Repeat("a", 39)},
		{strings.Repeat("z", 40), strings.Repeat("z", 40)}, // of no version that we make
		{"marie@customer.example", "marie@customer.example"},
	} {
		if got := s.text(test.text); got != test.want {
			t.Errorf("%q\nbecame %q\n  want %q", test.text, got, test.want)
		}
	}
}

func TestAddressesOfOthersAreHidden(t *testing.T) {
	m := newMatter(t)
	eve, _ := m.t.Participant(4)
	eve.Other = []ticket.Address{"eve.private@home.example"}
	s := scrubForRequester(m.site, &m.site.Queues[0], []*ticket.Ticket{m.t}, m.t.Requester())
	for _, test := range []struct{ text, want string }{
		{"ask anna@acme.example", "ask help@acme.example"},
		{"ask Anna@ACME.example.", "ask help@acme.example."},
		{"<mailto:ben@acme.example>", "<mailto:help@acme.example>"},
		{"anna+private@acme.example", "help@acme.example"},
		{"https://example.com/?to=anna%40acme.example&x=1", "https://example.com/?to=help@acme.example&x=1"},
		{"mailto%3Aanna%40acme.example", "mailto%3Ahelp@acme.example"},
		{"_anna@acme.example_", "_help@acme.example_"},
		{"'anna@acme.example'", "'help@acme.example'"},
		{"eve@elsewhere.example and eve.private@home.example", "Eve Stone and Eve Stone"},
		{"joanna@acme.example", "joanna@acme.example"},
		{"anna@acme.example.org", "anna@acme.example.org"},
		{"marie@customer.example", "marie@customer.example"}, // their own
		{"@ @@ a@ @b %40", "@ @@ a@ @b %40"},
		{"anna@acme.example,ben@acme.example", "help@acme.example,help@acme.example"},
	} {
		if got := s.text(test.text); got != test.want {
			t.Errorf("%q\nbecame %q\n  want %q", test.text, got, test.want)
		}
	}
	for name, want := range map[string]string{"anna@acme.example.pdf": "help@acme.example.pdf", "to anna@acme.example.tar.gz": "to help@acme.example.tar.gz", "plan.v2.pdf": "plan.v2.pdf", ".pdf": ".pdf"} {
		if got := s.fileName(name); got != want {
			t.Errorf("the file %q became %q, want %q", name, got, want)
		}
	}
	if got := scrubForAgent(&m.site.Queues[0]).text("ask anna@acme.example"); got != "ask anna@acme.example" {
		t.Errorf("the team may not see itself: %q", got)
	}
}

// An answer names the tracking code, and goes to who is copied too: whose it is
// not, does not read it.
func TestTrackingCodesOfOthersAreHidden(t *testing.T) {
	m := newMatter(t)
	m.t.Tracking = "ABCD2345EFGH"
	eve, _ := m.t.Participant(4)
	const text = "Your code is ABCD-2345-EFGH (ABCD2345EFGH)."
	for to, want := range map[*ticket.Participant]string{m.t.Requester(): text, eve: "Your code is … (…)."} {
		if got := scrubForRequester(m.site, &m.site.Queues[0], []*ticket.Ticket{m.t}, to).text(text); got != want {
			t.Errorf("%s reads %q", to.Address, got)
		}
	}
}

func TestScrubbingTakesTimeInProportion(t *testing.T) {
	m := newMatter(t)
	s := scrubForRequester(m.site, &m.site.Queues[0], []*ticket.Ticket{m.t}, m.t.Requester())
	for _, hard := range []string{"@", "%", "%40", "a@", "a.@", "a\n", strings.Repeat("a", 40) + " ", "anna@acme.example"} {
		s.text(strings.Repeat(hard, 1<<18/len(hard))) // ends
	}
	card := "NOTE;QUOTED-PRINTABLE:" + strings.Repeat("a=\n", 1<<16)
	if _, err := s.card([]byte(card)); err != nil {
		t.Error(err)
	}
	if _, err := s.mail([]byte("Subject: " + strings.Repeat("=?utf-8?q?a?= ", 1<<14) + "\n\n" + strings.Repeat("--\n", 1<<16))); err != nil {
		t.Error(err)
	}
}

// attach adds an article of an agent with one file.
func (m *matter) attach(name, kind, content string) int {
	m.store.blobs["f"] = []byte(content)
	return m.write(ticket.Article{Kind: ticket.PublicArticle, Author: 2, Text: "see the file", Attachments: []ticket.Attachment{
		{Name: name, Type: kind, Size: int64(len(content)), Blob: "f"}}})
}

// passed is the file as it comes to the participant, or "" if it does not.
func (m *matter) passed(t *testing.T, kind ticket.NoticeKind, to uint16, article int) part {
	t.Helper()
	all := parts(t, raw(t, m.composed(t, m.notice(kind, to, article))))
	if len(all) < 3 {
		return part{content: "", name: all[0].content}
	}
	return all[2]
}

func TestInvitationsComeFromTheQueue(t *testing.T) {
	m := newMatter(t)
	address, _, _ := m.tokensOf(2)
	article := m.attach("invite.ics", "text/calendar", strings.ReplaceAll(`BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:1@acme.example
SUMMARY:Visit
ORGANIZER;CN=Anna Berg;SENT-BY="mailto:anna@acme.example":mailto:anna@acme
 .example
ATTENDEE;CN=Marie;RSVP=TRUE:mailto:Marie@customer.example
ATTENDEE;CN=Ben:MAILTO:ben@acme.example
DESCRIPTION:Questions to anna@acme.example or `+address+`\, or to our colle
 ague Ben.
X-ALT-DESC:<a href="mailto:ben%40acme.example">Ben</a>
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"))
	got := m.passed(t, ticket.Answer, 1, article)
	for _, want := range []string{"ORGANIZER;CN=\"Acme support\":mailto:help@acme.example\r\n", "ATTENDEE;CN=Marie;RSVP=TRUE:mailto:Marie@customer.example\r\n", "SUMMARY:Visit\r\n", "METHOD:REQUEST\r\n"} {
		if !strings.Contains(got.content, want) {
			t.Errorf("no %q in\n%s", want, got.content)
		}
	}
	for _, never := range []string{"anna@", "ben@", "ben%40", "Ben:", address} {
		if strings.Contains(strings.ReplaceAll(got.content, "\r\n ", ""), never) {
			t.Errorf("%q is in\n%s", never, got.content)
		}
	}
	for line := range strings.SplitSeq(got.content, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	team := m.passed(t, ticket.AgentAnswer, 3, article)
	if !strings.Contains(team.content, "ATTENDEE;CN=Ben") || strings.Contains(strings.ReplaceAll(team.content, "\r\n ", ""), address) {
		t.Errorf("to the team:\n%s", team.content)
	}
}

func TestCardsAreScrubbed(t *testing.T) {
	m := newMatter(t)
	article := m.attach("anna.vcf", "application/octet-stream", "BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Anna Berg\r\nEMAIL;INTERNET:anna@acme.example\r\n"+
		"NOTE;ENCODING=QUOTED-PRINTABLE:write to an=\r\nna=40acme.example, =C3=A9t=C3=A9\r\nitem1.KEY;TYPE=PGP:http://example.com/anna@acme.example\r\nEND:VCARD\r\n")
	got := m.passed(t, ticket.Answer, 1, article).content
	if strings.Contains(got, "anna@") || strings.Contains(got, "=40") || strings.Contains(got, "KEY") {
		t.Errorf("not scrubbed:\n%s", got)
	}
	for _, want := range []string{"FN:Anna Berg", "EMAIL;INTERNET:help@acme.example", "NOTE:write to help@acme.example, été"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestAttachedMessagesAreWrittenAnew(t *testing.T) {
	m := newMatter(t)
	address, id, bounce := m.tokensOf(2)
	inner := "From: Ben Roux <ben@acme.example>\r\nTo: \"help\" <" + address + ">, Marie <marie@customer.example>\r\nSubject: =?utf-8?q?ask_anna=40acme=2Eexample?=\r\n" +
		"Date: Thu, 12 Mar 2026 14:00:00 +0100\r\nMessage-ID: <" + id + ">\r\nReturn-Path: <" + bounce + ">\r\nReceived: from secret.internal by x\r\nX-Secret: yes\r\n" +
		"Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"; micalg=sha-256\r\n\r\n" +
		"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n" +
		"--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nL'=E9t=E9, anna=40acme.example\r\n" +
		"--c\r\nContent-Type: text/html\r\n\r\n<p><!-- ben@acme.example --><a href=\"mailto:anna&#64;acme.example\">anna&#x40;acme.example</a></p>\r\n--c--\r\n" +
		"--b\r\nContent-Type: text/calendar; name=\"anna@acme.example.ics\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("ATTENDEE:mailto:ben@acme.example\r\n")) + "\r\n" +
		"--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nYW5uYUBhY21lLmV4YW1wbGU=\r\n--b--\r\n"
	for _, outer := range []string{inner, "From: Eve <eve@elsewhere.example>\r\nSubject: Fwd\r\nContent-Type: message/rfc822\r\n\r\n" + inner} {
		article := m.attach("mail.eml", "message/rfc822", outer)
		all := parts(t, raw(t, m.composed(t, m.notice(ticket.Answer, 1, article))))
		if len(all) != 3 || all[2].kind != "message/rfc822" {
			t.Fatalf("%d parts", len(all))
		}
		checkLines(t, all[2].content)
		decoded := everything(t, all[2].content)
		for _, never := range []string{"anna@", "ben@", "eve@", address, id, bounce, "secret", "X-Secret", "Received", "pkcs7"} {
			if strings.Contains(decoded, never) {
				t.Errorf("%q is in\n%s", never, decoded)
			}
		}
		for _, want := range []string{"L'été, help@acme.example", "Marie", "ask help@acme.example", "mailto:help@acme.example"} {
			if !strings.Contains(decoded, want) {
				t.Errorf("no %q in\n%s", want, decoded)
			}
		}
	}
}

// everything is a message with its headers and all that can be decoded of it.
func everything(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for _, p := range parts(t, text) {
		fmt.Fprintf(&b, "%v\n%s\n", p.header, p.content)
		if p.kind == "message/rfc822" {
			b.WriteString(everything(t, p.content))
		}
	}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	return b.String() + decodeWords(strings.ReplaceAll(head, "\r\n ", " "))
}

func TestFilesThatCannotBeScrubbed(t *testing.T) {
	bomb := "From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n"
	for _, test := range []struct {
		name, kind, content string
		requester, agent    bool // comes to them
		told                bool
	}{
		{"smime.p7s", "application/pkcs7-signature", "x", false, false, false},
		{"mail.msg", "application/vnd.ms-outlook", "x", false, true, true},
		{"winmail.dat", "application/ms-tnef", "x", false, true, true},
		{"deep.eml", "message/rfc822", strings.Repeat(bomb, 20) + "x", false, true, true},
		{"broken.eml", "message/rfc822", "no header at all", false, true, true},
		{"plan.pdf", "application/pdf", "x", true, true, false},
	} {
		m := newMatter(t)
		article := m.attach(test.name, test.kind, test.content)
		requester, agent := m.passed(t, ticket.Answer, 1, article), m.passed(t, ticket.AgentAnswer, 3, article)
		if (requester.kind != "") != test.requester || (agent.kind != "") != test.agent {
			t.Errorf("%s: to the requester %v, to the team %v", test.name, requester.kind != "", agent.kind != "")
		}
		if told := strings.Contains(requester.name, "Not passed on"); told != test.told {
			t.Errorf("%s: the requester is told %v", test.name, told)
		}
	}
}

func FuzzScrub(f *testing.F) {
	m := newMatter(f)
	address, id, _ := m.tokensOf(2)
	for _, seed := range []string{address, "<" + id + ">", "anna@acme.example", "BEGIN:VCARD\nEMAIL:anna@acme.example", "From: a@b.example\n\nanna@acme.example", "ATTENDEE:mailto:x"} {
		f.Add(seed)
	}
	s := scrubForRequester(m.site, &m.site.Queues[0], []*ticket.Ticket{m.t}, m.t.Requester())
	f.Fuzz(func(t *testing.T, text string) {
		if once := s.text(text); strings.Contains(strings.ToLower(once), "<anna@acme.example>") {
			t.Errorf("%q became %q", text, once)
		}
		for _, scrub := range []func([]byte) ([]byte, error){s.calendar, s.card, s.mail} {
			_, _ = scrub([]byte(text)) // ends, and does not panic
		}
	})
}
