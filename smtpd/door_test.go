package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"guichet/envelope"
	"guichet/internal/testkit"
	"guichet/smtpd/proof"
	"guichet/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// today is when everything here happens.
var today = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// secret stands in every error of ours that no client may read.
const secret = "dial tcp 10.1.2.3:6379: connection refused"

// house is the Handler of these tests. What it does depends on the local part.
type house struct {
	mu     sync.Mutex
	stored []envelope.Envelope // with copies of their bytes
	gate   chan struct{}       // Deliver waits for it, if there is one
}

var recipientErrors = map[string]error{
	"nobody":  envelope.ErrNoSuchRecipient,
	"wrapped": fmt.Errorf("looking up: %w", envelope.ErrNoSuchRecipient),
	"broken":  errors.New(secret),
	"twoline": &envelope.Refusal{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "No\r\n250 yes"},
	"absurd":  &envelope.Refusal{Code: 250, Text: "a refusal that is none"},
}

var deliverErrors = map[string]error{
	"fail":   errors.New(secret),
	"full":   fmt.Errorf("writing %s: %w", secret, unix.ENOSPC),
	"refuse": fmt.Errorf("deciding: %w", &envelope.Refusal{Code: 554, Enhanced: [3]int{5, 7, 1}, Text: "Not wanted"}),
}

func (h *house) Recipient(_ context.Context, address ticket.Address) (envelope.Recipient, error) {
	if address.Local() == "panics" {
		panic(secret)
	}
	return envelope.Recipient{Address: address, Alias: address.Local() == "old"}, recipientErrors[address.Local()]
}

func (h *house) Deliver(ctx context.Context, e *envelope.Envelope) error {
	if h.gate != nil {
		select {
		case <-h.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, r := range e.Recipients {
		if r.Address.Local() == "panic" {
			panic(secret)
		}
		if err := deliverErrors[r.Address.Local()]; err != nil {
			return err
		}
	}
	kept := *e
	kept.Data, kept.Trace = bytes.Clone(e.Data), bytes.Clone(e.Trace)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored = append(h.stored, kept)
	return nil
}

func (h *house) messages() []envelope.Envelope {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.stored)
}

// tally is Metrics that remembers.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *tally) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[name] += n
}

func (c *tally) get(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[name]
}

func (c *tally) Connected(change int)                        { c.add("connected", change) }
func (c *tally) Refused(reason string)                       { c.add(reason, 1) }
func (c *tally) Failed(check string)                         { c.add("failed "+check, 1) }
func (c *tally) Accepted(ticket.Evidence, int64)             { c.add("accepted", 1) }
func (c *tally) Transaction(outcome string, _ time.Duration) { c.add("transaction "+outcome, 1) }
func (c *tally) Stage(name string, _ time.Duration)          { c.add("stage "+name, 1) }

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// door is a running Server that is reached through memory.
type door struct {
	*Server
	house    *house
	tally    *tally
	log      *lockedBuffer
	listener *testkit.Pipes
	served   chan error
}

func openDoor(t testing.TB, settings Settings, resolver proof.Resolver) *door {
	t.Helper()
	if resolver == nil {
		resolver = &mockdns.Resolver{}
	}
	or(&settings.Hostname, "mx.acme.example")
	or(&settings.SpoolDir, t.TempDir())
	d := &door{
		house: &house{}, tally: &tally{}, log: &lockedBuffer{},
		listener: testkit.NewPipes(), served: make(chan error, 1),
	}
	d.Server = New(settings, Outside{
		Handler: d.house, Resolver: resolver, Metrics: d.tally, Now: func() time.Time { return today },
		Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	go func() { d.served <- d.Serve(context.Background(), d.listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = d.Shutdown(ctx)
		if err := <-d.served; err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return d
}

// from is a connection with a remote address of one's choice.
type from struct {
	net.Conn
	remote net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.remote }

// caller is the other side. It hears in the background, so that neither side
// of the pipe ever waits for the other to listen.
type caller struct {
	t     testing.TB
	conn  net.Conn
	lines chan string
	ahead string // a line that was taken already
}

func (d *door) dial(t testing.TB, address string) *caller {
	t.Helper()
	ours, theirs := net.Pipe()
	remote := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 40000))
	if err := d.listener.Give(t.Context(), from{theirs, remote}); err != nil {
		t.Fatal(err)
	}
	c := &caller{t: t, conn: ours}
	c.listen()
	t.Cleanup(func() { ours.Close() })
	return c
}

func (c *caller) listen() {
	lines, conn := make(chan string, 1000), c.conn
	c.lines = lines
	go func() {
		defer close(lines)
		for r := bufio.NewReader(conn); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- line
			if strings.HasPrefix(line, "220 2.0.0") {
				return // what follows is TLS
			}
		}
	}()
}

func (c *caller) send(s string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(s)); err != nil {
		c.t.Logf("sending %.60q: %v", s, err)
	}
}

// hear gives the next reply, all of its lines; "" when the connection ended.
func (c *caller) hear() string {
	var reply strings.Builder
	for {
		line, ok := c.ahead, true
		if c.ahead = ""; line == "" {
			line, ok = <-c.lines
		}
		if !ok {
			break
		}
		reply.WriteString(line)
		if !strings.HasSuffix(line, "\r\n") || len(line) < 6 {
			c.t.Errorf("malformed reply line %q", line)
		}
		if line[3] == ' ' {
			break
		}
	}
	return strings.ReplaceAll(reply.String(), "\r\n", "\n")
}

// expect hears a reply and checks how its last line begins.
func (c *caller) expect(want string) string {
	c.t.Helper()
	reply := c.hear()
	lines := strings.Split(strings.TrimSuffix(reply, "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, want) || want == "" && last != "" {
		c.t.Fatalf("heard %q, want %q", reply, want)
	}
	return reply
}

func (c *caller) say(line, want string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.expect(want)
}

// greet says what every session begins with.
func (c *caller) greet() {
	c.t.Helper()
	c.expect("220 mx.acme.example")
	c.say("EHLO client.example", "250 ")
}

// envelope opens a message up to DATA.
func (c *caller) envelope(sender, recipient string) {
	c.t.Helper()
	c.say("MAIL FROM:<"+sender+">", "250 2.0.0")
	c.say("RCPT TO:<"+recipient+">", "250 2.0.0")
}

func (c *caller) startTLS() {
	c.t.Helper()
	c.say("STARTTLS", "220 2.0.0")
	secured := tls.Client(c.conn, &tls.Config{ServerName: "mx.acme.example", InsecureSkipVerify: true})
	if err := secured.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn = secured
	c.listen()
}

// certificate is made once; making keys takes long under -race.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.acme.example"}, DNSNames: []string{"mx.acme.example"},
		NotBefore: today.AddDate(-30, 0, 0), NotAfter: today.AddDate(30, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func withTLS(settings Settings) Settings {
	settings.TLS = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	return settings
}
