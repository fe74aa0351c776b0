package router_test

import (
	"bytes"
	mathrand "math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/envelope"
	"guichet/parser"
	"guichet/router"
	"guichet/ticket"
)

// Decide knows its arguments alone, draws from mint alone and changes nothing
// that it was given: twice the same gives twice the same.
func TestDecideIsPure(t *testing.T) {
	w := newWorld(t)
	site, _ := w.router.Directory().Site("acme")
	queue, _ := site.Queue("help")
	tk := &ticket.Ticket{ID: ticket.ID{1}, Site: "acme", Queue: "help", Reference: ticket.Reference{Prefix: "ACM", Number: 7},
		State: ticket.Closed, Articles: 1, Opened: w.now, Changed: w.now, Closed: w.now, Version: 3}
	tk.Join(ticket.Participant{Role: ticket.Requester, Mailbox: ticket.Mailbox{Address: "marie@customer.example"},
		Thread: ticket.Thread{Root: "a@customer.example", Last: []string{"b@mx.acme.example"}}})
	tk.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "gone@acme.example"}})
	token, _ := ticket.ParseToken(w.mint.Signer.Sign(ticket.ReplyToken, "acme", tk.ID, tk.Requester()))
	data := []byte("From: marie@customer.example\r\nTo: help@acme.example\r\nMessage-ID: <c@customer.example>\r\n\r\nAgain\r\n")
	in := router.Input{
		Site: site, Targets: []router.Target{{Queue: queue, Tokens: []ticket.Token{token}}},
		Envelope: &envelope.Envelope{ID: "e", Data: data, Evidence: ticket.Evidence{From: "marie@customer.example", Proof: ticket.ProofDomain, Method: ticket.ByDKIM}},
		Message:  parser.Parse(data), Ours: w.router.Directory().Ours, Now: w.now,
	}
	facts := &ticket.Facts{Tickets: map[ticket.ID]*ticket.Ticket{tk.ID: tk}}
	before := tk.Clone()
	decide := func() router.Decision {
		mint := w.mint
		mint.Random = mathrand.NewChaCha8([32]byte{9})
		d := router.Decide(in, facts, mint)
		d.Change.Blobs = nil // which hold functions
		return d
	}
	first, second := decide(), decide()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second time:\n%s", diff)
	}
	if diff := cmp.Diff(before, tk); diff != "" {
		t.Errorf("what was read is changed:\n%s", diff)
	}
	if !bytes.HasPrefix(data, []byte("From: marie")) || first.Outcomes[0].Did != router.Added || first.Change.Tickets[0].Ticket.State != ticket.Open {
		t.Errorf("did %+v", first.Outcomes)
	}
}

// A site's own queue is asked for its agents at each act: the list that counts
// is that of the ticket's queue, not of the one that the mail came through.
func TestTheTicketsOwnQueueDecidesWhoIsAnAgent(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(mail{from: "carl@acme.example", to: []string{"billing@acme.example"}, text: "Subject: x\nReferences: <" + n.MessageID + ">\n\n#close\n"}).
		held(ticket.HeldStranger)
	got := w.send(mail{from: "anna@acme.example", to: []string{"billing@acme.example"}, text: "Subject: x\nReferences: <" + n.MessageID + ">\n\nDone.\n"}).
		did(router.Answered).owes("answer marie@customer.example", "agent-answer ben@acme.example")
	if got.ticket().Queue != "help" {
		t.Errorf("the ticket went to %s", got.ticket().Queue)
	}
}
