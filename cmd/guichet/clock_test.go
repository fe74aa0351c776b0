package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/internal/testkit"
)

// jumping is a clock that is put forward and back.
type jumping struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *jumping) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *jumping) off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead != 0
}

func (c *jumping) set(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

// TestTheClockJumps: whatever the clock does between mails and their repeats,
// each is one ticket, and each notice leaves once. One that was due by a clock
// that is then put back waits until it is due again.
func TestTheClockJumps(t *testing.T) {
	relay := testkit.NewRelay(t)
	host, port := relay.Listen(t)
	clock := &jumping{}
	g := startGatewayAt(t, "one", host+":"+port, "127.0.0.0/8", clock.now)
	jumps := []time.Duration{0, time.Hour, -2 * time.Hour, 3 * 24 * time.Hour, 0, -time.Minute, time.Minute, 5 * time.Second, -5 * time.Second, 4 * 24 * time.Hour}
	for i, ahead := range jumps {
		clock.set(ahead)
		for n := range i + 1 { // the newest, and all before it once more
			from := fmt.Sprintf("visitor-%d@c%d.example", n, n)
			mail := fmt.Sprintf("From: %s\r\nTo: %s\r\nMessage-ID: <%d@c.example>\r\nSubject: Matter %d\r\n\r\nThis is number %d.\r\n", from, g.queue, n, n, n)
			if err := submit(t.Context(), g.server, from, []string{g.queue}, []byte(mail)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The last jump leads to where all is due, and its mail woke the workers.
	for deadline := time.Now().Add(patience); g.owes(t); {
		if time.Now().After(deadline) {
			t.Fatal("mails are still owed")
		}
	}
	var out bytes.Buffer
	env := g.env
	env.Stdout, env.Stderr = &out, &out
	if code := run(context.Background(), []string{"tickets", "--json", "-c", g.settings}, env); code != exitDone {
		t.Fatal(out.String())
	}
	if n := strings.Count(out.String(), "\n"); n != len(jumps) {
		t.Errorf("%d mails made %d tickets:\n%s", len(jumps), n, out.String())
	}
	times := map[string]int{}
	for _, m := range relay.Mails() {
		times[m.To]++
	}
	for n := range jumps {
		to := fmt.Sprintf("visitor-%d@c%d.example", n, n)
		if times[to] != 1 {
			t.Errorf("%s was answered %d times", to, times[to])
		}
	}
	if n := times["agent@staff.example"]; n != len(jumps) {
		t.Errorf("the agent was told of %d mails", n)
	}
}
