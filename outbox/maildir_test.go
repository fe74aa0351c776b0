package outbox

import (
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guichet/ticket"
)

func TestMaildirHoldsWhatMailProgramsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outgoing")
	synctest.Test(t, func(t *testing.T) {
		m := newMatter(t)
		m.store.queue(m.notice(ticket.Acknowledgement, 1, 1), m.notice(ticket.AgentNew, 2, 1), m.notice(ticket.AgentNew, 3, 1))
		o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "maildir", Path: dir}}}, m.parts())
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, o)
		time.Sleep(time.Minute)
		stop()
		for _, s := range m.store.outcomes() {
			if s.State != ticket.Delivered {
				t.Errorf("%s is %s: %s", s.id, s.State, s.Error)
			}
		}
	})
	names, _ := filepath.Glob(filepath.Join(dir, "new", "*"))
	if len(names) != 3 {
		t.Fatalf("%d mails in new, want 3", len(names))
	}
	left, _ := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "\r") {
			t.Errorf("%s has CR line ends", name)
		}
		read, err := mail.ReadMessage(strings.NewReader(string(content)))
		if err != nil {
			t.Fatal(err)
		}
		if read.Header.Get("Delivered-To") == "" || !strings.HasPrefix(read.Header.Get("Return-Path"), "<help+") {
			t.Errorf("no trace of the envelope in %v", read.Header)
		}
		if os.Getenv("SHOW") != "" {
			t.Log(string(content))
		}
	}
}
