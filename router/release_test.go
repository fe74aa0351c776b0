package router_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// release files the one mail that f held.
func (w *world) release(f filed) (filed, error) {
	w.t.Helper()
	n := len(w.store.changes)
	open := func(ticket.BlobID) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("kept")), nil }
	_, err := w.router.Release(context.Background(), &f.change.Held[0], open)
	got := filed{w: w}
	if len(w.store.changes) > n {
		got.change = w.store.changes[n]
	}
	return got, err
}

func (w *world) released(f filed) filed {
	w.t.Helper()
	got, err := w.release(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// Somebody whom an agent lets in is copied from then on, and never becomes the
// requester.
func TestReleaseIntoATicket(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	to := w.at(ticket.ReplyToken, f.notice(ticket.Acknowledgement, "marie@customer.example"))
	held := w.send(mail{from: "Paul <paul@customer.example>", to: []string{to}, text: "Subject: x\nMessage-ID: <p@customer.example>\n\nI have the same printer.\n"}).held(ticket.HeldStranger)
	got := w.released(held).owes(toAgents...)
	a, tk := got.article(), got.ticket()
	p, _ := tk.Participant(a.Author)
	if a.Kind != ticket.PublicArticle || p.Role != ticket.Copied || p.Address != "paul@customer.example" || tk.Requester().Address != "marie@customer.example" {
		t.Errorf("%+v by %+v", a, p)
	}
	if len(got.change.Release) != 1 || got.change.Release[0] != held.change.Held[0].ID {
		t.Errorf("releases %v", got.change.Release)
	}
	w.send(mail{from: "paul@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\nIn-Reply-To: <p@customer.example>\n\nAny news?\n"}).did(router.Added)
}

// The same release twice is one.
func TestReleaseTwice(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Confirm = true
	w.reload()
	held := w.send(mail{from: "marie@customer.example", to: []string{"help@acme.example"}, unproved: true, text: "Subject: Printer\n\nIt is broken.\n"}).held(ticket.HeldUnconfirmed)
	got := w.released(held).owes("agent-new anna@acme.example", "agent-new ben@acme.example")
	if tk := got.ticket(); !tk.Unproved || tk.Subject != "Printer" || tk.Requester().Address != "marie@customer.example" {
		t.Errorf("%+v", tk)
	}
	if again, err := w.release(held); err != nil || again.change != nil {
		t.Errorf("the second: %+v, %v", again.change, err)
	}
}

// An agent's held mail, with its notes and quotes, reaches no requester by
// being released: not now, and not in the history of a later answer.
func TestReleaseOfAnAgentsMailIsANote(t *testing.T) {
	for _, former := range []bool{false, true} {
		w := newWorld(t)
		f := w.opened()
		m := w.answer(f.notice(ticket.AgentNew, "anna@acme.example"), "Hi Ben\n#note "+canary+"\n")
		m.unproved = true
		if former {
			w.sites[0].Queues[0].Agents = []ticket.Address{"ben@acme.example"}
			w.reload()
		}
		got := w.released(w.send(m).did(router.HeldBack))
		if a := got.article(); a.Kind != ticket.InternalArticle || a.Author != 2 {
			t.Errorf("former %v: %+v", former, a)
		}
		for _, n := range got.notices() {
			if n.Kind != ticket.AgentNote {
				t.Errorf("former %v: owes %s", former, n.Kind)
			}
		}
		if len(got.ticket().Participants) != 3 {
			t.Errorf("former %v: %+v", former, got.ticket().Participants)
		}
	}
}

func TestReleaseRefuses(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		mail mail
		want error
	}{
		{mail{from: "help@bolt.example", to: []string{"help@acme.example"}, text: "Subject: x\n\nOurs\n"}, router.ErrNoSender},
		{mail{from: "x@customer.example", noAuthor: true, to: []string{"help@acme.example"}, text: "Subject: x\n\nNobody\n"}, router.ErrNoSender},
		{mail{from: "marie@customer.example", to: []string{"postmaster@acme.example"}, text: "Subject: x\n\nAdmin\n"}, router.ErrNoQueue},
	} {
		if got, err := w.release(w.send(c.mail).did(router.HeldBack)); !errors.Is(err, c.want) || got.change != nil {
			t.Errorf("%s: %v", c.mail.text, err)
		}
	}
}
