package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"guichet/store"
	"guichet/store/engine/bolt"
	"guichet/ticket"
)

func TestToolUsesTheStoreOfARunningDaemon(t *testing.T) {
	daemon := embedded(t)
	c, made := daemon.opening("Cold heating")
	daemon.commit(c)
	<-daemon.NoticesDue()
	tool := attach(t, daemon.serveTools(t))
	if got := tool.ticket(made.ID); got.Subject != "Cold heating" {
		t.Errorf("the tool reads %+v", got)
	}
	if err := tool.Redirect(ctx, "acme", c.Tickets[0].Notices[0].ID, ticket.Queued); err != nil {
		t.Fatal(err)
	}
	select {
	case <-daemon.NoticesDue():
	case <-time.After(time.Minute):
		t.Error("the tool's commit woke none of the daemon's workers")
	}
}

// On Redis a tool's commits pass by the daemon, which is told of them.
func TestAToolWakesTheDaemonBesideIt(t *testing.T) {
	daemon := onRedis(t)
	c, _ := daemon.opening("Cold heating")
	daemon.commit(c)
	<-daemon.NoticesDue()
	tool := attach(t, daemon.serveTools(t))
	if err := tool.Redirect(ctx, "acme", c.Tickets[0].Notices[0].ID, ticket.Queued); err != nil {
		t.Fatal(err)
	}
	if err := tool.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-daemon.NoticesDue():
	case <-time.After(time.Minute):
		t.Error("the tool's commit woke none of the daemon's workers")
	}
}

// serveTools lets tools reach the store until the test is over, and gives what
// they open it with.
func (w *world) serveTools(t *testing.T) store.Options {
	t.Helper()
	serving, stop := context.WithCancel(ctx)
	done := make(chan error)
	serve, err := w.ListenControl()
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- serve(serving) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	opt := w.opt
	opt.Attach = true
	return opt
}

// attach opens a store as soon as the daemon listens.
func attach(t *testing.T, opt store.Options) *world {
	t.Helper()
	for {
		s, err := store.Open(ctx, opt)
		if errors.Is(err, bolt.ErrLocked) && t.Context().Err() == nil {
			continue // it has the lock and does not listen yet
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return &world{TB: t, Store: s, opt: opt, now: opt.Now}
	}
}

func TestToolOpensTheStoreItselfWhenNoDaemonRuns(t *testing.T) {
	w := embedded(t)
	made := w.open("Cold heating")
	w.opt.Attach = true
	if got := w.again().ticket(made.ID); got.Subject != "Cold heating" {
		t.Errorf("the tool reads %+v", got)
	}
}
