package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/foxcpp/go-mockdns"

	"guichet/doctor"
	"guichet/internal/testkit"
)

// patient is an installation on disk, with its DNS, its daemon and its relay.
type patient struct {
	env      environment
	zones    map[string]mockdns.Zone
	settings string
	out      bytes.Buffer
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{settings: filepath.Join(t.TempDir(), "guichet.yaml"), zones: map[string]mockdns.Zone{
		"acme.example.":                  {MX: []net.MX{{Host: "front.acme.example.", Pref: 10}}, TXT: []string{"v=spf1 -all"}},
		"front.acme.example.":            {A: []string{"192.0.2.40"}},
		"staff.example.":                 {TXT: []string{"v=spf1 mx -all"}},
		"mail._domainkey.staff.example.": {TXT: []string{"v=DKIM1; p=" + strings.Repeat("A", 64)}},
		"_dmarc.acme.example.":           {TXT: []string{"v=DMARC1; p=none"}},
	}}
	p.env = environment{Stdout: &p.out, Stderr: &p.out, Now: time.Now, Getenv: getenv(nil), Resolver: &mockdns.Resolver{Zones: p.zones}}
	dir := filepath.Dir(p.settings)
	if code := p.run("init", "--dir", dir, "--domain", "acme.example", "--agent", "anna@staff.example"); code != exitDone {
		t.Fatalf("init: %s", &p.out)
	}
	record := p.out.String()
	record = record[strings.Index(record, `"v=DKIM1`):]
	record = record[:strings.Index(record, ")")]
	p.zones["guichet._domainkey.acme.example."] = mockdns.Zone{TXT: []string{strings.Join(slices.Collect(quoted(record)), "")}}
	relay := testkit.NewRelay(t)
	_, port := relay.Listen(t)
	text := fmt.Sprintf(`hostname: mx.acme.example
data: %[1]s/guichet-data
admin: admin@acme.example
smtp: {listen: ["%[2]s"]}
trust: {relays: [{network: 192.0.2.40}]}
outgoing:
  via: smtp://127.0.0.1:%[3]s?tls=none
  dkim: [{domain: acme.example, selector: guichet, key: %[1]s/guichet-data/dkim-acme.example.pem}]
sites:
  - name: acme
    prefix: ACM
    queues: [{name: help, address: help@acme.example, agents: [anna@staff.example]}]
`, dir, banner(t, "mx.acme.example"), port)
	if err := os.WriteFile(p.settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// quoted gives the strings of a TXT record.
func quoted(record string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i, part := range strings.Split(record, `"`) {
			if i%2 == 1 && !yield(part) {
				return
			}
		}
	}
}

// banner is the address of a mail host that greets under a name.
func banner(t *testing.T, name string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "220 %s ESMTP\r\n", name)
			if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
				fmt.Fprintf(c, "250 %s\r\n", name)
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

func (p *patient) run(args ...string) int {
	p.out.Reset()
	return run(context.Background(), args, p.env)
}

// found is what doctor --json says, by check.
func (p *patient) found(t *testing.T) (map[string]doctor.Finding, int) {
	t.Helper()
	code := p.run("doctor", "--json", "-c", p.settings)
	all := map[string]doctor.Finding{}
	for lines := json.NewDecoder(&p.out); lines.More(); {
		var f doctor.Finding
		if err := lines.Decode(&f); err != nil {
			t.Fatal(err)
		}
		all[f.Check] = f
	}
	return all, code
}

func TestDoctorOfAHealthyInstallation(t *testing.T) {
	p := newPatient(t)
	all, code := p.found(t)
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for check, what := range map[string]string{
		"mx":     "points to front.acme.example, which must pass on help@acme.example",
		"port":   "answers 220",
		"route":  "takes our mail",
		"dkim":   "is the record of",
		"dmarc":  "is p=none at acme.example",
		"agents": "publishes DKIM keys (mail)",
		"data":   "is its owner's alone",
	} {
		if f := all[check]; f.State != doctor.OK || !strings.Contains(f.What, what) {
			t.Errorf("%s: %+v, want %q", check, f, what)
		}
	}
	if f := all["fsync"]; !strings.Contains(f.What, "takes") { // this disk's may be slow
		t.Errorf("fsync: %+v", f)
	}
	if f := all["replies"]; f.State != doctor.Note || !strings.Contains(f.What, "help+ANYTHING@acme.example") {
		t.Errorf("replies: %+v", f)
	}
}

func TestDoctorTellsWhatToPublish(t *testing.T) {
	p := newPatient(t)
	delete(p.zones, "guichet._domainkey.acme.example.")
	if code := p.run("doctor", "-c", p.settings); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	text := p.out.String()
	for _, want := range []string{
		"\nMail goes out\n",
		"  problem  dkim ",
		"guichet._domainkey.acme.example  is not published, so our signatures count for nothing\n",
		"→ publish:\n",
		"guichet._domainkey.acme.example. TXT (\n",
		"\n" + p.settings + ": 1 problem, ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colours without a terminal")
	}
	p.env.Terminal, p.env.Width = true, 80
	p.run("doctor", "-c", p.settings)
	if text = p.out.String(); !strings.Contains(text, "\x1b[31;1mproblem\x1b[0m  dkim") {
		t.Errorf("no colours on a terminal:\n%s", text)
	}
}

// TestDoctorChangesNothing: above all, it founds no store and makes no key.
func TestDoctorChangesNothing(t *testing.T) {
	p := newPatient(t)
	data := filepath.Join(filepath.Dir(p.settings), "guichet-data")
	if err := os.Remove(filepath.Join(data, "master.key")); err != nil {
		t.Fatal(err)
	}
	before := filesIn(t, data)
	p.run("doctor", "-c", p.settings)
	if after := filesIn(t, data); !slices.Equal(before, after) {
		t.Errorf("there was %s, there is %s", before, after)
	}
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestDoctorReadsAStore: one that a daemon made opens; one whose key is another
// is told.
func TestDoctorReadsAStore(t *testing.T) {
	p := newPatient(t)
	program := &program{environment: p.env, configFlag: p.settings}
	c, err := program.settings()
	if err != nil {
		t.Fatal(err)
	}
	s, err := program.openStore(t.Context(), c, newLogger(&p.out, c.Log))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if all, _ := p.found(t); all["store"].State != doctor.OK {
		t.Errorf("store: %+v", all["store"])
	}
	other := "guichet-master-key-1 " + strings.Repeat("A", 43) + "=\n"
	if err := os.WriteFile(c.MasterKey, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, code := p.found(t); all["store"].State != doctor.Problem || code != exitFailed {
		t.Errorf("store: %+v, exit code %d", all["store"], code)
	}
}

func TestDoctorAsksRedis(t *testing.T) {
	p := newPatient(t)
	text, err := os.ReadFile(p.settings)
	if err != nil {
		t.Fatal(err)
	}
	server := miniredis.RunT(t)
	for _, c := range []struct {
		url   string
		check string
		state doctor.State
	}{
		{"redis://" + server.Addr(), "clock", doctor.OK},
		{"redis://127.0.0.1:1", "redis", doctor.Problem},
	} {
		if err := os.WriteFile(p.settings, append([]byte("redis: "+c.url+"\n"), text...), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, _ := p.found(t); all[c.check].State != c.state {
			t.Errorf("%s: %+v", c.url, all[c.check])
		}
	}
	if keys := server.Keys(); len(keys) > 0 {
		t.Errorf("it wrote %s", keys)
	}
}
