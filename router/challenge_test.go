package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

// challengeReply is a reply to the mail that brought a code.
func (w *world) challengeReply(n ticket.Notice, from, body string) mail {
	to := "help+" + w.mint.Signer.SignChallenge("acme", n.Challenge) + "@acme.example"
	return mail{from: from, to: []string{to}, text: fmt.Sprintf("Subject: Re: x\nIn-Reply-To: <%s>\n\n%s", n.MessageID, body)}
}

// wrongCode is one that was not drawn.
func wrongCode(right string) string {
	if right[0] == '3' {
		return "4" + right[1:]
	}
	return "3" + right[1:]
}

// An unproved request asks for a code; the code proves it, once.
func TestConfirming(t *testing.T) {
	w := newWorld(t)
	f := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: Printer\n\nIt is broken.\n"})
	n := f.notice(ticket.Receipt, "marie@customer.example")
	if n.Code == "" || strings.Contains(n.MessageID, n.Code) {
		t.Fatalf("%+v", n)
	}
	w.send(w.challengeReply(n, "marie@customer.example", wrongCode(n.Code)+"\n")).did(router.Refused)
	if !f.ticket().Unproved {
		t.Fatal("a wrong code proved something")
	}
	vacation := w.challengeReply(n, "marie@customer.example", n.Code+"\n")
	vacation.text = "Auto-Submitted: auto-replied\n" + vacation.text
	w.send(vacation).did(router.HeldBack)
	w.send(w.challengeReply(n, "eve@elsewhere.example", n.Code+"\n")).did(router.HeldBack)
	right := w.challengeReply(n, "marie@customer.example", strings.ToLower(n.Code[:4])+"-"+n.Code[4:]+"\n\nthank you\n")
	right.unproved = true // the code is the proof
	w.send(right).did(router.Redeemed)
	if w.read("acme", f.ticket().ID).Unproved {
		t.Error("the right code proved nothing")
	}
	w.send(w.challengeReply(n, "marie@customer.example", n.Code+"\n")).did(router.Refused)
}

func TestFiveWrongCodesEndAChallenge(t *testing.T) {
	w := newWorld(t)
	n := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: Printer\n\nIt is broken.\n"}).
		notice(ticket.Receipt, "marie@customer.example")
	// Three guesses on one line are three tries.
	wrong := wrongCode(n.Code)
	w.send(w.challengeReply(n, "marie@customer.example", wrong+" "+wrong+" "+wrong+" "+n.Code+"\n")).did(router.Refused)
	w.send(w.challengeReply(n, "marie@customer.example", wrong+"\n")).did(router.Refused)
	w.send(w.challengeReply(n, "marie@customer.example", wrong+".\n")).did(router.Refused)
	w.send(w.challengeReply(n, "marie@customer.example", n.Code+"\n")).did(router.Refused)
}

func TestCodesEnd(t *testing.T) {
	w := newWorld(t)
	n := w.opened().notice(ticket.Acknowledgement, "marie@customer.example")
	v := w.send(w.answer(n, "#history\n")).did(router.Challenged).notice(ticket.Validation, "marie@customer.example")
	w.now = w.now.Add(16 * time.Minute)
	w.send(w.challengeReply(v, "marie@customer.example", v.Code+"\n")).did(router.Refused)
}

// A change of address wants the code of each mailbox, in any order, and voids
// what the old one was given.
func TestChangeOfAddress(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	asked := w.send(w.answer(n, "#address marie@home.example\n")).did(router.Challenged)
	old := w.answer(n, "Me again.\n")
	var codes []ticket.Notice
	for _, n := range asked.change.Notices {
		if n.Kind == ticket.Validation {
			codes = append(codes, n)
		}
	}
	if len(codes) != 2 || codes[0].Mailbox.Address != "marie@customer.example" || codes[1].Mailbox.Address != "marie@home.example" || codes[0].Code == codes[1].Code {
		t.Fatalf("%+v", codes)
	}
	w.send(w.challengeReply(codes[1], "marie@home.example", codes[1].Code+"\n")).did(router.Redeemed)
	if got := w.read("acme", f.ticket().ID).Requester().Address; got != "marie@customer.example" {
		t.Fatalf("one code moved them to %s", got)
	}
	w.send(w.challengeReply(codes[0], "marie@customer.example", codes[0].Code+"\n")).did(router.Redeemed)
	moved := w.read("acme", f.ticket().ID).Requester()
	if moved.Address != "marie@home.example" || moved.Epoch != 1 {
		t.Errorf("%+v", moved)
	}
	w.send(old).held(ticket.HeldStranger)
}

// A code that its owner reads out is good for the agent too; guesses of one mail
// count together.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	n := f.notice(ticket.Acknowledgement, "marie@customer.example")
	agent := f.notice(ticket.AgentNew, "anna@acme.example")
	v := w.send(w.answer(n, "#cc eve@friend.example\n")).did(router.Challenged).notice(ticket.Validation, "marie@customer.example")
	w.send(w.answer(agent, "#verify "+v.Code+"\n#verify "+v.Code+"\n")).did(router.Acted)
	if p, ok := w.read("acme", f.ticket().ID).Who("eve@friend.example"); !ok || p.Role != ticket.Copied {
		t.Error("the code that was read out added nobody")
	}

	v = w.send(w.answer(n, "#history\n")).did(router.Challenged).notice(ticket.Validation, "marie@customer.example")
	guesses := strings.Repeat("#verify "+wrongCode(v.Code)+"\n", 5)
	w.send(w.answer(agent, guesses)).did(router.Acted)
	if got := w.send(w.answer(agent, "#verify "+v.Code+"\n")); len(got.change.Spent) != 0 {
		t.Error("five guesses in one mail did not end the challenge")
	}
}

// Whoever asks from elsewhere reads the same words whatever is true.
func TestAskedFromElsewhere(t *testing.T) {
	w := newWorld(t)
	known := w.opened().ticket().Tracking
	ask := func(code string) []ticket.Notice {
		return w.send(mail{from: "eve@elsewhere.example", to: []string{"help+status@acme.example"}, text: "Subject: x\n\n" + code + "\n"}).
			did(router.Challenged).change.Notices
	}
	right, wrong := ask(known), ask("ZZZZZZZZZZZZ")
	if len(right) != 2 || right[0].Kind != ticket.Validation || right[0].Mailbox.Address != "marie@customer.example" || right[1].Kind != ticket.Asked {
		t.Fatalf("%+v", right)
	}
	if len(wrong) != 1 || wrong[0].Kind != ticket.Asked || fmt.Sprint(*wrong[0].About) != fmt.Sprint(*right[1].About) {
		t.Errorf("%+v", wrong)
	}
}

// What a requester says beside a wish is theirs to say: an entry where they may
// add one, else held mail, and never only a trace that nobody is told of.
func TestWordsBesideAWish(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	ack := f.notice(ticket.Acknowledgement, "marie@customer.example")
	unproved := w.answer(ack, "#close\nIt works again.\n")
	unproved.unproved = true
	got := w.send(unproved).did(router.Challenged).owes(append(toldHeld, "validation marie@customer.example")...)
	if len(got.change.Held) != 1 || got.change.Held[0].Why != ticket.HeldUnproved || got.change.Held[0].Ticket != f.ticket().ID {
		t.Errorf("held %+v", got.change.Held)
	}
	proved := w.answer(ack, "#history\nFor my accountant.\n")
	got = w.send(proved).did(router.Challenged).owes(append(toAgents, "validation marie@customer.example")...)
	if a := got.article(); a.Kind != ticket.PublicArticle || a.Text != "For my accountant." {
		t.Errorf("wrote %+v", a)
	}
	bare := w.answer(ack, "#history\n")
	bare.text = "Message-ID: <bare@customer.example>\n" + bare.text
	if got = w.send(bare).did(router.Challenged).owes("validation marie@customer.example"); len(got.change.Held) > 0 || got.article().Kind != ticket.EventArticle {
		t.Errorf("a wish alone: %+v", got.change)
	}
	for text, why := range map[string]ticket.Why{
		"#status\nThe printer is broken too.\n":                  ticket.HeldWish,
		"#status\nACM 7K3M-WXYC-34AC\n":                          ticket.HeldCommand,
		"#enrol\nOur number is ACM-7731-Q\n":                     ticket.HeldCommand,
		"#enrol\nOur number is ACM-7731-Q\nCould you call me?\n": ticket.HeldWish,
		"#mydata\n": ticket.HeldCommand,
	} {
		got := w.send(mail{from: "lea@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\n\n" + text})
		if len(got.change.Held) != 1 || got.change.Held[0].Why != why {
			t.Errorf("%q is held as %+v, want %s", text, got.change.Held, why)
		}
	}
}

// A code is found with what it ends on, where that belongs to the site's codes,
// and without what stands around it, where it does not.
func TestTrackingCodesAreFoundWhole(t *testing.T) {
	for code, special := range map[string]bool{"7K3M-WXYC-34A?": true, "(7K3M-WXYC-34AC).": false, "7k3m wxyc 34ac?": false} {
		w := newWorld(t)
		w.sites[0].Tracking.Special = special
		w.reload()
		w.opened()
		w.send(mail{from: "marie@customer.example", to: []string{"help+status@acme.example"}, text: "Subject: x\n\n" + code + "\n"})
		if asked := w.store.reads[len(w.store.reads)-1].Tracking; len(asked) != 1 || len(asked[0]) != 12 {
			t.Errorf("of %q it asked for %q", code, asked)
		}
	}
}
