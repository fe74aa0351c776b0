package proof

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/ticket"
)

// sealing says how a host seals a message. All that it writes is in the form
// that canonicalization would give it, so that this needs none.
type sealing struct {
	domain  string
	results string // after the instance
	cv      string // as is right for the instance, when empty
	fields  string // h=; from when empty
	more    string // further tags of the message's signature
	sealed  string // further tags of the seal
	age     time.Duration
	undated bool
}

func ed25519Signature(text string) string {
	digest := sha256.Sum256([]byte(text))
	value, err := key.Sign(nil, digest[:], crypto.Hash(0))
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(value)
}

// sealedBy puts one set for each host on top of a message, the last on top.
func sealedBy(message string, hosts ...sealing) string {
	header, body, _ := strings.Cut(message, "\r\n\r\n")
	hash := sha256.Sum256([]byte(body))
	var chain, top string
	for i, s := range hosts {
		n := i + 1
		if s.cv == "" {
			s.cv = map[bool]string{true: "none", false: "pass"}[n == 1]
		}
		if s.fields == "" {
			s.fields = "from"
		}
		if !s.undated {
			s.more += fmt.Sprintf(" t=%d;", time.Now().Add(-s.age).Unix())
		}
		results := fmt.Sprintf("arc-authentication-results:i=%d; %s", n, s.results)
		var covered strings.Builder
		for line := range strings.Lines(header + "\r\n") {
			for name := range strings.SplitSeq(s.fields, ":") {
				if field, value, _ := strings.Cut(line, ": "); strings.EqualFold(field, name) {
					covered.WriteString(name + ":" + value)
				}
			}
		}
		signature := fmt.Sprintf("arc-message-signature:i=%d; a=ed25519-sha256; c=relaxed/simple; d=%s; s=s;%s h=%s; bh=%s; b=",
			n, s.domain, s.more, s.fields, base64.StdEncoding.EncodeToString(hash[:]))
		signature += ed25519Signature(covered.String() + signature)
		seal := fmt.Sprintf("arc-seal:i=%d; a=ed25519-sha256; cv=%s; d=%s; s=s;%s b=", n, s.cv, s.domain, s.sealed)
		chain += results + "\r\n" + signature + "\r\n"
		seal += ed25519Signature(chain + seal)
		chain += seal + "\r\n"
		top = seal + "\r\n" + signature + "\r\n" + results + "\r\n" + top
	}
	return top + message
}

func TestSeals(t *testing.T) {
	const own = "mx.forward.example; dkim=pass header.d=acme.example; spf=pass smtp.mailfrom=anna@acme.example; dmarc=pass header.from=acme.example"
	forward := sealing{domain: "forward.example", results: own}
	list := sealing{domain: "list.example", results: "list.example; dkim=pass header.d=acme.example"}
	with := func(change func(*sealing)) sealing { s := forward; change(&s); return s }
	for _, c := range []struct {
		name    string
		message func() string
		method  ticket.Method // "" is no proof
		arc     Result
		doubt   bool
	}{
		{name: "a relay that is named", message: func() string { return sealedBy(agent, forward) }, method: ticket.ByRelay, arc: Pass},
		{name: "by SPF alone", message: func() string {
			return sealedBy(agent, with(func(s *sealing) { s.results = "mx.forward.example; spf=pass smtp.mailfrom=anna@acme.example" }))
		}, method: ticket.BySPF, arc: Pass},
		{name: "by SPF of a domain", message: func() string {
			return sealedBy(agent, with(func(s *sealing) { s.results = "mx.forward.example; spf=pass smtp.mailfrom=acme.example" }))
		}, method: ticket.BySPF, arc: Pass},
		{name: "by DMARC alone", message: func() string {
			return sealedBy(agent, with(func(s *sealing) { s.results = "mx.forward.example; dmarc=pass header.from=acme.example" }))
		}, method: ticket.BySPF, arc: Pass},
		{name: "above another's", message: func() string { return sealedBy(agent, list, forward) }, method: ticket.ByRelay, arc: Pass},
		{name: "two that are named, and the first has found it", message: func() string {
			return sealedBy(agent, forward, sealing{domain: "second.example", results: "second.example; dkim=fail header.d=acme.example; arc=pass"})
		}, method: ticket.ByRelay, arc: Pass},
		{name: "undated", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.undated = true })) }, method: ticket.ByRelay, arc: Pass},

		{name: "no chain", message: func() string { return agent }},
		{name: "nobody named", message: func() string { return sealedBy(agent, list) }},
		{name: "named, but below one that is not", message: func() string { return sealedBy(agent, forward, list) }},
		{name: "results of another", message: func() string {
			return sealedBy(agent, sealing{domain: "list.example", results: "mx.forward.example; dkim=pass header.d=acme.example"})
		}},
		{name: "it found nothing", message: func() string {
			return sealedBy(agent, with(func(s *sealing) {
				s.results = "mx.forward.example; dkim=fail header.d=acme.example; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example"
			}))
		}},
		{name: "words in a comment", message: func() string {
			return sealedBy(agent, with(func(s *sealing) { s.results = "mx.forward.example; spf=fail (; dkim=pass header.d=acme.example)" }))
		}},
		{name: "changed after the seal", message: func() string { return sealedBy(agent, forward) + "P.S.\r\n" }, arc: Fail},
		{name: "another From", message: func() string {
			return strings.Replace(sealedBy(agent, forward), "From: Anna <anna@", "From: Ben <ben@", 1)
		}, arc: Fail},
		{name: "other results under the seal", message: func() string {
			s := with(func(s *sealing) { s.results = "mx.forward.example; dkim=fail header.d=acme.example" })
			return strings.Replace(sealedBy(agent, s), "dkim=fail", "dkim=pass", 1)
		}, arc: Fail},
		{name: "a forged seal", message: func() string {
			return strings.Replace(sealedBy(agent, list), "list.example", "forward.example", -1)
		}, arc: Fail},
		{name: "the seal of another message", message: func() string {
			other := sealedBy(strings.Replace(agent, "Hello", "Bye", 1), forward)
			return other[:strings.Index(other, "From:")] + agent
		}, arc: Fail},
		{name: "a seal below is missing", message: func() string {
			m := sealedBy(agent, list, forward)
			at := strings.Index(m, "arc-seal:i=1")
			return m[:at] + m[at+strings.Index(m[at:], "\r\n")+2:]
		}},
		{name: "a seal below is broken", message: func() string {
			m := sealedBy(agent, list, forward)
			return strings.Replace(m, "list.example; dkim=pass", "list.example; dkim=none", 1)
		}, arc: Fail},
		{name: "it says itself that the chain is broken", message: func() string {
			return sealedBy(agent, list, with(func(s *sealing) { s.cv = "fail" }))
		}},
		{name: "it claims a chain that there is not", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.cv = "pass" })) }},
		{name: "a set twice", message: func() string {
			m := sealedBy(agent, forward)
			return m[:strings.Index(m, "\r\n")+2] + m
		}},
		{name: "a seal with h=", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.sealed = " h=from;" })) }},
		{name: "From not covered", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.fields = "subject" })) }},
		{name: "covers seals", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.fields = "from:arc-seal" })) }, arc: Fail},
		{name: "covers a part", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.more = " l=3;" })) }},
		{name: "older than three days", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.age = 73 * time.Hour })) }},
		{name: "from the future", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.age = -25 * time.Hour })) }},
		{name: "no such key", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.domain = "keyless.example" })) }, arc: Fail},
		{name: "key in test mode", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.domain = "testing.example" })) }, arc: Fail},
		{name: "DNS down", message: func() string { return sealedBy(agent, with(func(s *sealing) { s.domain = "down.example" })) }, arc: TempError, doubt: true},
		{name: "fifty-one sets", message: func() string {
			hosts := make([]sealing, maxSets+1)
			for i := range hosts {
				hosts[i] = forward
			}
			return sealedBy(agent, hosts...)
		}},
		{name: "fifty sets", message: func() string {
			hosts := make([]sealing, maxSets)
			for i := range hosts {
				hosts[i] = forward
			}
			return sealedBy(agent, hosts...)
		}, method: ticket.ByRelay, arc: Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := judgeSealed(direct("198.51.100.99", "x@list.example"), c.message())
				e := v.Evidence
				if c.arc == "" {
					c.arc = None
				}
				if e.Method != c.method || (e.Proof == ticket.ProofDomain) != (c.method != "") || v.ARC != c.arc || v.Doubt != c.doubt {
					t.Errorf("got %+v, arc %s, doubt %v", e, v.ARC, v.Doubt)
				}
				if wants := (c.method == ""); (e.Policy == ticket.Reject) != wants || v.Refuses(false) != (wants && !c.doubt) {
					t.Errorf("policy %q", e.Policy)
				}
				if field := v.Field("mx"); strings.Contains(field, "arc="+string(c.arc)) != (c.arc != None) || strings.Contains(field, "dmarc=pass") {
					t.Errorf("results %q", field)
				}
			})
		})
	}
}

// judgeSealed: acme.example wants what it does not stand behind refused, so that
// all hangs on the seals.
func judgeSealed(d Delivery, message string) *Verdict {
	all := policies()
	record := mockdns.Zone{TXT: []string{keyRecord}}
	maps.Copy(all, map[string]mockdns.Zone{
		"s._domainkey.forward.example.": record, "s._domainkey.second.example.": record, "s._domainkey.list.example.": {TXT: []string{strings.Replace(keyRecord, "v=DKIM1; ", "", 1)}},
		"s._domainkey.testing.example.": {TXT: []string{keyRecord + "; t=y"}},
	})
	before := trust
	defer func() { trust = before }()
	for _, domain := range []string{"forward.example", "Second.example", "keyless.example", "testing.example", "down.example"} {
		trust.Relays = append(trust.Relays[:len(trust.Relays):len(trust.Relays)], Relay{Seals: domain})
	}
	return judgeWith(all, d, message)
}

// TestForgedSealKey: a "forged seal" above is one made with the right key under
// a wrong name; this is the name right and the key wrong.
func TestForgedSealKey(t *testing.T) {
	all := policies()
	all["s._domainkey.forward.example."] = mockdns.Zone{TXT: []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}}
	before := trust
	defer func() { trust = before }()
	trust = Trust{Relays: []Relay{{Seals: "forward.example"}}}
	m := sealedBy(agent, sealing{domain: "forward.example", results: "mx; dkim=pass header.d=acme.example"})
	if v := judgeWith(all, direct("198.51.100.99", ""), m); v.ARC != Fail || v.Evidence.Proof != ticket.ProofNone {
		t.Errorf("got %+v, arc %s", v.Evidence, v.ARC)
	}
}

// TestSealNamesNoNetwork: a relay that is known by its seals alone is no host
// that could be taken for a network.
func TestSealNamesNoNetwork(t *testing.T) {
	only := Trust{Relays: []Relay{{Seals: "forward.example"}}}
	for _, client := range []string{"0.0.0.0", "::", "192.0.2.1", "127.0.0.1"} {
		if only.relay(netip.MustParseAddr(client)) != nil {
			t.Errorf("%s is taken for the relay", client)
		}
	}
}

func TestParseTags(t *testing.T) {
	for list, want := range map[string]string{
		"a=b": "b", " a = b c\t; d=e;": "bc", "a=": "", "a=b;c=d;e=f=": "b", "A=x; a=b": "b",
	} {
		if tags, ok := parseTags(list, true); !ok || tags["a"] != want {
			t.Errorf("%q: %v, %v", list, tags, ok)
		}
	}
	for _, bad := range []string{"", "a", "a=b;;c=d", "a=b; ;c=d", "a=b;a=c", "1a=b", "a b=c", "=x", ";a=b", "a=b;c"} {
		if tags, ok := parseTags(bad, true); ok {
			t.Errorf("%q is %v", bad, tags)
		}
	}
}

// TestCanonicalBody is after RFC 6376 §3.4.3 to §3.4.5.
func TestCanonicalBody(t *testing.T) {
	for _, c := range []struct {
		body, simple, relaxed string
	}{
		{"", "\r\n", ""},
		{"\r\n\r\n", "\r\n", ""},
		{" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
		{"a\r\n\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"a\r\n \r\n", "a\r\n \r\n", "a\r\n"},
		{"\t\ta  b\r\n", "\t\ta  b\r\n", " a b\r\n"},
	} {
		if got := bodyHash([]byte(c.body), false); got != sha256.Sum256([]byte(c.simple)) {
			t.Errorf("%q, simple", c.body)
		}
		if got := bodyHash([]byte(c.body), true); got != sha256.Sum256([]byte(c.relaxed)) {
			t.Errorf("%q, relaxed", c.body)
		}
	}
}

// TestPublicKey: which key records hold a key for mail.
func TestPublicKey(t *testing.T) {
	ed := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	rsaOf := func(bits int) string {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	}
	short := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}))
	for _, c := range []struct {
		record, algorithm string
		want              bool
	}{
		{"v=DKIM1; k=ed25519; p=" + ed, "ed25519-sha256", true},
		{"k=ed25519; s=email; h=sha1:sha256; p=" + ed, "ed25519-sha256", true},
		{"k=ed25519; s=*; p=" + ed, "ed25519-sha256", true},
		{"k=ed25519; p=" + ed, "rsa-sha256", false},
		{"k=ed25519; s=tlsrpt; p=" + ed, "ed25519-sha256", false},
		{"k=ed25519; h=sha1; p=" + ed, "ed25519-sha256", false},
		{"v=DKIM2; k=ed25519; p=" + ed, "ed25519-sha256", false},
		{"k=ed25519; p=" + ed[4:], "ed25519-sha256", false},
		{"k=ed25519; p=", "ed25519-sha256", false},
		{"k=ed25519; p=#", "ed25519-sha256", false},
		{"p=" + rsaOf(1024), "rsa-sha256", true},
		{"k=rsa; p=" + rsaOf(4096), "rsa-sha256", true},
		{"p=" + short, "rsa-sha256", true}, // the bare form
		{"p=" + rsaOf(1023), "rsa-sha256", false},
		{"p=" + rsaOf(4097), "rsa-sha256", false},
		{"p=" + rsaOf(2048), "rsa-sha1", false},
		{"p=" + ed, "rsa-sha256", false},
	} {
		tags, _ := parseTags(c.record, false)
		if _, ok := publicKey(tags, c.algorithm); ok != c.want {
			t.Errorf("%.60s for %s: %v", c.record, c.algorithm, ok)
		}
	}
}

// TestSubdomainsOfKey: a key that is for its own domain alone (t=s) signs for no
// identity below it.
func TestSubdomainsOfKey(t *testing.T) {
	all := policies()
	all["only._domainkey.acme.example."] = mockdns.Zone{TXT: []string{keyRecord + "; t=s"}}
	for identity, want := range map[string]ticket.Method{
		"": ticket.ByDKIM, " i=@acme.example;": ticket.ByDKIM, " i=anna@ACME.example;": ticket.ByDKIM,
		" i=@sub.acme.example;": "", " i=@evil.example;": "", " i=acme.example;": "", " i=@notacme.example;": "",
	} {
		m := signed(agent, stamp{domain: "acme.example", selector: "only", more: identity})
		if got := judgeWith(all, direct("198.51.100.99", ""), m).Evidence.Method; got != want {
			t.Errorf("%q: proved by %q", identity, got)
		}
	}
}
