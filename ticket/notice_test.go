package ticket_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/ticket"
)

func mint(t *testing.T) ticket.Mint {
	return ticket.Mint{Signer: signer(t, 0, map[byte][]byte{0: key(1)}), Random: rand.Reader, Hostname: "mx.acme.example"}
}

// everyKind is all the mails that we write, and to whom.
var everyKind = []struct {
	kind      ticket.NoticeKind
	forAgents bool
	byPerson  bool
}{
	{ticket.Acknowledgement, false, false},
	{ticket.Receipt, false, false},
	{ticket.Answer, false, true},
	{ticket.ClosedNotice, false, false},
	{ticket.ReopenedNotice, false, false},
	{ticket.AgentNew, true, true},
	{ticket.AgentReply, true, true},
	{ticket.AgentAnswer, true, true},
	{ticket.AgentNote, true, true},
	{ticket.AgentEvent, true, false},
	{ticket.AgentHeld, true, false},
	{ticket.AnswerFailed, true, false},
	{ticket.Transcript, true, false},
	{ticket.Postmaster, false, false},
}

func TestNoticeKinds(t *testing.T) {
	for _, k := range everyKind {
		if k.kind.ForAgents() != k.forAgents || k.kind.ByPerson() != k.byPerson {
			t.Errorf("%s: for agents %v, by a person %v", k.kind, k.kind.ForAgents(), k.kind.ByPerson())
		}
	}
}

// Each mail is the next of its recipient's conversation, and of nobody else's.
func TestNoticesMakeAConversation(t *testing.T) {
	m, tk := mint(t), fullTicket()
	marie, anna := &tk.Participants[0], &tk.Participants[1]
	first := m.Notice(ticket.Answer, tk, marie, 2, noon)
	second := m.Notice(ticket.Answer, tk, marie, 3, noon)
	other := m.Notice(ticket.AgentAnswer, tk, anna, 2, noon)

	if first.InReplyTo != "b@mx.acme.example" || !slices.Equal(first.References, []string{"a@customer.example", "b@mx.acme.example"}) {
		t.Errorf("the first answers %s, in %v", first.InReplyTo, first.References)
	}
	if second.InReplyTo != first.MessageID || !slices.Contains(second.References, first.MessageID) {
		t.Errorf("the second answers %s, in %v", second.InReplyTo, second.References)
	}
	if other.InReplyTo != "" || len(other.References) != 0 {
		t.Errorf("Anna's answers %s, in %v", other.InReplyTo, other.References)
	}
	if first.ID == second.ID || first.MessageID == second.MessageID {
		t.Error("two mails are one")
	}
	want := ticket.Notice{Kind: ticket.AgentAnswer, Site: "acme", Queue: "help", Ticket: tk.ID, Article: 2, To: 2, Created: noon,
		ID: other.ID, MessageID: other.MessageID}
	if diff := cmp.Diff(want, other); diff != "" {
		t.Error(diff)
	}
	token, _ := ticket.TokenOfMessageID(other.MessageID)
	if !m.Signer.Proves(token, "acme", tk.ID, anna) || m.Signer.Proves(token, "acme", tk.ID, marie) {
		t.Error("the Message-ID carries another's token")
	}
}

// What was given up shows on the ticket; a failed mail to an agent makes no
// mail to agents, which would fail in its turn.
func TestDeliveryFailed(t *testing.T) {
	for _, k := range everyKind {
		m, tk, untouched := mint(t), fullTicket(), fullTicket()
		c := m.DeliveryFailed(tk, ticket.Notice{Kind: k.kind, To: 1}, nil, ticket.Undelivered{Reason: "mailbox unknown"}, noon.Add(1))
		if diff := cmp.Diff(untouched, tk); diff != "" {
			t.Fatalf("%s: the ticket that was read is changed:\n%s", k.kind, diff)
		}
		want := ticket.Article{Number: 4, Kind: ticket.EventArticle, At: noon.Add(1), Event: ticket.EventDeliveryFailed,
			Detail: "mailbox unknown", Text: "marie@customer.example"}
		if diff := cmp.Diff([]ticket.Article{want}, c.Articles); diff != "" {
			t.Errorf("%s: %s", k.kind, diff)
		}
		if c.Ticket.Articles != 4 || c.Ticket.Version != tk.Version || !c.Ticket.Changed.Equal(noon.Add(1)) {
			t.Errorf("%s: the ticket becomes %+v", k.kind, c.Ticket)
		}
		if k.forAgents && len(c.Notices) != 0 {
			t.Errorf("%s: %d mails to agents", k.kind, len(c.Notices))
		}
		if !k.forAgents && (len(c.Notices) != 1 || c.Notices[0].To != 2 || c.Notices[0].Kind != ticket.AgentEvent || c.Notices[0].Article != 4) {
			t.Errorf("%s: owes %+v", k.kind, c.Notices)
		}
	}
}

// Whoever wrote an answer that did not arrive is told so themselves, their
// colleagues as of any event; and nobody is waited for whom nothing reached.
func TestDeliveryFailedOfAnAnswerReachesItsWriter(t *testing.T) {
	m, tk := mint(t), fullTicket()
	tk.State = ticket.Waiting
	tk.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "ben@acme.example"}})
	ben := tk.Participants[len(tk.Participants)-1].Number
	answer := ticket.Article{Number: 3, Kind: ticket.PublicArticle, Author: 2, Text: "see the film"}
	why := ticket.Undelivered{Reason: "552 5.3.4 too big", TooLarge: true, Size: 34_000_000, Limit: 25_000_000}
	c := m.DeliveryFailed(tk, ticket.Notice{Kind: ticket.Answer, To: 1, Article: 3}, &answer, why, noon.Add(1))

	why.To = "marie@customer.example"
	told := map[uint16]ticket.Notice{}
	for _, n := range c.Notices {
		told[n.To] = n
	}
	if n := told[2]; n.Kind != ticket.AnswerFailed || n.Article != 3 || n.Undelivered == nil || *n.Undelivered != why {
		t.Errorf("its writer is owed %+v", n)
	}
	if n := told[ben]; n.Kind != ticket.AgentEvent || n.Article != c.Articles[0].Number || n.Undelivered != nil {
		t.Errorf("a colleague is owed %+v", n)
	}
	if c.Ticket.State != ticket.Open {
		t.Errorf("the ticket is %s", c.Ticket.State)
	}
}

// Only what requesters may read becomes a Public, and of an agent's answer only
// the words that were written now: below them stands what the agent's own mails
// quote, notes too.
func TestPublicLeavesOutWhatAgentsAloneMayRead(t *testing.T) {
	history := []ticket.Article{
		{Number: 1, Kind: ticket.PublicArticle, Text: "request"},
		{Number: 2, Kind: ticket.InternalArticle, Text: "note"},
		{Number: 3, Kind: ticket.EventArticle, Event: ticket.EventTaken},
		{Number: 4, Kind: ticket.PublicArticle, Text: "answer", Whole: "answer\n> a note that is quoted", Raw: "raw", Reason: "signed"},
	}
	var numbers []int
	for _, p := range ticket.PublicOnly(history) {
		a := p.Article()
		numbers = append(numbers, a.Number)
		if a.Whole != "" || a.Raw != "" || a.Reason != "" {
			t.Errorf("article %d shows %q, %q, %q", a.Number, a.Whole, a.Raw, a.Reason)
		}
	}
	if !slices.Equal(numbers, []int{1, 4}) {
		t.Errorf("requesters may read %v", numbers)
	}
	for _, a := range history[1:3] {
		if p, ok := a.Public(); ok || p.Article().Text != "" {
			t.Errorf("article %d is public as %+v", a.Number, p.Article())
		}
	}
}

// Notices of one time have ids that lie together, and no two have the same.
func TestIDsOfNoticesBeginWithTheirTime(t *testing.T) {
	m, last := mint(t), ""
	for _, at := range []time.Time{noon, noon.Add(time.Second), noon.Add(30 * 24 * time.Hour)} {
		one, other := m.Letter(ticket.Receipt, "acme", "help", ticket.Mailbox{}, "en", at), m.Letter(ticket.Receipt, "acme", "help", ticket.Mailbox{}, "en", at)
		if _, err := ticket.ParseID(one.ID); err != nil || one.ID == other.ID || one.ID[:4] != other.ID[:4] || one.ID <= last {
			t.Errorf("%v, %v: ids are %s and %s, after %s", at, err, one.ID, other.ID, last)
		}
		last = max(one.ID, other.ID)
	}
}
