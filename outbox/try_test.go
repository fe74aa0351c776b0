package outbox

import (
	"crypto/tls"
	"testing"
	"testing/synctest"

	"guichet/internal/testkit"
)

func TestTry(t *testing.T) {
	certificate, _ := testkit.Certificate(t, "relay.example")
	for _, c := range []struct {
		name      string
		relay     func(*testkit.Relay)
		route     Route
		encrypted bool
		fails     bool
	}{
		{"in clear", func(*testkit.Relay) {}, Route{TLS: "opportunistic"}, false, false},
		{"encrypted where it is offered", func(r *testkit.Relay) { r.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} }, Route{TLS: "opportunistic"}, true, false},
		{"encryption that does not work", func(r *testkit.Relay) { r.BrokenTLS = true }, Route{TLS: "opportunistic"}, false, false},
		{"a certificate of nobody's", func(r *testkit.Relay) { r.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} }, Route{TLS: "required"}, false, true},
		{"no encryption where it must be", func(*testkit.Relay) {}, Route{TLS: "required"}, false, true},
		{"the password", func(r *testkit.Relay) { r.Password = "secret" }, Route{TLS: "none", Username: "us", Password: "secret"}, false, false},
		{"a wrong password", func(r *testkit.Relay) { r.Password = "secret" }, Route{TLS: "none", Username: "us", Password: "wrong"}, false, true},
		{"a host that refuses", func(r *testkit.Relay) { r.RefuseFirst = "554 5.7.1 go away" }, Route{TLS: "none"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a host that does not answer takes its time
				relay := testkit.NewRelay(t)
				c.relay(relay)
				c.route.Scheme, c.route.Host, c.route.Port = "smtp", "relay.example", "25"
				encrypted, err := Try(t.Context(), c.route, "mx.acme.example", relay.Dial)
				if encrypted != c.encrypted || (err != nil) != c.fails {
					t.Errorf("encrypted: %v, %v", encrypted, err)
				}
				if mails := relay.Mails(); len(mails) > 0 {
					t.Errorf("it sent %v", mails)
				}
			})
		})
	}
}
