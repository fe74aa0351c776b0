package router_test

import (
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

func (w *world) profile(of ticket.Address) ticket.Profile {
	return w.store.sites["acme"].profiles[of.Key()]
}

// What an agent wants to hear is remembered for the site, ticket or none.
func TestNotify(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#notify mine 22:00-07:30\n")).results(ticket.ResultNotify)
	if p := w.profile("anna@acme.example"); p.Notify != ticket.NotifyMine || p.Quiet != (ticket.Hours{From: 22 * 60, To: 7*60 + 30}) {
		t.Fatalf("%+v", p)
	}
	bare := mail{from: "anna@acme.example", to: []string{"help@acme.example"}, text: "Subject: x\n\n#notifier tout\n"}
	w.send(bare).did(router.Acted).results(ticket.ResultNotify)
	if p := w.profile("anna@acme.example"); p.Notify != ticket.NotifyAll || p.Quiet != (ticket.Hours{}) {
		t.Fatalf("%+v", p)
	}
	w.send(w.answer(to, "#notifier Résumé 22–7\n")).results(ticket.ResultNotify)
	if p := w.profile("anna@acme.example"); p.Notify != ticket.NotifyDigest || p.Quiet != (ticket.Hours{From: 22 * 60, To: 7 * 60}) {
		t.Fatalf("%+v", p)
	}
	for _, text := range []string{"#notify", "#notify loud", "#notify mine 25-7", "#notify mine 22:75-7", "#notify mine 22-7 x"} {
		if body := w.send(w.answer(to, text+"\n")).did(router.Asked).notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != ticket.ProblemArgument {
			t.Errorf("%q: %+v", text, body)
		}
	}
}

func TestFollow(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	for command, want := range map[string]ticket.Watch{"#follow": ticket.Follow, "#unfollow": ticket.Unfollow} {
		got := w.send(w.answer(to, command+"\n")).did(router.Acted).owes("transcript anna@acme.example")
		if p, _ := got.ticket().Who("anna@acme.example"); p.Watch != want {
			t.Errorf("%s: %q", command, p.Watch)
		}
	}
}

// Whose agent is away is not left waiting.
func TestAway(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#take\n#away until 2026-03-20\n")).results(ticket.ResultTaken, ticket.ResultAway)
	written := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Any news?\n")).did(router.Added)
	if written.ticket().Assignee != 0 {
		t.Error("it is still Anna's")
	}
	w.send(w.answer(to, "#take\n#away -\n")).results(ticket.ResultTaken, ticket.ResultBack)
	if w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Hello?\n")).ticket().Assignee == 0 {
		t.Error("it was given back though she is there")
	}
	w.send(w.answer(to, "#absente jusqu’au 2026-03-20\n")).results(ticket.ResultAway)
	w.now = w.now.Add(30 * 24 * time.Hour)
	if w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "Hello??\n")).ticket().Assignee == 0 {
		t.Error("it was given back though she is back")
	}
}

// An agent's own vacation notice gives their ticket back to the team.
func TestVacationNoticeOfAnAgent(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#take\n"))
	notice := w.answer(to, "I am away until Monday.\n")
	notice.text = "Auto-Submitted: auto-replied\n" + notice.text
	got := w.send(notice).did(router.Filed).owes("agent-event ben@acme.example")
	if got.ticket().Assignee != 0 {
		t.Error("it is still Anna's")
	}
	notice.text = "X-Once: more\n" + notice.text
	w.send(notice).did(router.Filed).owes()
}

// From a further address an agent is asked once, at the one that is known; then
// what comes from there is theirs.
func TestFurtherAddressOfAnAgent(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	phone := w.answer(to, canary+"\n")
	phone.from = "anna.arendt@phone.example"
	asked := w.send(phone).held(ticket.HeldAlias).owes("validation anna@acme.example", "agent-held anna@acme.example", "agent-held ben@acme.example")
	if w.read("acme", f.ticket().ID).Articles != 1 {
		t.Fatalf("%+v", asked.change)
	}
	code := asked.notice(ticket.Validation, "anna@acme.example")
	site, _ := w.router.Directory().Site("acme")
	queue, _ := site.Queue("help")
	back := mail{from: "anna@acme.example", to: []string{string(queue.With(w.mint.Signer.SignChallenge("acme", code.Challenge)))}, text: "Subject: Re\n\n" + code.Code + "\n"}
	stolen := back
	stolen.from = phone.from
	w.send(stolen)
	if len(w.profile("anna@acme.example").Others) != 0 {
		t.Fatal("the code counts from the address that it is about")
	}
	done := w.send(back).did(router.Redeemed).owes("done anna@acme.example", "agent-note ben@acme.example", "agent-note anna@acme.example")
	if a := done.article(); a.Kind != ticket.InternalArticle || a.Author != 2 {
		t.Errorf("the mail is filed as %+v", a)
	}
	if p := w.profile("anna@acme.example"); len(p.Others) != 1 || p.Others[0] != "anna.arendt@phone.example" {
		t.Fatalf("%+v", p)
	}
	// On another ticket too, and without a token it opens none as a customer's.
	second := w.other()
	phone = w.answer(second.notice(ticket.AgentNew, "anna@acme.example"), "#close\nIt is mended.\n")
	phone.from = "anna.arendt@phone.example"
	got := w.send(phone).did(router.Answered).owes("answer paul@customer.example", "agent-answer ben@acme.example", "transcript anna@acme.example")
	if p, ok := got.ticket().Who("anna.arendt@phone.example"); !ok || p.Role != ticket.AgentRole {
		t.Error("her further address is not hidden in what she wrote")
	}
	// Unproved it is nobody's.
	phone.unproved, phone.text = true, phone.text+"\nAgain.\n"
	w.send(phone).held(ticket.HeldUnproved)
}

// A code about an agent's further address is theirs alone to send back: read out
// to a colleague, it makes nobody an agent.
func TestAFurtherAddressIsShownByItsAgentAlone(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	mallory := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Hello\n")
	mallory.from = "mallory@else.example"
	code := w.send(mallory).held(ticket.HeldAlias).notice(ticket.Validation, "anna@acme.example").Code
	read := w.send(w.answer(f.notice(ticket.AgentNew, "ben@acme.example"), "#verify "+code+"\n")).did(router.Acted).notice(ticket.Transcript, "ben@acme.example")
	if result := read.Transcript.Done[0].Result; result != ticket.ResultNotVerified {
		t.Error(result)
	}
	for _, agent := range []ticket.Address{"anna@acme.example", "ben@acme.example"} {
		if p := w.profile(agent); len(p.Others) != 0 {
			t.Errorf("%s has %v", agent, p.Others)
		}
	}
}

// What came with an agent's token may quote what the team wrote for itself: the
// requester reads none of it, whoever accepts it.
func TestAMailWithAnAgentsTokenIsAcceptedAsANote(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	note := w.send(w.answer(f.notice(ticket.AgentNew, "ben@acme.example"), "#note "+canary+"\n")).notice(ticket.AgentNote, "anna@acme.example")
	phone := w.answer(note, "Agreed.\n\n> "+canary+"\n")
	phone.from = "anna.arendt@phone.example"
	held := w.send(phone).held(ticket.HeldAlias).change.Held[0].ID
	accepted := w.send(w.answer(f.notice(ticket.AgentNew, "ben@acme.example"), "#accept "+held+"\n"))
	if result := accepted.notice(ticket.Transcript, "ben@acme.example").Transcript.Done[0].Result; result != ticket.ResultAccepted {
		t.Error(result)
	}
	for _, a := range accepted.change.Tickets[0].Articles {
		if a.Kind == ticket.PublicArticle {
			t.Errorf("the requester may read %q", a.Text)
		}
	}
}
