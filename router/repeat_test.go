package router_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"guichet/envelope"
	"guichet/router"
	"guichet/ticket"
)

// The same message again for the same queue: 250, and nothing changes,
// whatever hosts it passed on the way.
func TestRepeatsChangeNothing(t *testing.T) {
	w := newWorld(t)
	for _, m := range []mail{
		{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHello\n"},
		{from: "marie@customer.example", to: []string{"help@acme.example", "billing@acme.example"}, text: "Message-ID: <b@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHello both\n"},
		{from: "x@customer.example", to: []string{"help@acme.example"}, noAuthor: true, text: "Message-ID: <c@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHeld\n"},
		{from: "marie@customer.example", to: []string{"abuse@acme.example"}, text: "Message-ID: <d@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nFor the admin\n"},
	} {
		w.send(m)
		before := w.store.picture()
		m.text = "Received: from elsewhere\nX-Spam-Score: 3\n" + m.text
		again := w.send(m)
		for _, o := range again.outcomes {
			if o.Did != router.Repeated {
				t.Errorf("did %+v", o)
			}
		}
		if again.change != nil || w.store.picture() != before {
			t.Error("a repeat changed something")
		}
	}
}

// The same message again with the proof that it first came without proves its
// request, once.
func TestARepeatWithMoreProof(t *testing.T) {
	w := newWorld(t)
	m := mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true,
		text: "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHello\n"}
	id := w.send(m).did(router.Opened).ticket().ID
	eve := m
	eve.from, eve.unproved = "eve@elsewhere.example", false
	w.send(eve)
	if !w.read("acme", id).Unproved {
		t.Fatal("somebody else's copy proved it")
	}
	m.unproved = false
	w.send(m).did(router.Repeated).owes("acknowledgement marie@customer.example")
	if w.read("acme", id).Unproved {
		t.Error("the proved repeat proved nothing")
	}
	if again := w.send(m).did(router.Repeated); again.change != nil {
		t.Error("it proved it twice")
	}
}

// What was held for want of proof is taken when the same message comes with it:
// once, as its sender's own, and by nobody else's copy.
func TestARepeatWithMoreProofRaisesHeldMail(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "It prints again.\n")
	m.text = "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n" + m.text
	m.unproved = true
	held := w.send(m).held(ticket.HeldUnproved).change.Held[0].ID
	if again := w.send(m).did(router.Repeated); again.change != nil {
		t.Error("a repeat with no more proof changed something")
	}
	eve := m
	eve.from, eve.unproved = "eve@elsewhere.example", false
	if got := w.send(eve).held(ticket.HeldStranger); len(got.change.Release) > 0 {
		t.Error("somebody else's copy released it")
	}
	m.unproved = false
	got := w.send(m).did(router.Added).owes(toAgents...)
	if a := got.article(); a.Text != "It prints again." || a.Proof != ticket.ProofToken || !slices.Equal(got.change.Release, []string{held}) {
		t.Errorf("it was taken as %+v, releasing %v", a, got.change.Release)
	}
	if again := w.send(m).did(router.Repeated); again.change != nil || len(w.store.site("acme").held) != 1 {
		t.Error("it was taken twice, or more than it is gone")
	}
}

// Whatever decided on held mail before its proved repeat came has decided.
func TestARepeatRaisesNothingThatWasDecidedOn(t *testing.T) {
	for _, word := range []string{"#accept", "#reject"} {
		w := newWorld(t)
		f := w.opened()
		m := w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "It prints again.\n")
		m.text = "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n" + m.text
		m.unproved = true
		id := w.send(m).held(ticket.HeldUnproved).change.Held[0].ID
		w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), word+" "+id+"\n")).did(router.Acted)
		m.unproved = false
		if again := w.send(m).did(router.Repeated); again.change != nil {
			t.Errorf("after %s: %+v", word, again.outcomes)
		}
	}
}

// Proof helps nobody who is held for another reason, and a message that was held
// for its proof alone says so only where it would now be taken.
func TestARepeatRaisesNothingThatWouldBeHeldAgain(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	stranger := mail{from: "eve@elsewhere.example", to: []string{"help@acme.example"}, unproved: true,
		text: "Message-ID: <a@elsewhere.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: [ACM-1000]\n\nLet me in\n"}
	w.send(stranger).held(ticket.HeldStranger)
	stranger.unproved = false
	agent := mail{from: "anna@acme.example", to: []string{w.at(ticket.ReplyToken, f.notice(ticket.AgentNew, "ben@acme.example"))}, unproved: true,
		text: "Message-ID: <b@acme.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: Re: Printer\n\nBy SPF, with another's token\n"}
	w.send(agent).held(ticket.HeldUnproved)
	agent.unproved, agent.method = false, ticket.BySPF
	for _, m := range []mail{stranger, agent} {
		if again := w.send(m).did(router.Repeated); again.change != nil {
			t.Errorf("%s: %+v", m.from, again.outcomes)
		}
	}
	agent.method = ticket.ByDKIM
	w.send(agent).did(router.Answered)
}

// A request that waited for its confirmation needs none once it is proved.
func TestARepeatWithMoreProofOpensWhatWaited(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Confirm = true
	w.reload()
	m := mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true,
		text: "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHello\n"}
	w.send(m).held(ticket.HeldUnconfirmed)
	m.unproved = false
	w.send(m).did(router.Opened).owes("acknowledgement marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example")
	if w.send(m).did(router.Repeated); len(w.store.site("acme").tickets) != 1 || len(w.store.site("acme").held) != 0 {
		t.Error("it was opened twice, or is held still")
	}
}

// The same message for another queue is one more delivery.
func TestAnotherQueueIsOneMoreDelivery(t *testing.T) {
	w := newWorld(t)
	m := mail{from: "marie@customer.example", to: []string{"help@acme.example", "billing@acme.example"}, rcpt: []string{"help@acme.example"},
		text: "Message-ID: <a@customer.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nSubject: x\n\nHello\n"}
	first := w.send(m).did(router.Opened).ticket()
	m.rcpt = []string{"billing@acme.example"}
	if second := w.send(m).did(router.Opened).ticket(); second.ID == first.ID || second.Queue != "billing" {
		t.Errorf("it went to %s", second.Queue)
	}
	m.rcpt = []string{"help@acme.example", "billing@acme.example"}
	if third := w.send(m); third.change != nil {
		t.Errorf("did %+v", third.outcomes)
	}
}

// Two sites in one mail: one's commit fails and the sender is asked to come
// again; the repeat does what was left undone, and only that.
func TestARepeatCompletesTheRest(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("no space left")
	w.store.before = func(c *ticket.Change) error {
		if c.Site == "acme" {
			return broken
		}
		return nil
	}
	e := w.envelope(mail{from: "marie@customer.example", to: []string{"help@acme.example", "help@bolt.example"}, text: "Subject: x\n\nHello both\n"})
	if err := w.router.Deliver(context.Background(), e); !errors.Is(err, broken) {
		t.Fatalf("delivered: %v", err)
	}
	if refusal := (*envelope.Refusal)(nil); errors.As(broken, &refusal) {
		t.Error("a fault of ours is a refusal")
	}
	if len(w.store.site("bolt").tickets) != 1 || len(w.store.site("acme").tickets) != 0 {
		t.Fatal("one site's fault is the other's")
	}
	w.store.before = nil
	if err := w.router.Deliver(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	if len(w.store.site("bolt").tickets) != 1 || len(w.store.site("acme").tickets) != 1 || len(w.store.changes) != 2 {
		t.Errorf("after the repeat: %d changes", len(w.store.changes))
	}
}

// Somebody was faster: it is read and decided again, on what is there now.
func TestConflictsAreDecidedAgain(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	id := f.ticket().ID
	tries := 0
	w.store.before = func(*ticket.Change) error {
		if tries++; tries == 1 { // an agent closes it between reading and writing
			stored := w.store.sites["acme"].tickets[id]
			stored.SetState(ticket.Closed, w.now)
			stored.Version++
		}
		return nil
	}
	got := w.pass(w.envelope(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "More\n")), nil)
	events := got.change.Tickets[0].Articles
	if tries != 2 || got.ticket().State != ticket.Open || len(events) != 2 || events[1].Event != ticket.EventReopened {
		t.Errorf("after %d tries: %+v", tries, events)
	}
}

// Conflicts without end are the sender's queue's to wait out.
func TestConflictsWithoutEnd(t *testing.T) {
	w := newWorld(t)
	tries := 0
	w.store.before = func(*ticket.Change) error { tries++; return ticket.ErrConflict }
	err := w.router.Deliver(context.Background(), w.envelope(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\n\nHello\n"}))
	if !errors.Is(err, ticket.ErrConflict) || tries > 20 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

// A queue that the settings lost between RCPT and here: the sender comes again,
// and hears at RCPT that it is gone. The others' mail is filed meanwhile.
func TestRecipientsThatVanish(t *testing.T) {
	w := newWorld(t)
	e := w.envelope(mail{from: "marie@customer.example", to: []string{"help@acme.example", "billing@acme.example"}, text: "Subject: x\n\nHello both\n"})
	w.sites[0].Queues = slices.Clone(w.sites[0].Queues[:1])
	w.reload()
	if err := w.router.Deliver(context.Background(), e); !errors.Is(err, envelope.ErrTryLater) {
		t.Errorf("delivered: %v", err)
	}
	if len(w.store.site("acme").tickets) != 1 {
		t.Error("the other queue's mail is not filed")
	}
	if _, err := w.router.Recipient(context.Background(), "billing@acme.example"); !errors.Is(err, envelope.ErrNoSuchRecipient) {
		t.Errorf("RCPT says %v", err)
	}
}

// A ticket whose queue the settings lost still takes its requester's answer.
func TestTicketOfAQueueThatIsGone(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	id := f.notice(ticket.Acknowledgement, "marie@customer.example").MessageID
	w.sites[0].Queues = slices.Clone(w.sites[0].Queues[1:])
	w.reload()
	w.send(mail{from: "marie@customer.example", to: []string{"billing@acme.example"}, text: "Subject: x\nReferences: <" + id + ">\n\nStill there?\n"}).
		did(router.Added).owes("agent-reply carl@acme.example")
}
