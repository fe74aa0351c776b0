package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"guichet/accounts"
	"guichet/config"
	"guichet/outbox"
	"guichet/router"
	"guichet/smtpd"
	"guichet/store"
	"guichet/templates"
	"guichet/ticket"
)

// daemon is everything that runs while guichet serves, wired together.
type daemon struct {
	p        *program
	settings *config.Config
	log      *slog.Logger
	store    *store.Store
	router   *router.Router
	door     *smtpd.Server
	outbox   *outbox.Outbox
	accounts *accounts.Accounts
	metrics  *metrics
	// control answers command-line tools until its context ends.
	control        func(context.Context) error
	listeners      []net.Listener
	metricsAddress string
	// settled is told when other settings are in force.
	settled chan struct{}
}

// newDaemon opens the store, builds all else and listens, so that a mistake
// shows before the first mail comes.
func (p *program) newDaemon(ctx context.Context, c *config.Config) (_ *daemon, err error) {
	d := &daemon{p: p, settings: c, log: newLogger(p.Stderr, c.Log), metrics: newMetrics(), settled: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if d.store, err = p.openStore(ctx, c, d.log, func(o *store.Options) { o.Called = d.metrics.Called }); err != nil {
		return nil, err
	}
	if d.control, err = d.store.ListenControl(); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	parts, err := p.parts(c)
	if err != nil {
		return nil, err
	}
	mint := ticket.Mint{Signer: d.store.Signer(), Pepper: d.store.Pepper(), Random: rand.Reader, Hostname: c.Hostname}
	d.router = router.New(d.store, parts.directory, mint, p.Now, d.log)
	d.router.Measure(d.metrics)
	d.metrics.registry.MustRegister(&stock{sites: d.siteNames, counts: d.store.Counts, now: p.Now})
	d.store.OnWake(d.router.Wake)
	d.door = smtpd.New(parts.door, smtpd.Outside{Handler: d.router, Resolver: p.Resolver, Log: d.log, Metrics: d.metrics, Now: p.Now})
	d.accounts = accounts.New(accountsOf(c), p.Now, d.log)
	d.outbox, err = outbox.New(parts.outbox, outbox.Parts{
		Store: d.store, Templates: parts.words, Site: func(name string) (*ticket.Site, bool) { return d.router.Directory().Site(name) },
		Mint: mint, Commands: helpOf(), Now: p.Now, Log: d.log, Jitter: mathrand.Float64, Metrics: d.metrics,
		Accounts: d.accounts,
	})
	if err != nil {
		return nil, err
	}
	return d, d.listen(ctx)
}

// parts is what the settings are to each package. Reading settings again makes new
// parts first and puts them in force only when all of them are right.
type parts struct {
	directory *router.Directory
	words     *templates.Set
	door      smtpd.Settings
	outbox    outbox.Settings
}

func (p *program) parts(c *config.Config) (parts, error) {
	sites, err := sitesOf(c)
	if err != nil {
		return parts{}, err
	}
	words, err := templates.New(overridesOf(c))
	if err != nil {
		return parts{}, err
	}
	for i := range sites {
		if err := words.Check(&sites[i]); err != nil {
			return parts{}, err
		}
	}
	spool := filepath.Join(c.Data, "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return parts{}, fmt.Errorf("spool directory: %w", err)
	}
	door, err := doorOf(c, spool)
	if err != nil {
		return parts{}, err
	}
	out, err := outboxOf(c)
	if err != nil {
		return parts{}, err
	}
	return parts{directory: router.NewDirectory(c.Hostname, sites), words: words, door: door, outbox: out}, nil
}

// openStore opens the store of the settings, changed by those that are given. A
// second daemon on an embedded store is refused.
func (p *program) openStore(ctx context.Context, c *config.Config, log *slog.Logger, changes ...func(*store.Options)) (*store.Store, error) {
	options := storeOf(c)
	options.Now, options.RedisNow, options.Logger = p.Now, p.RedisNow, log
	for _, change := range changes {
		change(&options)
	}
	return store.Open(ctx, options)
}

// besideDaemon is for tools: they reach the embedded store of a daemon that runs
// through it.
func besideDaemon(o *store.Options) { o.Attach = true }

func (d *daemon) listen(ctx context.Context) error {
	lc := net.ListenConfig{KeepAlive: -1} // nobody is waited for longer than the time limits say
	open := d.p.Listen
	if open == nil {
		open = lc.Listen
	}
	for _, address := range d.settings.SMTP.Listen {
		l, err := open(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("smtp.listen: %w", err)
		}
		d.listeners = append(d.listeners, l)
	}
	if address := d.settings.Metrics; address != "" {
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		d.metricsAddress = l.Addr().String()
		d.metrics.serve(l, d.ready)
	}
	return nil
}

// drain is how long a stop waits for the messages under way: as long as the
// door lets the router take for one.
const drain = 2 * time.Minute

// run serves until ctx ends, and then finishes what is under way: the door
// first, so that nothing new comes, then the outbox, then the store.
func (d *daemon) run(ctx context.Context, hangup <-chan os.Signal) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, len(d.listeners)+2)
	var doors, workers sync.WaitGroup
	for _, l := range d.listeners {
		doors.Go(func() {
			if err := d.door.Serve(working, l); !errors.Is(err, smtpd.ErrClosed) && working.Err() == nil {
				failed <- fmt.Errorf("smtp: %w", err)
			}
		})
	}
	workers.Go(func() {
		if err := d.outbox.Run(working); err != nil && working.Err() == nil {
			failed <- fmt.Errorf("outbox: %w", err)
		}
	})
	workers.Go(func() {
		if err := d.control(working); err != nil && working.Err() == nil {
			failed <- fmt.Errorf("control socket: %w", err)
		}
	})
	workers.Go(func() { d.store.Maintain(working) })
	workers.Go(func() { d.store.KeepIndexed(working) })
	workers.Go(func() { d.store.KeepShelved(working) })
	workers.Go(func() { d.digests(working) })
	workers.Go(func() { d.reports(working) })
	workers.Go(func() { d.reviews(working) })

	err := d.wait(ctx, hangup, failed)
	d.metrics.drain()
	d.log.Info("stopping", "reason", stopReason(err))
	closing, cancel := context.WithTimeout(working, drain)
	defer cancel()
	if shut := d.door.Shutdown(closing); shut != nil {
		d.log.Warn("messages were cut off; their senders will try again", "error", shut)
	}
	doors.Wait()
	stop()
	workers.Wait()
	d.log.Info("stopped")
	return err
}

func stopReason(err error) string {
	if err != nil {
		return err.Error()
	}
	return "asked to"
}

// wait returns when the daemon is to stop, and reads settings again meanwhile.
func (d *daemon) wait(ctx context.Context, hangup <-chan os.Signal, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-hangup:
			d.reload()
			if err := d.store.RefreshKeys(ctx); err != nil {
				d.log.Error("keys not read again; the old ones stay in use", "error", err)
			}
		}
	}
}

// reload puts the settings of the file in force, or leaves the old ones if
// anything is wrong with it. Open sessions go on under those that they began
// with.
func (d *daemon) reload() {
	c, err := d.p.settings()
	if err == nil {
		err = d.replaceable(c)
	}
	var next parts
	if err == nil {
		next, err = d.p.parts(c)
	}
	if err == nil {
		err = d.outbox.Update(next.outbox)
	}
	if err != nil {
		d.log.Error("settings not read again; the old ones stay in force", "error", err)
		return
	}
	d.outbox.UpdateTemplates(next.words)
	d.store.SetSites(storeOf(c).Sites)
	d.router.Update(next.directory)
	d.accounts.Update(accountsOf(c))
	d.door.Update(next.door)
	d.settings = c
	select {
	case d.settled <- struct{}{}:
	default: // it is to be looked through already
	}
	d.log.Info("settings read again", "file", c.File)
}

// replaceable refuses what only a restart can change.
func (d *daemon) replaceable(c *config.Config) error {
	old := d.settings
	for _, fixed := range []struct {
		name     string
		old, new any
	}{
		{"data", old.Data, c.Data},
		{"redis", old.Redis.URL, c.Redis.URL},
		{"blobs", old.Blobs, c.Blobs},
		{"master_key", old.MasterKey, c.MasterKey},
		{"ledger", old.Ledger, c.Ledger},
		{"backups", old.Backups, c.Backups},
		{"hostname", old.Hostname, c.Hostname},
		{"metrics", old.Metrics, c.Metrics},
		{"smtp.listen", fmt.Sprint(old.SMTP.Listen), fmt.Sprint(c.SMTP.Listen)},
	} {
		if fixed.old != fixed.new {
			return fmt.Errorf("%s changed; that needs a restart", fixed.name)
		}
	}
	return nil
}

// ready reports whether mail would be taken now.
func (d *daemon) ready(ctx context.Context) error {
	names := d.siteNames()
	for i := 0; i < len(names); i += 1 + len(names)/probes {
		if _, err := d.store.Counts(ctx, names[i]); err != nil {
			return err
		}
	}
	return nil
}

// probes bounds how many sites readiness looks at, spread over all of them: of a
// Cluster they lie on several nodes.
const probes = 8

// siteNames are those of the sites in force.
func (d *daemon) siteNames() []string {
	var names []string
	for _, site := range d.router.Directory().Sites() {
		names = append(names, site.Name)
	}
	return names
}

// warnings are what is unsafe about the settings, and what the store can lose.
func (d *daemon) warnings() []string {
	var all []string
	for _, w := range d.settings.Warnings {
		all = append(all, w.String())
	}
	return append(all, d.store.Warnings()...)
}

// close lets go of whatever newDaemon opened.
func (d *daemon) close() {
	for _, l := range d.listeners {
		l.Close()
	}
	d.metrics.close()
	if d.store != nil {
		if err := d.store.Close(); err != nil {
			d.log.Error("closing the store", "error", err)
		}
	}
}

// newLogger writes one line an event.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
