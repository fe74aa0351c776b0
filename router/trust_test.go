package router_test

import (
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

var toldHeld = []string{"agent-held anna@acme.example", "agent-held ben@acme.example"}

// Whoever is not on a ticket does not get into it, however they found it, and
// however well their own domain speaks for them.
func TestStrangersAreHeld(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	for _, c := range []struct {
		why    string
		mail   mail
		rule   router.Rule
		agents bool // it shows an agent's token
	}{
		{"by subject reference", mail{to: []string{"help@acme.example"}, text: "Subject: Re: [ACM-1000] Printer\n\nLet me in (a)\n"}, router.ByReference, false},
		{"with Marie's token", mail{to: []string{w.at(ticket.ReplyToken, n)}, text: "Subject: Re: Printer\n\nLet me in (b)\n"}, router.ByToken, false},
		{"with an agent's token", mail{to: []string{w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "anna@acme.example"))}, text: "Subject: Re: Printer\n\nLet me in (c)\n"}, router.ByToken, true},
		{"with an agent's note token", mail{to: []string{w.at(ticket.NoteToken, f.notice(ticket.AgentNew, "anna@acme.example"))}, text: "Subject: Re: Printer\n\nLet me in (d)\n"}, router.ByToken, true},
		{"by our Message-ID", mail{to: []string{"help@acme.example"}, text: "Subject: Re: Printer\nReferences: <" + n.MessageID + ">\n\nLet me in (e)\n"}, router.ByOurID, false},
		{"by a stored Message-ID", mail{to: []string{"help@acme.example"}, text: "Subject: Re: Printer\nIn-Reply-To: <first@customer.example>\n\nLet me in (f)\n"}, router.ByMessageID, false},
		{"with a command", mail{to: []string{w.at(ticket.ReplyToken, n)}, text: "Subject: Re: Printer\n\n#close\n"}, router.ByToken, false},
	} {
		for _, from := range []string{"eve@evil.example", "carl@acme.example", "marie@evil.example", "marie.customer@customer.example"} {
			for _, unproved := range []bool{false, true} {
				m := c.mail
				m.from, m.unproved = from, unproved
				told, why := toldHeld, ticket.HeldStranger
				if c.agents && !unproved && from != "carl@acme.example" {
					why = ticket.HeldAlias
					told = append([]string{"validation anna@acme.example"}, toldHeld...) // it may be hers, from elsewhere
				}
				got := w.send(m).held(why).by(c.rule).owes(told...)
				if h := got.change.Held[0]; h.Ticket != f.ticket().ID || h.From.Address != ticket.MustAddress(from) || len(got.notices()[0].Brakes) == 0 || got.notice(ticket.AgentHeld, "anna@acme.example").Held != h.ID {
					t.Errorf("%s: held as %+v", c.why, h)
				}
			}
		}
	}
	if tk := f.ticket(); tk.Articles != 1 || len(tk.Participants) != 3 || tk.Requester().Address != "marie@customer.example" {
		t.Errorf("the ticket is %+v", tk)
	}
}

// A robot's sign-up mail to a ticket's address, which whoever signed up with
// that address hopes to see ("Ticket Trick").
func TestTicketTrick(t *testing.T) {
	for why, text := range map[string]string{
		"sign-up mail": "Subject: Confirm your account\nAuto-Submitted: auto-generated\n\nYour code is 123456\n",
		"of a list":    "Subject: Confirm your account\nList-Unsubscribe: <https://chat.example>\n\nYour code is 123456\n",
		"plain":        "Subject: Confirm your account\n\nYour code is 123456\n",
	} {
		w := newWorld(t)
		f := w.opened()
		to := w.at(ticket.ReplyToken, f.notice(ticket.Acknowledgement, "marie@customer.example"))
		w.send(mail{from: "no-reply@chat.example", to: []string{to}, text: text}).held(ticket.HeldStranger).owes(toldHeld...)
		if f.ticket().Articles != 1 {
			t.Errorf("%s: it is on the ticket", why)
		}
	}
}

// A token that is not ours, or not for here, is as good as none.
func TestBadTokensProveNothing(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	tk := f.ticket()
	marie := tk.Requester()
	sign := w.mint.Signer.Sign
	good := sign(ticket.ReplyToken, "acme", tk.ID, marie)
	flipped := func(i int) string {
		c := byte('a')
		if good[i] == c {
			c = 'b'
		}
		return good[:i] + string(c) + good[i+1:]
	}
	elsewhere := w.send(mail{from: "marie@customer.example", to: []string{"help@bolt.example"}, text: "Subject: x\n\nHello Bolt\n"}).ticket()
	other, err := ticket.NewSigner(0, map[byte][]byte{0: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	for why, token := range map[string]string{
		"forged":                   strings.Repeat("a", 40),
		"its purpose flipped":      flipped(0),
		"its ticket flipped":       flipped(10),
		"its participant flipped":  flipped(19),
		"its MAC flipped":          flipped(30),
		"its last bit flipped":     flipped(39),
		"of another key":           other.Sign(ticket.ReplyToken, "acme", tk.ID, marie),
		"of another site's ticket": sign(ticket.ReplyToken, "bolt", elsewhere.ID, elsewhere.Requester()),
		"for another site":         sign(ticket.ReplyToken, "bolt", tk.ID, marie),
		"of a bounce":              sign(ticket.BounceToken, "acme", tk.ID, marie),
		"of a role that she has not": sign(ticket.ReplyToken, "acme", tk.ID,
			&ticket.Participant{Number: 1, Role: ticket.AgentRole}),
		"of nobody": sign(ticket.ReplyToken, "acme", tk.ID, &ticket.Participant{Number: 99, Role: ticket.Requester}),
	} {
		m := mail{from: "marie@customer.example", to: []string{"help+" + token + "@acme.example"}, text: "Subject: x\n\nToken " + why + "\n"}
		w.send(m).did(router.Opened)
		m.text = "Subject: x\nIn-Reply-To: <" + token + ".abc@mx.acme.example>\nTo: help@acme.example\n\nIdentifier " + why + "\n"
		m.to = []string{"help@acme.example"}
		w.send(m).did(router.Opened)
	}
}

// Marie's old token after a leak: it still says which ticket is meant, and
// raises nothing.
func TestTokenOfAnEarlierEpochIsVoid(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	old := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "With the old token\n")
	w.store.sites["acme"].tickets[f.ticket().ID].Requester().Epoch = 3
	got := w.send(old).did(router.Added).by(router.ByToken)
	if got.article().Proof != ticket.ProofDomain {
		t.Errorf("proof is %s", got.article().Proof)
	}
	old.from, old.text = "eve@evil.example", "Subject: x\n\nThe leak\n"
	w.send(old).held(ticket.HeldStranger)
}

// From says the owner and nothing proves it: not with the token, not with an
// attacker in Cc.
func TestSpoofedParticipantsAreHeld(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	for _, notice := range []ticket.Notice{f.notice(ticket.Acknowledgement, "marie@customer.example"), f.notice(ticket.AgentNew, "anna@acme.example")} {
		for _, proof := range []ticket.Proof{ticket.ProofNone, ticket.ProofEnvelope} {
			m := w.answer(notice, "Send everything to eve.\n")
			m.text = "Cc: eve@evil.example\n" + m.text
			m.unproved, m.proof = true, proof
			w.send(m).held(ticket.HeldUnproved).owes(toldHeld...)
		}
	}
	if f.ticket().Articles != 1 {
		t.Error("something was added")
	}
}

// Somebody on the ticket who uses another's token is who they are, and has no
// more than their domain's word.
func TestAnothersTokenRaisesNothing(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.store.sites["acme"].tickets[f.ticket().ID].Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: "paul@customer.example"}})
	m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Paul here.\n")
	m.from = "paul@customer.example"
	a := w.send(m).did(router.Added).article()
	if a.Proof != ticket.ProofDomain || a.Author != 4 {
		t.Errorf("it is by %d with proof %s", a.Author, a.Proof)
	}
	// And so cannot reopen what is closed.
	w.store.sites["acme"].tickets[f.ticket().ID].SetState(ticket.Closed, w.now)
	m.text = strings.Replace(m.text, "Paul here", "Paul again", 1)
	w.send(m).did(router.Opened)
}

// For an agent a domain's word by SPF alone does not count, unless with the
// token that was given to them.
func TestAgentBySPFAlone(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.AgentNew, "anna@acme.example")
	with := w.answer(n, "By SPF with my token.\n")
	with.method = ticket.BySPF
	without := mail{from: "anna@acme.example", to: []string{w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "ben@acme.example"))}, method: ticket.BySPF,
		text: "Subject: Re: Printer\n\nBy SPF with another's token.\n"}
	reference := mail{from: "anna@acme.example", to: []string{"help@acme.example"}, method: ticket.BySPF, text: "Subject: [ACM-1000]\n\nBy SPF and the reference.\n"}
	w.send(without).held(ticket.HeldUnproved)
	w.send(reference).held(ticket.HeldUnproved)
	w.send(with).did(router.Answered)
	for _, method := range []ticket.Method{ticket.ByDKIM, ticket.ByNetwork, ticket.ByRelay} {
		reference.method = method
		reference.text = "Subject: [ACM-1000]\n\nBy " + string(method) + ".\n"
		w.send(reference).did(router.Answered).by(router.ByReference)
	}
}

// Of several tokens in one mail the writer's own counts, wherever it stands.
func TestOnesOwnTokenAmongOthers(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	own := w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "anna@acme.example"))
	bens := w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "ben@acme.example"))
	maries := w.at(ticket.ReplyToken, f.notice(ticket.Acknowledgement, "marie@customer.example"))
	void := maries
	w.store.sites["acme"].tickets[f.ticket().ID].Requester().Epoch++
	for i, to := range [][]string{{bens, own}, {own, bens}, {void, own}, {void, bens, own}} {
		m := mail{from: "anna@acme.example", to: to, method: ticket.BySPF, text: "Subject: x\n\nBy SPF, so that it is the token that counts " + string(rune('a'+i)) + "\n"}
		if a := w.send(m).did(router.Answered).by(router.ByToken).article(); a.Proof != ticket.ProofToken {
			t.Errorf("%d: proof %s", i, a.Proof)
		}
	}
}

// Taken off the list, an agent is nobody at once: with their token, with domain
// proof, by reference. Listed again, what they hold stays void.
func TestFormerAgents(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	token := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "I am still here.\n")
	note := mail{from: "anna@acme.example", to: []string{w.at(ticket.NoteToken, f.notice(ticket.AgentNew, "anna@acme.example"))}, text: "Subject: x\n\nA note of mine.\n"}
	reference := mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: [ACM-1000]\n\n#close\n"}
	w.sites[0].Queues[0].Agents = []ticket.Address{"ben@acme.example"}
	w.reload()
	for _, m := range []mail{token, note, reference} {
		w.send(m).held(ticket.HeldRemoved).owes("agent-held ben@acme.example")
	}
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Hello?\n")).did(router.Added).owes("agent-reply ben@acme.example")

	w.sites[0].Queues[0].Agents = []ticket.Address{"ben@acme.example", "anna@acme.example"}
	w.reload()
	old := token
	old.text = strings.Replace(old.text, "still", "again", 1)
	old.method = ticket.BySPF // enough with a token, if it held
	w.send(old).held(ticket.HeldUnproved).owes(toldHeld...)
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Hello both?\n")).did(router.Added).owes(toAgents...)
}

// Somebody who joins the team takes part in what is open already.
func TestAgentWhoJoinsLater(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	w.sites[0].Queues[0].Agents = append(w.sites[0].Queues[0].Agents, "dora@acme.example")
	w.reload()
	w.send(mail{from: "dora@acme.example", to: []string{"help@acme.example"}, text: "Subject: [ACM-1000]\n\nI take care of it.\n"}).did(router.Answered).
		owes("answer marie@customer.example", "agent-answer anna@acme.example", "agent-answer ben@acme.example")
	w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Thanks\n")).
		owes(append(toAgents, "agent-reply dora@acme.example")...)
}

// Sites share nothing: a ticket of one is no ticket at the other, by whatever
// it is named.
func TestSitesShareNothing(t *testing.T) {
	for _, field := range []string{"Subject: [ACM-1000]", "References: <first@customer.example>", "References: <OURS>"} {
		for _, to := range []string{"help@bolt.example", "TOKEN@tickets.bolt.example"} {
			w := newWorld(t)
			f := w.opened()
			n := f.notice(ticket.Acknowledgement, "marie@customer.example")
			token, _, _ := strings.Cut(n.MessageID, ".")
			fill := strings.NewReplacer("OURS", n.MessageID, "TOKEN", token)
			got := w.send(mail{from: "marie@customer.example", to: []string{fill.Replace(to)}, text: fill.Replace(field) + "\n\nHello Bolt\n"}).did(router.Opened)
			if got.change.Site != "bolt" || got.ticket().ID == f.ticket().ID {
				t.Errorf("%s went to %s", field, got.change.Site)
			}
		}
	}
}

// The log tells what was done and holds nothing of the message or its writer.
func TestLogHoldsNothingPersonal(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "Marie Canary <marie.canary@customer.example>", to: []string{"help@acme.example"}, text: "Subject: canary-subject\nMessage-ID: <canary-id@customer.example>\n\ncanary-body\n"})
	n := f.notice(ticket.Acknowledgement, "marie.canary@customer.example")
	w.send(w.answer(n, "canary-answer\n"))
	said := strings.ToLower(w.log.String())
	token, _, _ := strings.Cut(n.MessageID, ".")
	for _, secret := range []string{"canary", "customer.example", token, strings.ToLower(f.ticket().Tracking)} {
		if strings.Contains(said, secret) {
			t.Errorf("the log says %q:\n%s", secret, said)
		}
	}
	if !strings.Contains(said, "did=opened") || !strings.Contains(said, "did=added") || !strings.Contains(said, "acm-1000") {
		t.Errorf("the log does not tell what was done:\n%s", said)
	}
}
