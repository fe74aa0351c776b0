package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/mail"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"guichet/config"
)

func TestPercentileIsOfTheNearestRank(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1)*time.Millisecond)
	}
	for _, c := range []struct {
		of   []time.Duration
		p    float64
		want float64
	}{
		{hundred, 50, 50}, {hundred, 90, 90}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred, 0, 1},
		{hundred[:1], 50, 1}, {hundred[:1], 99, 1}, {hundred[:3], 50, 2}, {hundred[:10], 99, 10}, {hundred[:4], 50, 2},
	} {
		if got := percentile(c.of, c.p); got != c.want {
			t.Errorf("p%v of %d is %v, not %v", c.p, len(c.of), got, c.want)
		}
	}
}

func TestFiguresCountWhatWasTakenAlone(t *testing.T) {
	none := sample{failed: "451"}
	took := func(ms int) (s sample) {
		for i := range s.took {
			s.took[i] = -1
		}
		s.took[benchDot], s.took[benchTotal] = time.Duration(ms)*time.Millisecond, time.Duration(2*ms)*time.Millisecond
		return s
	}
	m := measurement{took: 2 * time.Second, samples: []sample{took(10), none, took(30), none, {failed: "no answer"}}}
	f := m.sum(&load{sessions: 3, size: 4096, keep: true}, true)
	if f.Accepted != 2 || f.Messages != 5 || f.Rate != 1 || f.Connection != "session" || !maps.Equal(f.Failed, map[string]int{"451": 2, "no answer": 1}) {
		t.Errorf("%+v", f)
	}
	if got := f.Latency["250"]; got != (latency{P50: 10, P90: 30, P99: 30, Max: 30}) {
		t.Errorf("250: %+v", got)
	}
	if _, told := f.Latency["connect"]; told || f.Latency["total"].Max != 60 {
		t.Errorf("a part that there was not is told of, or the total is wrong: %+v", f.Latency)
	}
	if f := (measurement{}).sum(&load{}, false); f.Rate != 0 {
		t.Errorf("nothing in no time is %v a second", f.Rate)
	}
}

func TestCostIsOfTheMessagesThatWereTaken(t *testing.T) {
	got := spent(usage{cpu: time.Second}, usage{cpu: 3 * time.Second, memory: 7, most: 9}, 1000)
	if *got != (daemonFigures{CPUMicros: 2000, Memory: 7, MemoryMost: 9}) {
		t.Errorf("%+v", got)
	}
	if spent(usage{}, usage{}, 0) != nil {
		t.Error("no message has a cost")
	}
}

func TestUsageOfAProcess(t *testing.T) {
	u, err := parseStat([]byte("42 (a) odd name) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 8 20 0 9 0 100 1 1"))
	if err != nil || u.cpu != 2*time.Second {
		t.Errorf("%v %v", u.cpu, err)
	}
	for _, broken := range []string{"", "42 (a", "42 (a) S 1", "42 (a) S 1 42 42 0 -1 4194560 100 0 0 0 x y 7 8"} {
		if _, err := parseStat([]byte(broken)); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
	status := []byte("Name:\tguichet\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n")
	if rss, most := statusBytes(status, "VmRSS:"), statusBytes(status, "VmHWM:"); rss != 1<<20 || most != 2<<20 {
		t.Errorf("%d %d", rss, most)
	}
	u, err = parseMetrics(strings.NewReader("# HELP x y\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1.048576e+06\n"))
	if err != nil || u.cpu != 1500*time.Millisecond || u.memory != 1<<20 {
		t.Errorf("%+v %v", u, err)
	}
	if _, err := parseMetrics(strings.NewReader("other 1\n")); err == nil {
		t.Error("metrics of something else are read")
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string][2]float64{"": {0, 0}, "500": {500, 0}, "0.5": {0.5, 0}, "50%": {0, 0.5}, "100%": {0, 1}} {
		l, share, err := benchCommand{Messages: 1, Sessions: 1, Size: 1, Rate: text}.load()
		if err != nil || l.rate != want[0] || share != want[1] {
			t.Errorf("%q: %v %v", text, share, err)
		}
	}
	for _, text := range []string{"0", "-1", "x", "NaN", "101%", "%"} {
		if _, _, err := (benchCommand{Messages: 1, Sessions: 1, Size: 1, Rate: text}).load(); err == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}

// Load must hurt nobody by mistake: no other machine, and no agent's mailbox.
func TestLoadIsHeldToWhatNobodyFeels(t *testing.T) {
	maildir := config.Trial(t.TempDir())
	relay := config.Trial(t.TempDir())
	relay.Sites[0].Outgoing.Via = config.Route{Scheme: config.ViaSMTP, Host: "relay.example", Port: 25}
	paused := config.Trial(t.TempDir())
	paused.Sites[0].Outgoing = relay.Sites[0].Outgoing
	paused.Sites[0].Outgoing.Paused = true
	for _, c := range []struct {
		address string
		s       *config.Config
		allowed bool
	}{
		{"127.0.0.1:25", maildir, true}, {"[::1]:25", maildir, true}, {"localhost:25", maildir, true}, {"127.0.0.1:25", paused, true},
		{"192.0.2.1:25", maildir, false}, {"mx.example.com:25", maildir, false}, {"127.0.0.1", maildir, false}, {"127.0.0.1:25", relay, false},
	} {
		if err := (benchCommand{}).allowed(c.address, c.s); (err == nil) != c.allowed {
			t.Errorf("%s through %s: %v", c.address, routeName(c.s.Sites[0].Outgoing), err)
		}
		if err := (benchCommand{YesReally: true}).allowed(c.address, c.s); err != nil {
			t.Errorf("%s is refused to who insists: %v", c.address, err)
		}
	}
}

func TestALoadSaysWhatStaysOfIt(t *testing.T) {
	c := config.Trial("/srv")
	l := &load{messages: 2, sessions: 1, size: 4096}
	said := benchTarget{address: "127.0.0.1:2525", to: "help@guichet.test"}.words(l, c)
	if want := "2 messages of 4.0 KiB in 1 session to help@guichet.test at 127.0.0.1:2525\nthe mails stay as tickets in /srv/guichet-data (embedded store)"; said != want {
		t.Errorf("%q", said)
	}
	if said := (benchTarget{own: true}).words(l, c); !strings.HasSuffix(said, "whose store goes when this ends") {
		t.Errorf("%q", said)
	}
}

func TestMailsOfALoadAreOfItsSizeAndAllDifferent(t *testing.T) {
	for _, size := range []int{1, 1000, 4096, 100 << 10} {
		l := &load{run: "abc", to: "help@guichet.test", size: size, text: benchText(size)}
		one, other := l.message(1), l.message(2)
		body, found := bytes.CutSuffix(one, []byte("\r\n.\r\n"))
		if !found || bytes.Contains(body, []byte("\n.")) || bytes.Equal(one, other) {
			t.Fatalf("%q", one[len(one)-20:])
		}
		if got := len(body) + 2; size > 1000 && got != size {
			t.Errorf("%d bytes, not %d", got, size)
		}
		m, err := mail.ReadMessage(bytes.NewReader(body))
		if err != nil || m.Header.Get("Message-ID") != "<abc.1@guichet.invalid>" {
			t.Errorf("%v %v", m, err)
		}
	}
}

// slowServer answers each final dot after a while, and every seventh with 451.
type slowServer struct {
	pause       time.Duration
	connections atomic.Int32
	mails       atomic.Int32
}

func (s *slowServer) dial(context.Context, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.connections.Add(1)
	go s.serve(server)
	return client, nil
}

func (s *slowServer) serve(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "220 mx.example ESMTP\r\n")
	lines := bufio.NewReader(conn)
	for inside := false; ; {
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			return
		case inside && line != ".\r\n":
		case inside:
			inside = false
			time.Sleep(s.pause)
			if s.mails.Add(1)%7 == 0 {
				fmt.Fprint(conn, "451 4.3.0 later\r\n")
			} else {
				fmt.Fprint(conn, "250 2.0.0 queued\r\n")
			}
		case strings.HasPrefix(line, "DATA"):
			inside = true
			fmt.Fprint(conn, "354 go on\r\n")
		case strings.HasPrefix(line, "QUIT"):
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func TestLoadGoesOverItsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{pause: 100 * time.Millisecond}
		l := &load{messages: 20, sessions: 4, size: 500, text: benchText(500), dial: server.dial}
		last := 0
		f := l.send(t.Context(), func(n int) { last = n }).sum(l, false)
		if last != 20 || f.Messages != 20 || f.Accepted != 18 || f.Failed["451"] != 2 || server.connections.Load() != 20 {
			t.Errorf("%+v over %d connections, %d told", f, server.connections.Load(), last)
		}
		if f.Seconds != 0.5 || f.Latency["250"] != (latency{100, 100, 100, 100}) {
			t.Errorf("20 mails of 0.1 s, 4 at a time, took %v s: %+v", f.Seconds, f.Latency)
		}
	})
}

func TestAKeptSessionHasOneConnectionUntilItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{}
		l := &load{messages: 10, sessions: 1, size: 500, keep: true, text: benchText(500), dial: server.dial}
		if f := l.send(t.Context(), func(int) {}).sum(l, false); f.Accepted != 9 || server.connections.Load() != 2 {
			t.Errorf("%+v over %d connections", f, server.connections.Load())
		}
	})
}

// A mail that was due and had to wait for a session has waited.
func TestALatencyBeginsWhenTheMailWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{pause: time.Second}
		l := &load{messages: 4, sessions: 1, size: 500, rate: 2, text: benchText(500), dial: server.dial}
		f := l.send(t.Context(), func(int) {}).sum(l, false)
		// They are due at 0, 0.5, 1 and 1.5 s and end at 1, 2, 3 and 4 s.
		if f.Latency["total"].Max != 2500 || f.Latency["total"].P50 != 1500 || f.Latency["250"].Max != 1000 {
			t.Errorf("%+v", f.Latency)
		}
	})
}

func TestALoadThatIsCalledOffEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		l := &load{messages: 1000, sessions: 2, size: 500, text: benchText(500), dial: (&slowServer{pause: time.Hour}).dial}
		if m := l.send(ctx, func(int) {}); len(m.samples) != 2 || m.took != 3*time.Second {
			t.Errorf("%d in %v", len(m.samples), m.took)
		}
		time.Sleep(2 * time.Hour) // until the server has seen it too
	})
}

func TestFailuresHaveNames(t *testing.T) {
	refused := func(context.Context, string) (net.Conn, error) { return nil, errors.New("refused") }
	l := &load{messages: 1, sessions: 1, size: 500, text: benchText(500), dial: refused}
	if f := l.send(t.Context(), func(int) {}).sum(l, false); f.Failed["no connection"] != 1 {
		t.Errorf("%+v", f)
	}
}

func TestADaemonSaysWhereItListens(t *testing.T) {
	got, err := listensOn(strings.NewReader("Guichet x\n  receives  SMTP on 127.0.0.1:4711\n  serves x\n"))
	if err != nil || got != "127.0.0.1:4711" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := listensOn(io.LimitReader(strings.NewReader("Guichet x\n"), 100)); err == nil {
		t.Error("one that ended listens")
	}
}
