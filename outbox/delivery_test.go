package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guichet/internal/testkit"
	"guichet/ticket"
)

// office is an outbox with a relay to send to, within a bubble.
type office struct {
	*matter
	relay    *testkit.Relay
	settings Settings
	parts    Parts
	outbox   *Outbox
}

// inBubble runs a test where time is the test's own.
func inBubble(t *testing.T, test func(*testing.T, *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMatter(t)
		o := &office{matter: m, relay: testkit.NewRelay(t), parts: m.parts()}
		o.parts.Dial = o.relay.Dial
		o.settings = Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "smtp", Host: "relay.test", Port: "25", TLS: "opportunistic"}}}
		time.Sleep(time.Until(opened.Add(time.Hour)))
		test(t, o)
	})
}

// runFor runs the outbox for so long.
func (o *office) runFor(t *testing.T, d time.Duration) {
	t.Helper()
	stop := o.start(t)
	time.Sleep(d)
	stop()
}

func (o *office) start(t *testing.T) (stop func()) {
	t.Helper()
	var err error
	if o.outbox == nil {
		if o.outbox, err = New(o.settings, o.parts); err != nil {
			t.Fatal(err)
		}
	}
	return run(t, o.outbox)
}

// states are the outcomes in order, "delivered" or "queued: reason".
func (o *office) states() string {
	var all []string
	for _, s := range o.store.outcomes() {
		text := string(s.State)
		if s.Error != "" {
			text += ": " + s.Error
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func (o *office) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := o.states(); got != strings.Join(want, "\n") {
		t.Errorf("outcomes:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestARelayIsGivenEachMailInItsOwnEnvelope(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.settings.Outgoing.Concurrency = 1
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1), o.notice(ticket.AgentNew, 2, 1), o.notice(ticket.AgentNew, 3, 1))
		o.runFor(t, time.Second)
		o.expect(t, "delivered", "delivered", "delivered")
		mails := o.relay.Mails()
		if len(mails) != 3 {
			t.Fatalf("%d mails, want 3", len(mails))
		}
		seen := map[string]bool{}
		for _, m := range mails {
			seen[m.To] = true
			token, ok := ticket.ParseToken(strings.TrimSuffix(strings.TrimPrefix(m.From, "help+"), "@acme.example"))
			if !ok || token.Purpose != ticket.BounceToken {
				t.Errorf("the envelope comes from %s, which is no bounce address", m.From)
			}
			if m.Hello != "mx.guichet.test" {
				t.Errorf("greeted as %s", m.Hello)
			}
			if m.Connection != 1 {
				t.Errorf("connection %d: the first could have been used again", m.Connection)
			}
			for _, other := range []string{"marie@customer.example", "anna@acme.example", "ben@acme.example", "eve@elsewhere.example"} {
				if other != m.To && strings.Contains(m.Data[:strings.Index(m.Data, "\r\n\r\n")], other) {
					t.Errorf("the header to %s names %s", m.To, other)
				}
			}
		}
		if len(seen) != 3 {
			t.Errorf("went to %v", seen)
		}
	})
}

func TestKeptConnectionsAreGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1))
		stop := o.start(t)
		time.Sleep(idleTime + time.Second)
		o.outbox.relays.mu.Lock()
		kept := len(o.outbox.relays.idle)
		o.outbox.relays.mu.Unlock()
		if kept != 0 {
			t.Errorf("%d kept connections after their time", kept)
		}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		time.Sleep(time.Second)
		stop()
		o.expect(t, "delivered", "delivered")
		if mails := o.relay.Mails(); len(mails) != 2 || mails[1].Connection != 2 {
			t.Errorf("not over a second connection: %v", mails)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		relay func(*testkit.Relay)
		want  string
	}{
		{"unknown user", func(r *testkit.Relay) { r.Refuse[""] = "550 5.1.1 <marie@customer.example>: no such user" }, "failed: 550 5.1.1 <…>: no such user"},
		{"grey list", func(r *testkit.Relay) { r.Refuse[""] = "451 4.7.1 later, please" }, "queued: 451 4.7.1 later, please"},
		{"content", func(r *testkit.Relay) { r.RefuseData = "554 5.7.1 no" }, "failed: 554 5.7.1 no"},
		{"full", func(r *testkit.Relay) { r.RefuseData = "452 4.2.2 full" }, "queued: 452 4.2.2 full"},
		{"not at all now", func(r *testkit.Relay) { r.RefuseFirst = "554 5.3.2 go away" }, "queued: 554 5.3.2 go away"},
		{"too large", func(r *testkit.Relay) { r.MaxSize = 1000 }, "failed: 552 5.3.4 the host takes no mail above 1000 bytes"},
		{"cut after data", func(r *testkit.Relay) { r.CutAfterData = true }, "queued: the host closed the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				test.relay(o.relay)
				// To an agent: a failure writes no further mail.
				o.store.queue(o.notice(ticket.AgentNew, 2, 1))
				o.runFor(t, time.Second)
				o.expect(t, test.want)
			})
		})
	}
}

func TestAFailureAfterDeliveryIsNone(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.relay.CutAfterMail = true
		o.settings.Outgoing.Concurrency = 1
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		stop := o.start(t)
		time.Sleep(time.Second)
		o.store.queue(o.notice(ticket.AgentNew, 3, 1))
		time.Sleep(time.Second)
		stop()
		o.expect(t, "delivered", "delivered")
		if mails := o.relay.Mails(); len(mails) != 2 || mails[1].Connection != 2 {
			t.Errorf("the closed connection was not replaced: %d mails", len(mails))
		}
	})
}

func TestAStallingHostHoldsUpNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		stalling, other := o.relay, testkit.NewRelay(t)
		stalling.StallInData = true
		o.settings.Workers = 6
		o.settings.Outgoing = Outgoing{Route: Route{Scheme: "direct", TLS: "opportunistic"}, Concurrency: 2}
		o.parts.Resolver = fakeDNS{addresses: map[string][]string{"customer.example": {"192.0.2.1"}, "acme.example": {"192.0.2.2"}}}
		o.parts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "192.0.2.1:25" {
				return stalling.Dial(ctx, network, address)
			}
			return other.Dial(ctx, network, address)
		}
		for range 12 {
			o.store.queue(o.notice(ticket.Acknowledgement, 1, 1))
		}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		stop := o.start(t)
		time.Sleep(time.Minute)
		if mails := other.Mails(); len(mails) != 1 {
			t.Errorf("after a minute %d mails came to the other host, want 1", len(mails))
		}
		stop()
		for _, s := range o.store.outcomes() {
			if s.State != ticket.Queued && s.State != ticket.Delivered {
				t.Errorf("%s: %s", s.State, s.Error)
			}
		}
	})
}

func TestEncryptionAndPasswords(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*testing.T, *office)
		want   string
		tls    bool
		user   string
	}{
		{"offered, not asked for", func(t *testing.T, o *office) { o.certify(t, "another.test") }, "delivered", true, ""},
		{"broken, not asked for", func(t *testing.T, o *office) { o.relay.BrokenTLS = true }, "delivered", false, ""},
		{"required, trusted", func(t *testing.T, o *office) { o.certify(t, "relay.test"); o.require() }, "delivered", true, ""},
		{"required, of another host", func(t *testing.T, o *office) { o.certify(t, "another.test"); o.require() }, "queued: STARTTLS: ", false, ""},
		{"required, not offered", func(t *testing.T, o *office) { o.require() }, "queued: the host offers no encryption, and the settings require it", false, ""},
		{"password", func(t *testing.T, o *office) { o.certify(t, "relay.test"); o.require(); o.login("right") }, "delivered", true, "us"},
		{"wrong password", func(t *testing.T, o *office) { o.certify(t, "relay.test"); o.require(); o.login("wrong") }, "queued: 535 5.7.8 Authentication failed", false, ""},
		{"password in clear", func(t *testing.T, o *office) { o.login("right") }, "queued: authentication: a password is not sent in clear", false, ""},
		{"password in clear, as set", func(t *testing.T, o *office) { o.login("right"); o.settings.Outgoing.Route.TLS = "none" }, "delivered", false, "us"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				test.change(t, o)
				o.store.queue(o.notice(ticket.AgentNew, 2, 1))
				o.runFor(t, time.Second)
				if got := o.states(); !strings.HasPrefix(got, test.want) {
					t.Fatalf("%s, want %s", got, test.want)
				}
				for _, m := range o.relay.Mails() {
					if m.TLS != test.tls || m.User != test.user {
						t.Errorf("encrypted %v as %q, want %v as %q", m.TLS, m.User, test.tls, test.user)
					}
				}
			})
		})
	}
}

func (o *office) certify(t *testing.T, host string) {
	certificate, roots := testkit.Certificate(t, host)
	o.relay.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	o.parts.Roots = roots
}

func (o *office) require() { o.settings.Outgoing.Route.TLS = "required" }

func (o *office) login(password string) {
	o.relay.Password = "right"
	o.settings.Outgoing.Route.Username, o.settings.Outgoing.Route.Password = "us", password
}

// fakeDNS answers from maps; what is not in them is not found, and a host with
// no addresses is a fault of DNS.
type fakeDNS struct {
	exchangers map[string][]string
	addresses  map[string][]string
}

func (f fakeDNS) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	hosts, ok := f.exchangers[domain]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: domain, IsNotFound: true}
	}
	var out []*net.MX
	for i, h := range hosts {
		out = append(out, &net.MX{Host: h, Pref: uint16(10 * (i + 1))})
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "server misbehaving", Name: domain, IsTemporary: true}
	}
	return out, nil
}

func (f fakeDNS) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	addresses, ok := f.addresses[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var out []net.IPAddr
	for _, a := range addresses {
		out = append(out, net.IPAddr{IP: net.ParseIP(a)})
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	}
	return out, nil
}

func TestDirectDeliveryFindsTheExchanger(t *testing.T) {
	for _, test := range []struct {
		name   string
		mx     []string
		hosts  map[string][]string
		dialed string
		want   string
	}{
		{"the preferred", []string{"mx1.example.", "mx2.example."}, map[string][]string{"mx1.example": {"192.0.2.1"}, "mx2.example": {"192.0.2.2"}}, "192.0.2.1:25", "delivered"},
		{"the next, when one is down", []string{"mx1.example.", "mx2.example."}, map[string][]string{"mx1.example": {"192.0.2.99"}, "mx2.example": {"2001:db8::2"}}, "192.0.2.99:25 [2001:db8::2]:25", "delivered"},
		{"the next, when one has no address", []string{"mx1.example.", "mx2.example."}, map[string][]string{"mx2.example": {"192.0.2.2"}}, "192.0.2.2:25", "delivered"},
		{"the domain itself", nil, map[string][]string{"acme.example": {"192.0.2.3"}}, "192.0.2.3:25", "delivered"},
		{"none", nil, nil, "", "failed: 550 5.1.2 no mail exchanger of that name: acme.example"},
		{"no mail wanted", []string{"."}, nil, "", "failed: 556 5.1.10 the domain takes no mail"},
		{"DNS away", []string{}, nil, "", "queued: look-up of acme.example: server misbehaving"},
		{"addresses away", []string{"mx1.example."}, map[string][]string{"mx1.example": {}}, "", "queued: look-up of mx1.example: server misbehaving"},
		{"ourselves", []string{"MX.guichet.test."}, nil, "", "failed: 554 5.4.6 the domain's mail comes to this host, which does not serve it"},
		{"better than us", []string{"mx1.example.", "mx.guichet.test.", "mx2.example."}, map[string][]string{"mx1.example": {"192.0.2.99"}, "mx2.example": {"192.0.2.2"}}, "192.0.2.99:25", "queued: dial: connection refused"},
		{"this machine by another name", []string{"mx1.example."}, map[string][]string{"mx1.example": {"127.0.0.1", "::1", "0.0.0.0"}}, "", "failed: 550 5.1.2 mx1.example has no address of another host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				o.settings.Outgoing.Route = Route{Scheme: "direct", TLS: "opportunistic"}
				dns := fakeDNS{exchangers: map[string][]string{}, addresses: test.hosts}
				if test.mx != nil {
					dns.exchangers["acme.example"] = test.mx
				}
				o.parts.Resolver = dns
				var dialed []string
				o.parts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					dialed = append(dialed, address)
					if address == "192.0.2.99:25" {
						return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
					}
					return o.relay.Dial(ctx, network, address)
				}
				o.store.queue(o.notice(ticket.AgentNew, 2, 1))
				o.runFor(t, time.Second)
				o.expect(t, test.want)
				if got := strings.Join(dialed, " "); got != test.dialed {
					t.Errorf("dialed %q, want %q", got, test.dialed)
				}
			})
		})
	}
}

func TestAHostThatDoesNotStopTalkingIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.parts.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				for {
					if _, err := io.WriteString(theirs, "220-"+strings.Repeat("x", 1000)+"\r\n"); err != nil {
						return
					}
				}
			}()
			return ours, nil
		}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		o.runFor(t, time.Second)
		o.expect(t, "queued: the host does not stop talking")
	})
}

func TestAddressesBeyondASCII(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.t.Participants[0].Address = ticket.MustAddress("märie@kunde.example")
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1))
		o.runFor(t, time.Second)
		o.expect(t, "delivered")
		if mails := o.relay.Mails(); len(mails) != 1 || mails[0].To != "märie@kunde.example" || !strings.Contains(mails[0].Data, "<märie@kunde.example>") {
			t.Errorf("sent %v", mails)
		}
	})
}
