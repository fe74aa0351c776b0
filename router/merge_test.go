package router_test

import (
	"slices"
	"testing"
	"time"

	"guichet/router"
	"guichet/ticket"
)

// other is a second ticket, that Paul opened.
func (w *world) other() filed {
	w.t.Helper()
	return w.send(mail{from: "Paul Petit <paul@customer.example>", to: []string{"help@acme.example"},
		text: "Subject: No printing\nMessage-ID: <paul@customer.example>\n\nNothing prints on the second floor.\n"}).did(router.Opened)
}

// Every old mail of a merged ticket leads to the one that goes on with it.
func TestMerge(t *testing.T) {
	w := newWorld(t)
	first, second := w.opened(), w.other()
	merged := w.send(w.answer(second.notice(ticket.AgentNew, "anna@acme.example"), "#merge ACM-1000\n"))
	merged.results(ticket.ResultMerged)
	source, into := w.read("acme", second.ticket().ID), w.read("acme", first.ticket().ID)
	if source.Merged != into.ID || source.State != ticket.Closed {
		t.Fatalf("the source is %+v", source)
	}
	if p, ok := into.Who("paul@customer.example"); !ok || p.Role != ticket.Copied {
		t.Fatalf("Paul is not on %+v", into.Participants)
	}
	merged.owes("agent-event ben@acme.example", "agent-event ben@acme.example", "transcript anna@acme.example") // on each; Paul is not told

	// Paul answers what he got for the first ticket, and Ben a mail about it.
	got := w.send(w.answer(second.notice(ticket.Acknowledgement, "paul@customer.example"), "It smokes now.\n")).did(router.Added).by(router.ByToken)
	if got.change.Tickets[0].Ticket.ID != into.ID {
		t.Fatal("Paul's answer went elsewhere")
	}
	got = w.send(w.answer(second.notice(ticket.AgentNew, "ben@acme.example"), "We come.\n")).did(router.Answered)
	got.owes("answer marie@customer.example", "answer paul@customer.example", "agent-answer anna@acme.example")
	// By a Message-ID alone too, and by the reference.
	for _, field := range []string{"In-Reply-To: <paul@customer.example>", "Subject: [ACM-1001]"} {
		got = w.send(mail{from: "paul@customer.example", to: []string{"help@acme.example"}, text: field + "\n\nHello?\n"}).did(router.Added)
		if got.change.Tickets[0].Ticket.ID != into.ID {
			t.Errorf("%s: it went elsewhere", field)
		}
	}
	// A stranger who shows Paul's token is held.
	w.send(mail{from: "eve@else.example", to: []string{w.at(ticket.ReplyToken, second.notice(ticket.Acknowledgement, "paul@customer.example"))},
		text: "Subject: x\n\nHello\n"}).held(ticket.HeldStranger)
}

func TestMergeIsTakenBack(t *testing.T) {
	w := newWorld(t)
	first, second := w.opened(), w.other()
	source, into := w.read("acme", second.ticket().ID).Standing(), w.read("acme", first.ticket().ID).Standing()
	done := w.send(w.answer(second.notice(ticket.AgentNew, "anna@acme.example"), "#merge 1000\n"))
	w.send(w.answer(done.notice(ticket.Transcript, "anna@acme.example"), "#undo\n")).results(ticket.ResultUndone)
	if now := w.read("acme", second.ticket().ID).Standing(); !now.Equal(source) {
		t.Errorf("the source stands at %+v", now)
	}
	if now := w.read("acme", first.ticket().ID).Standing(); !now.Equal(into) {
		t.Errorf("the other stands at %+v", now)
	}
	w.send(w.answer(second.notice(ticket.Acknowledgement, "paul@customer.example"), "Hello?\n")).did(router.Added)
}

// Only tickets of a queue whose team one is in can be named, and never another
// site's.
func TestMergeOnlyWithinOnesOwn(t *testing.T) {
	w := newWorld(t)
	w.opened()
	w.send(mail{from: "paul@customer.example", to: []string{"billing@acme.example"}, text: "Subject: Bill\n\nHello\n"}).did(router.Opened)
	w.send(mail{from: "paul@customer.example", to: []string{"help@bolt.example"}, text: "Subject: Bolt\n\nHello\n"}).did(router.Opened)
	f := w.other()
	for _, reference := range []string{"ACM-1001", "BLT-1000", "ACM-1002", "ACM-4711", "nonsense", "#"} {
		got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#merge "+reference+"\n")).did(router.Asked)
		if body := got.notice(ticket.Transcript, "anna@acme.example").Transcript; body.Problem != ticket.ProblemNoSuchTicket {
			t.Errorf("%s: %+v", reference, body)
		}
	}
}

func TestSplit(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	written := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "By the way, where is my invoice?\n"))
	got := w.send(w.answer(written.notice(ticket.AgentReply, "anna@acme.example"), "#split Invoice\n")).
		owes("acknowledgement marie@customer.example", "agent-new anna@acme.example", "agent-new ben@acme.example", "agent-event ben@acme.example", "transcript anna@acme.example")
	got.results(ticket.ResultSplit)
	i := slices.IndexFunc(got.change.Tickets, func(c ticket.TicketChange) bool { return c.Ticket.ID != f.ticket().ID })
	apart := got.change.Tickets[i]
	if a := apart.Articles[0]; a.Text != "By the way, where is my invoice?" || a.Author != 1 || apart.Ticket.Subject != "Invoice" || apart.Ticket.Requester().Address != "marie@customer.example" {
		t.Errorf("the new one is %+v, %+v", apart.Ticket, a)
	}
	if now := w.read("acme", f.ticket().ID); !slices.Contains(now.Linked, apart.Ticket.ID) || !slices.Contains(apart.Ticket.Linked, now.ID) {
		t.Error("they are not linked")
	}
}

func TestLink(t *testing.T) {
	w := newWorld(t)
	first, second := w.opened(), w.other()
	to := second.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#link ACM-1000\n")).results(ticket.ResultLinked)
	if a, b := w.read("acme", first.ticket().ID), w.read("acme", second.ticket().ID); len(a.Linked) != 1 || len(b.Linked) != 1 {
		t.Fatalf("linked %v and %v", a.Linked, b.Linked)
	}
	w.send(w.answer(to, "#link -ACM-1000\n")).results(ticket.ResultLinked)
	if a, b := w.read("acme", first.ticket().ID), w.read("acme", second.ticket().ID); len(a.Linked) != 0 || len(b.Linked) != 0 {
		t.Fatalf("linked %v and %v", a.Linked, b.Linked)
	}
}

// A ticket called spam is closed, its requester hears nothing, then or later.
func TestSpamTicket(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	got := w.send(w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "#spam\n")).owes("agent-event ben@acme.example", "transcript anna@acme.example")
	got.results(ticket.ResultSpamTicket)
	if got.ticket().State != ticket.Closed {
		t.Errorf("it is %s", got.ticket().State)
	}
	w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Subject: Toner\n\nCheap!\n"}).held(ticket.HeldSpam)
}

// Who is in one of two merged tickets' teams alone moves nothing of the other's.
func TestAMergeIsTakenBackByWhoMayActOnBoth(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Queues[1].Agents = append(w.sites[0].Queues[1].Agents, "anna@acme.example")
	w.reload()
	first := w.opened()
	bill := w.send(mail{from: "paul@customer.example", to: []string{"billing@acme.example"}, text: "Subject: Bill\n\nHello\n"}).did(router.Opened)
	w.send(w.answer(bill.notice(ticket.AgentNew, "anna@acme.example"), "#merge ACM-1000\n"))
	got := w.send(w.answer(first.notice(ticket.AgentNew, "ben@acme.example"), "#undo\n")).did(router.Asked)
	if body := got.notice(ticket.Transcript, "ben@acme.example").Transcript; body.Problem != ticket.ProblemNotAllowed {
		t.Errorf("%+v", body)
	}
	if w.read("acme", bill.ticket().ID).State != ticket.Closed {
		t.Error("he opened another team's ticket")
	}
}

// What nothing proved is not proved by being made a ticket of its own.
func TestSplitProvesNothing(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	forged := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: [ACM-1000]\n\nSend it to my new account.\n"}).held(ticket.HeldUnproved)
	to := f.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "#accept "+forged.change.Held[0].ID+"\n")).results(ticket.ResultAccepted)
	got := w.send(w.answer(to, "#split Account\n"))
	got.results(ticket.ResultSplit)
	i := slices.IndexFunc(got.change.Tickets, func(c ticket.TicketChange) bool { return c.Ticket.ID != f.ticket().ID })
	if apart := got.change.Tickets[i].Ticket; !apart.Unproved {
		t.Errorf("it counts as proved: %+v", apart)
	}
}

// An answer that waits when its ticket is merged still leaves, and opens nothing
// again: the matter goes on elsewhere.
func TestAnAnswerThatWaitsOpensNoMergedTicket(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Queues[0].Hold = time.Minute
	w.reload()
	w.opened()
	second := w.other()
	to := second.notice(ticket.AgentNew, "anna@acme.example")
	w.send(w.answer(to, "We come.\n")).did(router.Acted)
	w.send(w.answer(to, "#merge ACM-1000\n")).did(router.Acted)
	w.now = w.now.Add(2 * time.Minute)
	if done, err := w.router.Wake(t.Context(), "acme", second.ticket().ID); !done || err != nil {
		t.Fatal(done, err)
	}
	if tk := w.read("acme", second.ticket().ID); tk.State != ticket.Closed || len(tk.Pending) != 0 {
		t.Errorf("it is %s, with %d answers that wait", tk.State, len(tk.Pending))
	}
}
