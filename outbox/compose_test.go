package outbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"

	"guichet/ticket"
)

// kinds are all notices that the matter can make, with whom they are for.
var kinds = []struct {
	kind ticket.NoticeKind
	to   uint16
}{
	{ticket.Acknowledgement, 1}, {ticket.Receipt, 1}, {ticket.Answer, 1}, {ticket.Answer, 4}, {ticket.ClosedNotice, 1}, {ticket.ReopenedNotice, 1},
	{ticket.Validation, 1}, {ticket.CodeFailed, 1}, {ticket.Done, 1}, {ticket.Status, 1}, {ticket.History, 1}, {ticket.History, 4}, {ticket.Export, 1},
	{ticket.AgentNew, 2}, {ticket.AgentReply, 2}, {ticket.AgentAnswer, 3}, {ticket.AgentNote, 3}, {ticket.AgentEvent, 2}, {ticket.AgentHeld, 2}, {ticket.Transcript, 3},
}

// filled is a matter with everything that a mail may bring.
func filled(t testing.TB) *matter {
	m := newMatter(t)
	m.store.blobs["b1"] = bytes.Repeat([]byte("0123456789"), 1000)
	m.write(ticket.Article{Kind: ticket.PublicArticle, Author: 2, Text: "Good morning,\n\nsomebody comes tomorrow.", Attachments: []ticket.Attachment{
		{Name: "plan.pdf", Type: "application/pdf", Size: 10000, Blob: "b1"},
		{Name: "valve.png", Type: "image/png", Size: 10000, Blob: "b1", Inline: true, ContentID: "valve@acme.example"}}})
	m.store.held["h1"] = ticket.Held{ID: "h1", Why: ticket.HeldStranger, From: ticket.Mailbox{Name: "Jo", Address: "jo@elsewhere.example"}, Subject: "Re: leak", Text: "me too"}
	return m
}

// of is a notice of a kind, bringing the second article.
func (m *matter) of(kind ticket.NoticeKind, to uint16) ticket.Notice {
	n := m.notice(kind, to, 2)
	switch kind {
	case ticket.Validation, ticket.CodeFailed, ticket.Done, ticket.Status, ticket.History, ticket.Export:
		n.About = &ticket.About{Action: ticket.ReadHistory, Problem: ticket.ProblemWrongCode, Left: 2, Until: opened, Tickets: []ticket.ID{m.t.ID}}
	case ticket.AgentHeld:
		n.Held, n.Article = "h1", 0
	case ticket.Transcript:
		n.Article = 0
		n.Transcript = &ticket.TranscriptBody{Problem: ticket.ProblemUnknown, Line: "#clsoe", Nearest: "#close", Written: "Hello"}
	}
	return n
}

// compose reads what a notice is about and writes its letter.
func (o *Outbox) compose(ctx context.Context, site *ticket.Site, n ticket.Notice, s Settings) (*letter, error) {
	c, err := o.composer(ctx, site, n, s)
	if err != nil {
		return nil, err
	}
	return c.compose(ctx)
}

func TestEveryMailIsWellFormed(t *testing.T) {
	for _, each := range kinds {
		t.Run(string(each.kind), func(t *testing.T) {
			m := filled(t)
			n := m.of(each.kind, each.to)
			l := m.composed(t, n)
			text := raw(t, l)
			if text != raw(t, l) {
				t.Error("written twice, it is not the same")
			}
			checkLines(t, text)
			read, err := mail.ReadMessage(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			h := read.Header
			p, _ := m.t.Participant(each.to)
			for name, want := range map[string]string{
				"Message-Id": "<" + n.MessageID + ">", "Subject": "Re: [ACM-1042] The machine leaks", "To": mailbox(p.Name, p.Address),
				"X-Loop": "guichet@mx.guichet.test", "Content-Language": p.Locale, "Mime-Version": "1.0", "Date": "Thu, 12 Mar 2026 15:00:00 +0000",
			} {
				if each.kind == ticket.Receipt && name == "Subject" {
					want = "[ACM-1042] We have received a message"
				}
				if got := h[name]; name != "Date" && (len(got) != 1 || got[0] != want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			checkReplyAddress(t, m, p, h.Get("Reply-To"))
			checkAutomatic(t, each.kind, h)
			if _, ok := h["List-Id"]; ok != each.kind.ForAgents() {
				t.Errorf("List-Id: %v", ok)
			}
		})
	}
}

// checkLines wants CRLF line ends, ASCII, and nothing longer than RFC 5322 §2.1.1
// allows.
func checkLines(t *testing.T, text string) {
	t.Helper()
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || strings.Count(text, "\r") != strings.Count(text, "\r\n") {
		t.Error("a line end is not CRLF")
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 900 {
			t.Errorf("a line of %d octets: %.80s…", len(line), line)
		}
		if strings.IndexFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) >= 0 {
			t.Errorf("not plain ASCII: %q", line)
		}
	}
}

func checkReplyAddress(t *testing.T, m *matter, p *ticket.Participant, value string) {
	t.Helper()
	a, err := mail.ParseAddress(value)
	if err != nil {
		t.Fatalf("Reply-To %q: %v", value, err)
	}
	extension, _, ok := m.site.Queues[0].Match(ticket.MustAddress(a.Address))
	token, isToken := ticket.ParseToken(extension)
	if !ok || !isToken || !m.mint.Signer.Proves(token, "acme", m.t.ID, p) || token.Purpose != ticket.ReplyToken {
		t.Errorf("Reply-To %s does not prove participant %d", a.Address, p.Number)
	}
}

func checkAutomatic(t *testing.T, kind ticket.NoticeKind, h mail.Header) {
	t.Helper()
	automatic := h.Get("Auto-Submitted")
	if (automatic != "") == kind.ByPerson() {
		t.Errorf("Auto-Submitted: %q", automatic)
	}
	if automatic != "" && h.Get("X-Auto-Response-Suppress") != "All" {
		t.Errorf("X-Auto-Response-Suppress: %q", h.Get("X-Auto-Response-Suppress"))
	}
}

func TestMailsOfAMatterAreOneConversation(t *testing.T) {
	m := newMatter(t)
	requester := m.t.Requester()
	requester.Thread.Add("first@customer.example")
	one, two := m.notice(ticket.Acknowledgement, 1, 1), m.notice(ticket.Answer, 1, 1)
	first, second := m.composed(t, one), m.composed(t, two)
	for _, test := range []struct {
		l                     *letter
		inReplyTo, references string
	}{
		{first, "<first@customer.example>", "<first@customer.example>"},
		{second, "<" + one.MessageID + ">", "<first@customer.example> <" + one.MessageID + ">"},
	} {
		read, err := mail.ReadMessage(strings.NewReader(raw(t, test.l)))
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Header.Get("In-Reply-To"); got != test.inReplyTo {
			t.Errorf("In-Reply-To: %q, want %q", got, test.inReplyTo)
		}
		if got := read.Header["References"]; len(got) != 1 || got[0] != test.references {
			t.Errorf("References: %q, want %q", got, test.references)
		}
		if got := read.Header.Get("Thread-Topic"); got != "[ACM-1042] The machine leaks" {
			t.Errorf("Thread-Topic: %q", got)
		}
	}
}

func TestThreadIndex(t *testing.T) {
	id, other := ticket.ID{1}, ticket.ID{2}
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(b) != 27 {
			t.Fatalf("%q: %d octets, %v", s, len(b), err)
		}
		return b
	}
	first := decode(threadIndex(id, opened, opened))
	later := decode(threadIndex(id, opened, opened.Add(time.Hour)))
	years := decode(threadIndex(id, opened, opened.Add(3*365*24*time.Hour)))
	if !bytes.Equal(first[:22], later[:22]) || bytes.Equal(first[:22], decode(threadIndex(other, opened, opened))[:22]) {
		t.Error("the first 22 octets do not stand for the ticket")
	}
	// An hour is 36,000,000,000 units of 100 ns; without its lowest 18 bits.
	if got, want := uint32(later[22])<<24|uint32(later[23])<<16|uint32(later[24])<<8|uint32(later[25]), uint32(36_000_000_000>>18); got != want {
		t.Errorf("an hour is coded %d, want %d", got, want)
	}
	if years[22]&0x80 == 0 || later[22]&0x80 != 0 {
		t.Error("the bit that tells years from less is wrong")
	}
	if first[0] != 1 {
		t.Errorf("the first octet is %d, want 1", first[0])
	}
}

// hostile is what somebody may try to put into a header through any field.
const hostile = "x\r\nBcc: victim@elsewhere.example\r\n\r\n<script>\u202e\x00\x1b\u2028\" <victim@elsewhere.example>, é漢"

func TestNothingIsInjectedIntoAHeader(t *testing.T) {
	for _, each := range kinds {
		t.Run(string(each.kind), func(t *testing.T) {
			clean := fieldNames(t, raw(t, filled(t).composedOf(t, each.kind, each.to)))
			m := filled(t)
			m.t.Subject, m.site.Queues[0].Title, m.site.Organisation = hostile, hostile, hostile
			for i := range m.t.Participants {
				m.t.Participants[i].Name = hostile
				m.t.Participants[i].Thread.Add("a@b\r\nBcc: x")
			}
			articles := m.store.articles[m.t.ID]
			for i := range articles {
				articles[i].MessageID = hostile
				for j := range articles[i].Attachments {
					a := &articles[i].Attachments[j]
					a.Name, a.Type, a.ContentID = hostile+strings.Repeat("漢", 300)+".pdf", "text/plain\r\nBcc: x", "a>\r\nBcc: x"
				}
			}
			n := m.of(each.kind, each.to)
			n.References, n.InReplyTo = []string{"ok@example.com", "a@b>\r\nBcc: x", "a b"}, hostile
			text := raw(t, m.composed(t, n))
			checkLines(t, text)
			got := fieldNames(t, text)
			for _, name := range []string{"In-Reply-To", "References"} { // there to be dropped or kept
				got = slices.DeleteFunc(got, func(s string) bool { return s == name })
				clean = slices.DeleteFunc(clean, func(s string) bool { return s == name })
			}
			if diff := cmp.Diff(clean, got); diff != "" {
				t.Errorf("fields (-clean +hostile):\n%s", diff)
			}
			read, err := mail.ReadMessage(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"From", "To", "Reply-To"} {
				list, err := read.Header.AddressList(name)
				if err != nil || len(list) != 1 {
					t.Errorf("%s: %v %v", name, list, err)
				}
			}
			if got := read.Header.Get("References"); got != "<ok@example.com>" {
				t.Errorf("References: %q", got)
			}
			for _, p := range parts(t, text) {
				for name := range p.header {
					if !slices.Contains([]string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Id"}, name) {
						t.Errorf("a part has the field %s", name)
					}
				}
			}
		})
	}
}

func (m *matter) composedOf(t testing.TB, kind ticket.NoticeKind, to uint16) *letter {
	return m.composed(t, m.of(kind, to))
}

// fieldNames are the names of the header's fields, in order.
func fieldNames(t testing.TB, text string) []string {
	t.Helper()
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	var names []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			names = append(names, name)
		}
	}
	return names
}

// part is a leaf of a message, decoded.
type part struct {
	header  map[string][]string
	kind    string
	name    string
	content string
}

func parts(t testing.TB, text string) []part {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return leaves(t, read.Header, read.Body)
}

func leaves(t testing.TB, header map[string][]string, body io.Reader) []part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(first(header["Content-Type"]))
	if err != nil {
		t.Fatalf("Content-Type %q: %v", header["Content-Type"], err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var all []part
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, leaves(t, p.Header, p)...)
		}
	}
	switch first(header["Content-Transfer-Encoding"]) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	_, disposition, _ := mime.ParseMediaType(first(header["Content-Disposition"]))
	return []part{{header, kind, disposition["filename"], string(content)}}
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func TestFilesArePassedOn(t *testing.T) {
	m := filled(t)
	articles := m.store.articles[m.t.ID]
	articles[1].Attachments[0].Name = "Plan d’accès été.pdf"
	for _, each := range []struct {
		kind  ticket.NoticeKind
		to    uint16
		files int
	}{{ticket.Answer, 1, 2}, {ticket.AgentAnswer, 3, 2}, {ticket.Acknowledgement, 1, 0}, {ticket.ClosedNotice, 1, 0}, {ticket.AgentEvent, 2, 0}, {ticket.Transcript, 3, 0}} {
		all := parts(t, raw(t, m.composedOf(t, each.kind, each.to)))
		if len(all) != 2+each.files {
			t.Fatalf("%s has %d parts", each.kind, len(all))
		}
		if all[0].kind != "text/plain" || all[1].kind != "text/html" {
			t.Errorf("%s begins with %s and %s", each.kind, all[0].kind, all[1].kind)
		}
		if each.files == 0 {
			continue
		}
		if all[2].name != "Plan d’accès été.pdf" || all[2].content != string(m.store.blobs["b1"]) {
			t.Errorf("%s: the file came as %q, %d octets", each.kind, all[2].name, len(all[2].content))
		}
		if got := first(all[3].header["Content-Id"]); got != "<valve@acme.example>" || !strings.Contains(all[1].content, `src="cid:valve@acme.example"`) {
			t.Errorf("%s: the picture is %q, and the HTML does not show it", each.kind, got)
		}
	}
}

// TestNoteCanary: what is internal is in no mail to a requester, whatever the
// kind and wherever it stood.
func TestNoteCanary(t *testing.T) {
	const canary = "canary7731"
	for _, each := range kinds {
		if each.kind.ForAgents() {
			continue
		}
		m := filled(t)
		m.store.blobs["secret"] = []byte(canary)
		files := []ticket.Attachment{{Name: canary + ".txt", Type: "text/plain", Size: 9, Blob: "secret"}}
		m.write(ticket.Article{Kind: ticket.InternalArticle, Author: 2, Text: canary, Whole: canary, Attachments: files})
		event := m.write(ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventClosed, Author: 2, Text: canary, Detail: canary, Attachments: files})
		for article := 0; article <= event; article++ {
			n := m.notice(each.kind, each.to, article)
			o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
			if err != nil {
				t.Fatal(err)
			}
			l, err := o.compose(t.Context(), m.site, n, o.current())
			if err != nil {
				if each.kind != ticket.Answer {
					t.Errorf("%s with article %d: %v", each.kind, article, err)
				}
				continue
			}
			for _, p := range parts(t, raw(t, l)) {
				if strings.Contains(p.content+p.name, canary) {
					t.Errorf("%s with article %d tells an internal text", each.kind, article)
				}
			}
		}
	}
}

func TestSignaturesHold(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]string{
		"one._domainkey.acme.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der),
		"two._domainkey.acme.example": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
	}
	m := filled(t)
	l := m.composedOf(t, ticket.Answer, 1)
	keys := []Key{{"acme.example", "one", reparsed(t, rsaKey)}, {"acme.example", "two", reparsed(t, edKey)}, {"other.example", "one", rsaKey}}
	size, signatures, err := l.sign(t.Context(), keysFor(keys, l.sender))
	if err != nil {
		t.Fatal(err)
	}
	text := signatures + raw(t, l)
	if size != int64(len(text)) {
		t.Errorf("measured %d octets, wrote %d", size, len(text))
	}
	for _, test := range []struct {
		name, text string
		holds      bool
	}{
		{"as sent", text, true},
		{"with a trace line above", "Received: from x by y\r\n" + text, true},
		{"with a second From", "From: boss@acme.example\r\n" + text, false},
		{"with a second Subject", "Subject: other\r\n" + text, false},
		{"with a second Content-Type", "Content-Type: text/plain\r\n" + text, false},
		{"with a Reply-To", "Reply-To: x@evil.test\r\n" + text, false},
		{"altered", strings.Replace(text, "somebody comes", "nobody comes", 1), false},
	} {
		found, err := dkim.VerifyWithOptions(strings.NewReader(test.text), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
			return []string{records[domain]}, nil
		}})
		if err != nil || len(found) != 2 {
			t.Fatalf("%s: %d signatures, %v", test.name, len(found), err)
		}
		for _, v := range found {
			if (v.Err == nil) != test.holds {
				t.Errorf("%s: %v", test.name, v.Err)
			}
		}
	}
}

// reparsed writes a key as a file has it, and reads it.
func reparsed(t *testing.T, key crypto.Signer) crypto.Signer {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestWeakKeysAreRefused(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no key of 1024 bits")
	}
	der := x509.MarshalPKCS1PrivateKey(weak)
	if _, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})); err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("a key of 1024 bits: %v", err)
	}
	if _, err := ParseKey([]byte("no key")); err == nil {
		t.Error("no key at all was read")
	}
}

func TestPostmasterMailCanBeAnswered(t *testing.T) {
	m := filled(t)
	n := ticket.Notice{ID: "n1", Kind: ticket.Postmaster, Site: "acme", Mailbox: ticket.Mailbox{Address: "root@acme.example"}, Held: "h1", MessageID: "x@mx.guichet.test", Locale: "en", Created: opened}
	l := m.composed(t, n)
	read, err := mail.ReadMessage(strings.NewReader(raw(t, l)))
	if err != nil {
		t.Fatal(err)
	}
	if l.from != "" || l.to != "root@acme.example" {
		t.Errorf("goes from <%s> to %s", l.from, l.to)
	}
	if got := read.Header.Get("Reply-To"); got != `"Jo" <jo@elsewhere.example>` {
		t.Errorf("Reply-To: %s", got)
	}
	if read.Header.Get("Auto-Submitted") == "" {
		t.Error("not marked as automatic")
	}
}

func TestATranscriptNeedsNoTicket(t *testing.T) {
	m := filled(t)
	n := ticket.Notice{ID: "n1", Kind: ticket.Transcript, Site: "acme", Queue: "help", Mailbox: ticket.Mailbox{Address: "anna@acme.example"}, MessageID: "x@mx.guichet.test", Locale: "en",
		Transcript: &ticket.TranscriptBody{Done: []ticket.TranscriptLine{{Line: "#help", Result: ticket.ResultHelp}}, Help: true}, Created: opened}
	text := raw(t, m.composed(t, n))
	if !strings.Contains(text, "#close") {
		t.Errorf("no list of commands:\n%s", text)
	}
	n.Mailbox.Address = "marie@customer.example"
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.compose(context.Background(), m.site, n, o.current()); err == nil {
		t.Error("a transcript was written to somebody who is not of the team")
	}
}

func TestACodeIsInTheTextAlone(t *testing.T) {
	m := filled(t)
	n := m.of(ticket.Validation, 1)
	n.Challenge, n.Code = ticket.ID{5}, "34679CDF"
	text := raw(t, m.composed(t, n))
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	if strings.Contains(head, "3467") {
		t.Errorf("the code is in the header:\n%s", head)
	}
	for _, p := range parts(t, text) {
		if !strings.Contains(p.content, "3467-9CDF") {
			t.Errorf("no code in the %s", p.kind)
		}
	}
	a, err := mail.ParseAddress(read.Header.Get("Reply-To"))
	if err != nil {
		t.Fatal(err)
	}
	extension, _, _ := m.site.Queues[0].Match(ticket.MustAddress(a.Address))
	token, ok := ticket.ParseToken(extension)
	if !ok || !m.mint.Signer.ProvesChallenge(token, "acme") || token.Ticket != n.Challenge {
		t.Errorf("Reply-To %s does not name the challenge", a.Address)
	}
}

// TestStrangersToATicketLearnNothingOfIt: a code also goes to mailboxes that
// somebody only named.
func TestStrangersToATicketLearnNothingOfIt(t *testing.T) {
	for _, kind := range []ticket.NoticeKind{ticket.Validation, ticket.CodeFailed, ticket.Asked, ticket.Done, ticket.Status, ticket.History, ticket.Export} {
		m := filled(t)
		n := m.of(kind, 1)
		n.To, n.Mailbox, n.Article = 0, ticket.Mailbox{Address: "stranger@elsewhere.example"}, 2
		n.About = &ticket.About{Action: ticket.ChangeAddress, Address: "stranger@elsewhere.example", Tickets: []ticket.ID{m.t.ID}}
		text := raw(t, m.composed(t, n))
		whole := text
		for _, p := range parts(t, text) {
			whole += p.content
		}
		for _, secret := range []string{"leaks", "34679ACE", "3467-9ACE", "ACM-1042", "Marie", "marie@", "tomorrow", "Anna", "anna@"} {
			if strings.Contains(whole, secret) {
				t.Errorf("%s tells a stranger %q", kind, secret)
			}
		}
		read, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Header.Get("Reply-To"); !strings.HasSuffix(got, "<help@acme.example>") {
			t.Errorf("%s: Reply-To %s", kind, got)
		}
	}
}

func TestAnExportIsOnesOwn(t *testing.T) {
	m := filled(t)
	m.write(ticket.Article{Kind: ticket.InternalArticle, Author: 2, Text: "canary7731"})
	m.write(ticket.Article{Kind: ticket.PublicArticle, Author: 2, Text: "ask eve@elsewhere.example or anna@acme.example"})
	all := parts(t, raw(t, m.composedOf(t, ticket.Export, 1)))
	file := all[len(all)-1]
	if file.kind != "application/json" || file.name != "export.json" {
		t.Fatalf("the file is %s, %s", file.kind, file.name)
	}
	for _, want := range []string{`"reference": "ACM-1042"`, `"address": "marie@customer.example"`, "the machine leaks", "somebody comes tomorrow", `"name": "plan.pdf"`, "ask Eve Stone or help@acme.example", `"written_by_you": true`, `"by": "Anna Berg"`} {
		if !strings.Contains(file.content, want) {
			t.Errorf("no %s in\n%s", want, file.content)
		}
	}
	for _, never := range []string{"canary7731", "eve@", "anna@"} {
		if strings.Contains(file.content, never) {
			t.Errorf("%s is in\n%s", never, file.content)
		}
	}
}

func TestADigestOfHeldMailGoesToTheTeam(t *testing.T) {
	m := filled(t)
	n := ticket.Notice{ID: "n1", Kind: ticket.HeldDigest, Site: "acme", Queue: "help", Mailbox: ticket.Mailbox{Address: "anna@acme.example"}, MessageID: "x@mx.guichet.test", Locale: "en", Created: opened}
	all := parts(t, raw(t, m.composed(t, n)))
	if !strings.Contains(all[0].content, "Jo <jo@elsewhere.example>") || !strings.Contains(all[0].content, "Re: leak") {
		t.Errorf("the digest says:\n%s", all[0].content)
	}
}
