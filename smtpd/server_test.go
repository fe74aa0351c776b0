package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/foxcpp/go-mockdns"

	"guichet/envelope"
	"guichet/internal/testkit"
)

func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{
			MaxConnections: 5, MaxPerAddress: 2, Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		}, nil)
		first := d.dial(t, "192.0.2.1")
		first.expect("220")
		d.dial(t, "::ffff:192.0.2.1").expect("220")
		d.dial(t, "192.0.2.1").expect("421 4.7.0")
		first.say("QUIT", "221")
		synctest.Wait()
		d.dial(t, "192.0.2.1").expect("220")
		// A host of ours is held only to the limit for all.
		for range 3 {
			d.dial(t, "198.51.100.1").expect("220")
		}
		last := d.dial(t, "192.0.2.2")
		last.expect("421 4.3.2")
		last.expect("")
		if d.tally.get(RefusedAddress) != 1 || d.tally.get(RefusedBusy) != 1 || d.tally.get("connected") != 5 {
			t.Errorf("counted %v", d.tally.counts)
		}
	})
}

// TestConnectionLimitIPv6: a /64 is one host's.
func TestConnectionLimitIPv6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{MaxPerAddress: 2}, nil)
		d.dial(t, "2001:db8::1").expect("220")
		d.dial(t, "2001:db8::2").expect("220")
		d.dial(t, "2001:db8::3").expect("421 4.7.0")
		d.dial(t, "2001:db8:0:1::1").expect("220")
	})
}

// TestLastWord runs over TCP: a client that sends on and on after it was
// refused still reads why.
func TestLastWord(t *testing.T) {
	s := New(Settings{BareNewline: Reject}, Outside{Handler: &house{}, Resolver: &mockdns.Resolver{}, Log: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	said := "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<help@acme.example>\r\nDATA\r\nbare\n" + strings.Repeat("more\r\n", 500_000)
	if _, err := conn.Write([]byte(said)); err != nil {
		t.Error("reset while sending:", err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	heard, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(heard), "550 5.5.2 A line must end in CR LF\r\n") {
		t.Errorf("heard %q, %v", heard, err)
	}
	conn.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-served
}

func TestProxyProtocol(t *testing.T) {
	settings := Settings{
		ProxyProtocol: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Networks:      []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")},
	}
	for _, c := range []struct{ name, peer, first, reply, client string }{
		{"v1", "10.0.0.1", "PROXY TCP4 192.0.2.9 10.0.0.2 4000 25\r\n", "220", "192.0.2.9"},
		{"v1 IPv6", "10.0.0.1", "PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n", "220", "2001:db8::1"},
		{"v2", "10.0.0.1", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x09\x0a\x00\x00\x02\x0f\xa0\x00\x19", "220", "192.0.2.9"},
		{"v2 from the proxy itself", "10.0.0.1", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "220", "10.0.0.1"},
		{"v1 from the proxy itself", "10.0.0.1", "PROXY UNKNOWN\r\n", "220", "10.0.0.1"},
		{"no header", "10.0.0.1", "EHLO client.example\r\nMAIL FROM:<>\r\n", "", ""},
		{"silence", "10.0.0.1", "", "", ""},
		{"not from there", "192.0.2.7", "PROXY TCP4 10.0.0.9 10.0.0.2 4000 25\r\n", "220", "192.0.2.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := openDoor(t, settings, nil)
				client := d.dial(t, c.peer)
				if c.first != "" {
					client.send(c.first)
				}
				client.expect(c.reply)
				if c.reply == "" {
					if d.tally.get(RefusedProxy) != 1 {
						t.Error("not counted")
					}
					return
				}
				if c.name == "not from there" {
					client.expect("500 5.5.2")
				}
				client.say("EHLO client.example", "250")
				client.envelope("customer@example.com", "help@acme.example")
				client.say("DATA", "354")
				client.say("From: customer@example.com\r\n\r\n.", "250")
				if got := d.house.messages()[0].Client.String(); got != c.client {
					t.Errorf("client is %s", got)
				}
			})
		})
	}
}

// TestUpdate: what changes is for those who come later; who is there stays.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{MaxSize: 1000}, nil)
		before := d.dial(t, "192.0.2.1")
		before.greet()
		d.Update(withTLS(Settings{Hostname: "mx.acme.example", MaxSize: 2000, SpoolDir: t.TempDir()}))
		after := d.dial(t, "192.0.2.1")
		after.expect("220")
		if reply := after.say("EHLO client.example", "250"); !strings.Contains(reply, "SIZE 2000") || !strings.Contains(reply, "STARTTLS") {
			t.Errorf("new settings: %s", reply)
		}
		if reply := before.say("EHLO client.example", "250"); !strings.Contains(reply, "SIZE 1000") || strings.Contains(reply, "STARTTLS") {
			t.Errorf("old settings: %s", reply)
		}
		before.say("MAIL FROM:<> SIZE=1500", "552")
		after.say("MAIL FROM:<> SIZE=1500", "250")
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, withTLS(Settings{}), nil)
		idle, secure, busy, chunky := d.dial(t, "192.0.2.1"), d.dial(t, "192.0.2.2"), d.dial(t, "192.0.2.3"), d.dial(t, "192.0.2.4")
		silent := d.dial(t, "192.0.2.5")
		idle.greet()
		secure.greet()
		secure.startTLS()
		busy.greet()
		busy.envelope("customer@example.com", "help@acme.example")
		busy.say("DATA", "354")
		chunky.greet()
		chunky.envelope("customer@example.com", "help@acme.example")
		chunky.say("BDAT 6\r\nx: y", "250")
		silent.expect("220")
		done := make(chan error, 1)
		go func() { done <- d.Shutdown(t.Context()) }()
		synctest.Wait()
		for _, c := range []*caller{idle, secure, silent} {
			c.expect("421 4.3.2")
			c.expect("")
		}
		busy.say("From: customer@example.com\r\n\r\nlast one\r\n.", "250 2.0.0")
		busy.expect("421 4.3.2")
		busy.expect("")
		select {
		case <-done:
			t.Fatal("a message was under way")
		default:
		}
		chunky.say("BDAT 2 LAST\r\n", "250 2.0.0")
		chunky.expect("421 4.3.2")
		if err := <-done; err != nil || len(d.house.messages()) != 2 {
			t.Errorf("%v, %d stored", err, len(d.house.messages()))
		}
		if err := d.Serve(t.Context(), d.listener); err != ErrClosed {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownRunsOut: a Handler that takes too long is called back, its client
// keeps the mail.
func TestShutdownRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{Deliver: time.Hour}, nil)
		d.house.gate = make(chan struct{})
		c := d.dial(t, "192.0.2.1")
		c.greet()
		c.envelope("", "help@acme.example")
		c.say("DATA", "354")
		c.send("x: y\r\n.\r\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := d.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if n, took := len(d.house.messages()), time.Since(start); n != 0 || took != time.Minute {
			t.Errorf("%d stored after %v", n, took)
		}
	})
}

// TestDeliverTimeout: a store that hangs is 451 in time for the client to hear.
func TestDeliverTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, nil)
		d.house.gate = make(chan struct{})
		c := d.dial(t, "192.0.2.1")
		c.greet()
		c.envelope("", "help@acme.example")
		c.say("DATA", "354")
		start := time.Now()
		c.say("x: y\r\n.", "451 4.3.0")
		if took := time.Since(start); took > 9*time.Minute {
			t.Errorf("after %v", took)
		}
	})
}

// TestServeContext: when the context ends so does everything.
func TestServeContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Settings{}, Outside{Handler: &house{}})
		l := testkit.NewPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l) }()
		c := (&door{listener: l}).dial(t, "192.0.2.1")
		c.expect("220")
		cancel()
		c.expect("")
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// stumbling fails to accept a few times, as a process without file
// descriptors does.
type stumbling struct {
	*testkit.Pipes
	falls int
}

func (s *stumbling) Accept() (net.Conn, error) {
	if s.falls--; s.falls >= 0 {
		return nil, errors.New("too many open files")
	}
	return s.Pipes.Accept()
}

func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Settings{}, Outside{Handler: &house{}, Log: slog.New(slog.DiscardHandler)})
		l := testkit.NewPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), &stumbling{l, 10}) }()
		(&door{listener: l}).dial(t, "192.0.2.1").expect("220")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestStartTLSNeverInClear reads all that is on the line after a handshake
// that failed: TLS records, or nothing.
func TestStartTLSNeverInClear(t *testing.T) {
	for _, said := range []string{"MAIL FROM:<customer@example.com>\r\n", "\x16\x03\x01\x00\x02no", ""} {
		synctest.Test(t, func(t *testing.T) {
			d := openDoor(t, withTLS(Settings{}), nil)
			c := d.dial(t, "192.0.2.1")
			c.greet()
			c.say("STARTTLS", "220")
			go func() { _, _ = c.conn.Write([]byte(said)) }()
			rest, err := io.ReadAll(c.conn)
			if len(rest) > 0 && rest[0] != 0x15 {
				t.Errorf("in clear: %q, %v", rest, err)
			}
			synctest.Wait()
			if d.tally.get(RefusedTLS) != 1 {
				t.Errorf("counted %v", d.tally.counts)
			}
		})
	}
}

// TestOldTLSCertificate: a session that is open keeps its certificate, also
// for a STARTTLS that comes later.
func TestOldTLSCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, withTLS(Settings{}), nil)
		c := d.dial(t, "192.0.2.1")
		c.greet()
		d.Update(Settings{TLS: &tls.Config{}})
		c.startTLS()
		c.say("EHLO client.example", "250")
	})
}

func TestAnswer(t *testing.T) {
	refusal := &envelope.Refusal{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "no\nsuch"}
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{refusal, 550, "no such"},
		{errors.Join(errors.New("while"), refusal), 550, "no such"},
		{errors.New(secret), 451, envelope.ErrTryLater.Text},
		{(*envelope.Refusal)(nil), 451, envelope.ErrTryLater.Text},
		{&smtp.SMTPError{Code: 550, Message: secret}, 451, envelope.ErrTryLater.Text},
		{smtp.ErrDataTooLarge, 552, errTooLarge.Text},
		{context.DeadlineExceeded, 451, envelope.ErrTryLater.Text},
	} {
		if got := answer(c.err); got.Code != c.code || got.Message != c.text {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

// TestLargeMessage goes through the spool, is cut and frozen there, and leaves
// nothing behind.
func TestLargeMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, nil)
		c := d.dial(t, "192.0.2.1")
		c.greet()
		c.envelope("", "help@acme.example")
		c.say("DATA", "354")
		body := strings.Repeat("0123456789abcde\r\n", 100_000)
		c.send("X: 1\r\nAuthentication-Results: forged;\r\n\tdkim=pass\r\nFrom: a@example.com\r\n\r\n" + body)
		c.say(".", "250")
		if got, want := string(d.house.messages()[0].Data), "X: 1\r\nFrom: a@example.com\r\n\r\n"+body; got != want {
			t.Errorf("got %d bytes, %.100q", len(got), got)
		}
	})
}
