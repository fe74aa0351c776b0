package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foxcpp/go-mockdns"
)

func TestNothingIsWrongWithAPerfectWorld(t *testing.T) {
	all := perfect(t).examine(t)
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.Check] = true
		if f.State != OK && !(f.Check == "key" && strings.Contains(f.What, "copy")) {
			t.Errorf("%s %s %s: %s", f.State, f.Check, f.Subject, f.What)
		}
		if f.Heading == "" || f.What == "" {
			t.Errorf("half a finding: %+v", f)
		}
	}
	for _, check := range []string{"hostname", "address", "ptr", "mx", "mta-sts", "tls-rpt", "tls", "port", "route", "spf", "dkim", "dmarc", "agents", "redis", "clock", "disk", "fsync", "data", "key"} {
		if !seen[check] {
			t.Errorf("%s was not looked at", check)
		}
	}
	if again := perfect(t).examine(t); len(again) != len(all) {
		t.Errorf("%d findings, then %d", len(all), len(again))
	}
}

// defect is one thing that is wrong, all that is found amiss for it, and what
// the first of these says and tells to publish.
type defect struct {
	name   string
	damage func(*testing.T, *world)
	bad    []string
	what   string
	record string
}

func (d defect) test(t *testing.T) {
	w := perfect(t)
	d.damage(t, w)
	all := w.examine(t)
	found := bad(all)
	for i := range found {
		found[i] = strings.ReplaceAll(found[i], w.dir+"/", "")
	}
	if !slices.Equal(found, d.bad) {
		t.Fatalf("found\n  %s\nwant\n  %s", strings.Join(found, "\n  "), strings.Join(d.bad, "\n  "))
	}
	words := strings.SplitN(d.bad[0], " ", 3)
	f := of(all, words[1], words[2])
	if i := slices.IndexFunc(all, func(f Finding) bool { return f.State == Warning || f.State == Problem }); i >= 0 {
		f = &all[i]
	}
	if !strings.Contains(f.What, d.what) {
		t.Errorf("it says %q, want %q in it", f.What, d.what)
	}
	if !strings.Contains(f.Record, d.record) {
		t.Errorf("to publish is %q, want %q in it", f.Record, d.record)
	}
	if strings.Contains(f.What, "\n") || strings.Contains(f.What, "%!") || strings.Contains(f.Remedy, "%!") {
		t.Errorf("no line: %q, %q", f.What, f.Remedy)
	}
}

func TestDefectsOfThisHost(t *testing.T) {
	for _, d := range []defect{
		{"a short name", func(_ *testing.T, w *world) { w.Hostname = "mx" },
			[]string{"problem hostname mx", "problem tls cert.pem", "problem port :25"}, "no full name", ""},
		{"no address", func(_ *testing.T, w *world) { delete(w.zones, "mx.acme.example.") },
			[]string{"problem address mx.acme.example", "problem mx acme.example", "problem mx tickets.acme.example", "problem spf acme.example"}, "has no address in DNS", "mx.acme.example. A 192.0.2.10"},
		{"a private address", func(_ *testing.T, w *world) {
			w.zones["mx.acme.example."] = mockdns.Zone{A: []string{"10.0.0.1"}}
		}, []string{"problem address mx.acme.example", "problem spf acme.example"}, "only the private address 10.0.0.1", "mx.acme.example. A 192.0.2.10"},
		{"another address", func(_ *testing.T, w *world) { w.Own = []netip.Addr{netip.MustParseAddr("192.0.2.99")} },
			[]string{"warning address mx.acme.example", "problem spf acme.example"}, "this machine has 192.0.2.99", "mx.acme.example. A 192.0.2.99"},
		{"no PTR", func(_ *testing.T, w *world) { delete(w.zones, "10.2.0.192.in-addr.arpa.") },
			[]string{"problem ptr 192.0.2.10"}, "has no name", "10.2.0.192.in-addr.arpa. PTR mx.acme.example."},
		{"a PTR that leads elsewhere", func(_ *testing.T, w *world) {
			w.zone("10.2.0.192.in-addr.arpa", func(z *mockdns.Zone) { z.PTR = []string{"mail.staff.example."} })
		}, []string{"problem ptr 192.0.2.10"}, "does not lead back", "PTR mx.acme.example."},
		{"a PTR of another name", func(_ *testing.T, w *world) {
			w.zones["host.acme.example."] = mockdns.Zone{A: []string{"192.0.2.10"}}
			w.zone("10.2.0.192.in-addr.arpa", func(z *mockdns.Zone) { z.PTR = []string{"host.acme.example."} })
		}, []string{"warning ptr 192.0.2.10"}, "while we greet as mx.acme.example", "PTR mx.acme.example."},
		{"DNS that fails for one name", func(_ *testing.T, w *world) {
			w.zone("10.2.0.192.in-addr.arpa", func(z *mockdns.Zone) { z.Err = errors.New("SERVFAIL") })
		}, []string{"warning ptr 192.0.2.10"}, "DNS did not answer", "PTR mx.acme.example."},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfIncomingMail(t *testing.T) {
	for _, d := range []defect{
		{"no MX", func(_ *testing.T, w *world) { w.setMX("acme.example") },
			[]string{"problem mx acme.example"}, "has no MX record", "acme.example. MX 10 mx.acme.example."},
		{"no MX, our address", func(_ *testing.T, w *world) {
			w.zone("acme.example", func(z *mockdns.Zone) { z.MX, z.A = nil, []string{"192.0.2.10"} })
		}, []string{"warning mx acme.example"}, "by its address only", "acme.example. MX 10 mx.acme.example."},
		{"a null MX", func(_ *testing.T, w *world) { w.setMX("acme.example", ".") },
			[]string{"problem mx acme.example", "problem mta-sts acme.example"}, "takes no mail", "MX 10 mx.acme.example."},
		{"an MX without address", func(_ *testing.T, w *world) { w.setMX("acme.example", "old.acme.example.") },
			[]string{"problem mx acme.example"}, "old.acme.example, which has no address", "MX 10 mx.acme.example."},
		{"an MX that is an address", func(_ *testing.T, w *world) { w.setMX("tickets.acme.example", "192.0.2.10.", "mx.acme.example.") },
			[]string{"problem mx tickets.acme.example", "problem mta-sts tickets.acme.example"}, "where a name must stand", "tickets.acme.example. MX 10"},
		{"an MX that leads every host to itself", func(_ *testing.T, w *world) {
			w.zones["loop.acme.example."] = mockdns.Zone{A: []string{"127.0.0.1"}}
			w.setMX("acme.example", "loop.acme.example.")
		}, []string{"warning mx acme.example"}, "is not this host", "MX 10 mx.acme.example."},
		{"no MX behind a front", func(_ *testing.T, w *world) {
			w.behind()
			w.setMX("tickets.acme.example")
		}, []string{"problem mx tickets.acme.example"}, "has no MX record", "tickets.acme.example. MX 10 front.acme.example."},
		{"an MX elsewhere", func(_ *testing.T, w *world) { w.setMX("acme.example", "mail.staff.example.") },
			[]string{"warning mx acme.example", "problem mta-sts acme.example"}, "points to mail.staff.example, which is not this host", "acme.example. MX 10 mx.acme.example."},
		{"a policy that forgets the MX", func(_ *testing.T, w *world) {
			w.policy = "version: STSv1\nmode: enforce\nmx: old.acme.example\nmax_age: 86400\n"
		}, []string{"problem mta-sts acme.example", "problem mta-sts tickets.acme.example"}, "does not name mx.acme.example", ""},
		{"a policy under trial that forgets the MX", func(_ *testing.T, w *world) {
			w.policy = "version: STSv1\nmode: testing\nmx: old.acme.example\nmax_age: 86400\n"
		}, []string{"warning mta-sts acme.example", "warning mta-sts tickets.acme.example"}, "mode testing", ""},
		{"no policy", func(_ *testing.T, w *world) { w.policy = "" },
			[]string{"warning mta-sts acme.example", "warning mta-sts tickets.acme.example"}, "HTTP 404", ""},
		{"a policy that is elsewhere", func(_ *testing.T, w *world) { w.policy = "elsewhere" },
			[]string{"warning mta-sts acme.example", "warning mta-sts tickets.acme.example"}, "HTTP 302", ""},
		{"an MX here, and nothing that listens to strangers", func(_ *testing.T, w *world) { w.Listen = []string{"127.0.0.1:25"} },
			[]string{"warning mx acme.example", "warning mx tickets.acme.example"}, "we listen to this machine only", ""},
		{"two MTA-STS records", func(_ *testing.T, w *world) { w.setTXT("_mta-sts.acme.example", "v=STSv1; id=1", "v=STSv1; id=2") },
			[]string{"warning mta-sts acme.example"}, "has 2 records", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfTheDoor(t *testing.T) {
	for _, d := range []defect{
		{"no certificate", func(_ *testing.T, w *world) { w.Certificate, w.Key = "", "" },
			[]string{"warning tls mx.acme.example"}, "unencrypted", ""},
		{"a certificate without its key", func(t *testing.T, w *world) { w.write(t, "key.pem", "nothing") },
			[]string{"problem tls cert.pem"}, "cannot be used", ""},
		{"a certificate for another name", func(t *testing.T, w *world) { w.certify(t, "mail.acme.example") },
			[]string{"problem tls cert.pem"}, "is not for mx.acme.example", ""},
		{"a certificate that nobody trusts", func(t *testing.T, w *world) {
			roots := w.Roots
			w.certify(t, "mx.acme.example")
			w.Roots = roots
			w.policy, w.zones["_mta-sts.acme.example."], w.zones["_mta-sts.tickets.acme.example."] = "", mockdns.Zone{}, mockdns.Zone{}
		}, []string{"warning tls cert.pem"}, "is not trusted", ""},
		{"a certificate about to expire", func(_ *testing.T, w *world) { w.now = w.now.Add(100*365*24*time.Hour - 10*24*time.Hour) },
			[]string{"warning tls cert.pem"}, "expires in ", ""},
		{"a certificate that expired", func(_ *testing.T, w *world) {
			w.now = w.now.Add(100*365*24*time.Hour + time.Hour)
			w.zones["_mta-sts.acme.example."], w.zones["_mta-sts.tickets.acme.example."] = mockdns.Zone{}, mockdns.Zone{}
		}, []string{"problem tls cert.pem"}, "expired on", ""},
		{"a clock before the certificate", func(_ *testing.T, w *world) {
			w.now = w.now.Add(-30 * 24 * time.Hour)
			w.zones["_mta-sts.acme.example."], w.zones["_mta-sts.tickets.acme.example."] = mockdns.Zone{}, mockdns.Zone{}
		}, []string{"problem tls cert.pem"}, "is not valid before", ""},
		{"no daemon", func(_ *testing.T, w *world) { delete(w.hosts, "127.0.0.1:25") },
			[]string{"problem port :25"}, "no daemon answers: connection refused", ""},
		{"a daemon that is busy", func(_ *testing.T, w *world) { w.hosts["127.0.0.1:25"] = mailHost("421 4.3.2 too many") },
			[]string{"problem port :25"}, "421 4.3.2 too many", ""},
		{"another program on the port", func(_ *testing.T, w *world) {
			w.hosts["127.0.0.1:25"] = mailHost("220 box.local ESMTP Postfix", "250 box.local")
		}, []string{"problem port :25"}, "held by another program", ""},
		{"a daemon that forgot its certificate", func(_ *testing.T, w *world) {
			w.hosts["127.0.0.1:25"] = mailHost("220 mx.acme.example ESMTP", "250 mx.acme.example")
		}, []string{"warning port :25"}, "no STARTTLS", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfSPF(t *testing.T) {
	for _, d := range []defect{
		{"no SPF", func(_ *testing.T, w *world) { w.setTXT("acme.example", "other=1") },
			[]string{"problem spf acme.example"}, "has no SPF record", `acme.example. TXT "v=spf1 a:mx.acme.example ~all"`},
		{"SPF of others", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 include:staff.example -all") },
			[]string{"problem spf acme.example"}, "does not allow 192.0.2.10, 2001:db8::10, from which our mail leaves (fail)", `"v=spf1 a:mx.acme.example include:staff.example -all"`},
		{"SPF of one address of two", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 ip4:192.0.2.10 ~all") },
			[]string{"problem spf acme.example"}, "does not allow 2001:db8::10, from which our mail leaves (softfail)", `"v=spf1 a:mx.acme.example ip4:192.0.2.10 ~all"`},
		{"an address that our name does not have", func(_ *testing.T, w *world) {
			w.Own = append(w.Own, netip.MustParseAddr("2001:db8::77"))
		}, []string{"problem spf acme.example"}, "does not allow 2001:db8::77", `ip6:2001:db8::77`},
		{"two SPF records", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 mx -all", "v=spf1 ip4:192.0.2.10 ~all") },
			[]string{"problem spf acme.example"}, "has 2 SPF records", `"v=spf1 a:mx.acme.example mx ip4:192.0.2.10 ~all"`},
		{"SPF that is no SPF", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 ipv4:192.0.2.10 -all") },
			[]string{"problem spf acme.example"}, "cannot be evaluated", "ipv4"},
		{"SPF that asks too much", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 include:acme.example -all") },
			[]string{"problem spf acme.example"}, "cannot be evaluated", ""},
		{"SPF for the whole world", func(_ *testing.T, w *world) { w.setTXT("acme.example", "v=spf1 +all") },
			[]string{"warning spf acme.example"}, "the whole world", ""},
		{"SPF of a relay", func(_ *testing.T, w *world) { w.relayed("mail.staff.example", true, nil) },
			[]string{"warning spf acme.example"}, "does not allow 192.0.2.30 (fail)", `"v=spf1 a:mail.staff.example a:mx.acme.example -all"`},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfDKIM(t *testing.T) {
	for _, d := range []defect{
		{"no key", func(_ *testing.T, w *world) { w.Senders[0].Keys = nil },
			[]string{"problem dkim acme.example", "warning dmarc acme.example"}, "no key signs its mail", ""},
		{"a key that is not published", func(_ *testing.T, w *world) { w.setTXT("guichet._domainkey.acme.example") },
			[]string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "is not published", "guichet._domainkey.acme.example. TXT (\n  \"v=DKIM1; k=rsa; p="},
		{"a key of another", func(_ *testing.T, w *world) { w.key(func(k *Key) { k.Public = youngKey(1) }) },
			[]string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "is of another key", `guichet._domainkey.acme.example. TXT "v=DKIM1; k=ed25519; p=`},
		{"a key cut short", func(_ *testing.T, w *world) {
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT[0] = z.TXT[0][:100] })
		}, []string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "", "v=DKIM1"},
		{"a key that was revoked", func(_ *testing.T, w *world) { w.setTXT("guichet._domainkey.acme.example", "v=DKIM1; p=") },
			[]string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "revoked", "v=DKIM1"},
		{"two keys under one name", func(_ *testing.T, w *world) {
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT = append(z.TXT, "v=DKIM1; p=") })
		}, []string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "has 2 records", "v=DKIM1"},
		{"a key in test mode", func(_ *testing.T, w *world) {
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT[0] += "; t=s:y" })
		}, []string{"warning dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "test mode", "v=DKIM1"},
		{"a key for SHA-1", func(_ *testing.T, w *world) {
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT[0] += "; h=sha1" })
		}, []string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "SHA-256", "v=DKIM1"},
		{"a key for another service", func(_ *testing.T, w *world) {
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT[0] += "; s=tlsrpt" })
		}, []string{"problem dkim guichet._domainkey.acme.example", "warning dmarc acme.example"}, "not for mail", "v=DKIM1"},
		{"a key for its domain alone", func(_ *testing.T, w *world) {
			w.Senders[0].Domain = "tickets.acme.example"
			w.zone("guichet._domainkey.acme.example", func(z *mockdns.Zone) { z.TXT[0] += "; t=s" })
		}, []string{"problem dkim guichet._domainkey.acme.example", "warning dmarc tickets.acme.example"}, "signs for acme.example alone", "v=DKIM1"},
		{"no key, under a policy that asks nothing", func(_ *testing.T, w *world) {
			w.setTXT("_dmarc.acme.example", "v=DMARC1; p=none")
			w.Senders[0].Keys = nil
		}, []string{"problem dkim acme.example"}, "no key signs", ""},
		{"a key of Ed25519 alone", func(_ *testing.T, w *world) {
			w.key(func(k *Key) { k.Public = youngKey(1) })
			text, _ := dkimText(youngKey(1))
			w.setTXT("guichet._domainkey.acme.example", text)
		}, []string{"warning dkim guichet._domainkey.acme.example"}, "not every receiver knows", ""},
		{"a key file that cannot be read", func(_ *testing.T, w *world) {
			w.key(func(k *Key) {
				k.Public, k.Err = nil, &os.PathError{Op: "open", Path: "dkim.pem", Err: os.ErrPermission}
			})
		}, []string{"problem dkim guichet._domainkey.acme.example"}, "dkim.pem: permission denied", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfDMARCAndRoutes(t *testing.T) {
	for _, d := range []defect{
		{"no DMARC", func(_ *testing.T, w *world) { delete(w.zones, "_dmarc.acme.example.") },
			[]string{"warning dmarc acme.example"}, "has no DMARC policy", `_dmarc.acme.example. TXT "v=DMARC1; p=none; rua=mailto:admin@acme.example"`},
		{"two DMARC records", func(_ *testing.T, w *world) {
			w.setTXT("_dmarc.acme.example", "v=DMARC1; p=none", "v=DMARC1; p=reject")
		},
			[]string{"problem dmarc acme.example"}, "has 2 DMARC records", ""},
		{"a key of the domain above, under strict DMARC", func(_ *testing.T, w *world) {
			w.Senders[0].Domain = "tickets.acme.example"
			w.setTXT("_dmarc.tickets.acme.example", "v=DMARC1; p=reject; adkim=s; aspf=s")
		}, []string{"problem dmarc tickets.acme.example"}, "ours has neither", ""},
		{"DMARC that is none", func(_ *testing.T, w *world) { w.setTXT("_dmarc.acme.example", "v=DMARC1; p=sometimes") },
			[]string{"problem dmarc acme.example"}, "cannot be read", "v=DMARC1"},
		{"our own mail fails our policy", func(_ *testing.T, w *world) {
			w.setTXT("acme.example")
			w.setTXT("guichet._domainkey.acme.example")
		}, []string{"problem spf acme.example", "problem dkim guichet._domainkey.acme.example", "problem dmarc acme.example"}, "", ""},
		{"envelope senders of another organisation", func(_ *testing.T, w *world) {
			w.Senders[0].Return = "staff.example"
			w.setTXT("staff.example", "v=spf1 a:mx.acme.example -all")
			w.setTXT("guichet._domainkey.acme.example")
		}, []string{"problem dkim guichet._domainkey.acme.example", "problem dmarc acme.example"}, "", ""},
		{"port 25 closed outward", func(_ *testing.T, w *world) { delete(w.hosts, "192.0.2.30:25") },
			[]string{"problem route direct:"}, "port 25 of mail.staff.example cannot be reached", ""},
		{"a block list", func(_ *testing.T, w *world) { w.hosts["192.0.2.30:25"] = mailHost("554 5.7.1 listed") },
			[]string{"warning route direct:"}, "554 5.7.1 listed", ""},
		{"a relay that refuses us", func(_ *testing.T, w *world) {
			w.setTXT("acme.example", "v=spf1 a:mail.staff.example -all")
			w.relayed("mail.staff.example", false, errors.New("authentication: 535 5.7.8 no"))
		}, []string{"problem route smtp://mail.staff.example:587"}, "535 5.7.8", ""},
		{"a relay in clear", func(_ *testing.T, w *world) {
			w.setTXT("acme.example", "v=spf1 a:mail.staff.example -all")
			w.relayed("mail.staff.example", false, nil)
		}, []string{"warning route smtp://mail.staff.example:587"}, "in clear", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfPeople(t *testing.T) {
	for _, d := range []defect{
		{"SPF alone", func(_ *testing.T, w *world) { delete(w.zones, "google._domainkey.staff.example.") },
			[]string{"warning agents staff.example"}, "SPF alone proves no agent", ""},
		{"nothing at all", func(_ *testing.T, w *world) {
			delete(w.zones, "google._domainkey.staff.example.")
			w.setTXT("staff.example")
		}, []string{"warning agents staff.example"}, "neither SPF nor", ""},
		{"a public provider", func(_ *testing.T, w *world) { w.People[0].Provider = true },
			[]string{"warning agents staff.example"}, "not the company's", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func TestDefectsOfStoreAndMachine(t *testing.T) {
	embedded := func(w *world) { w.Store = Store{Name: w.Data} }
	for _, d := range []defect{
		{"no Redis", func(_ *testing.T, w *world) {
			w.Store.Servers = func(context.Context) ([]Server, error) { return nil, errors.New("connection refused") }
		}, []string{"problem redis redis://redis.acme.example:6379"}, "connection refused", ""},
		{"an old Redis", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.Version = "6.2.14" }) },
			[]string{"problem redis redis.acme.example:6379"}, "7.0 or newer", ""},
		{"no append-only file", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.AppendOnly = "no" }) },
			[]string{"problem redis redis.acme.example:6379"}, "since the last snapshot", "appendonly yes"},
		{"everysec", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.AppendFsync = "everysec" }) },
			[]string{"warning redis redis.acme.example:6379"}, "appendfsync is everysec", "appendfsync always"},
		{"everysec, and replicas that nobody waits for", func(_ *testing.T, w *world) {
			w.Store.Local = true
			w.server(func(s *Server) { s.AppendFsync, s.Replicas = "everysec", 1 })
		}, []string{"warning redis redis.acme.example:6379", "warning redis redis.acme.example:6379"}, "appendfsync is everysec", ""},
		{"eviction", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.MaxMemoryPolicy = "allkeys-lru" }) },
			[]string{"problem redis redis.acme.example:6379"}, "throws tickets away", "maxmemory-policy noeviction"},
		{"local with replicas", func(_ *testing.T, w *world) {
			w.Store.Local = true
			w.server(func(s *Server) { s.Replicas = 2 })
		}, []string{"warning redis redis.acme.example:6379"}, "durability is local", ""},
		{"a clock that drifts", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.Clock = s.Clock.Add(5 * time.Second) }) },
			[]string{"warning clock redis.acme.example:6379"}, "5s apart", ""},
		{"a wrong clock", func(_ *testing.T, w *world) { w.server(func(s *Server) { s.Clock = s.Clock.Add(-time.Hour) }) },
			[]string{"problem clock redis.acme.example:6379"}, "1h0m0s apart", ""},
		{"a store that does not open", func(_ *testing.T, w *world) {
			embedded(w)
			w.Store.Founded, w.Store.Open = true, func(context.Context) error { return errors.New("sealed under another key") }
		}, []string{"problem store data"}, "another key", ""},
		{"a clock that fell back", func(t *testing.T, w *world) {
			embedded(w)
			later := w.now.Add(time.Hour)
			if err := os.Chtimes(w.MasterKey, later, later); err != nil {
				t.Fatal(err)
			}
		}, []string{"problem clock data/master.key"}, "fell back", ""},
		{"a slow disk", func(_ *testing.T, w *world) {
			var steps atomic.Int64
			w.Now = func() time.Time { return w.now.Add(time.Duration(steps.Add(1)) * 100 * time.Millisecond) }
		}, []string{"warning fsync data"}, "each mail waits for one", ""},
		{"a full disk", func(_ *testing.T, w *world) {
			w.Space = func(string) (Space, error) { return Space{Free: 10 << 20, Size: 100 << 30}, nil }
		}, []string{"problem disk data"}, "10.0 MiB free of 100.0 GiB", ""},
		{"a disk that fills", func(_ *testing.T, w *world) {
			w.Space = func(string) (Space, error) { return Space{Free: 2 << 30, Size: 100 << 30}, nil }
		}, []string{"warning disk data"}, "2.0 GiB free", ""},
		{"few inodes", func(_ *testing.T, w *world) {
			w.Space = func(string) (Space, error) {
				return Space{Free: 50 << 30, Size: 100 << 30, FreeFiles: 20, Files: 1000}, nil
			}
		}, []string{"warning disk data"}, "20 files can still be made of 1000", ""},
		{"no inodes", func(_ *testing.T, w *world) {
			w.Space = func(string) (Space, error) { return Space{Free: 50 << 30, Size: 100 << 30, Files: 1000}, nil }
		}, []string{"problem disk data"}, "0 files", ""},
		{"data open to others", func(t *testing.T, w *world) { chmod(t, w.Data, 0o755) },
			[]string{"problem data data"}, "open to others (0755)", "chmod 700 "},
		{"a DKIM key open to others", func(t *testing.T, w *world) { chmod(t, w.path("dkim.pem"), 0o644) },
			[]string{"problem key dkim.pem"}, "open to others (0644)", "chmod 640 "},
		{"a key that is gone", func(t *testing.T, w *world) { remove(t, w.path("dkim.pem")) },
			[]string{"problem key dkim.pem"}, "is not there", ""},
		{"the master key open to others", func(t *testing.T, w *world) { chmod(t, w.MasterKey, 0o604) },
			[]string{"problem key data/master.key"}, "open to others", "chmod 600 "},
		{"the master key is gone", func(t *testing.T, w *world) { remove(t, w.MasterKey) },
			[]string{"problem key data/master.key"}, "cannot be read", ""},
	} {
		t.Run(d.name, d.test)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// oddity is what is unusual and not wrong: what it is said to be, and that there
// is no problem.
type oddity struct {
	name           string
	change         func(*world)
	check, subject string
	state          State
	what           string
}

func (o oddity) test(t *testing.T) {
	w := perfect(t)
	o.change(w)
	all := w.examine(t)
	f := of(all, o.check, o.subject)
	if f == nil || f.State != o.state || !strings.Contains(f.What, o.what) {
		t.Errorf("found %+v, want %s: %s", f, o.state, o.what)
	}
	for _, f := range all {
		if f.State == Problem {
			t.Errorf("%s %s: %s", f.Check, f.Subject, f.What)
		}
	}
}

func TestOtherWaysForMail(t *testing.T) {
	for _, o := range []oddity{
		{"a front that loses plus-addresses", (*world).behind, "replies", "acme.example", Note, "help+ANYTHING@acme.example"},
		{"a front that is named", (*world).behind, "mx", "acme.example", OK, "points to front.acme.example, which must pass on help@acme.example"},
		{"a domain for replies behind a front", (*world).behind, "replies", "tickets.acme.example", Note, "every address of the domain"},
		{"an alias", func(w *world) {
			w.Domains = append(w.Domains, Domain{Name: "staff.example", Address: "support@staff.example", Alias: true})
		}, "mx", "staff.example", OK, "which forwards support@staff.example"},
		{"a second exchanger", func(w *world) {
			w.setMX("acme.example", "mx.acme.example.", "mail.staff.example.")
			w.policy = "mode: none"
		},
			"mx", "acme.example", OK, "points here and to others"},
		{"a relay beside us", func(w *world) { w.relayed("127.0.0.1", false, nil) }, "route", ":587", OK, "takes our mail"},
		{"SPF of a relay beside us", func(w *world) { w.relayed("127.0.0.1", false, nil) }, "spf", "acme.example", OK, "allows 192.0.2.10, 2001:db8::10"},
		{"a relay that signs", func(w *world) { w.relayed("127.0.0.1", false, nil); w.Senders[0].Keys = nil }, "dkim", "acme.example", Note, "the relay must"},
		{"a relay at a private address", func(w *world) { w.relayed("10.0.0.9", true, nil) }, "spf", "acme.example", Note, "is not known here"},
		{"a Maildir", func(w *world) {
			r := Route{Name: "maildir:/out", Maildir: true}
			w.Routes, w.Senders[0].Route = []Route{r}, r
		}, "route", "maildir:/out", Note, "nothing leaves"},
	} {
		t.Run(o.name, o.test)
	}
}

func TestOtherWaysForTheRest(t *testing.T) {
	for _, o := range []oddity{
		{"the policy of the organisation", func(w *world) {
			w.setTXT("_dmarc.acme.example", "v=DMARC1; p=reject; sp=none")
			w.Senders[0].Domain = "tickets.acme.example"
		}, "dmarc", "tickets.acme.example", OK, "p=none at acme.example"},
		{"everysec with replicas", func(w *world) { w.server(func(s *Server) { s.AppendFsync, s.Replicas = "everysec", 1 }) }, "redis", ":6379", OK, "1 replica"},
		{"a Redis that says nothing", func(w *world) { w.server(func(s *Server) { *s = Server{Name: "r:6379"} }) }, "redis", "r:6379", Note, "does not say its version"},
		{"agents whose host is believed", func(w *world) {
			delete(w.zones, "google._domainkey.staff.example.")
			w.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.30/32")}
		}, "agents", "staff.example", OK, "trust.networks"},
		{"agents with DMARC", func(w *world) {
			delete(w.zones, "google._domainkey.staff.example.")
			w.setTXT("_dmarc.staff.example", "v=DMARC1; p=reject")
		}, "agents", "staff.example", Note, "most likely DKIM"},
		{"a policy that is switched off", func(w *world) { w.policy = "mode: none" }, "mta-sts", "acme.example", OK, "mode none"},
		{"agents at our own domain", func(w *world) { w.People[0].Domain = "acme.example" }, "route", "direct:", Note, "no exchanger"},
		{"no MTA-STS", func(w *world) { delete(w.zones, "_mta-sts.acme.example.") }, "mta-sts", "acme.example", Note, "is not published"},
		{"no reports on TLS", func(w *world) { delete(w.zones, "_smtp._tls.acme.example.") }, "tls-rpt", "acme.example", Note, "is not published"},
		{"behind a load balancer", func(w *world) {
			w.Proxied = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			greet := w.hosts["127.0.0.1:25"]
			w.hosts["127.0.0.1:25"] = func(c net.Conn) {
				header := make([]byte, len("PROXY UNKNOWN\r\n"))
				if _, err := c.Read(header); err == nil && strings.HasPrefix(string(header), "PROXY ") {
					greet(c)
				}
			}
		}, "port", ":25", OK, "answers 220"},
	} {
		t.Run(o.name, o.test)
	}
}

// voice is DNS that says the same to every question.
type voice struct {
	ask func(context.Context) error
}

func (v voice) LookupTXT(ctx context.Context, _ string) ([]string, error)  { return nil, v.ask(ctx) }
func (v voice) LookupMX(ctx context.Context, _ string) ([]*net.MX, error)  { return nil, v.ask(ctx) }
func (v voice) LookupAddr(ctx context.Context, _ string) ([]string, error) { return nil, v.ask(ctx) }
func (v voice) LookupIPAddr(ctx context.Context, _ string) ([]net.IPAddr, error) {
	return nil, v.ask(ctx)
}

// TestWithoutDNS: one cause is one alarm, and what is to be published is told
// nevertheless.
func TestWithoutDNS(t *testing.T) {
	for _, c := range []struct {
		name string
		says error
		want string
	}{
		{"refused", &net.DNSError{Err: "connection refused", IsTemporary: true}, "DNS does not answer (connection refused)"},
		{"broken", errors.New("whatever"), "DNS does not answer (no answer in time)"},
		{"walled in", &net.DNSError{Err: "no such host", IsNotFound: true}, "knows no name of the outside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := perfect(t)
			w.Resolver = voice{func(context.Context) error { return c.says }}
			all := w.examine(t)
			if got := bad(all); !slices.Equal(got, []string{"problem dns "}) {
				t.Fatalf("found %q", got)
			}
			if !strings.Contains(all[0].What, c.want) {
				t.Errorf("it says %q, want %q", all[0].What, c.want)
			}
			for _, record := range []string{"acme.example. MX 10 mx.acme.example.", "guichet._domainkey.acme.example. TXT (", "v=spf1 a:mx.acme.example", "_dmarc.acme.example. TXT"} {
				if !strings.Contains(all[0].Record, record) {
					t.Errorf("to publish is %q, without %q", all[0].Record, record)
				}
			}
		})
	}
}

// TestItEndsInTime: neither DNS that is silent nor DNS that hangs keeps it
// longer than half a minute.
func TestItEndsInTime(t *testing.T) {
	for name, deaf := range map[string]bool{"silent": false, "deaf": true} {
		t.Run(name, func(t *testing.T) {
			w := perfect(t) // outside the bubble: its clock is this machine's
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				defer close(gone)
				w.Resolver = voice{func(ctx context.Context) error {
					if deaf {
						<-gone
						return nil
					}
					<-ctx.Done()
					return &net.DNSError{Err: "timeout", IsTimeout: true}
				}}
				w.hosts = nil
				w.Store = Store{Name: "embedded"}
				began := time.Now()
				all := Examine(t.Context(), w.Outside, w.Installation)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %s", took)
				}
				if !deaf && (len(all) == 0 || all[0].Check != "dns") {
					t.Errorf("it found %q", bad(all))
				}
				if f := of(all, "address", "mx.acme.example"); deaf && (f == nil || !strings.Contains(f.What, "not finished")) {
					t.Errorf("it found %+v", f)
				}
			})
		})
	}
}
