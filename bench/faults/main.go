//go:build linux

// Command faults plays faults on the real program under load, and holds it to its
// promise: what was answered 250 is there exactly once and whole, whatever was
// killed, full, slow or away; what was not is there once or not at all; every
// notice leaves once, or twice where its answer was cut.
//
//	go run ./bench/faults -fault kill -kills 100
//	go run ./bench/faults -fault all -for 10s
//
// It builds guichet, starts it with a load in front and a relay behind, all on
// loopback and in a temporary directory, plays one fault after another, and ends
// whatever it started. It exits 1 when anything is wrong. docs/reliability.md says
// what each fault is.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// options are what the command line says.
type options struct {
	engines  []string
	faults   []fault
	kills    int
	long     time.Duration
	sessions int
	seed     uint64
	json     bool
	keep     bool
	program  string
	older    string
	temp     string
}

func main() { os.Exit(run()) }

func run() int {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 2
	}
	if code, done := o.inOwnNamespace(); done {
		return code
	}
	if o.temp, err = os.MkdirTemp("", "guichet-faults-"); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	leaveNothing(o.temp)
	if o.program == "" {
		o.program = filepath.Join(o.temp, "guichet")
		build := exec.Command("go", "build", "-o", o.program, "guichet/cmd/guichet")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "faults: building guichet:", err)
			return 1
		}
	}
	verdicts, good := o.playAll()
	report(os.Stdout, verdicts, o.json)
	if good && !o.keep {
		os.RemoveAll(o.temp)
	} else {
		fmt.Fprintf(os.Stderr, "everything is kept in %s (seed %d)\n", o.temp, o.seed)
	}
	if !good {
		return 1
	}
	return 0
}

// On a terminal one line tells how far it is; elsewhere there is a line at times.
const (
	overwrite = "\r\033[K"
	tellEvery = 30 * time.Second
)

var onTerminal = term.IsTerminal(int(os.Stderr.Fd()))

// leaveNothing has an interrupt end what we started and remove its files.
func leaveNothing(dir string) {
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupt
		ending.Store(true)
		running.Range(func(p, _ any) bool {
			p.(*process).kill()
			return true
		})
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}()
}

func parse(args []string) (o options, err error) {
	set := flag.NewFlagSet("faults", flag.ContinueOnError)
	engine := set.String("engine", "all", "embedded, redis or all")
	name := set.String("fault", "all", "one of "+strings.Join(names(), ", ")+", several with commas between, or all")
	set.IntVar(&o.kills, "kills", 20, "how often kill kills the daemon")
	set.DurationVar(&o.long, "for", 10*time.Second, "how long each other fault is played")
	set.IntVar(&o.sessions, "sessions", 8, "sending servers at once")
	set.Uint64Var(&o.seed, "seed", 0, "of all that is drawn; 0 draws one")
	set.BoolVar(&o.json, "json", false, "one object a line")
	set.BoolVar(&o.keep, "keep", false, "keep the directory also when all is well")
	set.StringVar(&o.program, "program", "", "a guichet that is built already")
	set.StringVar(&o.older, "older", "", "for upgrade: an older guichet, whose store is taken over")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1 << 32)
	}
	switch *engine {
	case "all":
		o.engines = []string{"embedded", "redis"}
	case "embedded", "redis":
		o.engines = []string{*engine}
	default:
		return o, fmt.Errorf("there is no engine %q", *engine)
	}
	for one := range strings.SplitSeq(*name, ",") {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == one })
		switch {
		case one == "all":
			o.faults = append(o.faults, ordinary()...)
		case i < 0:
			return o, fmt.Errorf("there is no fault %q; there is %s", one, strings.Join(names(), ", "))
		default:
			o.faults = append(o.faults, faults[i])
		}
	}
	return o, nil
}

// playAll plays each fault on each engine that it concerns.
func (o options) playAll() (verdicts []*verdict, good bool) {
	good = true
	for _, f := range o.faults {
		for _, engine := range f.engines {
			if !slices.Contains(o.engines, engine) {
				continue
			}
			v := &verdict{Fault: f.name, Engine: engine}
			verdicts = append(verdicts, v)
			if v.Skipped = f.missing(engine); v.Skipped == "" {
				o.play(f, v)
			}
			good = good && v.good()
			if onTerminal {
				fmt.Fprint(os.Stderr, overwrite)
			}
			fmt.Fprintln(os.Stderr, v.line())
		}
	}
	return verdicts, good
}

// play plays one fault on one engine, on a new stage every so many kills.
func (o options) play(f fault, v *verdict) {
	began := time.Now()
	left, each := 1, 1
	if f.strikes {
		left, each = o.kills, killsAStage
	}
	for round := 1; left > 0 && v.good(); round++ {
		n := min(left, each)
		left -= n
		if err := o.round(f, v, n, round); err != nil {
			v.Wrong = append(v.Wrong, err.Error())
		}
	}
	v.Took = time.Since(began)
}

// round plays a fault on a stage of its own, brings all to rest, and judges.
func (o options) round(f fault, v *verdict, n, round int) error {
	dir := filepath.Join(o.temp, fmt.Sprintf("%s-%s-%d", f.name, v.Engine, round))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s, err := newStage(o, dir, v.Engine, o.seed+uint64(round))
	if err != nil {
		return err
	}
	defer s.strike()
	var told time.Time
	s.progress = func(text string) {
		text = fmt.Sprintf("%s on %s, round %d: %s", f.name, v.Engine, round, text)
		switch {
		case onTerminal:
			fmt.Fprint(os.Stderr, overwrite, text)
		case time.Since(told) >= tellEvery:
			fmt.Fprintln(os.Stderr, text)
			told = time.Now()
		}
	}
	strikes, err := f.play(s, n)
	if err != nil {
		return fmt.Errorf("playing: %w", err)
	}
	v.Faults += strikes
	if err := s.aftermath(); err != nil {
		return fmt.Errorf("coming to rest: %w", err)
	}
	s.tell("verifying %d mails", len(s.load.fates))
	facts, err := s.examine(context.Background())
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	v.takenOver = s.takenOver
	v.judge(s.load.fates, facts, s.relay.kept(), s.daemon.killed)
	v.Deferred += s.load.answers[4]
	v.Unheard += s.load.answers[0]
	for text, times := range s.load.refused {
		v.Refused += times
		v.Wrong = append(v.Wrong, fmt.Sprintf("refused %d times: %s", times, text))
	}
	if v.Held > 0 && !f.unproved {
		v.Wrong = append(v.Wrong, fmt.Sprintf("%d mails were held that were proved", v.Held))
	}
	if v.good() && !o.keep {
		s.strike() // what it mounted is in the way
		return os.RemoveAll(dir)
	}
	return nil
}
