package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/envelope"
	"guichet/ticket"
)

// mail sends one message through a session and expects how it is answered.
func (c *caller) mail(sender, message, want string) {
	c.t.Helper()
	c.envelope(sender, "help@acme.example")
	c.say("DATA", "354")
	c.say(message+".", want)
}

// TestProofInSession: what the door found out stands in the envelope, in our
// own field, and nowhere else.
func TestProofInSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, &mockdns.Resolver{Zones: map[string]mockdns.Zone{
			"example.com.": {TXT: []string{"v=spf1 ip4:192.0.2.7 -all"}},
		}})
		c := d.dial(t, "192.0.2.7")
		c.greet()
		c.mail("lea@example.com", "Authentication-Results: mx.acme.example; dkim=pass header.d=bank.example\r\nFrom: Lea <lea@example.com>\r\n\r\n", "250")
		e := d.house.messages()[0]
		if e.Evidence.Proof != ticket.ProofDomain || e.Evidence.Method != ticket.BySPF || e.Evidence.From != "lea@example.com" {
			t.Errorf("got %+v", e.Evidence)
		}
		if !strings.HasSuffix(string(e.Trace), "Authentication-Results: mx.acme.example;\r\n\tspf=pass smtp.mailfrom=example.com;\r\n\tdkim=none;\r\n\tdmarc=none header.from=example.com\r\n") {
			t.Errorf("trace: %s", e.Trace)
		}
		if strings.Contains(string(e.Data), "bank.example") || !e.Received.Equal(today) || e.Helo != "client.example" || e.Client.String() != "192.0.2.7" {
			t.Errorf("got %+v", e)
		}
		if log := d.log.String(); !strings.Contains(log, "proof=domain method=spf") || strings.Contains(log, "lea@") {
			t.Errorf("log: %s", log)
		}
	})
}

// TestDNSFault: a look-up that fails makes a mail wait, but not for ever, and
// not where it does not matter.
func TestDNSFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := today
		d := openDoor(t, Settings{}, &mockdns.Resolver{Zones: map[string]mockdns.Zone{
			"example.com.": {Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}},
		}})
		d.outside.Now = func() time.Time { return now }
		c := d.dial(t, "192.0.2.7")
		c.greet()
		const message = "Message-ID: <1@example.com>\r\nFrom: lea@example.com\r\n\r\nhello\r\n"
		c.mail("lea@example.com", message, "451 4.4.3")
		c.mail("lea@example.com", strings.Replace(message, "lea@", "lea@sub.", 1), "451 4.4.3")
		c.mail("lea@example.com", strings.Replace(message, "lea@", "lea@not-", 1), "250")
		now = now.Add(4*time.Hour - time.Second)
		c.mail("lea@example.com", message, "451 4.4.3")
		now = now.Add(time.Second)
		c.mail("lea@example.com", message, "250")
		if all := d.house.messages(); len(all) != 2 || all[1].Evidence.Proof != ticket.ProofNone {
			t.Errorf("got %+v", all)
		}
		if d.tally.get(RefusedDNS) != 3 {
			t.Errorf("counted %v", d.tally.counts)
		}
	})
}

// TestAnswerAtOnce: the 250 of a message does not wait for the next one, which
// the client sent along.
func TestAnswerAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, nil)
		d.house.gate = make(chan struct{}, 1)
		d.house.gate <- struct{}{}
		c := d.dial(t, "192.0.2.7")
		c.greet()
		const message = "MAIL FROM:<>\r\nRCPT TO:<help@acme.example>\r\nBDAT 6 LAST\r\nx: y\r\n"
		c.send(message + message)
		synctest.Wait()
		if heard := len(c.lines); heard != 3 {
			t.Errorf("%d replies", heard)
		}
		d.house.gate <- struct{}{}
		synctest.Wait()
		if heard := len(c.lines); heard != 6 {
			t.Errorf("%d replies", heard)
		}
	})
}

func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, nil)
		c := d.dial(t, "192.0.2.7")
		c.greet()
		c.mail("", strings.Repeat("Received: x\r\n", maxHops)+"\r\n", "250")
		c.mail("", strings.Repeat("Received: x\r\n", maxHops+1)+"\r\n", "554 5.4.6")
	})
}

// TestHostToken: a greeting becomes no header of its own.
func TestHostToken(t *testing.T) {
	for helo, want := range map[string]string{
		"client.example":             "client.example",
		"[IPv6:2001:db8::1]":         "[IPv6:2001:db8::1]",
		"x (y [192.0.2.7])\r\nz: \"": "x??y??192.0.2.7????z???",
		"é\xff":                      "??",
		strings.Repeat("x", 999):     strings.Repeat("x", 255),
	} {
		if got := hostToken(helo); got != want {
			t.Errorf("%q: %q", helo, got)
		}
	}
}

// scripted is a client that says all it has to say without ever listening.
type scripted struct {
	io.Reader
	said bytes.Buffer
	once sync.Once
	done chan struct{}
}

func newScripted(r io.Reader) *scripted { return &scripted{Reader: r, done: make(chan struct{})} }

func (s *scripted) Write(p []byte) (int, error)      { return s.said.Write(p) }
func (s *scripted) Close() error                     { s.once.Do(func() { close(s.done) }); return nil }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4000} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// stingy gives at most n bytes at a time.
type stingy struct {
	io.Reader
	n int
}

func (s stingy) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), s.n)]) }

// messageEnd is what may end a message, at the latest: the dot stands in a line
// of its own after CRLF or after DATA itself, or the length was said before.
var messageEnd = regexp.MustCompile(`(?i)(\r\n|data *\r?\n)\.\r\n|bdat [0-9]+ +last`)

var replyLine = regexp.MustCompile(`^[2-5][0-9][0-9][ -][^\r\n]*\r\n$`)

// FuzzSession: whatever a client says, the session ends when it does, every
// line that it hears is a reply, and nothing is stored but messages that were
// ended: by CR LF dot CR LF, or by BDAT … LAST.
func FuzzSession(f *testing.F) {
	const begin = "EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<help@acme.example>\r\n"
	for _, end := range []string{"DATA\r\nx: y\r\n\r\nbody\r\n.\r\nQUIT\r\n", "DATA\r\nx\n.\nMAIL FROM:<>\r\n", "DATA\r\nx\r\r\n.\r\n",
		"BDAT 5\r\na: b\nBDAT 0 LAST\r\n", "BDAT 50 LAST\r\na: b", "BDAT 4\r\na\r\nbRSET\r\n" + begin + "DATA\r\n.\r\n", "STARTTLS\r\n\x16\x03\x01", "NOOP\r\n\x00\r\n", "DATA\r\n.\r\n" + begin + "DATA\r\nx"} {
		f.Add([]byte(begin+end), byte(0), false)
		f.Add([]byte(begin+end), byte(1), true)
	}
	certificate()
	f.Fuzz(func(t *testing.T, said []byte, piece byte, reject bool) {
		h := &house{}
		settings := withTLS(Settings{Hostname: "mx", MaxSize: 10_000, SpoolDir: t.TempDir()})
		if reject {
			settings.BareNewline = Reject
		}
		s := New(settings, Outside{Handler: h, Resolver: &mockdns.Resolver{}, Log: slog.New(slog.DiscardHandler)})
		client := newScripted(stingy{bytes.NewReader(said), int(piece)*16 + 1})
		s.accept(client)
		<-client.done
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		inTLS := false
		for line := range strings.Lines(client.said.String()) {
			if !inTLS && !replyLine.MatchString(line) {
				t.Errorf("reply %q", line)
			}
			inTLS = inTLS || strings.HasPrefix(line, "220 2.0.0")
		}
		if n, ends := len(h.stored), len(messageEnd.FindAll(said, -1)); n > ends {
			t.Errorf("%d stored, %d ended", n, ends)
		}
		for _, e := range h.stored {
			if bytes.ContainsAny(bytes.ReplaceAll(e.Data, []byte("\r\n"), nil), "\r\n") || len(e.Data) > 10_000 || len(e.Recipients) == 0 {
				t.Errorf("stored %q for %v", e.Data, e.Recipients)
			}
		}
	})
}

// silentHouse takes everything and keeps nothing.
type silentHouse struct{ house }

func (*silentHouse) Deliver(context.Context, *envelope.Envelope) error { return nil }

func BenchmarkSession(b *testing.B) {
	for _, size := range []int{2_000, 50_000, 5_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := New(Settings{Hostname: "mx", SpoolDir: b.TempDir()}, Outside{Handler: &silentHouse{}, Resolver: &mockdns.Resolver{}, Log: slog.New(slog.DiscardHandler)})
			line := strings.Repeat("0123456789", 7) + "\r\n"
			script := "EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<help@acme.example>\r\nDATA\r\nFrom: a@example.com\r\n\r\n" +
				strings.Repeat(line, size/len(line)) + ".\r\nQUIT\r\n"
			b.SetBytes(int64(len(script)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					client := newScripted(strings.NewReader(script))
					s.accept(client)
					<-client.done
					if !strings.Contains(client.said.String(), "queued") {
						b.Fatal(client.said.String())
					}
				}
			})
		})
	}
}
