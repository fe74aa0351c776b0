package proof

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/foxcpp/go-mockdns"
	"go.uber.org/goleak"

	"guichet/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = ed25519.NewKeyFromSeed([]byte("a key that only these tests know"))

var keyRecord = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))

// servfail is what a resolver says when a name server does not answer.
var servfail = &net.DNSError{Err: "server misbehaving", IsTemporary: true}

// zones: acme.example has agents; evil.example belongs to whoever wants to be
// one of them; down.example has name servers that do not answer.
func zones() map[string]mockdns.Zone {
	spf := func(record string) mockdns.Zone { return mockdns.Zone{TXT: []string{"unrelated", record}} }
	dkim := mockdns.Zone{TXT: []string{keyRecord}}
	return map[string]mockdns.Zone{
		"acme.example.":                    spf("v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.1 ip4:10.0.0.0/8 -all"),
		"mail.acme.example.":               spf("v=spf1 ip4:192.0.2.0/24 -all"),
		"s._domainkey.acme.example.":       dkim,
		"t._domainkey.acme.example.":       {TXT: []string{keyRecord + "; t = s : y"}},
		"news.acme.example.":               spf("v=spf1 -all"),
		"s._domainkey.news.acme.example.":  dkim,
		"evil.example.":                    spf("v=spf1 +all"),
		"s._domainkey.evil.example.":       dkim,
		"victim.co.uk.":                    spf("v=spf1 -all"),
		"s._domainkey.evil.co.uk.":         dkim,
		"s._domainkey.co.uk.":              dkim,
		"down.example.":                    {Err: servfail},
		"s._domainkey.down.example.":       {Err: servfail},
		"half.example.":                    spf("v=spf1 ip4:192.0.2.0/24 -all"),
		"s._domainkey.half.example.":       {Err: servfail},
		"loop.example.":                    spf("v=spf1 include:loop.example -all"),
		"many._domainkey.acme.example.":    {TXT: []string{keyRecord, keyRecord}},
		"huge._domainkey.acme.example.":    {TXT: []string{keyRecord + "; n=" + strings.Repeat("x", maxKey)}},
		"revoked._domainkey.acme.example.": {TXT: []string{"v=DKIM1; k=ed25519; p="}},
	}
}

// stamp says how a message is to be signed, by hand, because the library signs
// nothing that it would not accept.
type stamp struct {
	domain, selector string
	fields           string // h=; from when empty
	more             string // further tags
	length           int    // l=, when not 0
	age              time.Duration
}

// signed puts a signature (c=simple/simple) on top of a message.
func signed(message string, s stamp) string {
	header, body, _ := strings.Cut(message, "\r\n\r\n")
	if s.fields == "" {
		s.fields = "from"
	}
	if s.selector == "" {
		s.selector = "s"
	}
	if s.length > 0 {
		body = body[:s.length]
		s.more += fmt.Sprintf(" l=%d;", s.length)
	}
	hash := sha256.Sum256([]byte(body))
	signature := fmt.Sprintf("DKIM-Signature: v=1; a=ed25519-sha256; d=%s; s=%s; t=%d;%s\r\n\th=%s; bh=%s;\r\n\tb=",
		s.domain, s.selector, time.Now().Add(-s.age).Unix(), s.more, s.fields, base64.StdEncoding.EncodeToString(hash[:]))
	var covered strings.Builder
	for name := range strings.SplitSeq(s.fields, ":") {
		for line := range strings.Lines(header + "\r\n") {
			if strings.HasPrefix(strings.ToLower(line), name+":") {
				covered.WriteString(line)
			}
		}
	}
	digest := sha256.Sum256([]byte(covered.String() + signature))
	value, err := key.Sign(nil, digest[:], crypto.Hash(0))
	if err != nil {
		panic(err)
	}
	return signature + base64.StdEncoding.EncodeToString(value) + "\r\n" + message
}

const (
	agent  = "From: Anna <anna@acme.example>\r\nTo: help@acme.example\r\nSubject: hello\r\n\r\nHello.\r\n"
	agent2 = "From: Anna <anna@half.example>\r\n\r\nHello.\r\n"
	lost   = "From: Lea <lea@down.example>\r\n\r\nHello.\r\n"
)

var trust = Trust{
	Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	Relays:   []Relay{{Network: netip.MustParsePrefix("198.51.100.1/32"), AuthservID: "mx.front.example"}},
}

// direct is a delivery by a client itself.
func direct(client, from string) Delivery {
	d := Delivery{Client: netip.MustParseAddr(client), Helo: "client.example", Null: from == ""}
	if !d.Null {
		d.From, _ = ticket.ParseAddress(from)
	}
	return d
}

// relayed is a delivery by the front MX, with its Received field.
func relayed(from, received, message string) (Delivery, string) {
	d := direct("198.51.100.1", from)
	d.Helo = "mx.front.example"
	return d, "Received: " + received + "\r\n" + message
}

func judge(d Delivery, message string) *Verdict {
	d.Now = time.Now()
	return Judge(context.Background(), &mockdns.Resolver{Zones: zones()}, trust, d, []byte(message))
}

func TestJudge(t *testing.T) {
	const outside, ours = "192.0.2.7", "203.0.113.5"
	acme := stamp{domain: "acme.example"}
	huge := "X: " + strings.Repeat("x", maxField) + "\r\n"
	for _, c := range []struct {
		name     string
		delivery Delivery
		message  func() string
		proof    ticket.Proof
		method   ticket.Method
		domain   string
		reason   string
		doubt    bool
	}{
		{name: "signed", delivery: direct("198.51.100.99", "anna@acme.example"), message: func() string { return signed(agent, acme) },
			proof: ticket.ProofDomain, method: ticket.ByDKIM, domain: "acme.example", reason: "signed by acme.example"},
		{name: "signed by a domain below", delivery: direct("198.51.100.99", "x@evil.example"), message: func() string { return signed(agent, stamp{domain: "news.acme.example"}) },
			proof: ticket.ProofDomain, method: ticket.ByDKIM, domain: "news.acme.example", reason: "signed by news.acme.example"},
		{name: "SPF", delivery: direct(outside, "bounce@acme.example"), message: func() string { return agent },
			proof: ticket.ProofDomain, method: ticket.BySPF, domain: "acme.example", reason: "sent by a host that acme.example names (SPF)"},
		{name: "SPF of the greeting", delivery: Delivery{Client: netip.MustParseAddr(outside), Helo: "mail.acme.example", Null: true}, message: func() string { return agent },
			proof: ticket.ProofDomain, method: ticket.BySPF, domain: "mail.acme.example", reason: "mail.acme.example names (SPF)"},
		{name: "DKIM before SPF", delivery: direct(outside, "anna@acme.example"), message: func() string { return signed(agent, acme) },
			proof: ticket.ProofDomain, method: ticket.ByDKIM, domain: "acme.example", reason: "signed by"},
		{name: "network", delivery: direct(ours, "anybody@evil.example"), message: func() string { return agent },
			proof: ticket.ProofDomain, method: ticket.ByNetwork, domain: "acme.example", reason: "authenticates its senders"},
		{name: "network, two authors", delivery: direct(ours, ""), message: func() string { return "From: x@evil.example\r\n" + agent },
			reason: "two from fields"},

		{name: "a huge header, by SPF", delivery: direct(outside, "bounce@acme.example"), message: func() string { return huge + agent },
			proof: ticket.ProofDomain, method: ticket.BySPF, domain: "acme.example", reason: "sent by a host that acme.example names (SPF)"},
		{name: "a huge header, from a network", delivery: direct(ours, ""), message: func() string { return huge + agent },
			proof: ticket.ProofDomain, method: ticket.ByNetwork, domain: "acme.example", reason: "authenticates its senders"},
		{name: "a huge header, signed", delivery: direct("198.51.100.99", "anna@acme.example"), message: func() string { return signed(huge+agent, acme) },
			reason: "its header is too large for signatures to be checked"},
		{name: "a huge header with an author below it", delivery: direct(ours, ""), message: func() string { return "From: x@evil.example\r\n" + huge + agent },
			reason: "two from fields"},

		{name: "forged", delivery: direct("198.51.100.99", "anna@acme.example"), message: func() string { return agent },
			reason: "not signed by the From domain, and SPF says fail"},
		{name: "envelope", delivery: direct(outside, "x@evil.example"), message: func() string { return agent },
			proof: ticket.ProofEnvelope, domain: "evil.example", reason: "which is not the From domain"},
		{name: "signed by another", delivery: direct(outside, ""), message: func() string { return signed(agent, stamp{domain: "evil.example"}) },
			reason: "signed by evil.example, which is not the From domain"},
		{name: "neighbour under a public suffix", delivery: direct(outside, ""),
			message: func() string {
				return signed(strings.Replace(agent, "acme.example", "victim.co.uk", 1), stamp{domain: "evil.co.uk"})
			}, reason: "signed by evil.co.uk, which is not"},
		{name: "the public suffix itself", delivery: direct(outside, ""),
			message: func() string {
				return signed(strings.Replace(agent, "acme.example", "victim.co.uk", 1), stamp{domain: "co.uk"})
			}, reason: "signed by co.uk, which is not"},
		{name: "changed on the way", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, acme) + "P.S.\r\n" },
			reason: "does not fit the message"},
		{name: "l=", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", length: 6}) + "More.\r\n" },
			reason: "covers only a part of the message"},
		{name: "key in test mode", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", selector: "t"}) },
			reason: "test mode"},
		{name: "From not signed", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", fields: "subject"}) },
			reason: "not usable"},
		{name: "older than three days", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", age: 73 * time.Hour}) },
			reason: "older than three days"},
		{name: "not quite three days old", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", age: 71 * time.Hour}) },
			proof: ticket.ProofDomain, method: ticket.ByDKIM, domain: "acme.example", reason: "signed by"},
		{name: "from the future", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", age: -25 * time.Hour}) },
			reason: "dated in the future"},
		{name: "expired", delivery: direct("198.51.100.99", ""), message: func() string {
			return signed(agent, stamp{domain: "acme.example", more: fmt.Sprintf(" x=%d;", time.Now().Unix()-1)})
		}, reason: "has expired"},
		{name: "expires now", delivery: direct("198.51.100.99", ""), message: func() string {
			return signed(agent, stamp{domain: "acme.example", more: fmt.Sprintf(" x=%d;", time.Now().Unix())})
		}, reason: "has expired"},
		{name: "revoked", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", selector: "revoked"}) },
			reason: "not usable"},
		{name: "two keys", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", selector: "many"}) },
			reason: "not usable"},
		{name: "huge key", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", selector: "huge"}) },
			reason: "not usable"},
		{name: "no key", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "acme.example", selector: "absent"}) },
			reason: "not usable"},
		{name: "no domain", delivery: direct("198.51.100.99", ""), message: func() string { return signed(agent, stamp{domain: "<script>"}) },
			reason: "not signed by the From domain"},
		{name: "the sixth signature", delivery: direct("198.51.100.99", ""), message: func() string {
			m := signed(agent, acme)
			for range 5 {
				m = signed(m, stamp{domain: "evil.example"})
			}
			return m
		}, reason: "signed by evil.example"},
		{name: "the fifth", delivery: direct("198.51.100.99", ""), message: func() string {
			m := signed(agent, acme)
			for range 4 {
				m = signed(m, stamp{domain: "evil.example"})
			}
			return m
		}, proof: ticket.ProofDomain, method: ticket.ByDKIM, domain: "acme.example", reason: "signed by acme.example"},
		{name: "a second From under a signature", delivery: direct("198.51.100.99", ""), message: func() string {
			return "From: Boss <boss@acme.example>\r\n" + signed(agent, acme)
		}, reason: "two from fields"},
		{name: "a second Subject", delivery: direct("198.51.100.99", ""), message: func() string {
			return "Subject: pay at once\r\n" + signed(agent, acme)
		}, reason: "two subject fields"},

		{name: "a front MX that nobody named, on loopback", delivery: direct("127.0.0.1", "anna@acme.example"), message: func() string {
			return "Received: from x (x [192.0.2.7]) by localhost with ESMTP id 1; now\r\nAuthentication-Results: localhost; dkim=pass header.d=acme.example\r\n" + agent
		}, reason: "SPF says none"},
		{name: "one on a private address", delivery: direct("10.1.2.3", "anna@acme.example"), message: func() string { return agent },
			reason: "SPF says none"},

		{name: "DNS down, SPF aligned", delivery: direct(outside, "lea@down.example"), message: func() string { return lost },
			reason: "SPF says temperror", doubt: true},
		{name: "DNS down, signature aligned", delivery: direct(outside, "x@evil.example"), message: func() string { return signed(lost, stamp{domain: "down.example"}) },
			proof: ticket.ProofEnvelope, domain: "evil.example", reason: "evil.example", doubt: true},
		{name: "DNS down for somebody else", delivery: direct(outside, "x@down.example"), message: func() string { return signed(agent, stamp{domain: "down.example"}) },
			reason: "not signed by the From domain"},
		{name: "DNS down, yet SPF is enough", delivery: direct(outside, "anna@half.example"), message: func() string { return signed(agent2, stamp{domain: "half.example"}) },
			proof: ticket.ProofDomain, method: ticket.BySPF, domain: "half.example", reason: "SPF"},
		{name: "DNS down, SPF does not help", delivery: direct("198.51.100.99", "anna@half.example"), message: func() string { return signed(agent2, stamp{domain: "half.example"}) },
			reason: "could not be checked", doubt: true},
		{name: "DNS down, and signed by another", delivery: direct("198.51.100.99", ""), message: func() string {
			return signed(signed(lost, stamp{domain: "evil.example"}), stamp{domain: "down.example"})
		}, reason: "could not be checked", doubt: true},
		{name: "DNS down, but l=", delivery: direct("198.51.100.99", ""), message: func() string { return signed(lost, stamp{domain: "down.example", length: 3}) },
			reason: "covers only a part"},
		{name: "DNS down, but too old", delivery: direct("198.51.100.99", ""), message: func() string { return signed(lost, stamp{domain: "down.example", age: 100 * time.Hour}) },
			reason: "older than three days"},
		{name: "DNS down, two authors", delivery: direct(outside, "lea@down.example"), message: func() string { return "From: x@example.com\r\n" + lost },
			reason: "two from fields"},
		{name: "SPF in a loop", delivery: direct(outside, "x@loop.example"), message: func() string { return strings.Replace(agent, "acme", "loop", 1) },
			reason: "SPF says permerror"},
		{name: "an unusable MAIL FROM", delivery: Delivery{Client: netip.MustParseAddr(outside), Helo: "mail.acme.example"}, message: func() string { return agent },
			reason: "SPF says none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // for its clock, which stands still
				v := judge(c.delivery, c.message())
				e := v.Evidence
				if e.Proof != c.proof || e.Method != c.method || e.Domain != c.domain || v.Doubt != c.doubt || !strings.Contains(e.Reason, c.reason) {
					t.Errorf("got %+v, doubt %v", e, v.Doubt)
				}
				if strings.Contains(e.Reason, "@") || strings.Contains(e.Reason, "192.0") {
					t.Errorf("the reason has an address: %s", e.Reason)
				}
				if (e.From == "") != strings.Contains(c.reason, "two ") {
					t.Errorf("From is %q", e.From)
				}
			})
		})
	}
}

func TestAligned(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"acme.example", "acme.example", true}, {"ACME.example", "mail.acme.example", true}, {"a.acme.co.uk", "b.acme.co.uk", true},
		{"notacme.example", "acme.example", false}, {"acme.example", "acme.example.evil.example", false}, {"evil.co.uk", "acme.co.uk", false},
		{"co.uk", "acme.co.uk", false}, {"co.uk", "com", false}, {"", "", false}, {"", "com", false}, {"a.github.io", "b.github.io", false},
	} {
		if got := aligned(c.a, c.b); got != c.want || aligned(c.b, c.a) != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// TestJudgeLibrarySigner: what another's signer makes passes here, whatever the
// form of the message.
func TestJudgeLibrarySigner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, message := range []string{
			agent, strings.TrimSuffix(agent, "Hello.\r\n"), agent + "\r\n\r\n", agent + " \t \r\n\r\n", strings.TrimSuffix(agent, "\r\n"),
			"From:Anna\t <anna@acme.example>  \r\nTO :  a@b.example,\r\n\t  c@d.example\r\nsubject:\r\nX: y\r\n\r\na  b\t\tc \r\n\r\n\r\n  d\r\n",
		} {
			for _, header := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
				for _, body := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
					var out strings.Builder
					err := dkim.Sign(&out, strings.NewReader(message), &dkim.SignOptions{
						Domain: "acme.example", Selector: "s", Signer: key, HeaderCanonicalization: header, BodyCanonicalization: body,
						HeaderKeys: []string{"From", "From", "To", "Subject", "Subject", "Absent"},
					})
					if err != nil {
						t.Fatal(err)
					}
					if e := judge(direct("198.51.100.99", ""), out.String()).Evidence; e.Method != ticket.ByDKIM {
						t.Errorf("%s/%s: %+v for %q", header, body, e, out.String())
					}
				}
			}
		}
	})
}

func TestRelay(t *testing.T) {
	const good = "from mail.acme.example (mail.acme.example [192.0.2.7]) by mx.front.example (Postfix) with ESMTPS id 4X1; Sat, 14 Mar 2026 09:26:53 +0000"
	const stranger = "from mail.acme.example (unknown [198.51.100.66]) by mx.front.example (Postfix) with ESMTPS id 4X1; Sat, 14 Mar 2026 09:26:53 +0000"
	results := func(s string) string { return "Authentication-Results: " + s + "\r\n" + agent }
	for _, c := range []struct {
		name, from, received, message string
		proof                         ticket.Proof
		method                        ticket.Method
		kept                          string // what of the results stays in the message
	}{
		{name: "SPF on who came to the relay", from: "anna@acme.example", received: good, message: agent, proof: ticket.ProofDomain, method: ticket.BySPF},
		{name: "forged agent", from: "anna@acme.example", received: stranger, message: agent},
		{name: "the relay's own DKIM result", from: "x@evil.example", received: stranger,
			message: results("mx.front.example;\r\n\tdkim=pass (2048-bit key; secure) header.d=acme.example header.i=@acme.example"),
			proof:   ticket.ProofDomain, method: ticket.ByRelay, kept: "mx.front.example"},
		{name: "by header.i alone", from: "x@evil.example", received: stranger, message: results("mx.front.example; dkim=pass header.i=@acme.example"),
			proof: ticket.ProofDomain, method: ticket.ByRelay, kept: "mx.front.example"},
		{name: "DMARC alone may be SPF alone", from: "x@evil.example", received: stranger, message: results("MX.front.example 1; dmarc=pass (p=reject) header.from=acme.example"),
			proof: ticket.ProofDomain, method: ticket.BySPF, kept: "MX.front.example"},
		{name: "SPF by the relay", from: "anna@acme.example", received: stranger, message: results("mx.front.example; spf=pass smtp.mailfrom=anna@acme.example"),
			proof: ticket.ProofDomain, method: ticket.BySPF, kept: "mx.front.example"},
		{name: "SPF by the relay, for another", from: "x@evil.example", received: stranger, message: results("mx.front.example; spf=pass smtp.mailfrom=anna@acme.example"),
			proof: ticket.ProofEnvelope, kept: "mx.front.example"},
		{name: "fail", from: "anna@acme.example", received: stranger, message: results("mx.front.example; dkim=fail header.d=acme.example; dmarc=fail header.from=acme.example"), kept: "mx.front.example"},
		{name: "somebody else's results", from: "anna@acme.example", received: stranger, message: results("mx.other.example; dkim=pass header.d=acme.example")},
		{name: "ours, forged", from: "anna@acme.example", received: stranger, message: results("mx.acme.example; dkim=pass header.d=acme.example")},
		{name: "the topmost only", from: "anna@acme.example", received: stranger,
			message: "Authentication-Results: mx.front.example; dkim=none\r\n" + results("mx.front.example; dkim=pass header.d=acme.example"), kept: "mx.front.example; dkim=none"},
		{name: "below another host's Received", from: "anna@acme.example", received: stranger,
			message: "Received: from x by y; z\r\n" + results("mx.front.example; dkim=pass header.d=acme.example")},
		{name: "hidden in a comment", from: "anna@acme.example", received: stranger, message: results("mx.front.example; spf=fail (x; dkim=pass header.d=acme.example) smtp.mailfrom=x"), kept: "mx.front.example"},
		{name: "hidden in a quoted string", from: "anna@acme.example", received: stranger,
			message: results(`mx.front.example; spf=fail smtp.mailfrom="x; dkim=pass header.d=acme.example "@evil.example`), kept: "mx.front.example"},
		{name: "another version", from: "anna@acme.example", received: stranger, message: results("mx.front.example 2; dkim=pass header.d=acme.example")},
		{name: "never closed", from: "anna@acme.example", received: stranger, message: results("mx.front.example; dkim=pass header.d=acme.example; spf=fail (x")},
		{name: "a sender that cannot be read", from: `"x; dkim=pass header.d=acme.example "@evil.example`, received: stranger,
			message: results("mx.front.example; spf=fail smtp.mailfrom=x; dkim=pass header.d=acme.example x=@evil.example")},
		{name: "no Received of the relay", from: "anna@acme.example", received: "from a (b [192.0.2.7]) by mx.other.example; now", message: results("mx.front.example; dkim=pass header.d=acme.example")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, message := relayed(c.from, c.received, c.message)
				v := judge(d, message)
				if e := v.Evidence; e.Proof != c.proof || e.Method != c.method {
					t.Errorf("got %+v", e)
				}
				left := string(v.Strip([]byte(message)))
				if strings.Count(left, "Authentication-Results") > 1 || strings.Contains(left, "Authentication-Results") != (c.kept != "") || !strings.Contains(left, c.kept) {
					t.Errorf("left: %q", left)
				}
			})
		})
	}
}

// TestRelayIsNoNetwork: a host in both lists is believed the less.
func TestRelayIsNoNetwork(t *testing.T) {
	both := Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Relays: []Relay{{Network: netip.MustParsePrefix("127.0.0.1/32"), AuthservID: "mx"}}}
	v := Judge(context.Background(), &mockdns.Resolver{Zones: zones()}, both, direct("127.0.0.1", ""), []byte(agent))
	if v.Evidence.Proof != ticket.ProofNone {
		t.Errorf("got %+v", v.Evidence)
	}
}

func TestRelayHop(t *testing.T) {
	const by = " by mx.front.example (Postfix) with ESMTPS id 4X1 for <help@acme.example>; Sat, 14 Mar 2026 09:26:53 +0000"
	for _, c := range []struct{ name, received, client, helo string }{
		{"Postfix", "from a.example (b.example [192.0.2.7])" + by, "192.0.2.7", "a.example"},
		{"Postfix with TLS", "from a.example (b.example [192.0.2.7])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519)\r\n\t(No client certificate requested)\r\n\t" + by[1:], "192.0.2.7", "a.example"},
		{"IPv6", "from a.example (unknown [IPv6:2001:db8::7])" + by, "2001:db8::7", "a.example"},
		{"greeted by an address", "from [192.0.2.7] (unknown [192.0.2.7])" + by, "192.0.2.7", "[192.0.2.7]"},
		{"Sendmail", "from a.example (b.example [192.0.2.7] (may be forged))" + by, "192.0.2.7", "a.example"},
		{"Sendmail without a name", "from a.example ([192.0.2.7])" + by, "192.0.2.7", "a.example"},
		{"Exim", "from b.example ([192.0.2.7] helo=a.example)" + by, "192.0.2.7", "a.example"},
		{"Exim with a port", "from b.example ([192.0.2.7]:4000 helo=a.example)" + by, "192.0.2.7", "a.example"},
		{"Exim without a name", "from [192.0.2.7] (helo=a.example)" + by, "192.0.2.7", "a.example"},

		{"a greeting that is a whole field", "from x (y [192.0.2.7]) by mx.front.example (b.example [198.51.100.66])" + by, "", ""},
		{"one that opens a comment", "from x (y [192.0.2.7]) by mx.front.example ( (b.example [198.51.100.66])" + by, "", ""},
		{"one that the recipient closes", "from x (y [192.0.2.7]) by mx.front.example (a (b.example [198.51.100.66])" + strings.Replace(by, "help", "help)", 1), "", ""},
		{"one, before a relay that writes no brackets", "from x (y [192.0.2.7]) by mx.front.example (b.example 198.51.100.66)" + by, "", ""},
		{"one with a bracket", "from [192.0.2.7] (b.example [198.51.100.66])" + by, "", ""},
		{"one with quotes", `from "x (b.example [198.51.100.66])` + by, "", ""},
		{"by another host", "from a.example (b.example [192.0.2.7]) by mx.other.example with SMTP; now", "", ""},
		{"by nobody", "from a.example (b.example [192.0.2.7]) with SMTP; now", "", ""},
		{"no address", "from a.example (b.example)" + by, "", ""},
		{"not an address", "from a.example (b.example [192.0.2.777])" + by, "", ""},
		{"submitted locally", "by mx.front.example (Postfix, from userid 1000) id 4X1; now", "", ""},
		{"empty", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := readHeader([]byte("X: y\r\nReceived: " + c.received + "\r\nFrom: a@b.example\r\n\r\n"))
			got, ok := h.relayHop(&trust.Relays[0], "mx.front.example")
			if ok != (c.client != "") || ok && (got.client.String() != c.client || got.helo != c.helo) {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
}

func TestAuthor(t *testing.T) {
	const who = "anna@acme.example"
	long, large := "X: "+strings.Repeat("x", maxField)+"\r\n", strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 70)
	many := strings.Repeat("X: y\r\n", 600)
	for _, c := range []struct{ header, want, problem string }{
		{"From: anna@acme.example\r\n", who, ""},
		{"From: Anna <anna@ACME.example>\r\n", who, ""},
		{"from:<anna@acme.example>\r\n", who, ""},
		{"From: \"Anna, of \\\"Acme\\\" <x@y>\" <anna@acme.example>\r\n", who, ""},
		{"From: anna@acme.example (Anna (of Acme))\r\n", who, ""},
		{"From: =?utf-8?q?Ann=C3=A0?= <anna@acme.example>\r\n", who, ""},
		{"From: Ann\xe0\r\n <anna@acme.example>\r\n", who, ""},
		{"From : anna@acme.example\r\n", who, ""},
		{"FROM: anna@acme.example\r\nFrom-Whom: x@y.example\r\n", who, ""},

		{"Subject: x\r\n", "", "there is no From field"},
		{"From: anna@acme.example\r\nFROM: b@c.example\r\n", "", "two from fields"},
		{"From: anna@acme.example\r\nFrom : b@c.example\r\n", "", "two from fields"},
		{"From: anna@acme.example\r\nTo: a@b.example\r\nto: c@d.example\r\n", "", "two to fields"},
		{"From: anna@acme.example\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n", "", "two content-type fields"},
		{"From anna Sat Mar 14 09:26:53 2026\r\nFrom: anna@acme.example\r\n", "", "no field"},
		{" folded at the start\r\nFrom: anna@acme.example\r\n", "", "no field"},
		{"From: anna@acme.example\r\nno colon\r\n", "", "no field"},
		{"From: anna@acme.example\r\n" + long, who, ""},
		{long + "From: anna@acme.example\r\n", who, ""},
		{"From: anna@acme.example\r\n" + large, who, ""},
		{"From: anna@acme.example\r\n" + many, who, ""},
		{large + "From: anna@acme.example\r\n", "", "beyond what is read"},
		{many + "From: anna@acme.example\r\n", "", "beyond what is read"},
		{"From: anna@acme.example\r\n " + strings.Repeat("x", maxField) + "\r\n", "", "beyond what is read"},
		{"From: anna@acme.example\r\n" + large + "From: b@c.example\r\n", "", "two from fields"},
		{"From: anna@acme.example\r\n" + many + "FROM : b@c.example\r\n", "", "two from fields"},
		{long + "From: anna@acme.example\r\n" + long + "from:b@c.example\r\n", "", "two from fields"},
		{"From: anna@acme.example\r\n" + large + "no colon\r\n", "", "no field"},
	} {
		got, problem := readHeader([]byte(c.header + "\r\nbody\r\n")).author()
		if string(got) != c.want || !strings.Contains(problem, c.problem) || (problem == "") != (c.problem == "") {
			t.Errorf("%.60q: %q, %q", c.header, got, problem)
		}
	}
	for _, bad := range []string{
		"", "Anna", "<>", "Anna <>", "anna@acme.example, ben@acme.example", "Anna <anna@acme.example>, Ben <ben@acme.example>",
		"Anna <anna@acme.example> <ben@acme.example>", "anna@acme.example <x@evil.example>", "x@evil.example anna@acme.example",
		"Team: anna@acme.example;", "Doe, Anna <anna@acme.example>", "<anna@acme.example> x", `<anna@acme.example> "x"`, `"anna"@acme.example`, `"anna@acme.example"@evil.example`,
		`an"x"na@acme.example`, "an(x)na@acme.example", "anna@(x)acme.example", "<anna@acme.example", "anna@acme.example>", "<@a.example:anna@acme.example>",
		"anna@acme.example (never closed", `"never closed <anna@acme.example>`, "an na@acme.example", "anna\x00@acme.example", "anna@acme.example\x7f",
		`anna\@x@acme.example`, "anna@acme@example", "<<anna@acme.example>>", "anna@[192.0.2.7]",
		"\u200banna@acme.example",
	} {
		if got, problem := readHeader([]byte("From: " + bad + "\r\n\r\n")).author(); problem == "" || got != "" {
			t.Errorf("%q is taken for %q", bad, got)
		}
	}
}

func TestStrip(t *testing.T) {
	const ar = "Authentication-Results: a;\r\n\tb=c\r\n"
	for _, c := range []struct{ in, want string }{
		{"A: b\r\n\r\nbody", "A: b\r\n\r\nbody"},
		{ar + "A: b\r\n\r\nbody", "A: b\r\n\r\nbody"},
		{"A: b\r\n" + ar + ar + "C: d\r\nAUTHENTICATION-RESULTS : x\r\n\r\n" + ar, "A: b\r\nC: d\r\n\r\n" + ar},
		{"A: b\r\n" + ar, "A: b\r\n"},
		{ar, ""},
		{"no field\r\n" + strings.Repeat("X: y\r\n", 1000) + ar + "\r\n", "no field\r\n" + strings.Repeat("X: y\r\n", 1000) + "\r\n"},
	} {
		v := Judge(context.Background(), &mockdns.Resolver{}, Trust{}, Delivery{}, []byte(c.in))
		if got := string(v.Strip([]byte(c.in))); got != c.want {
			t.Errorf("%.80q: got %.80q", c.in, got)
		}
	}
}

func TestField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := signed(signed(agent, stamp{domain: "acme.example"}), stamp{domain: "evil.example\r\n\tX: y"})
		got := judge(direct("192.0.2.7", "anna@acme.example"), m).Field("mx.acme.example")
		want := "Authentication-Results: mx.acme.example;\r\n\tspf=pass smtp.mailfrom=acme.example;\r\n\tdkim=permerror;\r\n\tdkim=pass header.d=acme.example;\r\n\tdmarc=none header.from=acme.example\r\n"
		if got != want {
			t.Errorf("got %q", got)
		}
	})
	if got := judge(direct("203.0.113.5", ""), agent).Field("mx"); got != "Authentication-Results: mx; none\r\n" {
		t.Errorf("for a network: %q", got)
	}
}

// counting is a resolver that counts questions, and may fail.
type counting struct {
	mockdns.Resolver
	asked int
	names []string
	err   error
}

func (c *counting) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.asked++
	c.names = append(c.names, name)
	if c.err != nil {
		return nil, c.err
	}
	return c.Resolver.LookupTXT(ctx, name)
}

func TestCache(t *testing.T) {
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	dns := &counting{Resolver: mockdns.Resolver{Zones: map[string]mockdns.Zone{"a.example.": {TXT: []string{"x"}}}}}
	cache := NewCache(dns, func() time.Time { return now })
	ask := func(name string, asked int) error {
		t.Helper()
		got, err := cache.LookupTXT(t.Context(), name)
		if dns.asked != asked || err == nil && (len(got) != 1 || got[0] != "x") {
			t.Errorf("%s: %v, %v after %d questions", name, got, err, dns.asked)
		}
		if len(got) > 0 {
			got[0] = "spoiled" // must be nobody else's
		}
		return err
	}
	dns.err = servfail
	if ask("a.example.", 1) == nil {
		t.Error("a failure was hidden")
	}
	dns.err = nil
	_ = ask("a.example.", 2)
	_ = ask("a.example.", 2)
	now = now.Add(keepAnswer)
	_ = ask("a.example.", 3)
	if err := ask("b.example.", 4); err == nil {
		t.Error("found what is not there")
	}
	_ = ask("b.example.", 4)
	now = now.Add(keepNothing)
	_ = ask("b.example.", 5)
	_ = ask("a.example.", 5)
	asked := dns.asked
	for i := range 3 * cacheSize {
		_, _ = cache.LookupTXT(t.Context(), fmt.Sprintf("n%d.example.", i))
		_, _ = cache.LookupTXT(t.Context(), "a.example.") // often asked for, so never forgotten
	}
	if dns.asked != asked+3*cacheSize {
		t.Errorf("asked %d times too often", dns.asked-asked-3*cacheSize)
	}
	if n := len(cache.young) + len(cache.old); n > 2*cacheSize+1 {
		t.Errorf("%d answers kept", n)
	}
}

// TestLookupsBounded: neither a record nor a signature makes us ask without end,
// or for what is no name; and names are asked for absolutely.
func TestLookupsBounded(t *testing.T) {
	dns := &counting{}
	l := &lookups{ctx: t.Context(), resolver: dns, left: 3}
	for _, bad := range []string{"", "a b.example", "a..example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example", "127.0.0.1", "é.example"} {
		if _, err := l.LookupTXT(t.Context(), bad); err == nil || dns.asked != 0 {
			t.Errorf("asked for %q", bad)
		}
	}
	for range 10 {
		_, _ = l.LookupTXT(t.Context(), "A.example")
	}
	if dns.asked != 3 || dns.names[0] != "a.example." {
		t.Errorf("asked for %q", dns.names)
	}
	dns.err = errors.New("no route to host")
	_, err := (&lookups{resolver: dns, left: 1}).LookupTXT(t.Context(), "a.example")
	if e := new(net.DNSError); !errors.As(err, &e) || !e.Temporary() {
		t.Errorf("an unknown error is %v", err)
	}
}

func TestDoubts(t *testing.T) {
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	doubts := NewDoubts()
	first := Digest([]byte("Received: a\r\nMessage-ID: <1@x>\r\nFrom: a@b.example\r\n\r\nbody\r\n"))
	if !doubts.Wait(first, now) || !doubts.Wait(first, now.Add(4*time.Hour-time.Second)) {
		t.Error("not to wait at all")
	}
	again := Digest([]byte("Received: b\r\nReceived: a\r\nMessage-ID: <1@x>\r\nFrom: a@b.example\r\n\r\nbody\r\n"))
	if doubts.Wait(again, now.Add(4*time.Hour)) {
		t.Error("to wait for ever")
	}
	if other := Digest([]byte("Message-ID: <2@x>\r\nFrom: a@b.example\r\n\r\nbody\r\n")); !doubts.Wait(other, now.Add(4*time.Hour)) {
		t.Error("taken for another")
	}
	for i := range 3 * doubtsSize {
		doubts.Wait(Digest(fmt.Appendf(nil, "Message-ID: <%d@x>\r\n\r\n", i)), now)
	}
	if n := len(doubts.young) + len(doubts.old); n > 2*doubtsSize {
		t.Errorf("%d remembered", n)
	}
}

// TestEmptyLines: however many there are in a body, they count, and cost next
// to nothing.
func TestEmptyLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := signed("From: anna@acme.example\r\n\r\n"+strings.Repeat("\r\n", 1<<20)+"x\r\n", stamp{domain: "acme.example"})
		if got := judge(direct("198.51.100.99", ""), m).Evidence; got.Proof != ticket.ProofDomain {
			t.Errorf("got %+v", got)
		}
		if got := judge(direct("198.51.100.99", ""), strings.Replace(m, "\r\n\r\n\r\n", "\r\n\r\n", 1)).Evidence; got.Proof != ticket.ProofNone {
			t.Errorf("with one less: got %+v", got)
		}
	})
}

// FuzzJudge: no message makes us fail, prove anything without an author, or
// leaves anybody's Authentication-Results in place.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(agent))
	f.Add([]byte(signed(agent, stamp{domain: "acme.example"})))
	f.Add([]byte("Received: from a (b [192.0.2.7]) by mx.front.example; c\r\nAuthentication-Results: mx.front.example; dkim=pass (x) header.d=\"acme.example\"\r\n" + agent))
	f.Add([]byte("Authentication-Results\t: a\r\n b\r\nX\r\n\r\n"))
	f.Add([]byte(sealedBy(agent, sealing{domain: "evil.example", results: "mx; dkim=pass header.d=acme.example"}, sealing{domain: "evil.example", results: "mx; none"})))
	sealers := Trust{Relays: append(trust.Relays[:1:1], Relay{Seals: "evil.example"})}
	f.Fuzz(func(t *testing.T, message []byte) {
		d := direct("198.51.100.1", "anna@acme.example")
		d.Helo, d.Now = "mx.front.example", time.Now()
		v := Judge(context.Background(), &mockdns.Resolver{Zones: policies()}, sealers, d, message)
		if e := v.Evidence; e.Proof > ticket.ProofDomain || e.From == "" && e.Proof != ticket.ProofNone || (e.Proof == ticket.ProofDomain) != (e.Method != ticket.ByNothing) || e.Reason == "" {
			t.Errorf("got %+v", e)
		}
		for line := range strings.Lines(v.Field("mx.acme.example")) {
			if !strings.HasSuffix(line, "\r\n") {
				t.Errorf("field line %q", line)
			}
		}
		v = Judge(context.Background(), &mockdns.Resolver{}, Trust{}, d, message)
		if left := readHeader(v.Strip(message)); len(left.results) > 0 {
			t.Errorf("left %q", left.data)
		}
	})
}

// BenchmarkJudge is the cost of proof with warm DNS, as domains are that do all
// that they should: SPF with an include, RSA keys of 2048 bits, a policy.
func BenchmarkJudge(b *testing.B) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		b.Fatal(err)
	}
	all := policies()
	all["r._domainkey.acme.example."] = mockdns.Zone{TXT: []string{"v=DKIM1; p=" + base64.StdEncoding.EncodeToString(public)}}
	cache := NewCache(&mockdns.Resolver{Zones: all}, time.Now)
	byRSA := func(message string) string {
		var out strings.Builder
		if err := dkim.Sign(&out, strings.NewReader(message), &dkim.SignOptions{Domain: "acme.example", Selector: "r", Signer: rsaKey,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}); err != nil {
			b.Fatal(err)
		}
		return out.String()
	}
	long := "From: anna@acme.example\r\n\r\n" + strings.Repeat("0123456789012345678901234567890\r\n", 1<<10)
	five := long
	for range maxSignatures {
		five = byRSA(five)
	}
	sealers := Trust{Relays: []Relay{{Seals: "evil.example"}}}
	seal := sealing{domain: "evil.example", results: "mx; dkim=pass header.d=acme.example"}
	for _, c := range []struct {
		name, client, message string
	}{
		{"SPF", "192.0.2.7", agent},
		{"DKIM", "192.0.2.7", byRSA(agent)},
		{"DKIM32KB", "192.0.2.7", byRSA(long)},
		{"DKIM32KBTimes5", "192.0.2.7", five},
		{"DKIM1MB", "192.0.2.7", byRSA("From: anna@acme.example\r\n\r\n" + strings.Repeat("0123456789012345678901234567890\r\n", 1<<15))},
		{"ARC", "198.51.100.99", sealedBy(agent, seal, seal, seal)},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := direct(c.client, "anna@acme.example")
			d.Now = time.Now()
			data := []byte(c.message)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if v := Judge(b.Context(), cache, sealers, d, data); v.Evidence.Proof != ticket.ProofDomain {
					b.Fatalf("got %+v", v.Evidence)
				}
			}
		})
	}
}
