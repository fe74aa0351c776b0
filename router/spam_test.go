package router_test

import (
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// heldBy gives the id of the one mail that a message left aside.
func heldBy(f filed) string { return f.change.Held[0].ID }

// decide writes an agent's lines to the queue, as an answer to a digest.
func (w *world) decide(lines string) filed {
	w.t.Helper()
	return w.send(mail{from: "anna@acme.example", to: []string{"help@acme.example"},
		text: "Subject: Re: Acme support: mail that was kept aside\nIn-Reply-To: <digest@mx.acme.example>\n\n" + lines + "\n"})
}

// results are those of a transcript, in order.
func (f filed) results(want ...string) {
	f.w.t.Helper()
	n := f.notice(ticket.Transcript, "anna@acme.example")
	var got []string
	for _, l := range n.Transcript.Done {
		got = append(got, l.Result)
	}
	if len(got) != len(want) {
		f.w.t.Fatalf("the transcript tells %q (%s), want %q", got, n.Transcript.Problem, want)
	}
	for i := range got {
		if got[i] != want[i] {
			f.w.t.Errorf("the transcript tells %q, want %q", got, want)
		}
	}
}

// One reply decides on several held mails.
func TestAReplyToADigestDecidesLineByLine(t *testing.T) {
	w := newWorld(t)
	opened := w.opened()
	to := w.at(ticket.ReplyToken, opened.notice(ticket.Acknowledgement, "marie@customer.example"))
	hold := func(from, text string) string {
		return heldBy(w.send(mail{from: from, to: []string{to}, text: "Subject: x\n\n" + text + "\n"}).held(ticket.HeldStranger))
	}
	paul, eve, ron := hold("paul@customer.example", "I see it too."), hold("eve@else.example", "Cheap toner!"), hold("ron@else.example", "Wrong address.")
	nobody := heldBy(w.send(mail{from: "a@else.example", noAuthor: true, to: []string{"help@acme.example"}, text: "Subject: x\n\nHello\n"}).held(ticket.HeldNoSender))

	got := w.decide("#accept " + paul + "\n#spam " + eve + "\n#rejeter " + ron + "\n#accept " + nobody + "\n#reject " + nobody + "\n#reject " + ron)
	got.did(router.Acted).results(ticket.ResultAccepted, ticket.ResultSpam, ticket.ResultRejected, ticket.ResultNoHeld, ticket.ResultRejected, ticket.ResultNoHeld)
	now := w.read("acme", opened.ticket().ID)
	if _, joined := now.Who("paul@customer.example"); !joined || now.Articles != 2 {
		t.Errorf("the ticket has %d articles, and of it are %+v", now.Articles, now.Participants)
	}
	if m, _ := w.store.Morning(t.Context(), "acme", "help", "anna@acme.example", w.now); m.Held != 0 {
		t.Errorf("%d mails still wait", m.Held)
	}
}

// Of a ticket under a legal hold nothing is thrown away, and the agent is told;
// what belongs there is added all the same.
func TestALegalHoldKeepsHeldMail(t *testing.T) {
	w := newWorld(t)
	opened := w.opened()
	to := w.at(ticket.ReplyToken, opened.notice(ticket.Acknowledgement, "marie@customer.example"))
	paul := heldBy(w.send(mail{from: "paul@customer.example", to: []string{to}, text: "Subject: x\n\nI see it too.\n"}).held(ticket.HeldStranger))
	eve := heldBy(w.send(mail{from: "eve@else.example", to: []string{to}, text: "Subject: x\n\nCheap toner!\n"}).held(ticket.HeldStranger))
	w.store.site("acme").tickets[opened.ticket().ID].LegalHold = true

	got := w.decide("#reject " + paul + "\n#spam " + eve + "\n#accept " + paul)
	got.did(router.Acted).results(ticket.ResultLegalHold, ticket.ResultLegalHold, ticket.ResultAccepted)
	if len(got.change.Discard)+len(got.change.Spammers) != 0 {
		t.Errorf("it threw away %v, and remembers %v", got.change.Discard, got.change.Spammers)
	}
}

// What nobody may decide stays: the unproved, the shared host, the other team.
func TestOnlyProvedAgentsOfTheQueueDecide(t *testing.T) {
	w := newWorld(t)
	to := w.at(ticket.ReplyToken, w.opened().notice(ticket.Acknowledgement, "marie@customer.example"))
	id := heldBy(w.send(mail{from: "eve@else.example", to: []string{to}, text: "Subject: x\n\nCheap toner!\n"}).held(ticket.HeldStranger))
	for name, m := range map[string]mail{
		"unproved":   {from: "anna@acme.example", unproved: true},
		"by SPF":     {from: "anna@acme.example", method: ticket.BySPF},
		"a customer": {from: "marie@customer.example"},
	} {
		m.to, m.text = []string{"help@acme.example"}, "Subject: Re: digest\n\n#spam "+id+"\n"
		if f := w.send(m); len(f.change.Release)+len(f.change.Spammers) != 0 {
			t.Errorf("%s decided", name)
		}
	}
	f := w.send(mail{from: "carl@acme.example", to: []string{"billing@acme.example"}, text: "Subject: x\n\n#spam " + id + "\n"})
	if n := f.notice(ticket.Transcript, "carl@acme.example"); n.Transcript.Done[0].Result != ticket.ResultNoHeld || len(f.change.Release) != 0 {
		t.Error("an agent of another queue decided")
	}
}

func TestSpammersAreHeldQuietly(t *testing.T) {
	w := newWorld(t)
	opened := w.opened()
	to := w.at(ticket.ReplyToken, opened.notice(ticket.Acknowledgement, "marie@customer.example"))
	spam := func(m mail) {
		t.Helper()
		m.to, m.text = []string{to}, "Subject: x\n\nCheap toner!\n"
		w.decide("#spam " + heldBy(w.send(m))).results(ticket.ResultSpam)
	}
	spam(mail{from: "eve@else.example"})                     // proved
	spam(mail{from: "owner@victim.example", unproved: true}) // perhaps forged
	spam(mail{from: "anna@acme.example", unproved: true})    // surely forged: she is listed
	spam(mail{from: "marie@customer.example", unproved: true})

	fresh := func(m mail) filed {
		m.to, m.text = []string{"help@acme.example"}, "Subject: Offer\n\nToner, cheaper!\n"
		return w.send(m)
	}
	fresh(mail{from: "eve@else.example"}).held(ticket.HeldSpam).owes()
	fresh(mail{from: "Eve@else.example", unproved: true}).held(ticket.HeldSpam).owes()
	fresh(mail{from: "owner@victim.example", unproved: true}).held(ticket.HeldSpam).owes()
	fresh(mail{from: "owner@victim.example"}).did(router.Opened)
	fresh(mail{from: "anna@acme.example", unproved: true}).did(router.Opened)
	fresh(mail{from: "ben@else.example"}).did(router.Opened)
	w.send(mail{from: "eve@else.example", to: []string{to}, text: "Subject: x\n\nMore\n"}).held(ticket.HeldSpam).owes()
	w.send(mail{from: "marie@customer.example", to: []string{to}, unproved: true, text: "Subject: x\n\nMore\n"}).held(ticket.HeldSpam).owes()
	// On their own ticket, proved, people are heard whatever was written in their name.
	w.send(w.answer(opened.notice(ticket.Acknowledgement, "marie@customer.example"), "It was not me.\n")).did(router.Added)
	if m, _ := w.store.Morning(t.Context(), "acme", "help", "anna@acme.example", w.now); m.Held != 0 {
		t.Errorf("%d mails wait", m.Held)
	}
}

// Somebody who was taken for a spammer is welcome again as soon as a mail of
// theirs is accepted, by a line or by the administrator.
func TestAcceptedSendersAreWelcomeAgain(t *testing.T) {
	w := newWorld(t)
	to := w.at(ticket.ReplyToken, w.opened().notice(ticket.Acknowledgement, "marie@customer.example"))
	offer := func() filed {
		return w.send(mail{from: "eve@else.example", to: []string{"help@acme.example"}, text: "Subject: Offer\n\nToner\n"})
	}
	spam := func() {
		w.decide("#spam " + heldBy(w.send(mail{from: "eve@else.example", to: []string{to}, text: "Subject: x\n\nToner\n"})))
	}
	spam()
	w.decide("#accept " + heldBy(offer().held(ticket.HeldSpam))).results(ticket.ResultAccepted)
	offer().did(router.Opened)
	spam()
	w.released(offer().held(ticket.HeldSpam))
	offer().did(router.Opened)
}
