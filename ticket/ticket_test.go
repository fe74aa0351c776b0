package ticket_test

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/ticket"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := anyID(t)
		read, err := ticket.ParseID(strings.ToUpper(id.String()))
		if err != nil || read != id {
			t.Fatalf("%s is read as %s, %v", id, read, err)
		}
		b, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var back ticket.ID
		if err := json.Unmarshal(b, &back); err != nil || back != id {
			t.Fatalf("%s comes back from JSON as %s, %v", b, back, err)
		}
	})
	if a, b := ticket.NewID(rand.Reader), ticket.NewID(rand.Reader); a == b || a.IsZero() {
		t.Errorf("drew %s and %s", a, b)
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := ticket.ID{1, 2, 3}.String()
	for _, s := range []string{"", "a", good[:15], good + "a", good[:15] + "1", good[:15] + "\n", good[:8] + "\r\n" + good[8:], "\n" + good} {
		if id, err := ticket.ParseID(s); err == nil {
			t.Errorf("%q is read as %s", s, id)
		}
	}
	var id ticket.ID
	if err := id.UnmarshalText([]byte("nonsense")); err == nil {
		t.Error("nonsense is read")
	}
}

func TestReferences(t *testing.T) {
	r := ticket.Reference{Prefix: "ACM", Number: 1042}
	if r.String() != "ACM-1042" || r.Tag() != "[ACM-1042]" {
		t.Errorf("written as %s and %s", r, r.Tag())
	}
	for _, s := range []string{"ACM-1042", "acm-1042", "[ACM-1042]", " [Acm-1042] ", "ACM-01042"} {
		if got, err := ticket.ParseReference(s); err != nil || got != r {
			t.Errorf("%q is read as %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "-", "ACM", "ACM-", "-1042", "ACM-0", "ACM--1", "ACM-+1", "ACM-1042x", "ACM-99999999999999999999", "AC M-1", "A\r\nB-1", "[ACM]-1", "ACM-7731-Q", "ACM-77-31"} {
		if got, err := ticket.ParseReference(s); err == nil {
			t.Errorf("%q is read as %s", s, got)
		}
	}
}

func TestThreadGrowsAndIsBounded(t *testing.T) {
	var th ticket.Thread
	if th.Parent() != "" || th.References() != nil {
		t.Error("an empty thread has messages")
	}
	th.Add("root@customer.example")
	if th.Parent() != "root@customer.example" || !slices.Equal(th.References(), []string{"root@customer.example"}) {
		t.Errorf("after one: %+v", th)
	}
	th.Add("second@mx.acme.example")
	th.Add("second@mx.acme.example")
	th.Add("root@customer.example")
	if want := []string{"root@customer.example", "second@mx.acme.example"}; !slices.Equal(th.References(), want) {
		t.Errorf("repeats count: %v", th.References())
	}
	rapid.Check(t, func(t *rapid.T) {
		var th ticket.Thread
		ids := rapid.SliceOf(rapid.StringMatching(`[a-z]{1,3}@customer\.example`)).Draw(t, "ids")
		for _, id := range ids {
			th.Add(id)
		}
		refs := th.References()
		if len(ids) > 0 && (refs[0] != ids[0] || th.Parent() != refs[len(refs)-1]) {
			t.Fatalf("%v gives %v, parent %s", ids, refs, th.Parent())
		}
		if length := len(strings.Join(refs, "> <")); length > 998 || len(refs) > 10 {
			t.Fatalf("%d references, %d octets", len(refs), length)
		}
	})
}

// Identifiers come from anybody's mail and are written into ours.
func TestThreadLeavesOutWhatIsNoIdentifier(t *testing.T) {
	var th ticket.Thread
	for _, hostile := range []string{
		"", " ", "a b@customer.example", "a@b\r\nBcc: eve@evil.example", "a@b\nX: y", "a@b\x00", "<a@b", "a@b>", "a@b> <c@d",
		"\u202ea@b", "é@customer.example", "a@b\t", "\x7f@b", strings.Repeat("a", 251),
	} {
		th.Add(hostile)
	}
	if th.Root != "" || th.Last != nil {
		t.Errorf("the thread holds %+v", th)
	}
	th.Add("good@customer.example")
	th.Add("a@b\r\nBcc: eve@evil.example")
	if !slices.Equal(th.References(), []string{"good@customer.example"}) {
		t.Errorf("the thread holds %q", th.References())
	}
}

func fullTicket() *ticket.Ticket {
	return &ticket.Ticket{
		ID: ticket.ID{1}, Site: "acme", Queue: "help", Reference: ticket.Reference{Prefix: "ACM", Number: 1042},
		Subject: "Printer", State: ticket.Open, Locale: "fr", Tracking: "ABCD", Unproved: true, Assignee: 2, Previous: ticket.ID{9},
		Articles: 3, Opened: noon, Changed: noon, Version: 4,
		Participants: []ticket.Participant{
			{Number: 1, Role: ticket.Requester, Mailbox: ticket.Mailbox{Name: "Marie", Address: "marie@customer.example"},
				Other:  []ticket.Address{"marie@home.example"},
				Thread: ticket.Thread{Root: "a@customer.example", Last: []string{"b@mx.acme.example"}}},
			{Number: 2, Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "anna@acme.example"}},
			{Number: 3, Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "ben@acme.example"}, Removed: true},
		},
	}
}

func TestCloneSharesNothing(t *testing.T) {
	original, untouched := fullTicket(), fullTicket()
	c := original.Clone()
	if diff := cmp.Diff(original, c); diff != "" {
		t.Fatalf("the clone differs:\n%s", diff)
	}
	c.Subject = "other"
	c.SetState(ticket.Closed, noon)
	for i := range c.Participants {
		p := &c.Participants[i]
		p.Name, p.Removed, p.Epoch = "other", !p.Removed, 7
		p.Other = append(p.Other, "eve@evil.example")
		p.Thread.Add("c@mx.acme.example")
	}
	c.Participants[0].Other[0] = "eve@evil.example"
	c.Participants[0].Thread.Last[0] = "eve"
	c.Join(ticket.Participant{Role: ticket.Copied})
	if diff := cmp.Diff(untouched, original); diff != "" {
		t.Errorf("what the clone went through shows in the original:\n%s", diff)
	}
}

func TestParticipants(t *testing.T) {
	tk := fullTicket()
	for _, c := range []struct {
		address ticket.Address
		number  uint16
	}{
		{"marie@customer.example", 1}, {"Marie@Customer.example", 1}, {"marie@home.example", 1},
		{"anna@acme.example", 2}, {"ben@acme.example", 0}, {"eve@evil.example", 0}, {"", 0},
	} {
		p, ok := tk.Who(c.address)
		if ok != (c.number != 0) || ok && p.Number != c.number {
			t.Errorf("%q is %+v, %v", c.address, p, ok)
		}
	}
	if p, ok := tk.Participant(3); !ok || p != &tk.Participants[2] {
		t.Error("somebody removed keeps their number")
	}
	if _, ok := tk.Participant(0); ok {
		t.Error("0 is nobody's number")
	}
	if tk.Requester() != &tk.Participants[0] {
		t.Error("the requester is another")
	}
	if agents := tk.Active(ticket.AgentRole); len(agents) != 1 || agents[0].Number != 2 {
		t.Errorf("active agents are %+v", agents)
	}
	if p := tk.Join(ticket.Participant{Number: 1, Role: ticket.Copied}); p.Number != 4 || p != &tk.Participants[3] {
		t.Errorf("somebody new is %+v", p)
	}
	tk.Participants = tk.Participants[1:]
	if p := tk.Requester(); p.Role != ticket.Requester || p.Address != "" {
		t.Errorf("without a requester it is %+v", p)
	}
}

// The time of closing is that of the first close, and goes with the state.
func TestSetState(t *testing.T) {
	tk := &ticket.Ticket{State: ticket.New}
	tk.SetState(ticket.Closed, noon)
	tk.SetState(ticket.Closed, noon.Add(time.Hour))
	if tk.State != ticket.Closed || !tk.Closed.Equal(noon) {
		t.Errorf("closed at %s", tk.Closed)
	}
	for _, s := range ticket.States {
		tk.SetState(ticket.Closed, noon)
		if tk.SetState(s, noon); tk.State != s || tk.Closed.IsZero() == (s == ticket.Closed) {
			t.Errorf("%s: closed at %s", s, tk.Closed)
		}
		if s.Done() != (s == ticket.Solved || s == ticket.Closed) {
			t.Errorf("%s: done is %v", s, s.Done())
		}
	}
}

// A ticket comes back from the store as it went, but for what the store keeps
// beside it.
func TestTicketJSON(t *testing.T) {
	original := fullTicket()
	b, err := json.Marshal(original)
	if err != nil {
		t.Fatal(err)
	}
	var back ticket.Ticket
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	original.Reference, original.Version = ticket.Reference{}, 0
	if diff := cmp.Diff(original, &back); diff != "" {
		t.Error(diff)
	}
}
