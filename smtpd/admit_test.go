package smtpd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
	"guichet/ticket"
)

// strict: bank.example wants what it does not stand behind refused, shop.example
// set aside; 192.0.2.66 is on a block list.
func strict() *mockdns.Resolver {
	return &mockdns.Resolver{Zones: map[string]mockdns.Zone{
		"bank.example.":                {TXT: []string{"v=spf1 ip4:192.0.2.7 -all"}},
		"_dmarc.bank.example.":         {TXT: []string{"v=DMARC1; p=reject"}},
		"_dmarc.shop.example.":         {TXT: []string{"v=DMARC1; p=quarantine"}},
		"66.2.0.192.list.example.":     {A: []string{"127.0.0.2"}},
		"66.2.0.192.other.example.":    {A: []string{"127.0.0.2"}},
		"67.2.0.192.list.example.":     {A: []string{"127.0.0.2"}},
		"68.2.0.192.list.example.":     {Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}},
		"7.2.0.192.list.example.":      {A: []string{"127.0.0.2"}},
		"7.2.0.192.other.example.":     {A: []string{"127.0.0.2"}},
		"66.100.51.198.list.example.":  {A: []string{"127.0.0.2"}},
		"66.100.51.198.other.example.": {A: []string{"127.0.0.2"}},
		"5.113.0.203.list.example.":    {A: []string{"127.0.0.2"}},
	}}
}

func trusted() Settings {
	return Settings{
		Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		Relays:   []proof.Relay{{Network: netip.MustParsePrefix("198.51.100.1/32"), AuthservID: "mx.front.example"}},
	}
}

const throughFront = "Received: from a.example (b.example [198.51.100.66]) by mx.front.example with ESMTP id 1; now\r\n"

// TestPolicyInSession: a host that hands over its own mail hears of its domain's
// policy at once; whoever passes on that of others never does.
func TestPolicyInSession(t *testing.T) {
	for _, c := range []struct {
		name, from, sender, to, message, want string
		policy                                ticket.Policy
	}{
		{"refused", "198.51.100.99", "anna@bank.example", "help", "From: anna@bank.example\r\n\r\n", "550 5.7.26", ""},
		{"proved", "192.0.2.7", "anna@bank.example", "help", "From: anna@bank.example\r\n\r\n", "250", ""},
		{"set aside", "198.51.100.99", "anna@shop.example", "help", "From: anna@shop.example\r\n\r\n", "250", ticket.Quarantine},
		{"by a relay", "198.51.100.1", "anna@bank.example", "help", throughFront + "From: anna@bank.example\r\n\r\n", "250", ticket.Reject},
		{"by a network", "203.0.113.5", "anna@bank.example", "help", "From: anna@bank.example\r\n\r\n", "250", ""},
		{"to an old address", "198.51.100.99", "anna@bank.example", "old", "From: anna@bank.example\r\n\r\n", "250", ticket.Reject},
		{"two authors", "198.51.100.99", "anna@bank.example", "help", "From: anna@bank.example\r\nFrom: anna@bank.example\r\n\r\n", "250", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := openDoor(t, trusted(), strict())
				caller := d.dial(t, c.from)
				caller.expect("220 mx.acme.example")
				caller.say("EHLO mx.front.example", "250 ")
				caller.envelope(c.sender, c.to+"@acme.example")
				caller.say("DATA", "354")
				caller.say(c.message+".", c.want)
				all := d.house.messages()
				if (len(all) == 1) != (c.want == "250") || len(all) == 1 && all[0].Evidence.Policy != c.policy {
					t.Errorf("stored %+v", all)
				}
				if refused := d.tally.get(RefusedPolicy) == 1; refused != (c.want != "250") {
					t.Errorf("counted %v", d.tally.counts)
				}
				// A refusal ends the message, not the session.
				caller.mail("lea@example.com", "From: lea@example.com\r\n\r\n", "250")
			})
		})
	}
}

// TestAnyAliasHolds: with one old address among several, nothing is refused.
func TestAnyAliasHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, Settings{}, strict())
		c := d.dial(t, "198.51.100.99")
		c.greet()
		c.envelope("anna@bank.example", "help@acme.example")
		c.say("RCPT TO:<old@acme.example>", "250")
		c.say("DATA", "354")
		c.say("From: anna@bank.example\r\n\r\n.", "250")
		if e := d.house.messages()[0]; e.Evidence.Policy != ticket.Reject || !strings.Contains(e.Evidence.Reason, "bank.example wants such mail refused") {
			t.Errorf("got %+v", e.Evidence)
		}
	})
}

func lists(hold, refuse int) scan.Settings {
	return scan.Settings{BlockLists: &scan.BlockLists{Lists: []scan.BlockList{{Zone: "list.example", Score: 3}, {Zone: "other.example", Score: 2}}, Hold: hold, Refuse: refuse}}
}

func TestBlockLists(t *testing.T) {
	for _, c := range []struct {
		name, from, sender, to, want string
		checks                       scan.Settings
		tempFail                     bool
		suspect                      string
	}{
		{name: "on none", from: "192.0.2.9", want: "250", checks: lists(3, 5)},
		{name: "on two", from: "192.0.2.66", want: "550 5.7.1", checks: lists(3, 5)},
		{name: "on two, held", from: "192.0.2.66", want: "250", checks: lists(5, 0), suspect: "its host is on list.example, other.example"},
		{name: "on one", from: "192.0.2.67", want: "250", checks: lists(3, 5), suspect: "its host is on list.example"},
		{name: "on one, which is not enough", from: "192.0.2.67", want: "250", checks: lists(4, 5)},
		{name: "to an old address", from: "192.0.2.66", to: "old", want: "250", checks: lists(3, 5), suspect: "its host is on"},
		{name: "a network", from: "203.0.113.5", want: "250", checks: lists(3, 3)},
		{name: "behind a relay", from: "198.51.100.1", want: "250", checks: lists(3, 5), suspect: "its host is on list.example, other.example"},
		{name: "no answer", from: "192.0.2.68", want: "250", checks: lists(3, 5)},
		{name: "no answer, which matters", from: "192.0.2.68", want: "451 4.7.1", checks: lists(3, 5), tempFail: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := trusted()
				settings.Checks = c.checks
				settings.Checks.BlockLists.TempFail = c.tempFail
				d := openDoor(t, settings, strict())
				caller := d.dial(t, c.from)
				caller.expect("220")
				caller.say("EHLO mx.front.example", "250 ")
				if c.to == "" {
					c.to = "help"
				}
				caller.envelope("lea@example.com", c.to+"@acme.example")
				caller.say("DATA", "354")
				caller.say(throughFront+"From: lea@example.com\r\n\r\n.", c.want)
				if all := d.house.messages(); len(all) > 0 && (!strings.HasPrefix(all[0].Evidence.Suspect, c.suspect) || (c.suspect == "") != (all[0].Evidence.Suspect == "") || !strings.HasSuffix(all[0].Evidence.Reason, all[0].Evidence.Suspect)) {
					t.Errorf("got %+v", all[0].Evidence)
				}
				if turned := d.tally.get(RefusedCheck) == 1; turned != (c.want != "250") {
					t.Errorf("counted %v", d.tally.counts)
				}
				if failed := d.tally.get("failed dnsbl") == 1; failed != strings.HasPrefix(c.name, "no answer") {
					t.Errorf("counted %v", d.tally.counts)
				}
			})
		})
	}
}

// TestGreylist: only those wait whom nothing proves, and who speak for
// themselves; and only once.
func TestGreylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := today
		settings := trusted()
		settings.Checks.Greylist = &scan.Greylist{Delay: 5 * time.Minute, Window: 12 * time.Hour, Keep: 24 * time.Hour}
		d := openDoor(t, settings, strict())
		d.outside.Now = func() time.Time { return now }
		send := func(from, sender, to, want string) {
			t.Helper()
			c := d.dial(t, from)
			c.expect("220")
			c.say("EHLO mx.front.example", "250 ")
			c.envelope(sender, to+"@acme.example")
			c.say("DATA", "354")
			c.say(throughFront+"From: "+sender+"\r\n\r\n.", want)
		}
		send("192.0.2.7", "anna@bank.example", "help", "250")  // proved
		send("203.0.113.5", "lea@example.com", "help", "250")  // a network
		send("198.51.100.1", "lea@example.com", "help", "250") // a relay
		send("192.0.2.9", "lea@example.com", "old", "250")     // forwarded
		send("192.0.2.9", "lea@example.com", "help", "451 4.7.1")
		now = now.Add(5*time.Minute - time.Second)
		send("192.0.2.9", "lea@example.com", "help", "451 4.7.1")
		now = now.Add(time.Second)
		send("192.0.2.200", "LEA@Example.com", "help", "250") // a neighbour
		send("192.0.2.9", "ben@example.com", "help", "451")
		send("192.0.2.9", "lea@example.com", "sales", "451")
		send("192.0.3.9", "lea@example.com", "help", "451")
		now = now.Add(24*time.Hour - time.Second)
		send("192.0.2.9", "lea@example.com", "help", "250") // and kept again
		send("192.0.2.9", "ben@example.com", "help", "451") // came too late
		now = now.Add(24 * time.Hour)
		send("192.0.2.9", "lea@example.com", "help", "451")
	})
}

// forgetful is a memory of elsewhere that is out of order.
type forgetful struct{}

func (forgetful) First(context.Context, scan.Key, time.Time) (time.Time, error) {
	return time.Time{}, errors.New(secret)
}
func (forgetful) Put(context.Context, scan.Key, time.Time, time.Time) error {
	return errors.New(secret)
}

func TestGreylistFault(t *testing.T) {
	for tempFail, want := range map[bool]string{false: "250", true: "451 4.7.1"} {
		synctest.Test(t, func(t *testing.T) {
			d := openDoor(t, Settings{}, strict())
			d.outside.Greylist = forgetful{}
			d.Update(Settings{Checks: scan.Settings{Greylist: &scan.Greylist{Delay: time.Minute, Window: time.Hour, Keep: time.Hour, TempFail: tempFail}}})
			c := d.dial(t, "192.0.2.9")
			c.expect("220")
			c.say("EHLO client.example", "250 ")
			c.mail("lea@example.com", "From: lea@example.com\r\n\r\n", want)
			if d.tally.get("failed greylist") != 1 || !strings.Contains(d.log.String(), secret) {
				t.Errorf("counted %v", d.tally.counts)
			}
		})
	}
}

// TestPolicyFault: mail waits for a policy that cannot be asked for, four hours
// and no longer, and is then taken for unproved; where one is known it is held
// rather than refused for what DNS left open.
func TestPolicyFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := mockdns.Zone{Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}
		now := today
		d := openDoor(t, Settings{}, &mockdns.Resolver{Zones: map[string]mockdns.Zone{
			"_dmarc.silent.example.": down,
			"known.example.":         down,
			"_dmarc.known.example.":  {TXT: []string{"v=DMARC1; p=reject"}},
		}})
		d.outside.Now = func() time.Time { return now }
		c := d.dial(t, "198.51.100.99")
		c.greet()
		const silent, known = "From: lea@silent.example\r\n\r\n", "From: lea@known.example\r\n\r\n"
		c.mail("lea@silent.example", silent, "451 4.4.3")
		c.mail("lea@known.example", known, "451 4.4.3")
		now = now.Add(4*time.Hour - time.Second)
		c.mail("lea@silent.example", silent, "451 4.4.3")
		now = now.Add(time.Second)
		c.mail("lea@silent.example", silent, "250")
		c.mail("lea@known.example", known, "250")
		all := d.house.messages()
		if len(all) != 2 || all[0].Evidence.Policy != ticket.NoPolicy || all[0].Evidence.Proof != ticket.ProofNone || all[1].Evidence.Policy != ticket.Reject {
			t.Errorf("stored %+v", all)
		}
	})
}

// TestChecksSeeTheMessage: what a check is told is what came, before anything
// is taken out of it, and by whom it came.
func TestChecksSeeTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, trusted(), strict())
		var told []*scan.Mail
		settings := *d.settings.Load()
		settings.checks = []scan.Step{{Check: spy(func(m *scan.Mail) { told = append(told, m) })}}
		d.settings.Store(&settings)
		const message = throughFront + "Authentication-Results: mx.acme.example; dkim=pass\r\nFrom: lea@example.com\r\n\r\n"
		for _, from := range []string{"192.0.2.9", "203.0.113.5", "198.51.100.1"} {
			c := d.dial(t, from)
			c.expect("220")
			c.say("EHLO mx.front.example", "250 ")
			c.mail("lea@example.com", message, "250")
		}
		for i, want := range []scan.Mail{
			{Client: netip.MustParseAddr("192.0.2.9")},
			{Client: netip.MustParseAddr("203.0.113.5"), Known: true, Proved: true},
			{Client: netip.MustParseAddr("198.51.100.66"), Forwarded: true},
		} {
			m := told[i]
			if m.Client != want.Client || m.Known != want.Known || m.Proved != want.Proved || m.Forwarded != want.Forwarded ||
				string(m.Data) != message || m.From != "lea@example.com" || len(m.Recipients) != 1 || m.Helo != "mx.front.example" || m.ID == "" {
				t.Errorf("told %+v", m)
			}
		}
	})
}

// spy is a check that only looks.
type spy func(*scan.Mail)

func (spy) Name() string { return "spy" }
func (s spy) Check(_ context.Context, m *scan.Mail) (scan.Verdict, error) {
	seen := *m
	seen.Data = append([]byte(nil), m.Data...)
	s(&seen)
	return scan.Verdict{}, nil
}
