package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/parser"
	"guichet/store"
	"guichet/ticket"
)

// TestSeveralDaemons has three daemons share a Redis behind a balancer. While
// mail comes in one is killed, and another stands still for longer than its
// leases last. Whatever was answered 250 is one ticket with one article, and
// each mail that is owed leaves once, or again under the same Message-ID where
// its daemon was cut off.
func TestSeveralDaemons(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three daemons")
	}
	const mails = 400
	f := newFleet(t)
	var taken atomic.Int64
	var senders sync.WaitGroup
	next := atomic.Int64{}
	for range 8 {
		senders.Go(func() {
			for n := next.Add(1); n <= mails; n = next.Add(1) {
				f.insist(int(n))
				taken.Add(1)
			}
		})
	}
	reach := func(n int64) {
		await(t, fmt.Sprintf("%d mails taken", n), func() bool { return taken.Load() >= n })
	}
	reach(100)
	f.daemons[0].kill()
	reach(200)
	f.daemons[1].signal(syscall.SIGSTOP)
	stopped := time.Now()
	reach(220)
	f.expireLeases(stopped)
	f.insist(mails + 1) // makes the third look at what is due
	f.daemons[1].signal(syscall.SIGCONT)
	senders.Wait()

	f.settle()
	f.insist(mails + 2)
	await(t, "empty outbox", func() bool { return len(f.due()) == 0 })
	f.checkTickets(mails + 2)
	f.checkNotices(mails + 2)
	var out bytes.Buffer
	if code := run(context.Background(), []string{"reindex", "--check", "-c", f.settings}, f.environment(&out)); code != exitDone {
		t.Errorf("reindex --check ended with %d: %s", code, out.String())
	}
}

// fleet is three daemons on one Redis, a balancer before them, and a relay behind.
type fleet struct {
	t        *testing.T
	dir      string
	settings string
	redis    *testkit.Redis
	relay    *testkit.Relay
	daemons  []*process
	balancer string
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), redis: testkit.RedisFor(t), relay: testkit.NewRelay(t)}
	host, port := f.relay.Listen(t)
	var servers []string
	for n := range 3 {
		settings := fmt.Sprintf(`
hostname: mx.acme.example
data: %[1]s/%[2]d
blobs: file://%[1]s/blobs
master_key: %[1]s/master.key
ledger: %[1]s/erased.ledger
redis: %[3]s
smtp: {listen: ["127.0.0.1:0"]}
trust: {networks: [127.0.0.0/8]}
outgoing: {via: "smtp://%[4]s?tls=none"}
sites:
  - name: acme
    prefix: ACM
    digest: ""
    queues: [{name: help, title: Acme support, address: help@acme.example, agents: [anna@acme.example]}]
`, f.dir, n, f.redis.URL(), net.JoinHostPort(host, port))
		p := startProcess(t, settings)
		f.daemons, servers = append(f.daemons, p), append(servers, p.server)
		f.settings = p.cmd.Args[len(p.cmd.Args)-1]
	}
	f.balancer = balance(t, servers)
	return f
}

func (f *fleet) environment(out io.Writer) environment {
	return environment{Stdin: strings.NewReader(""), Stdout: out, Stderr: out, Now: time.Now, Dir: f.dir,
		Getenv: func(string) (string, bool) { return "", false }}
}

// balance passes connections on in turn, past servers that refuse them.
func balance(t *testing.T, servers []string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for turn := 0; ; turn++ {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go pass(client, servers, turn)
		}
	}()
	return l.Addr().String()
}

func pass(client net.Conn, servers []string, turn int) {
	defer client.Close()
	for i := range servers {
		server, err := net.Dial("tcp", servers[(turn+i)%len(servers)])
		if err != nil {
			continue
		}
		defer server.Close()
		go func() { _, _ = io.Copy(server, client); server.Close() }()
		_, _ = io.Copy(client, server)
		return
	}
}

// insist sends the nth mail until somebody takes it, as a sender's queue does.
func (f *fleet) insist(n int) {
	from := fmt.Sprintf("user%d@customer.example", n)
	raw := fmt.Appendf(nil, "From: %[1]s\r\nTo: help@acme.example\r\nSubject: Request %[2]d\r\nMessage-ID: <%[2]d@customer.example>\r\n\r\nThis is number %[2]d.\r\n", from, n)
	for f.t.Context().Err() == nil {
		conn, err := net.Dial("tcp", f.balancer)
		if err != nil {
			f.t.Error(err)
			return
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second)) // one that stands still is given up
		err = submitOver(conn, from, []string{"help@acme.example"}, raw)
		if err == nil {
			return
		}
		var said *textproto.Error
		if errors.As(err, &said) && said.Code >= 500 {
			f.t.Errorf("mail %d was refused for good: %v", n, err)
			return
		}
	}
}

const dueKey = "guichet:{acme}:outbox:due"

// due gives the notices that wait, with the time until which each is leased or
// has to wait.
func (f *fleet) due() map[string]time.Time {
	f.t.Helper()
	answer, err := f.redis.Do("ZRANGE", dueKey, 0, -1, "WITHSCORES")
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, pair := range answer.([]any) {
		entry := pair.([]any)
		out[entry[0].(string)] = time.UnixMicro(int64(entry[1].(float64)))
	}
	return out
}

// expireLeases ends the leases that were given before some time, as a quarter of
// an hour would.
func (f *fleet) expireLeases(before time.Time) {
	f.t.Helper()
	const leased = 15 * time.Minute // outbox's leaseTime
	for id, until := range f.due() {
		if until.After(time.Now()) && until.Before(before.Add(leased)) {
			if _, err := f.redis.Do("ZADD", dueKey, "XX", time.Now().Add(-time.Second).UnixMicro(), id); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}

// settle waits until nothing moves any more: what is left is leased to daemons
// that will not come back to it. Those leases it ends.
func (f *fleet) settle() {
	f.t.Helper()
	var before [2]int
	since := time.Now()
	await(f.t, "standstill", func() bool {
		if now := [2]int{len(f.due()), len(f.relay.Mails())}; now != before {
			before, since = now, time.Now()
		}
		return time.Since(since) > 3*time.Second // no daemon that lives takes so long for a mail
	})
	f.expireLeases(time.Now())
}

func (f *fleet) checkTickets(mails int) {
	f.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{
		Redis: f.redis.URL(), Data: f.t.TempDir(), Blobs: filepath.Join(f.dir, "blobs"), MasterKey: filepath.Join(f.dir, "master.key"),
		Ledger: filepath.Join(f.dir, "erased.ledger"), Now: time.Now, Sites: []store.Site{{Name: "acme", Prefix: "ACM"}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	tickets := map[string]int{}
	var after store.Cursor
	for {
		page, err := s.Tickets(ctx, "acme", store.Filter{}, after, 100)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, t := range page.Items {
			tickets[t.Subject]++
			articles, err := s.Articles(ctx, "acme", t.ID, 0, 100)
			if err != nil {
				f.t.Fatal(err)
			}
			public := ticket.PublicOnly(articles)
			if number, _ := strings.CutPrefix(t.Subject, "Request "); len(public) != 1 || !strings.Contains(public[0].Article().Text, "number "+number+".") {
				f.t.Errorf("%s has %d articles of its requester", t.Subject, len(public))
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for n := 1; n <= mails; n++ {
		if made := tickets[fmt.Sprintf("Request %d", n)]; made != 1 {
			f.t.Errorf("mail %d made %d tickets", n, made)
		}
	}
	if len(tickets) != mails {
		f.t.Errorf("%d subjects for %d mails", len(tickets), mails)
	}
}

// checkNotices holds that each requester got one acknowledgement and the agent
// one mail a ticket; none left more than twice.
func (f *fleet) checkNotices(mails int) {
	f.t.Helper()
	sent, to := map[string]int{}, map[string]map[string]bool{}
	twice := 0
	for _, m := range f.relay.Mails() {
		id := parser.Parse([]byte(m.Data)).MessageID
		if sent[m.To+" "+id]++; sent[m.To+" "+id] == 2 {
			twice++
		}
		if to[m.To] == nil {
			to[m.To] = map[string]bool{}
		}
		to[m.To][id] = true
	}
	f.t.Logf("%d mails left twice", twice)
	for which, times := range sent {
		if times > 2 {
			f.t.Errorf("%s left %d times", which, times)
		}
	}
	if got := len(to["anna@acme.example"]); got != mails {
		f.t.Errorf("the agent got %d mails for %d tickets", got, mails)
	}
	for n := 1; n <= mails; n++ {
		if got := len(to[fmt.Sprintf("user%d@customer.example", n)]); got != 1 {
			f.t.Errorf("user %d got %d mails", n, got)
		}
	}
}
