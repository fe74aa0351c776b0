package proof

import (
	"context"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/ticket"
)

// policies: what the domains of these tests publish beside the zones of all.
func policies() map[string]mockdns.Zone {
	all := zones()
	txt := func(records ...string) mockdns.Zone { return mockdns.Zone{TXT: records} }
	maps.Copy(all, map[string]mockdns.Zone{
		"_dmarc.acme.example.":             txt("unrelated", "v=DMARC1; p=reject; rua=mailto:x@acme.example"),
		"_dmarc.own.acme.example.":         txt("v=DMARC1;p=none"),
		"_dmarc.soft.example.":             txt("v=DMARC1 ; p = Quarantine"),
		"_dmarc.none.example.":             txt("v=DMARC1; p=none; sp=reject"),
		"_dmarc.below.example.":            txt("v=DMARC1; p=reject; sp=quarantine"),
		"_dmarc.strict.example.":           txt("v=DMARC1; p=reject; adkim=s; aspf=s"),
		"_dmarc.trial.example.":            txt("v=DMARC1; p=reject; t=y"),
		"_dmarc.pct.example.":              txt("v=DMARC1; p=reject; pct=0"),
		"_dmarc.softpct.example.":          txt("v=DMARC1; p=quarantine; pct=0"),
		"_dmarc.half.example.":             txt("v=DMARC1; p=reject; pct=50"),
		"_dmarc.two.example.":              txt("v=DMARC1; p=reject", "v=DMARC1; p=quarantine"),
		"_dmarc.odd.example.":              txt("v=DMARC2; p=reject", "p=reject; v=DMARC1", "v=spf1 -all"),
		"_dmarc.fault.example.":            {Err: servfail},
		"_dmarc.sub.fault2.example.":       {Err: servfail},
		"_dmarc.co.uk.":                    txt("v=DMARC1; p=reject"),
		"s._domainkey.strict.example.":     txt(keyRecord),
		"s._domainkey.sub.strict.example.": txt(keyRecord),
		"s._domainkey.fault.example.":      txt(keyRecord),
		"s._domainkey.sub.fault.example.":  txt(keyRecord),
		"strict.example.":                  txt("v=spf1 ip4:192.0.2.0/24 -all"),
		"sub.strict.example.":              txt("v=spf1 ip4:192.0.2.0/24 -all"),
		"fault.example.":                   txt("v=spf1 ip4:192.0.2.0/24 -all"),
	})
	return all
}

func judgeWith(all map[string]mockdns.Zone, d Delivery, message string) *Verdict {
	d.Now = time.Now()
	return Judge(context.Background(), &mockdns.Resolver{Zones: all}, trust, d, []byte(message))
}

func by(domain string) string { return "From: Anna <anna@" + domain + ">\r\n\r\nHello.\r\n" }

func TestPolicy(t *testing.T) {
	const outside, stranger, ours = "192.0.2.7", "198.51.100.99", "203.0.113.5"
	for _, c := range []struct {
		name     string
		delivery Delivery
		message  func() string
		policy   ticket.Policy
		refuses  bool
		proof    ticket.Proof
		doubt    bool
		result   string // dmarc= in our own results
	}{
		{name: "reject", delivery: direct(stranger, "anna@acme.example"), message: func() string { return by("acme.example") }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, signatures not looked at", delivery: direct(stranger, "anna@acme.example"), message: func() string {
			return signed("X: "+strings.Repeat("x", maxField)+"\r\n"+by("acme.example"), stamp{domain: "acme.example"})
		}, policy: ticket.Reject, result: "permerror"},
		{name: "reject, signed", delivery: direct(stranger, "x@evil.example"), message: func() string { return signed(by("acme.example"), stamp{domain: "acme.example"}) }, proof: ticket.ProofDomain, result: "pass"},
		{name: "reject, SPF", delivery: direct(outside, "anna@acme.example"), message: func() string { return by("acme.example") }, proof: ticket.ProofDomain, result: "pass"},
		{name: "reject, and somebody else's SPF", delivery: direct(outside, "x@evil.example"), message: func() string { return by("acme.example") }, policy: ticket.Reject, refuses: true, proof: ticket.ProofEnvelope, result: "fail"},
		{name: "reject, a bounce", delivery: direct(stranger, ""), message: func() string { return by("acme.example") }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, by a relay", delivery: direct("198.51.100.1", "anna@acme.example"), message: func() string { return by("acme.example") }, policy: ticket.Reject, result: "fail"},
		{name: "reject, by a network", delivery: direct(ours, "anna@acme.example"), message: func() string { return by("acme.example") }, proof: ticket.ProofDomain, result: ""},
		{name: "reject, l=", delivery: direct(stranger, ""), message: func() string {
			return signed(by("acme.example"), stamp{domain: "acme.example", length: 3})
		}, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, test key", delivery: direct(stranger, ""), message: func() string { return signed(by("acme.example"), stamp{domain: "acme.example", selector: "t"}) }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, From unsigned", delivery: direct(stranger, ""), message: func() string {
			return signed("Subject: x\r\n"+by("acme.example"), stamp{domain: "acme.example", fields: "subject"})
		}, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, older than three days", delivery: direct(stranger, ""), message: func() string {
			return signed(by("acme.example"), stamp{domain: "acme.example", age: 73 * time.Hour})
		}, policy: ticket.Quarantine, result: "fail"},
		{name: "reject, old and forged", delivery: direct(stranger, ""), message: func() string {
			return signed(by("acme.example"), stamp{domain: "acme.example", age: 73 * time.Hour}) + "P.S.\r\n"
		}, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "reject, two authors", delivery: direct(stranger, ""), message: func() string { return "From: x@evil.example\r\n" + by("acme.example") }, result: ""},

		{name: "quarantine", delivery: direct(stranger, ""), message: func() string { return by("soft.example") }, policy: ticket.Quarantine, result: "fail"},
		{name: "none", delivery: direct(stranger, ""), message: func() string { return by("none.example") }, result: "fail"},
		{name: "no policy", delivery: direct(stranger, ""), message: func() string { return by("evil.example") }, result: "none"},
		{name: "below, sp stricter", delivery: direct(stranger, ""), message: func() string { return by("a.none.example") }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "below, sp milder", delivery: direct(stranger, ""), message: func() string { return by("a.b.below.example") }, policy: ticket.Quarantine, result: "fail"},
		{name: "below, no sp", delivery: direct(stranger, ""), message: func() string { return by("a.acme.example") }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "below, with a record of its own", delivery: direct(stranger, ""), message: func() string { return by("own.acme.example") }, result: "fail"},
		{name: "below a public suffix", delivery: direct(stranger, ""), message: func() string { return by("victim.co.uk") }, result: "none"},
		{name: "on trial", delivery: direct(stranger, ""), message: func() string { return by("trial.example") }, policy: ticket.Quarantine, result: "fail"},
		{name: "pct=0", delivery: direct(stranger, ""), message: func() string { return by("pct.example") }, policy: ticket.Quarantine, result: "fail"},
		{name: "quarantine, pct=0", delivery: direct(stranger, ""), message: func() string { return by("softpct.example") }, result: "fail"},
		{name: "pct=50 is all of it", delivery: direct(stranger, ""), message: func() string { return by("half.example") }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "two records", delivery: direct(stranger, ""), message: func() string { return by("two.example") }, result: "none"},
		{name: "no record of ours", delivery: direct(stranger, ""), message: func() string { return by("odd.example") }, result: "none"},

		{name: "strict, same", delivery: direct(stranger, ""), message: func() string { return signed(by("strict.example"), stamp{domain: "strict.example"}) }, proof: ticket.ProofDomain, result: "pass"},
		{name: "strict, signed below", delivery: direct(stranger, ""), message: func() string { return signed(by("strict.example"), stamp{domain: "sub.strict.example"}) }, policy: ticket.Reject, refuses: true, result: "fail"},
		{name: "strict, SPF", delivery: direct(outside, "x@strict.example"), message: func() string { return by("strict.example") }, proof: ticket.ProofDomain, result: "pass"},
		{name: "strict, SPF below", delivery: direct(outside, "x@sub.strict.example"), message: func() string { return by("strict.example") }, policy: ticket.Reject, refuses: true, proof: ticket.ProofEnvelope, result: "fail"},

		{name: "nobody knows", delivery: direct(stranger, ""), message: func() string { return by("fault.example") }, doubt: true, result: "temperror"},
		{name: "nobody knows, below", delivery: direct(stranger, ""), message: func() string { return by("sub.fault2.example") }, doubt: true, result: "temperror"},
		{name: "nobody knows, and it does not matter", delivery: direct(stranger, ""), message: func() string { return signed(by("fault.example"), stamp{domain: "fault.example"}) }, proof: ticket.ProofDomain, result: "temperror"},
		{name: "nobody knows, nor for SPF", delivery: direct(outside, "x@fault.example"), message: func() string { return by("fault.example") }, proof: ticket.ProofDomain, result: "temperror"},
		{name: "nobody knows whether that will do", delivery: direct(stranger, ""), message: func() string { return signed(by("fault.example"), stamp{domain: "sub.fault.example"}) }, doubt: true, result: "temperror"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := judgeWith(policies(), c.delivery, c.message())
				e := v.Evidence
				if e.Policy != c.policy || v.Refuses(false) != c.refuses || e.Proof != c.proof || v.Doubt != c.doubt {
					t.Errorf("got %+v, refuses %v, doubt %v", e, v.Refuses(false), v.Doubt)
				}
				if v.Refuses(true) {
					t.Error("refuses what came by an alias")
				}
				if said := strings.Contains(e.Reason, " wants such mail "); said != (c.policy != ticket.NoPolicy) || strings.Contains(e.Reason, "@") {
					t.Errorf("the reason is %q", e.Reason)
				}
				if want := "dmarc=" + c.result + " "; strings.Contains(v.Field("mx"), want) != (c.result != "") {
					t.Errorf("want %s in %q", want, v.Field("mx"))
				}
			})
		})
	}
}

// TestDoubtNeverRefuses: what a look-up left open is no ground to turn mail
// away for good, however long it was.
func TestDoubtNeverRefuses(t *testing.T) {
	all := policies()
	all["_dmarc.down.example."] = mockdns.Zone{TXT: []string{"v=DMARC1; p=reject"}}
	v := judgeWith(all, direct("192.0.2.7", "lea@down.example"), lost)
	if !v.Doubt || v.Refuses(false) || v.Evidence.Policy != ticket.Reject {
		t.Errorf("got %+v, doubt %v", v.Evidence, v.Doubt)
	}
}

// TestRelayAndPolicy: what a relay vouches for is aligned by the domain's own
// rules too.
func TestRelayAndPolicy(t *testing.T) {
	const received = "from a.example (b.example [198.51.100.66]) by mx.front.example with ESMTP id 1; now"
	for results, proof := range map[string]ticket.Proof{
		"dkim=pass header.d=strict.example":                                       ticket.ProofDomain,
		"dkim=pass header.d=sub.strict.example":                                   ticket.ProofNone,
		"dkim=pass header.d=sub.strict.example;dkim=pass header.d=strict.example": ticket.ProofDomain,
		"dmarc=pass header.from=strict.example":                                   ticket.ProofDomain,
		"dmarc=pass header.from=sub.strict.example":                               ticket.ProofNone,
	} {
		d, message := relayed("x@evil.example", received, "Authentication-Results: mx.front.example; "+results+"\r\n"+by("strict.example"))
		v := judgeWith(policies(), d, message)
		wants := ticket.Reject
		if proof == ticket.ProofDomain {
			wants = ticket.NoPolicy
		}
		if e := v.Evidence; e.Proof < proof || e.Proof >= ticket.ProofDomain != (proof == ticket.ProofDomain) || e.Policy != wants || v.Refuses(false) {
			t.Errorf("%s: got %+v", results, e)
		}
		if strings.Contains(v.Field("mx"), "dmarc=pass") {
			t.Errorf("%s: a relay's word stands as our own: %q", results, v.Field("mx"))
		}
	}
}

func TestClientBehindRelay(t *testing.T) {
	d, message := relayed("x@evil.example", "from a.example (b.example [198.51.100.66]) by mx.front.example with ESMTP id 1; now", by("acme.example"))
	if v := judgeWith(zones(), d, message); v.Client != netip.MustParseAddr("198.51.100.66") || !v.Relayed() {
		t.Errorf("client %v, relayed %v", v.Client, v.Relayed())
	}
	if v := judgeWith(zones(), direct("198.51.100.1", ""), by("acme.example")); v.Client.IsValid() {
		t.Errorf("client %v", v.Client)
	}
}
