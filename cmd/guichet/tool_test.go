package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/foxcpp/go-mockdns"
	"github.com/rogpeppe/go-internal/testscript"

	"guichet/config"
	"guichet/envelope"
	"guichet/router"
	"guichet/ticket"
)

var update = flag.Bool("update", false, "write what the sessions of testdata/tools print into them")

// TestTools plays what an administrator types beside a store that holds mail.
// Clock, ids and DNS are the test's own, so that whole screens can be compared.
// Its commands, beside testscript's:
//
//	tool ARGS…          the program, within this process; <FILE is its input
//	deliver FILE…       mails that come in, from the host in their Received line
//	attempt OUTCOME [ERROR]  what becomes of every mail that is due: delivered,
//	                    failed, or queued for five minutes later
//	clock DURATION      time that passes
//	terminal COLUMNS    a terminal to print to; 0 is none
//	daemon              one that has the store open from here on
//	redis               an imitation of one, at $REDIS
//	dns NAME TXT        a record
//	let NAME PATTERN    keeps in $NAME what the pattern's group finds in stdout
//
// With -update, what the sessions print is written into them.
func TestTools(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/tools", UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			if err := os.CopyFS(env.WorkDir, os.DirFS("testdata/tools/office")); err != nil {
				return err
			}
			env.Values[sandboxKey{}] = &sandbox{
				clock:  &handClock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
				random: rand.NewChaCha8([32]byte{1}),
				zones:  map[string]mockdns.Zone{},
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tool":     sandboxCommand((*sandbox).tool),
			"deliver":  sandboxCommand((*sandbox).deliver),
			"attempt":  sandboxCommand((*sandbox).attempt),
			"clock":    sandboxCommand((*sandbox).pass),
			"terminal": sandboxCommand((*sandbox).terminal),
			"daemon":   sandboxCommand((*sandbox).daemon),
			"redis":    sandboxCommand((*sandbox).redis),
			"dns":      sandboxCommand((*sandbox).dns),
			"let":      sandboxCommand((*sandbox).let),
		},
	})
}

type sandboxKey struct{}

// sandbox is the outside of the program in one session.
type sandbox struct {
	clock  *handClock
	random *rand.ChaCha8
	zones  map[string]mockdns.Zone
	width  int
}

func sandboxCommand(do func(*sandbox, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := do(ts.Value(sandboxKey{}).(*sandbox), ts, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("it went well, and should not have")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

// handClock stands still until it is moved. What a store writes a little after a
// commit reads it meanwhile.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (s *sandbox) environment(ts *testscript.TestScript) environment {
	return environment{
		Stdin: strings.NewReader(""), Stdout: ts.Stdout(), Stderr: ts.Stderr(), Dir: ts.MkAbs("."),
		Getenv:   func(name string) (string, bool) { return ts.Getenv(name), ts.Getenv(name) != "" },
		Now:      s.clock.Now,
		Resolver: &mockdns.Resolver{Zones: s.zones},
		Terminal: s.width > 0, Width: s.width,
	}
}

func (s *sandbox) tool(ts *testscript.TestScript, args []string) error {
	env := s.environment(ts)
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		name, input := strings.CutPrefix(arg, "<")
		if input && !strings.HasSuffix(name, ">") {
			env.Stdin = strings.NewReader(ts.ReadFile(name))
			return true
		}
		return false
	})
	if code := run(context.Background(), args, env); code != exitDone {
		ts.Setenv("CODE", strconv.Itoa(code))
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}

// with opens the store as a daemon does, for as long as do takes.
func (s *sandbox) with(ts *testscript.TestScript, do func(*program, *tool) error) error {
	t, err := s.open(ts)
	if err != nil {
		return err
	}
	return errors.Join(do(t.program, t), t.store.Close())
}

func (s *sandbox) open(ts *testscript.TestScript) (*tool, error) {
	p := &program{environment: s.environment(ts)}
	c, err := p.settings()
	if err != nil {
		return nil, err
	}
	opened, err := p.openStore(context.Background(), c, slog.New(slog.DiscardHandler))
	return &tool{program: p, settings: c, store: opened}, err
}

func (s *sandbox) deliver(ts *testscript.TestScript, files []string) error {
	return s.with(ts, func(p *program, t *tool) error {
		sites, err := sitesOf(t.settings)
		if err != nil {
			return err
		}
		directory := router.NewDirectory(t.settings.Hostname, sites)
		mint := ticket.Mint{Signer: t.store.Signer(), Pepper: t.store.Pepper(), Random: s.random, Hostname: t.settings.Hostname}
		r := router.New(t.store, directory, mint, p.Now, slog.New(slog.DiscardHandler))
		for _, file := range files {
			e, err := s.arrives(p, t.settings, directory, file)
			if err != nil {
				return err
			}
			if err := r.Deliver(context.Background(), e); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			s.clock.pass(time.Minute)
		}
		return nil
	})
}

// arrives is a file as the door hands it over, with a trace line like its own.
func (s *sandbox) arrives(p *program, c *config.Config, d *router.Directory, file string) (*envelope.Envelope, error) {
	raw, err := p.readMessage(file)
	if err != nil {
		return nil, err
	}
	x := &explanation{settings: c, directory: d}
	if err := x.arrive(explainCommand{}, raw); err != nil {
		return nil, err
	}
	x.judge(context.Background(), p)
	if len(x.envelope.Recipients) == 0 {
		return nil, fmt.Errorf("%s is for nobody here", file)
	}
	x.envelope.ID = strings.TrimSuffix(file, ".eml") + "-1"
	x.envelope.Trace = fmt.Appendf(nil, "Return-Path: <%s>\r\nReceived: from %s ([%s])\r\n\tby %s with ESMTP; %s\r\n",
		x.envelope.From, x.envelope.Helo, x.envelope.Client, c.Hostname, s.clock.Now().Format(time.RFC1123Z))
	return &x.envelope, nil
}

func (s *sandbox) attempt(ts *testscript.TestScript, args []string) error {
	o := ticket.Outcome{State: ticket.DeliveryState(args[0]), Due: s.clock.Now().Add(5 * time.Minute)}
	o.Try = &ticket.Try{At: s.clock.Now(), Took: 12 * time.Millisecond, Host: "relay.example", Code: 250, Answer: "2.0.0 queued as 4F2"}
	if len(args) > 1 {
		o.Error, o.Try.Answer = args[1], args[1]
		o.Try.Code, _ = strconv.Atoi(args[1][:3])
	}
	return s.with(ts, func(_ *program, t *tool) error {
		due, err := t.store.Lease(context.Background(), 1000, time.Minute)
		for _, d := range due {
			err = errors.Join(err, t.store.Settle(context.Background(), d, o))
		}
		return err
	})
}

func (s *sandbox) pass(_ *testscript.TestScript, args []string) error {
	d, err := time.ParseDuration(args[0])
	s.clock.pass(d)
	return err
}

func (s *sandbox) terminal(_ *testscript.TestScript, args []string) (err error) {
	s.width, err = strconv.Atoi(args[0])
	return err
}

func (s *sandbox) dns(_ *testscript.TestScript, args []string) error {
	s.zones[args[0]+"."] = mockdns.Zone{TXT: args[1:]}
	return nil
}

func (s *sandbox) daemon(ts *testscript.TestScript, _ []string) error {
	t, err := s.open(ts)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	serve, err := t.store.ListenControl()
	if err != nil {
		stop()
		return errors.Join(err, t.store.Close())
	}
	go func() { served <- serve(ctx) }()
	ts.Defer(func() {
		stop()
		ts.Check(errors.Join(<-served, t.store.Close()))
	})
	return nil
}

func (s *sandbox) redis(ts *testscript.TestScript, _ []string) error {
	server, err := miniredis.Run()
	if err != nil {
		return err
	}
	ts.Defer(server.Close)
	ts.Setenv("REDIS", server.Addr())
	return nil
}

func (s *sandbox) let(ts *testscript.TestScript, args []string) error {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		return fmt.Errorf("nothing in stdout is %s", args[1])
	}
	ts.Setenv(args[0], found[1])
	return nil
}
