package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"guichet/config"
)

type benchCommand struct {
	Address   string `placeholder:"HOST:PORT" help:"The SMTP server to load; else that of the settings, if it answers."`
	Own       bool   `help:"Start a daemon of its own, whose store is removed afterwards. So it is where no other answers."`
	Messages  int    `short:"n" default:"2000" help:"How many messages."`
	Sessions  int    `short:"s" default:"10" help:"How many at a time."`
	Size      int    `default:"4096" help:"Bytes of a message."`
	Rate      string `placeholder:"N" help:"Messages that begin in a second, or 50% of what an unbound run before reached."`
	Keep      bool   `help:"Send all mails of a session over one connection, instead of one each."`
	To        string `placeholder:"ADDRESS" help:"Whom to write to; else the first queue of the settings."`
	YesReally bool   `help:"Load a server beyond loopback, or one that sends mail to its agents for each message."`
	JSON      bool   `name:"json" help:"One object a line for each run."`
}

func (benchCommand) Help() string {
	return example("guichet bench", "guichet bench --own -n 5000 -s 50", "guichet bench -s 50 --rate 50%", "guichet bench --json | jq .rate") + `

Each message comes from somebody new and opens a ticket, which stays in the
store of the daemon that is loaded. Times are those of the client, for messages
that were taken: connect to the banner, 250 from the first byte of the content
to the answer. With --rate, total begins when the message was due, so that
waiting for a free session counts. The loader runs on the same processors as
the daemon.`
}

// Run loads a daemon and prints what came of it.
func (c benchCommand) Run(ctx context.Context, p *program) (err error) {
	l, share, err := c.load()
	if err != nil {
		return err
	}
	settings, err := p.settings()
	if err != nil {
		return err
	}
	target, err := c.target(ctx, settings)
	if err != nil {
		return err
	}
	seen := target.meter
	if target.own {
		d, err := startOwn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.stop()) }()
		target.address, seen = d.address, func(context.Context) (usage, error) { return processUsage(d.command.Process.Pid) }
	}
	l.address, l.to = target.address, target.to
	if !c.JSON {
		fmt.Fprintln(p.Stdout, target.words(l, settings))
	}
	if share > 0 {
		unbound, err := c.measure(ctx, p, l, target.own, seen)
		if err != nil {
			return err
		}
		l.rate, l.run = unbound.Rate*share, runName()
		if !c.JSON {
			fmt.Fprintf(p.Stdout, "\nat %.0f a second:\n", l.rate)
		}
	}
	f, err := c.measure(ctx, p, l, target.own, seen)
	if err == nil && f.Accepted == 0 {
		err = errFailed
	}
	return err
}

// load is what the flags ask for. share is the part of the top rate at which a
// second run is to go, or 0.
func (c benchCommand) load() (l *load, share float64, err error) {
	if c.Messages < 1 || c.Sessions < 1 || c.Size < 1 {
		return nil, 0, usageError("messages, sessions and size are 1 or more")
	}
	l = &load{run: runName(), messages: c.Messages, sessions: min(c.Sessions, c.Messages), size: c.Size, keep: c.Keep, text: benchText(c.Size)}
	l.dial = func(ctx context.Context, address string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
	if c.Rate == "" {
		return l, 0, nil
	}
	number, percent := strings.CutSuffix(c.Rate, "%")
	n, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || !(n > 0) || percent && n > 100:
		return nil, 0, usageError(fmt.Sprintf("a rate is 500 or 50%%, not %q", c.Rate))
	case percent:
		return l, n / 100, nil
	}
	l.rate = n
	return l, 0, nil
}

// runName tells one run's messages from another's: what came before is no new
// mail to the daemon.
func runName() string { return strings.ToLower(rand.Text()[:8]) }

// measure sends the load once and prints its figures.
func (c benchCommand) measure(ctx context.Context, p *program, l *load, own bool, seen meter) (figures, error) {
	progress := func(int) {}
	if p.Terminal && !c.JSON {
		bar := p.progress()
		progress = func(n int) { bar(n, l.messages) }
	}
	before, unseen := usage{}, errors.New("nobody tells")
	if seen != nil {
		before, unseen = seen(ctx)
	}
	m := l.send(ctx, progress)
	if ctx.Err() != nil {
		return figures{}, ctx.Err()
	}
	f := m.sum(l, own)
	if unseen == nil {
		if after, err := seen(ctx); err == nil {
			f.Daemon = spent(before, after, f.Accepted)
		}
	}
	if c.JSON {
		return f, p.object(f)
	}
	return f, f.print(p)
}

// benchTarget is what is loaded.
type benchTarget struct {
	address, to string
	own         bool
	meter       meter
}

// words say what is about to happen, and what stays of it.
func (t benchTarget) words(l *load, c *config.Config) string {
	text := fmt.Sprintf("%s of %s in %s to %s at %s", count(l.messages, "message"), size(int64(l.size)), count(l.sessions, "session"), t.to, t.address)
	if t.own {
		return text + "\nto a daemon of its own, whose store goes when this ends"
	}
	return text + "\nthe mails stay as " + storeName(c)
}

// target finds out what is to be loaded, and refuses what would be felt by
// others.
func (c benchCommand) target(ctx context.Context, s *config.Config) (benchTarget, error) {
	t := benchTarget{address: c.Address, to: c.To, own: c.Own}
	if t.own && t.address != "" {
		return t, usageError("--own is a daemon that nobody has the address of")
	}
	if t.address == "" {
		t.address = reachable(s.SMTP.Listen[0])
		t.own = t.own || askBanner(ctx, t.address) != nil
	}
	if t.own {
		t.to = "help@guichet.test"
		return t, nil
	}
	if t.to == "" {
		t.to = s.Sites[0].Queues[0].Address
	}
	t.meter = meterOf(s)
	return t, c.allowed(t.address, s)
}

// allowed refuses to load what is not this machine's, and a daemon that would
// write to people for each message.
func (c benchCommand) allowed(address string, s *config.Config) error {
	if c.YesReally {
		return nil
	}
	if !loopback(address) {
		return usageError(fmt.Sprintf("%s is not this machine; --yes-really loads it all the same", address))
	}
	for _, site := range s.Sites {
		if o := site.Outgoing; !o.Paused && o.Via.Scheme != config.ViaMaildir {
			return usageError(fmt.Sprintf("the daemon would send %s; set outgoing.paused, or say --own for a daemon of its own, or --yes-really", routeName(o)))
		}
	}
	return nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
