package doctor

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"

	"guichet/internal/testkit"
)

// world is an installation and the outside around it.
type world struct {
	Outside
	Installation
	zones map[string]mockdns.Zone
	// hosts answer on an address; what is not there refuses.
	hosts map[string]func(net.Conn)
	// policy is the MTA-STS policy that acme.example serves.
	policy string
	dir    string
	now    time.Time
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// perfect is a world with which nothing is wrong: acme.example comes straight
// here and is sent from here, its tickets are in a Redis.
func perfect(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Now()}
	published, err := dkimText(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	w.zones = map[string]mockdns.Zone{
		"mx.acme.example.":         {A: []string{"192.0.2.10"}, AAAA: []string{"2001:db8::10"}},
		"10.2.0.192.in-addr.arpa.": {PTR: []string{"mx.acme.example."}},
		"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.": {PTR: []string{"mx.acme.example."}},
		"acme.example.":                    {MX: []net.MX{{Host: "mx.acme.example.", Pref: 10}}, TXT: []string{"other=1", "v=spf1 a:mx.acme.example -all"}},
		"tickets.acme.example.":            {MX: []net.MX{{Host: "mx.acme.example.", Pref: 10}}},
		"guichet._domainkey.acme.example.": {TXT: []string{published}},
		"_dmarc.acme.example.":             {TXT: []string{"v=DMARC1; p=quarantine; rua=mailto:admin@acme.example"}},
		"_mta-sts.acme.example.":           {TXT: []string{"v=STSv1; id=1"}},
		"_mta-sts.tickets.acme.example.":   {TXT: []string{"v=STSv1; id=1"}},
		"_smtp._tls.acme.example.":         {TXT: []string{"v=TLSRPTv1; rua=mailto:admin@acme.example"}},
		"_smtp._tls.tickets.acme.example.": {TXT: []string{"v=TLSRPTv1; rua=mailto:admin@acme.example"}},
		"mta-sts.acme.example.":            {A: []string{"192.0.2.20"}},
		"mta-sts.tickets.acme.example.":    {A: []string{"192.0.2.20"}},
		"staff.example.":                   {MX: []net.MX{{Host: "mail.staff.example.", Pref: 10}}, TXT: []string{"v=spf1 mx -all"}},
		"mail.staff.example.":              {A: []string{"192.0.2.30"}},
		"google._domainkey.staff.example.": {TXT: []string{published}},
	}
	w.Outside = Outside{Resolver: w, Dial: w.dial, Now: func() time.Time { return w.now }, Space: func(string) (Space, error) {
		return Space{Device: 1, Free: 50 << 30, Size: 100 << 30, FreeFiles: 500_000, Files: 1_000_000}, nil
	}}
	w.policy = "version: STSv1\r\nmode: enforce\r\nmx: *.acme.example\r\nmax_age: 86400\r\n"
	w.certify(t, "mx.acme.example")
	w.install(t)
	return w
}

// install writes the files and the settings that belong to them.
func (w *world) install(t *testing.T) {
	data := filepath.Join(w.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	w.write(t, "data/master.key", "secret")
	w.write(t, "dkim.pem", "secret")
	direct := Route{Name: "direct:", Direct: true}
	w.Installation = Installation{
		Hostname: "mx.acme.example", Own: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.10")},
		Listen: []string{":25"}, Admin: "admin@acme.example", MaxSize: 25 << 20,
		Certificate: w.path("cert.pem"), Key: w.path("key.pem"),
		Domains: []Domain{
			{Name: "acme.example", Address: "help@acme.example", Separator: "+", Plus: true},
			{Name: "tickets.acme.example", Address: "ANYTHING@tickets.acme.example", Replies: true},
		},
		Routes: []Route{direct},
		Senders: []Sender{{Domain: "acme.example", Return: "acme.example", Route: direct,
			Keys: []Key{{Domain: "acme.example", Selector: "guichet", File: w.path("dkim.pem"), Public: rsaKey().Public()}}}},
		People: []People{{Domain: "staff.example", Addresses: []string{"anna@staff.example"}}},
		Store: Store{Name: "redis://redis.acme.example:6379", Redis: true, Servers: func(context.Context) ([]Server, error) {
			return []Server{{Name: "redis.acme.example:6379", Version: "7.2.4", AppendOnly: "yes", AppendFsync: "always", MaxMemoryPolicy: "noeviction", Clock: w.now, Asked: w.now}}, nil
		}},
		Dirs:    []Dir{{"data", data}},
		Secrets: []Secret{{"the DKIM key of acme.example", w.path("dkim.pem"), true}, {"the key of the certificate", w.path("key.pem"), true}},
		Data:    data, MasterKey: filepath.Join(data, "master.key"),
	}
}

// certify gives us a certificate for a name, and the policy's host its own.
func (w *world) certify(t *testing.T, name string) {
	ours, roots := testkit.Certificate(t, name)
	key, err := x509.MarshalPKCS8PrivateKey(ours.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.Certificate[0]})))
	w.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	first, _ := testkit.Certificate(t, "mta-sts.acme.example")
	second, _ := testkit.Certificate(t, "mta-sts.tickets.acme.example")
	roots.AddCert(first.Leaf)
	roots.AddCert(second.Leaf)
	w.Roots = roots
	w.hosts = map[string]func(net.Conn){
		"127.0.0.1:25":   mailHost("220 mx.acme.example ESMTP", "250-mx.acme.example", "250-STARTTLS", "250 8BITMIME"),
		"192.0.2.30:25":  mailHost("220 mail.staff.example ESMTP", "250 mail.staff.example"),
		"192.0.2.20:443": w.serve([]tls.Certificate{first, second}),
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mailHost greets and answers to EHLO.
func mailHost(banner string, offers ...string) func(net.Conn) {
	return func(c net.Conn) {
		fmt.Fprintf(c, "%s\r\n", banner)
		for lines := bufio.NewScanner(c); lines.Scan(); {
			switch {
			case strings.HasPrefix(lines.Text(), "EHLO "):
				fmt.Fprintf(c, "%s\r\n", strings.Join(offers, "\r\n"))
			case lines.Text() == "QUIT":
				fmt.Fprintf(c, "221 bye\r\n")
			default:
				fmt.Fprintf(c, "500 %s\r\n", lines.Text())
			}
		}
	}
}

// serve answers one connection with the policy.
func (w *world) serve(certificates []tls.Certificate) func(net.Conn) {
	return func(c net.Conn) {
		secure := tls.Server(c, &tls.Config{Certificates: certificates})
		request, err := http.ReadRequest(bufio.NewReader(secure))
		status := "200 OK"
		if w.policy == "elsewhere" {
			status = "302 Found\r\nLocation: " + "https://mta-sts.acme.example/.well-known/mta-sts.txt"
		}
		if err != nil || request.URL.Path != "/.well-known/mta-sts.txt" || w.policy == "" {
			status = "404 Not Found"
		}
		fmt.Fprintf(secure, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(w.policy), w.policy)
	}
}

func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	host, known := w.hosts[address]
	if !known {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		host(far)
	}()
	return near, nil
}

func (w *world) dns() *mockdns.Resolver { return &mockdns.Resolver{Zones: w.zones} }

func (w *world) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return w.dns().LookupTXT(ctx, name)
}

func (w *world) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return w.dns().LookupMX(ctx, name)
}

func (w *world) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return w.dns().LookupIPAddr(ctx, host)
}

func (w *world) LookupAddr(ctx context.Context, address string) ([]string, error) {
	return w.dns().LookupAddr(ctx, address)
}

// zone changes what DNS has under a name.
func (w *world) zone(name string, change func(*mockdns.Zone)) {
	z := w.zones[name+"."]
	change(&z)
	w.zones[name+"."] = z
}

func (w *world) setTXT(name string, texts ...string) {
	w.zone(name, func(z *mockdns.Zone) { z.TXT = texts })
}

func (w *world) setMX(name string, hosts ...string) {
	w.zone(name, func(z *mockdns.Zone) {
		z.MX = nil
		for i, host := range hosts {
			z.MX = append(z.MX, net.MX{Host: host, Pref: uint16(i)})
		}
	})
}

// server changes what Redis says of itself.
func (w *world) server(change func(*Server)) {
	ask := w.Store.Servers
	w.Store.Servers = func(ctx context.Context) ([]Server, error) {
		servers, err := ask(ctx)
		change(&servers[0])
		return servers, err
	}
}

// relayed sends through a relay instead of directly.
func (w *world) relayed(host string, encrypted bool, err error) {
	r := Route{Name: "smtp://" + host + ":587", Host: host, Try: func(context.Context) (bool, error) { return encrypted, err }}
	w.Routes, w.Senders[0].Route = []Route{r}, r
}

func (w *world) key(change func(*Key)) { change(&w.Senders[0].Keys[0]) }

// behind puts a mail server in front, which passes mail on to this machine.
func (w *world) behind() {
	w.zones["front.acme.example."] = mockdns.Zone{A: []string{"192.0.2.40"}}
	w.setMX("acme.example", "front.acme.example.")
	w.setMX("tickets.acme.example", "front.acme.example.")
	w.Listen = []string{"127.0.0.1:25"}
	w.Relays = []netip.Prefix{netip.MustParsePrefix("192.0.2.40/32")}
}

func (w *world) examine(t *testing.T) []Finding {
	t.Helper()
	return Examine(t.Context(), w.Outside, w.Installation)
}

// bad are the findings that ask for something, as "state check subject".
func bad(all []Finding) []string {
	var out []string
	for _, f := range all {
		if f.State == Warning || f.State == Problem {
			out = append(out, string(f.State)+" "+f.Check+" "+f.Subject)
		}
	}
	return out
}

func of(all []Finding, check, subject string) *Finding {
	i := slices.IndexFunc(all, func(f Finding) bool {
		return f.Check == check && strings.HasSuffix(f.Subject, subject)
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

func youngKey(seed byte) crypto.PublicKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize)).Public()
}
