package scan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"
	"go.uber.org/goleak"

	"guichet/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func someMail() *Mail {
	return &Mail{
		ID: "id-1", Client: netip.MustParseAddr("192.0.2.7"), Helo: "client.example", From: "lea@example.com",
		Recipients: []ticket.Address{"help@acme.example", "sales@acme.example"}, Received: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
		Data: []byte("From: lea@example.com\r\n\r\n" + strings.Repeat("hello\r\n", 30_000)),
	}
}

// fixed is a check that says one thing.
type fixed struct {
	verdict Verdict
	err     error
}

func (fixed) Name() string                                    { return "fixed" }
func (f fixed) Check(context.Context, *Mail) (Verdict, error) { return f.verdict, f.err }

func TestRun(t *testing.T) {
	step := func(a Action, reason string) Step { return Step{Check: fixed{verdict: Verdict{a, reason, "answer"}}} }
	broken := fixed{err: errors.New("broken")}
	for _, c := range []struct {
		name      string
		steps     []Step
		forwarded bool
		want      Verdict
		faults    int
	}{
		{name: "none", want: Verdict{}},
		{name: "the first that refuses", steps: []Step{step(Pass, ""), step(Hold, "a"), step(Refuse, "b"), step(Defer, "c")}, want: Verdict{Refuse, "b", "answer"}},
		{name: "the first that defers", steps: []Step{step(Defer, "c"), step(Refuse, "b")}, want: Verdict{Defer, "c", "answer"}},
		{name: "all that hold", steps: []Step{step(Hold, "a"), step(Pass, "x"), step(Hold, "b")}, want: Verdict{Action: Hold, Reason: "a; b"}},
		{name: "never refused by somebody else", steps: []Step{step(Refuse, "a"), step(Hold, "b")}, forwarded: true, want: Verdict{Action: Hold, Reason: "a; b"}},
		{name: "a fault passes", steps: []Step{{Check: broken}, step(Hold, "b")}, want: Verdict{Action: Hold, Reason: "b"}, faults: 1},
		{name: "a fault does not", steps: []Step{{broken, true}, step(Refuse, "b")}, want: Verdict{Defer, "fixed failed", faultAnswer}, faults: 1},
		{name: "a fault, but enough is known", steps: []Step{{fixed{Verdict{Refuse, "a", "answer"}, broken.err}, true}}, want: Verdict{Refuse, "a", "answer"}, faults: 1},
	} {
		faults := 0
		m := someMail()
		m.Forwarded = c.forwarded
		if got := Run(t.Context(), c.steps, m, func(string, error) { faults++ }); got != c.want || faults != c.faults {
			t.Errorf("%s: got %+v after %d faults", c.name, got, faults)
		}
	}
}

func TestNothingIsAskedUnlessNamed(t *testing.T) {
	for _, none := range []Settings{{}, {BlockLists: &BlockLists{}, Greylist: &Greylist{}}} {
		if steps := none.Steps(nil, nil); len(steps) > 0 {
			t.Errorf("got %v", steps)
		}
	}
	all := Settings{&BlockLists{Lists: []BlockList{{"a.example", 1}}}, &Greylist{Delay: 1}, &ClamAV{}, &Rspamd{TempFail: true}}.Steps(nil, nil)
	var names []string
	for _, s := range all {
		names = append(names, s.Name())
	}
	if got := strings.Join(names, " "); got != "dnsbl greylist clamav rspamd" || !all[3].TempFail {
		t.Errorf("asks %s", got)
	}
}

func TestReversed(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":   "7.2.0.192",
		"2001:db8::7": "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
	} {
		if got := reversed(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is %s", address, got)
		}
	}
}

func TestBlockListAnswers(t *testing.T) {
	resolver := &mockdns.Resolver{Zones: map[string]mockdns.Zone{
		"7.2.0.192.good.example.":     {A: []string{"127.0.0.2", "127.0.0.10"}},
		"7.2.0.192.parked.example.":   {A: []string{"198.51.100.1"}},
		"7.2.0.192.refusing.example.": {A: []string{"127.255.255.254"}},
		"7.2.0.192.broken.example.":   {Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}},
	}}
	for zone, want := range map[string]struct {
		listed bool
		fault  string
	}{
		"good.example": {listed: true}, "absent.example": {}, "parked.example": {},
		"refusing.example": {fault: "does not answer us"}, "broken.example": {fault: "no answer"},
	} {
		check := blockListCheck{BlockLists{Lists: []BlockList{{zone, 1}}, Hold: 1}, resolver}
		v, err := check.Check(t.Context(), someMail())
		if (v.Action == Hold) != want.listed || (err == nil) != (want.fault == "") || err != nil && !strings.Contains(err.Error(), want.fault) {
			t.Errorf("%s: %+v, %v", zone, v, err)
		}
	}
	check := blockListCheck{BlockLists{Lists: []BlockList{{"broken.example", 1}}, Hold: 1}, resolver}
	for _, address := range []string{"127.0.0.1", "10.0.0.1", "fd00::1", "169.254.0.1"} {
		m := someMail()
		m.Client = netip.MustParseAddr(address)
		if _, err := check.Check(t.Context(), m); err != nil {
			t.Errorf("asked about %s: %v", address, err)
		}
	}
	m := someMail()
	m.Client = netip.Addr{}
	if _, err := check.Check(t.Context(), m); err != nil {
		t.Errorf("asked about nobody: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	memory, now := NewMemoryHere(), time.Unix(1e9, 0)
	key := func(i int) (k Key) { binary.BigEndian.PutUint64(k[:], uint64(i)); return k }
	for i := range 3 * remembered {
		if err := memory.Put(t.Context(), key(i), now, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(memory.young) + len(memory.old); n > 2*remembered {
		t.Errorf("%d are kept", n)
	}
	if first, _ := memory.First(t.Context(), key(3*remembered-1), now); first.IsZero() {
		t.Error("the newest is forgotten")
	}
	if first, _ := memory.First(t.Context(), key(0), now); !first.IsZero() {
		t.Error("the oldest is not")
	}
	if first, _ := memory.First(t.Context(), key(3*remembered-1), now.Add(time.Hour)); !first.IsZero() {
		t.Error("kept too long")
	}
}

// clamd answers as it is told, after it has read what INSTREAM sends.
func clamd(t *testing.T, network, address, answer string) (string, chan []byte) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	got, done := make(chan []byte, 1), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		command, _ := r.ReadString(0)
		var data bytes.Buffer
		for {
			var n uint32
			if binary.Read(r, binary.BigEndian, &n) != nil || n == 0 {
				break
			}
			if _, err := io.CopyN(&data, r, int64(n)); err != nil {
				return
			}
		}
		if command == "zINSTREAM\x00" {
			got <- data.Bytes()
		}
		_, _ = io.WriteString(conn, answer)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), got
}

func TestClamAV(t *testing.T) {
	for _, c := range []struct {
		answer string
		hold   bool
		want   Verdict
		fault  string
	}{
		{answer: "stream: OK\x00"},
		{answer: "stream: Eicar-Test-Signature FOUND\x00", want: Verdict{Refuse, "ClamAV found Eicar-Test-Signature", "The message carries what our virus scanner knows as harmful"}},
		{answer: "stream: Eicar-Test-Signature FOUND\x00", hold: true, want: Verdict{Action: Hold, Reason: "ClamAV found Eicar-Test-Signature"}},
		{answer: "stream: a b\r\nc FOUND\x00", hold: true, want: Verdict{Action: Hold, Reason: "ClamAV found a_b__c"}},
		{answer: "INSTREAM size limit exceeded. ERROR\x00", want: Verdict{Action: Hold, Reason: "it is too large for ClamAV"}},
		{answer: "stream: Can't allocate memory ERROR\x00", fault: "allocate"},
		{answer: "stream: OK", fault: "answer"},
		{answer: "", fault: "answer"},
		{answer: strings.Repeat("x", 10_000) + "\x00", fault: "answer"},
	} {
		address, got := clamd(t, "tcp", "127.0.0.1:0", c.answer)
		check := &ClamAV{Network: "tcp", Address: address, Timeout: time.Minute, Hold: c.hold}
		m := someMail()
		v, err := check.Check(t.Context(), m)
		if v != c.want || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%q: %+v, %v", c.answer, v, err)
		}
		if !bytes.Equal(<-got, m.Data) {
			t.Errorf("%q: clamd got something else", c.answer)
		}
	}
}

func TestClamAVFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clamd.ctl")
	absent := &ClamAV{Network: "unix", Address: path, Timeout: time.Minute}
	if _, err := absent.Check(t.Context(), someMail()); err == nil {
		t.Error("nobody is there, and no fault")
	}
	address, _ := clamd(t, "unix", path, "stream: OK\x00")
	if v, err := (&ClamAV{Network: "unix", Address: address, Timeout: time.Minute}).Check(t.Context(), someMail()); err != nil || v != (Verdict{}) {
		t.Errorf("by a unix socket: %+v, %v", v, err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := (&ClamAV{Network: "tcp", Address: silent.Addr().String(), Timeout: time.Millisecond}).Check(t.Context(), someMail()); err == nil {
		t.Error("no answer, and no fault")
	}
}

func TestRspamd(t *testing.T) {
	for _, c := range []struct {
		answer string
		change func(*Mail)
		status int
		want   Verdict
		fault  string
	}{
		{answer: `{"action":"no action","score":1.5}`},
		{answer: `{"action":"reject"}`, want: Verdict{Refuse, "rspamd takes it for spam (reject)", "The message was taken for spam"}},
		{answer: `{"action":"add header"}`, want: Verdict{Action: Hold, Reason: "rspamd takes it for spam (add header)"}},
		{answer: `{"action":"rewrite subject"}`, want: Verdict{Action: Hold, Reason: "rspamd takes it for spam (rewrite subject)"}},
		{answer: `{"action":"soft reject"}`, want: Verdict{Defer, "put off by rspamd", "Please try again later"}},
		{answer: `{"action":"greylist"}`, want: Verdict{Defer, "greylisted by rspamd", greyAnswer}},
		{answer: `{"action":"greylist"}`, change: func(m *Mail) { m.Proved = true }},
		{answer: `{"action":"greylist"}`, change: func(m *Mail) { m.Forwarded = true }},
		{answer: `{"action":"launch"}`, fault: "launch"},
		{answer: `{}`, fault: "wants"},
		{answer: `<html>`, fault: "answer"},
		{answer: `{"x":"` + strings.Repeat("x", maxAnswer) + `","action":"reject"}`, fault: "answer"},
		{answer: `{"action":"no action"}`, status: http.StatusForbidden, fault: "403"},
	} {
		asked := 0
		m := someMail()
		if c.change != nil {
			c.change(m)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			body, _ := io.ReadAll(r.Body)
			h := r.Header
			said := fmt.Sprint(r.Method, r.URL.Path, h.Get("IP"), h.Get("Helo"), h.Get("From"), h["Rcpt"], h.Get("Queue-Id"), h["User"])
			if want := "POST/checkv2192.0.2.7client.examplelea@example.com[help@acme.example sales@acme.example]id-1[]"; said != want || !bytes.Equal(body, m.Data) {
				t.Errorf("asked %s", said)
			}
			if c.status != 0 {
				w.WriteHeader(c.status)
			}
			_, _ = io.WriteString(w, c.answer)
		}))
		v, err := (&Rspamd{URL: server.URL + "/", Timeout: time.Minute}).Check(t.Context(), m)
		server.Close()
		if v != c.want || asked != 1 || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%.60s: %+v, %v", c.answer, v, err)
		}
	}
}

// TestRspamdEnvelope: what a client calls itself is passed on only if it is a
// name, and of those whom the settings trust it is said so.
func TestRspamdEnvelope(t *testing.T) {
	m := someMail()
	m.Helo, m.Known, m.Client = "a\r\nIP: 192.0.2.1", true, netip.Addr{}
	h := http.Header{}
	tell(h, m)
	if len(h["Helo"])+len(h["Ip"]) > 0 || h.Get("User") != "lea@example.com" {
		t.Errorf("got %v", h)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := (&Rspamd{URL: gone.URL, Timeout: time.Minute}).Check(t.Context(), m); err == nil {
		t.Error("nobody is there, and no fault")
	}
}

// TestRspamdLetsGo: a message may be gone once it was judged, also when the answer
// came before all of it was sent. (The race detector sees who still reads it.)
func TestRspamdLetsGo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"action":"no action"}`)
	}))
	defer server.Close()
	data := make([]byte, 8<<20)
	for range 5 {
		_, _ = (&Rspamd{URL: server.URL, Timeout: time.Minute}).Check(t.Context(), &Mail{Data: data})
		clear(data)
	}
}
