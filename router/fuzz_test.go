package router_test

import (
	"context"
	"testing"

	"guichet/envelope"
	"guichet/router"
	"guichet/ticket"
)

var fuzzWriters = []ticket.Address{"", "marie@customer.example", "anna@acme.example", "eve@evil.example", "help@acme.example", "ben@acme.example"}

// FuzzDecide: any bytes as a message, from anybody, to any of our addresses.
// Nothing panics, every queue that the message is for gets exactly one entry of
// it, on a ticket or held, and the same again gets none. memory.check holds what
// is written to what the packages below rely on.
func FuzzDecide(f *testing.F) {
	w := newWorld(f)
	opened := w.opened()
	marie := opened.notice(ticket.Acknowledgement, "marie@customer.example")
	anna := opened.notice(ticket.AgentNew, "anna@acme.example")
	addresses := []ticket.Address{
		"help@acme.example", "billing@acme.example", "help@bolt.example", "postmaster@acme.example", "support@old.example",
		ticket.Address(w.at(ticket.ReplyToken, marie)), ticket.Address(w.at(ticket.BounceToken, marie)),
		ticket.Address(w.at(ticket.ReplyToken, anna)), ticket.Address(w.at(ticket.NoteToken, anna)), "x@tickets.bolt.example",
	}
	for _, seed := range []string{
		"Subject: x\r\n\r\nHello\r\n", "", "\r\n", "\x00\xff", "#close\r\n", "Subject: [ACM-1000]\r\n\r\n#note x\r\n",
		"Subject: x\r\n\r\n#close\r\n", "Subject: x\r\n\r\n#help\r\n",
		"In-Reply-To: <" + marie.MessageID + ">\r\n\r\nHi Ben\r\n#note x\r\n",
		"Auto-Submitted: auto-replied\r\nReferences: <first@customer.example>\r\n\r\nAway\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n%PDF\r\n--b--\r\n",
		report("marie@customer.example", "failed", marie.MessageID),
	} {
		for to := range len(addresses) {
			f.Add([]byte(seed), byte(to), byte(to), byte(2), byte(to%4))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, to, also, from, proof byte) {
		w := newWorld(t) // draws the same as the one above: the addresses hold
		w.opened()
		e := &envelope.Envelope{ID: "f", Received: w.now, Data: data, Null: proof&8 != 0}
		e.Evidence = ticket.Evidence{From: fuzzWriters[int(from)%len(fuzzWriters)], Proof: ticket.Proof(proof % 3)}
		if e.Evidence.From == "" {
			e.Evidence.Proof = ticket.ProofNone
		}
		if e.Evidence.Proof == ticket.ProofDomain {
			e.Evidence.Method = []ticket.Method{ticket.ByDKIM, ticket.BySPF}[proof>>4&1]
		}
		for _, i := range []byte{to, also} {
			e.Recipients = append(e.Recipients, envelope.Recipient{Address: addresses[int(i)%len(addresses)]})
		}
		checkDelivery(t, w, e)
	})
}

func checkDelivery(t *testing.T, w *world, e *envelope.Envelope) {
	said, err := w.router.Explain(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	n := len(w.store.changes)
	if err := w.router.Deliver(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	least, most := 0, 0
	for _, d := range said {
		for _, o := range d.Outcomes {
			switch o.Did {
			case router.Repeated:
			case router.Acted: // of #help alone nothing is worth keeping
				most++
			default:
				most++
				least++
			}
			if o.Did == "" || o.Why == "" {
				t.Errorf("did %+v", o)
			}
		}
	}
	if kept := entries(w.store.changes[n:]); kept < least || kept > most {
		t.Errorf("%d entries, not %d to %d: %+v", kept, least, most, said)
	}
	n = len(w.store.changes)
	if err := w.router.Deliver(context.Background(), e); err != nil || len(w.store.changes) != n {
		t.Errorf("the repeat changed something: %v", err)
	}
}

// entries counts how often changes keep a message: held, or on a ticket.
func entries(changes []*ticket.Change) int {
	kept := 0
	for _, c := range changes {
		kept += len(c.Held)
		for _, tc := range c.Tickets {
			for _, a := range tc.Articles {
				if a.Raw != "" {
					kept++
				}
			}
		}
	}
	return kept
}
