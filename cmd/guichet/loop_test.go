package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/envelope"
	"guichet/parser"
	"guichet/smtpd"
	"guichet/ticket"
)

// gateway is a whole daemon with a queue that answers.
type gateway struct {
	env      environment
	settings string
	queue    string
	server   string
}

// startGateway runs a daemon until the test ends.
func startGateway(t *testing.T, name, relay, trust string) *gateway {
	return startGatewayAt(t, name, relay, trust, time.Now)
}

// startGatewayAt is startGateway with a clock.
func startGatewayAt(t *testing.T, name, relay, trust string, now func() time.Time) *gateway {
	t.Helper()
	dir := t.TempDir()
	g := &gateway{settings: filepath.Join(dir, "guichet.yaml"), queue: "help@" + name + ".example"}
	settings := fmt.Sprintf(`
hostname: mx.%[1]s.example
data: %[2]s
smtp: {listen: ["127.0.0.1:0"]}
trust: {networks: [%[4]s]}
outgoing: {via: "smtp://%[3]s?tls=none"}
sites:
  - name: %[1]s
    prefix: %[5]s
    digest: ""
    queues: [{name: help, title: Support of %[1]s, address: help@%[1]s.example, agents: [agent@staff.example]}]
`, name, dir, relay, trust, strings.ToUpper(name))
	if err := os.WriteFile(g.settings, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	told, tell := io.Pipe()
	g.env = environment{
		Stdin: strings.NewReader(""), Stdout: tell, Stderr: io.Discard, Now: now, Dir: dir,
		Getenv: func(string) (string, bool) { return "", false }, Resolver: &mockdns.Resolver{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "-c", g.settings}, g.env)
		_ = tell.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("%s ended with %d", name, code)
		}
	})
	lines := bufio.NewScanner(told)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "SMTP on "); ok {
			g.server = address
		}
		if strings.HasPrefix(lines.Text(), "  sends ") {
			go func() { _, _ = io.Copy(io.Discard, told) }()
			return g
		}
	}
	t.Fatalf("%s did not start", name)
	return nil
}

// owes reports whether a mail of the gateway's is about to leave.
func (g *gateway) owes(t *testing.T) bool {
	t.Helper()
	var out bytes.Buffer
	env := g.env
	env.Stdout, env.Stderr = &out, &out
	if code := run(context.Background(), []string{"outbox", "--json", "-c", g.settings}, env); code != exitDone {
		t.Fatalf("guichet outbox ended with %d: %s", code, out.String())
	}
	return owes(out.Bytes())
}

// stripper passes mail between two gateways, and takes away whatever could tell
// them what it is: all fields but From, To and Subject, and the sender of the
// envelope.
type stripper struct {
	mu       sync.Mutex
	gateways map[ticket.Address]*gateway // by queue
	passed   int
}

func (s *stripper) Recipient(_ context.Context, a ticket.Address) (envelope.Recipient, error) {
	return envelope.Recipient{Address: a}, nil
}

func (s *stripper) Deliver(ctx context.Context, e *envelope.Envelope) error {
	m := parser.Parse(e.Data)
	to := e.Recipients[0].Address
	s.mu.Lock()
	g := s.gateways[to]
	if g != nil {
		s.passed++
	}
	n := s.passed
	s.mu.Unlock()
	if g == nil {
		return nil // to an agent
	}
	text := strings.ReplaceAll(m.Text, "\n", "\r\n")
	bare := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\nPassed on as number %d\r\n", m.From.Address, to, m.Subject, text, n)
	return submit(ctx, g.server, m.From.Address, []string{string(to)}, []byte(bare))
}

func (s *stripper) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed
}

// TestThreatLoop has two gateways answer each other through a relay that takes
// all headers away: of n mails that one of them gets, it answers about log₂ n,
// and both fall silent.
func TestThreatLoop(t *testing.T) {
	for trust, networks := range map[string]string{"unproved": "", "proved": "127.0.0.0/8"} {
		t.Run(trust, func(t *testing.T) {
			relay := &stripper{gateways: map[ticket.Address]*gateway{}}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			door := smtpd.New(smtpd.Settings{Hostname: "relay.example"}, smtpd.Outside{
				Handler: relay, Log: slog.New(slog.DiscardHandler), Resolver: &mockdns.Resolver{}})
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			go func() { _ = door.Serve(ctx, l) }()
			one := startGateway(t, "one", l.Addr().String(), networks)
			two := startGateway(t, "two", l.Addr().String(), networks)
			relay.mu.Lock()
			for _, g := range []*gateway{one, two} {
				relay.gateways[ticket.Address(g.queue)] = g
			}
			relay.mu.Unlock()

			const sparks = 64
			for i := range sparks {
				text := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: Spark %d\r\n\r\nThis is the mail that begins it, number %d.\r\n", two.queue, one.queue, i, i)
				if err := submit(ctx, one.server, two.queue, []string{one.queue}, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			for deadline := time.Now().Add(patience); ; {
				before := relay.count()
				if !one.owes(t) && !two.owes(t) && relay.count() == before {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("they still talk after %d mails", relay.count())
				}
			}
			passed := relay.count()
			if most := 2 * bits.Len(sparks); passed == 0 || passed > most {
				t.Errorf("of %d mails came %d, and may come 1 to %d", sparks, passed, most)
			}
		})
	}
}
