package templates

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"guichet/ticket"
)

// hostile is what somebody may put wherever they can: signs of our sources,
// markup, our marker, line ends, control and direction characters.
const hostile = "x\r\n# T\r\n\n[#close] B\n:article\n* W {{.Code}} **s** <b onclick=1>&\"'</b><script>alert(1)</script>\x00\x02\x03\x1b[31m\u202egpj.exe\u2066\u200b" + ticket.QuoteMarker

// soil puts hostile words into every field that others can fill.
func soil(s sample) sample {
	switch in := s.(type) {
	case ToRequester:
		in.Name, in.Author, in.Request.Subject, in.Withheld = hostile, hostile, hostile, []string{hostile}
		for i := range in.Requests {
			in.Requests[i].Subject = hostile
		}
		for i := range in.History {
			in.History[i].Author = hostile
			in.History[i].Public, _ = soilArticle(in.History[i].Article()).Public()
		}
		if in.Article != nil {
			public, _ := soilArticle(in.Article.Article()).Public()
			in.Article = &public
		}
		return in
	case ToAgent:
		return soilAgent(in)
	case ToAdmin:
		in.Held.From.Name, in.Held.Subject, in.Held.Text = hostile, hostile, hostile
		return in
	}
	return s
}

func soilAgent(in ToAgent) ToAgent {
	if in.Ticket != nil {
		in.Ticket.Subject = hostile
		for i := range in.Ticket.Participants {
			in.Ticket.Participants[i].Name = hostile
		}
	}
	if in.Article != nil {
		a := soilArticle(*in.Article)
		in.Article = &a
	}
	var history []ticket.Article
	for _, a := range in.History {
		history = append(history, soilArticle(a))
	}
	in.History = history
	if in.Held != nil {
		h := *in.Held
		h.From.Name, h.Subject, h.Text, h.Attachments = hostile, hostile, hostile, soilFiles(h.Attachments)
		in.Held = &h
	}
	for i, h := range in.Waiting {
		soiled := *h
		soiled.From.Name, soiled.Subject = hostile, hostile
		in.Waiting[i] = &soiled
	}
	if in.Transcript != nil {
		b := *in.Transcript
		for _, field := range []*string{&b.Line, &b.Nearest, &b.Written} {
			if *field != "" {
				*field = hostile
			}
		}
		in.Transcript = &b
	}
	return in
}

func soilArticle(a ticket.Article) ticket.Article {
	a.Text, a.Detail, a.Attachments = a.Text+"\n"+hostile, hostile, soilFiles(a.Attachments)
	return a
}

func soilFiles(all []ticket.Attachment) (out []ticket.Attachment) {
	for _, a := range all {
		a.Name, a.ContentID, a.Inline, a.Type = hostile, "a\"><script>", true, "image/png"
		out = append(out, a)
	}
	return out
}

func TestNothingThatSomebodyWroteBecomesMarkup(t *testing.T) {
	words := newSet(t)
	for _, s := range stories {
		for name, clean := range s.mails() {
			t.Run(s.locale+"/"+name, func(t *testing.T) {
				before, err := clean.write(words.shipped[s.locale])
				if err != nil {
					t.Fatal(err)
				}
				after, err := soil(clean).write(words.shipped[s.locale])
				if err != nil {
					t.Fatal(err)
				}
				checkSubject(t, after.Subject)
				checkText(t, after.Text)
				checkElements(t, before.HTML, after.HTML)
			})
		}
	}
}

func checkSubject(t *testing.T, subject string) {
	t.Helper()
	for _, r := range subject {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			t.Errorf("%U in the subject %q", r, subject)
		}
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	rest, ok := strings.CutPrefix(text, ticket.QuoteMarker)
	if !ok {
		t.Error("the text does not begin with our marker")
	}
	for _, r := range rest {
		if r != '\n' && unicode.IsControl(r) || r == '\u202e' || r == '\u2063' || r == '\u200b' {
			t.Errorf("%U in the text", r)
		}
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "From ") {
			t.Errorf("a line that mbox files and format=flowed would take for theirs: %q", line)
		}
	}
}

// checkElements wants of the mail with hostile words no element, attribute or
// address that the mail without them could not have.
func checkElements(t *testing.T, before, after string) {
	t.Helper()
	known := map[string]bool{"br": true, "blockquote": true, "p": true, "p dir": true, "a href=https:": true}
	for name := range elements(before) {
		known[name] = true
	}
	for name, times := range elements(after) {
		if !known[name] {
			t.Errorf("%d times %s, which the mail with plain words does not have", times, name)
		}
	}
	for _, never := range []string{"h1", "h2", "script", "title", "style"} {
		if a, b := elements(before)[never], elements(after)[never]; a != b && never != "h2" {
			t.Errorf("%d times %s, and %d with plain words", b, never, a)
		}
	}
}

func elements(text string) map[string]int {
	seen := map[string]int{}
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return seen
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			seen[token.Data]++
			for _, a := range token.Attr {
				switch {
				case a.Key == "href" || a.Key == "src":
					scheme, _, _ := strings.Cut(a.Val, ":")
					seen[token.Data+" "+a.Key+"="+scheme+":"]++
				default:
					seen[token.Data+" "+a.Key]++
				}
			}
		}
	}
}

func TestNoMailLoadsAnythingFromAnywhere(t *testing.T) {
	words := newSet(t)
	for _, s := range stories {
		for name, mail := range s.mails() {
			m, err := mail.write(words.shipped[s.locale])
			if err != nil {
				t.Fatal(err)
			}
			for element := range elements(m.HTML) {
				if strings.HasPrefix(element, "img src=") && element != "img src=cid:" || strings.HasPrefix(element, "link") || strings.HasPrefix(element, "iframe") {
					t.Errorf("%s %s: %s", s.locale, name, element)
				}
			}
			if strings.Contains(m.HTML, "url(") || strings.Contains(m.HTML, "@import") {
				t.Errorf("%s %s: the style loads something", s.locale, name)
			}
		}
	}
}

// TestWhatAnybodyCanCallForSaysTheSameToEverybody: it goes to an address that anybody may
// have written, and must be of no use to whoever did.
func TestWhatAnybodyCanCallForSaysTheSameToEverybody(t *testing.T) {
	words := newSet(t)
	for _, name := range []string{"receipt", "receipt-code", "asked"} {
		t.Run(name, func(t *testing.T) { sameToEverybody(t, words, stories[0].mails()[name].(ToRequester)) })
	}
}

func sameToEverybody(t *testing.T, words *Set, in ToRequester) {
	t.Helper()
	one, err := words.ToRequester(in)
	if err != nil {
		t.Fatal(err)
	}
	two, err := words.ToRequester(soil(in).(ToRequester))
	if err != nil {
		t.Fatal(err)
	}
	if one != two {
		t.Errorf("what was received alters the receipt:\n%s\n%s", one.Text, two.Text)
	}
	for _, never := range []string{"9ACE", "34679ACEFHKM", "Marie", "coffee"} {
		if strings.Contains(one.Subject+one.Text+one.HTML, never) {
			t.Errorf("the receipt tells %q", never)
		}
	}
}

func TestTheWrongInputIsRefused(t *testing.T) {
	words := newSet(t)
	requester := stories[0].mails()["answer"].(ToRequester)
	agent := stories[0].mails()["agent-new"].(ToAgent)
	for _, kind := range kinds {
		requester.Kind, agent.Kind = kind, kind
		_, toRequester := words.ToRequester(requester)
		_, toAgent := words.ToAgent(agent)
		if kind.ForAgents() && toRequester == nil {
			t.Errorf("%s can be written to a requester", kind)
		}
		if !kind.ForAgents() && toAgent == nil {
			t.Errorf("%s can be written as if to an agent", kind)
		}
	}
}

func TestNamesThatAreNoNames(t *testing.T) {
	for _, test := range []struct {
		box          ticket.Mailbox
		called, full string
	}{
		{ticket.Mailbox{Name: "Marie Martin", Address: "marie@customer.example"}, "Marie Martin", "Marie Martin <marie@customer.example>"},
		{ticket.Mailbox{Address: "marie@customer.example"}, "marie@customer.example", "marie@customer.example"},
		{ticket.Mailbox{Name: "boss@acme.example", Address: "x@evil.test"}, "x@evil.test", "boss@acme.example <x@evil.test>"},
		{ticket.Mailbox{Name: "Bo\u202ess\r\nBcc: x", Address: "x@evil.test"}, "Boss Bcc: x", "Boss Bcc: x <x@evil.test>"},
		{ticket.Mailbox{Name: "Jürgen", Address: ticket.MustAddress("j@bücher.example")}, "Jürgen", "Jürgen <j@bücher.example (xn--bcher-kva.example)>"},
		// A Cyrillic о among Latin letters: only the form that nobody misreads.
		{ticket.Mailbox{Name: "Bank", Address: ticket.MustAddress("a@g\u043e\u043egle.example")}, "Bank", "Bank <a@xn--ggle-55da.example>"},
	} {
		if got := name(test.box); got != test.called {
			t.Errorf("name(%v) = %q, want %q", test.box, got, test.called)
		}
		if got := full(test.box); got != test.full {
			t.Errorf("full(%v) = %q, want %q", test.box, got, test.full)
		}
	}
}
