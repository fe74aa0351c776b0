//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// What the daemon serves here.
const (
	siteName     = "acme"
	queueAddress = "help@acme.example"
)

// thisMachine are the networks that the settings trust, so that senders are proved
// without DNS.
const thisMachine = "127.0.0.0/8"

// stage is where one fault is played on one engine: the program with a load in
// front of it and a relay behind it, all in a directory of its own.
type stage struct {
	options
	dir    string
	engine string
	random *rand.Rand
	daemon *daemon
	load   *load
	relay  *relay
	redis  *redisServer // nil for the embedded engine
	// redisURL is what the settings say, where that is not redis alone.
	redisURL   string
	durability string
	takenOver  span
	// also ends what a play started besides.
	also     []func()
	progress func(string)
	// lull is how long the outbox may stand still before what is left in it is
	// taken to be in dead hands.
	lull time.Duration
}

// settingsText are the daemon's. This machine is trusted where the senders of the
// load are to be proved without DNS.
var settingsText = template.Must(template.New("").Parse(`hostname: mx.guichet.test
data: {{.Data}}
blobs: file://{{.Shared}}/blobs
master_key: {{.Shared}}/master.key
redis: "{{.Redis}}"
durability: {{.Durability}}
smtp: {listen: ["{{.Listen}}"], connections_per_address: 500}
trust: {networks: [{{.Trusted}}]}
log: {level: warn}
outgoing: {via: "smtp://{{.Relay}}?tls=none"}
sites:
  - name: acme
    prefix: ACM
    digest: ""  # a mail of the hour, which no message brings
    queues: [{name: help, address: help@acme.example, agents: [anna@acme.example]}]
`))

// newStage builds all but the daemon's start. The stage must be struck.
func newStage(o options, dir, engine string, seed uint64) (_ *stage, err error) {
	s := &stage{options: o, dir: dir, engine: engine, random: rand.New(rand.NewPCG(seed, 3)), lull: 15 * time.Second, durability: "all"}
	defer func() {
		if err != nil {
			s.strike()
		}
	}()
	if s.daemon, err = newDaemon(o.program, dir, "guichet"); err != nil {
		return nil, err
	}
	s.load = newLoad(s.daemon.address, o.sessions, seed)
	if s.relay, err = newRelay(seed, s.daemon.alive); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.data(), 0o700); err != nil {
		return nil, err
	}
	if engine == "redis" {
		if err := os.Mkdir(filepath.Join(dir, "redis"), 0o700); err != nil {
			return nil, err
		}
		if s.redis, err = startRedis(filepath.Join(dir, "redis")); err != nil {
			return nil, err
		}
		s.redisURL = s.redis.url()
	}
	return s, s.configure(thisMachine)
}

func (s *stage) data() string { return filepath.Join(s.dir, "data") }

// configure writes the daemon's settings.
func (s *stage) configure(trusted string) error { return s.writeSettings(s.daemon, s.data(), trusted) }

// writeSettings is configure for a daemon whose own directory is data.
func (s *stage) writeSettings(d *daemon, data, trusted string) error {
	f, err := os.OpenFile(d.settings, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return settingsText.Execute(f, map[string]string{
		"Data": data, "Shared": s.data(), "Durability": s.durability, "Redis": s.redisURL, "Listen": d.address, "Trusted": trusted, "Relay": s.relay.listener.Addr().String(),
	})
}

// strike ends everything that the stage started.
func (s *stage) strike() {
	if s.daemon != nil {
		s.daemon.end()
	}
	if s.redis != nil {
		s.redis.kill()
	}
	for _, end := range s.also {
		end()
	}
	if s.relay != nil {
		s.relay.close()
	}
}

// under plays something while the load is on, and returns when the sessions have
// finished what they were at.
func (s *stage) under(play func() error) error {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		s.load.run(ctx)
		close(done)
	}()
	err := play()
	stop()
	<-done
	return err
}

// between draws a time.
func (s *stage) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.random.Int64N(int64(most-least)))
}

// settleWithin is how long the load may take, once the fault is over, to get an
// answer 250 for all that it did not abandon; drainWithin how long the outbox may
// take to be empty.
const (
	settleWithin = 3 * time.Minute
	drainWithin  = 5 * time.Minute
)

// aftermath brings all to rest once the fault is over: every mail repeated until
// it is taken, every notice sent, the daemon stopped. What does not come to rest
// the judge will see.
func (s *stage) aftermath() error {
	s.relay.behave(takes)
	s.tell("senders repeat")
	s.load.settle(settleWithin)
	s.tell("outbox empties")
	if err := s.empty(s.lull); err == nil {
		return s.daemon.stop()
	}
	// What is left was in the hands of a daemon that was killed, or had failed.
	if err := s.daemon.stop(); err != nil {
		return err
	}
	if err := s.passLeases(); err != nil {
		return fmt.Errorf("passing the leases: %w", err)
	}
	if err := s.daemon.start(); err != nil {
		return err
	}
	// Now nothing is in dead hands, and whoever is slow may take the time.
	if err := s.empty(drainWithin); err != nil {
		s.tell("%v", err)
	}
	return s.daemon.stop()
}

// empty waits until no notice is owed, and lets those that wait for another
// attempt have it at once. It gives up when for a lull none has left, and in any
// case after some minutes.
func (s *stage) empty(lull time.Duration) error {
	began, last, since := time.Now(), -1, time.Now()
	for {
		left, err := s.flush(context.Background())
		switch {
		case err != nil:
			return err
		case left == 0:
			return nil
		case time.Since(since) > lull || time.Since(began) > drainWithin:
			return fmt.Errorf("the outbox still has %d notices", left)
		case left != last:
			last, since = left, time.Now()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// flush does what guichet outbox flush and retry do, beside the daemon, and gives
// how many notices have not left.
func (s *stage) flush(ctx context.Context) (left int, err error) {
	st, err := s.open(true, 0)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	page, err := st.Outbox(ctx, siteName, nil, "", 1000)
	if err != nil {
		return 0, err
	}
	for _, d := range page.Items {
		if d.State == ticket.Queued && (d.Attempts == 0 || d.Due.Before(time.Now())) {
			continue
		}
		err := st.Redirect(ctx, siteName, d.Notice.ID, ticket.Queued)
		switch {
		case errors.Is(err, store.ErrLeased), errors.Is(err, store.ErrNotFound), errors.Is(err, ticket.ErrConflict):
		case err != nil:
			return 0, err
		}
	}
	return page.Total, nil
}

// open opens the store as a tool does. ahead is how far its clock is in front.
func (s *stage) open(attach bool, ahead time.Duration) (*store.Store, error) {
	now := func() time.Time { return time.Now().Add(ahead) }
	o := store.Options{Redis: s.redisURL, Replicas: -1, Data: s.data(), Attach: attach, Now: now,
		Sites: []store.Site{{Name: siteName, Prefix: "ACM"}}}
	if ahead > 0 {
		o.RedisNow = now
	}
	return store.Open(context.Background(), o)
}

// leaseOver is longer than a worker's right to a notice lasts.
const leaseOver = 20 * time.Minute

// passLeases does what time does: notices that killed daemons had taken are due
// again. It looks with a clock that is ahead, and gives back what it is leased.
func (s *stage) passLeases() error {
	st, err := s.open(false, leaseOver)
	if err != nil {
		return err
	}
	defer st.Close()
	ctx := context.Background()
	var all []ticket.Delivery
	for {
		leased, err := st.Lease(ctx, 500, time.Hour)
		if err != nil {
			return err
		}
		if len(leased) == 0 {
			break
		}
		all = append(all, leased...)
	}
	// Given back only now, or they would be leased for ever.
	for _, d := range all {
		if err := st.Settle(ctx, d, ticket.Outcome{State: ticket.Queued, Due: time.Now().Add(-time.Second)}); err != nil {
			return err
		}
	}
	return nil
}

// tell shows where the play stands.
func (s *stage) tell(format string, args ...any) {
	if s.progress != nil {
		s.progress(fmt.Sprintf(format, args...))
	}
}
