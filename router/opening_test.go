package router_test

import (
	"fmt"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

func TestOpeningWithProof(t *testing.T) {
	w := newWorld(t)
	f := w.opened().owes("acknowledgement marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
	tk := f.ticket()
	if tk.Unproved || tk.State != ticket.New || tk.Subject != "Printer" || tk.Queue != "help" || len(tk.Tracking) != 12 {
		t.Errorf("the ticket is %+v", tk)
	}
	if r := tk.Requester(); r.Name != "Marie Martin" || r.Address != "marie@customer.example" {
		t.Errorf("the requester is %+v", r)
	}
	if a := f.article(); a.Kind != ticket.PublicArticle || a.Author != 1 || !strings.HasPrefix(a.Text, "The printer") || a.Proof != ticket.ProofDomain || a.Raw == "" {
		t.Errorf("the article is %+v", a)
	}
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	if n.Article != 1 || n.InReplyTo != "first@customer.example" || len(n.Brakes) == 0 {
		t.Errorf("the acknowledgement is %+v", n)
	}
}

// Nothing proves who wrote: a few fixed words go out, and echo nothing.
func TestOpeningWithoutProof(t *testing.T) {
	for _, proof := range []ticket.Proof{ticket.ProofNone, ticket.ProofEnvelope} {
		w := newWorld(t)
		f := w.send(mail{from: "Buy pills <marie@customer.example>", to: []string{"help@acme.example"}, proof: proof, unproved: true,
			text: "Subject: Buy pills\n\nhttps://pills.example\n"}).did(router.Opened).
			owes("receipt marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
		if !f.ticket().Unproved {
			t.Error("it is not marked")
		}
		n := f.notice(ticket.Receipt, "marie@customer.example")
		if n.Article != 0 || n.Transcript != nil || n.Held != "" || len(n.Brakes) == 0 {
			t.Errorf("the receipt brings something: %+v", n)
		}
	}
}

func TestSiteThatWantsConfirmation(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Confirm = true
	w.reload()
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: x\n\nHello there\n"}).
		held(ticket.HeldUnconfirmed).owes("receipt marie@customer.example")
	w.opened()
}

// A proved answer takes the mark away; only the requester's own does.
func TestProofComesLater(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: Printer\n\nIt is broken.\n"})
	id := f.ticket().ID
	w.store.sites["acme"].tickets[id].Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: "paul@customer.example"}})

	copied := w.answer(f.notice(ticket.Receipt, "marie@customer.example"), "Me too.\n")
	copied.from = "paul@customer.example"
	if !w.send(copied).did(router.Added).ticket().Unproved {
		t.Error("somebody copied proved the requester")
	}
	if w.send(w.answer(f.notice(ticket.Receipt, "marie@customer.example"), "It is urgent.\n")).did(router.Added).ticket().Unproved {
		t.Error("the requester's proof is not seen")
	}
}

func TestLanguageOfAnswers(t *testing.T) {
	const french = "Bonjour, l'imprimante du deuxième étage ne fonctionne plus depuis ce matin et nous devons envoyer les factures aux clients avant ce soir. Pouvez-vous nous aider rapidement ?\n"
	const english = "Hello, the printer on the second floor has not been working since this morning and we have to send the invoices to our customers before tonight. Can you help us quickly?\n"
	for _, c := range []struct{ to, text, want string }{
		{"help@acme.example", "Subject: Imprimante\n\n" + french, "fr"},
		{"help@acme.example", "Subject: Printer\n\n" + english, "en"},
		{"help@acme.example", "Subject: x\nAccept-Language: fr-CH, en;q=0.5\n\nOK\n", "fr"},
		{"help@acme.example", "Subject: x\n\nOK\n", "en"},
		{"help@bolt.example", "Subject: Printer\n\n" + english, "fr"},
	} {
		w := newWorld(t)
		f := w.send(mail{from: "marie@customer.example", to: []string{c.to}, text: c.text}).did(router.Opened)
		if n := f.notice(ticket.Acknowledgement, "marie@customer.example"); n.Locale != c.want || f.ticket().Locale != c.want {
			t.Errorf("%q is answered in %q", c.text[:20], n.Locale)
		}
	}
}

func TestSeveralAuthorsAreHeld(t *testing.T) {
	w := newWorld(t)
	w.send(mail{from: "marie@customer.example, eve@evil.example", to: []string{"help@acme.example"}, noAuthor: true, text: "Subject: x\n\nHello\n"}).
		held(ticket.HeldNoSender).owes()
}

func TestPostmaster(t *testing.T) {
	for _, to := range []string{"postmaster@acme.example", "Abuse@acme.example", "postmaster@old.example", "postmaster@mx.acme.example"} {
		w := newWorld(t)
		f := w.send(mail{from: "marie@customer.example", to: []string{to}, text: "Subject: x\n\nYou are blocked.\n"}).
			held(ticket.HeldPostmaster).owes("postmaster admin@hosting.example")
		if n := f.notices()[0]; n.Held != f.change.Held[0].ID || len(n.Brakes) == 0 {
			t.Errorf("%s: the admin gets %+v", to, n)
		}
	}
	w := newWorld(t)
	to := []string{"postmaster@acme.example"}
	w.send(mail{from: "admin@hosting.example", to: to, text: "Subject: x\n\nTo myself\n"}).held(ticket.HeldPostmaster).owes()
	w.send(mail{from: "marie@customer.example", to: to, null: true, text: "Subject: x\n\nA bounce\n"}).held(ticket.HeldPostmaster).owes()
	w.send(mail{from: "robot@customer.example", to: to, text: "Subject: x\nAuto-Submitted: auto-generated\n\nReport\n"}).held(ticket.HeldPostmaster).owes()
	w.send(mail{from: "help@acme.example", to: to, text: "Subject: x\n\nFrom us\n"}).held(ticket.HeldPostmaster).owes()
	// A site without an admin keeps it.
	w.send(mail{from: "marie@customer.example", to: []string{"postmaster@tickets.bolt.example"}, text: "Subject: x\n\nHello\n"}).held(ticket.HeldPostmaster).owes()
}

// One mail to two queues is a ticket in each, told to each team.
func TestTwoQueuesInOneMail(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example", "billing@acme.example"}, text: "Subject: x\n\nHello both\n"}).
		owes("acknowledgement marie@customer.example", "acknowledgement marie@customer.example",
			"agent-new anna@acme.example", "agent-new ben@acme.example", "agent-new carl@acme.example")
	if len(f.outcomes) != 2 || len(f.change.Tickets) != 2 || f.outcomes[0].Did != router.Opened || f.outcomes[1].Did != router.Opened {
		t.Errorf("did %+v", f.outcomes)
	}
}

// An agent who asks something is a requester like anybody, and does not get
// their own request as a colleague's.
func TestAgentOpensATicket(t *testing.T) {
	w := newWorld(t)
	w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: Chair\n\nMine is broken.\n"}).did(router.Opened).
		owes("acknowledgement anna@acme.example", "agent-new ben@acme.example")
}

// What is drawn is taken: it is drawn again.
func TestTakenTrackingCodeIsDrawnAgain(t *testing.T) {
	w := newWorld(t)
	first := w.opened().ticket()
	tries := 0
	w.store.before = func(c *ticket.Change) error {
		if tries++; tries == 1 {
			c.Tickets[0].Ticket.Tracking = first.Tracking
		}
		return nil
	}
	e := w.envelope(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: y\n\nAnother matter\n"})
	if f := w.pass(e, nil); tries != 2 || f.ticket().Tracking == first.Tracking {
		t.Errorf("after %d tries the code is %s", tries, f.ticket().Tracking)
	}
}

// Identifiers, names and subjects of anybody's mail end in ours: none may break
// a field. memory.check looks at what is written.
func TestHostileFields(t *testing.T) {
	hostile := []string{
		"Message-ID: <a b@x.example>", "Message-ID: a@x.example> <b@x.example", "Message-ID: <>", "Message-ID: <" + strings.Repeat("a", 3000) + "@x.example>",
		"Message-ID: =?utf-8?q?a=0d=0aBcc:_eve=40evil.example?=", "Message-ID:", "References: <a@x.example>\n Bcc: eve@evil.example",
		"In-Reply-To: <\x00@x.example>", "References: " + strings.Repeat("<r@x.example> ", 900),
	}
	for _, from := range []string{"marie@customer.example", "anna@acme.example"} {
		for _, field := range hostile {
			for _, body := range []string{"Hello\n", "#help\n", "#close\n"} {
				w := newWorld(t)
				w.send(mail{from: from, to: []string{"help@acme.example"}, text: "Subject: x\n" + field + "\n\n" + body})
			}
		}
	}
}

// Headers with thousands of identifiers or addresses cost a bounded look-up,
// and the root of the thread still counts.
func TestLookUpsAreBounded(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	var refs, tos strings.Builder
	refs.WriteString("<" + f.notice(ticket.Acknowledgement, "marie@customer.example").MessageID + ">")
	for i := range 2000 {
		fmt.Fprintf(&refs, "\n <r%d@x.example>", i)
	}
	in := strings.ReplaceAll(refs.String(), "<r", "<i")
	for range 800 {
		fmt.Fprintf(&tos, "help+%s@acme.example,\n ", w.mint.Signer.Sign(ticket.ReplyToken, "acme", ticket.NewID(w.mint.Random), &ticket.Participant{Number: 1}))
	}
	for name, field := range map[string]string{
		"References":  "References: " + refs.String(),
		"In-Reply-To": "In-Reply-To: " + in[strings.Index(in, "\n")+2:],
		"To":          "To: " + tos.String() + "help@acme.example",
	} {
		w.store.reads = nil
		w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\nMessage-ID: <" + name + "@x.example>\n" + field + "\n\nHello\n"})
		for _, q := range w.store.reads {
			if n := len(q.Tickets) + len(q.MessageIDs) + len(q.References) + len(q.Seen); n > 100 {
				t.Errorf("%s: %d look-ups", name, n)
			}
		}
		for _, c := range w.store.changes {
			for _, tc := range c.Tickets {
				if len(tc.MessageIDs) > 30 {
					t.Errorf("%s: %d identifiers are kept", name, len(tc.MessageIDs))
				}
			}
		}
	}
	long := "Subject: x\nReferences: " + strings.Join(strings.Fields(refs.String())[:60], "\n ") + "\n\nAfter a long talk among us\n"
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: long}).did(router.Added).by(router.ByOurID)
}
