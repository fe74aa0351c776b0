package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"guichet/config"
	"guichet/smtpd/proof"
)

// environment is all of the outside that the program touches by itself, so that
// tests can bring their own.
type environment struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv is as os.LookupEnv.
	Getenv func(string) (string, bool)
	Now    func() time.Time
	// RedisNow takes the place of Redis's own clock in tests; nil is that.
	RedisNow func() time.Time
	// Resolver is asked for DNS; nil is the machine's own.
	Resolver proof.Resolver
	// Listen opens the daemon's SMTP listeners; nil is net.ListenConfig's.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Terminal is set when Stdout is one; Width is then its columns, 0 unknown.
	Terminal bool
	Width    int
	// Dir is where relative paths start; empty is the working directory.
	Dir string
	// Hangup delivers SIGHUP to the daemon. It may be nil.
	Hangup <-chan os.Signal
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFailed ends a command that has already said what is wrong.
var errFailed = errors.New("failed")

// usageError is a wrong call that the command line's grammar cannot see.
type usageError string

func (e usageError) Error() string { return string(e) }

// commandLine is every command: one field here, one file beside this one. A
// command's Run takes a context.Context and a *program; its Help is an example.
type commandLine struct {
	Config string `short:"c" placeholder:"FILE" help:"Settings to use; else GUICHET_CONFIG, ./guichet.yaml, /etc/guichet/guichet.yaml, built-in trial settings."`

	Serve   serveCommand   `cmd:"" help:"Receive mail, keep tickets, answer: the daemon."`
	Demo    demoCommand    `cmd:"" help:"Play a ticket's whole life, each mail shown as it passes."`
	Init    initCommand    `cmd:"" help:"Write a commented guichet.yaml and keys."`
	Check   checkCommand   `cmd:"" help:"Read the settings and name every mistake."`
	Doctor  doctorCommand  `cmd:"" help:"Look at DNS, certificate, ports, store, clock and disk, and tell what to publish."`
	Parse   parseCommand   `cmd:"" help:"Show what is read from a message, as JSON."`
	Explain explainCommand `cmd:"" help:"Tell what would happen to a message, and change nothing."`
	Tickets ticketsCommand `cmd:"" help:"List tickets."`
	Report  reportCommand  `cmd:"" help:"Count what was opened, answered and closed, and what is open."`
	Show    showCommand    `cmd:"" help:"Show a ticket with all that happened to it."`
	Trace   traceCommand   `cmd:"" help:"Follow a message: how it came, what was decided, what left for it."`
	Outbox  outboxCommand  `cmd:"" help:"The mails that are owed: list, retry, flush, hold, release, drop."`
	Held    heldCommand    `cmd:"" help:"The mail that was kept aside: list, show, release, drop."`
	Export  exportCommand  `cmd:"" help:"Write everything that is kept of a person into a file."`
	Erase   eraseCommand   `cmd:"" help:"Erase a person, or a ticket, for good."`
	Import  importCommand  `cmd:"" help:"Take old mail in as tickets: mboxes, Maildirs."`
	Hold    holdCommand    `cmd:"" help:"Put a ticket under a legal hold, or lift it."`
	Acts    actsCommand    `cmd:"" help:"Show what administrators did with people's data."`
	Backup  backupCommand  `cmd:"" help:"Write the store into a directory, data and keys apart."`
	Restore restoreCommand `cmd:"" help:"Restore a backup, without what was erased since."`
	Reindex reindexCommand `cmd:"" help:"Hold indexes and counters to the records."`
	Migrate migrateCommand `cmd:"" help:"Copy the store into another engine."`
	Rekey   rekeyCommand   `cmd:"" help:"Change the master key, or that of reply addresses, codes or sites."`
	Bench   benchCommand   `cmd:"" help:"Load a daemon on this machine, and measure."`
	Health  healthCommand  `cmd:"" help:"Ask a running daemon whether it takes mail."`
	Version versionCommand `cmd:"" help:"Show the version."`
}

// program is what a command is given: the outside, and the settings file that
// the command line names.
type program struct {
	environment
	configFlag string
	style      style
}

// run does one command and gives the exit code. All wiring happens below it;
// the end-to-end tests call it as main does.
func run(ctx context.Context, args []string, env environment) (code int) {
	p := &program{environment: env, style: newStyle(env)}
	// Kong ends the program from within Parse for --help; leave by the same door.
	type exit int
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(e)
		}
	}()
	var line commandLine
	parser, err := grammar(&line, env, func(code int) { panic(exit(code)) })
	if err != nil {
		return p.fail(err)
	}
	if len(args) == 0 {
		return p.fail(usageError("no command is given"))
	}
	called, err := parser.Parse(args)
	if err != nil {
		return p.fail(usageError(err.Error()))
	}
	p.configFlag = line.Config
	called.BindTo(ctx, (*context.Context)(nil))
	if err := called.Run(p); err != nil {
		return p.fail(err)
	}
	return exitDone
}

// grammar is what may be written after guichet.
func grammar(line *commandLine, env environment, exit func(int)) (*kong.Kong, error) {
	return kong.New(line,
		kong.Name("guichet"),
		kong.Description("An email-first ticket gateway: a mail opens a ticket, and every later step is again a mail."),
		kong.Writers(env.Stdout, env.Stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
}

// fail says why a command failed, once, and gives the exit code.
func (p *program) fail(err error) int {
	var usage usageError
	var mistakes config.Mistakes
	switch {
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(p.Stderr, "guichet: %s\nguichet --help shows the commands, guichet COMMAND --help each of them.\n", usage)
		return exitUsage
	case errors.As(err, &mistakes):
		fmt.Fprintln(p.Stderr, mistakes)
		return exitFailed
	}
	fmt.Fprintln(p.Stderr, "guichet:", err)
	return exitFailed
}

// settings reads the settings that the command line means; the error is
// config.Mistakes.
func (p *program) settings() (*config.Config, error) {
	path, found := config.Find(p.Dir, p.configFlag, p.Getenv)
	if !found {
		return config.Trial(p.Dir), nil
	}
	return config.Load(path, p.Getenv)
}

// path joins a relative path to the directory that the program was called in.
func (p *program) path(name string) string {
	if p.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, name)
}

// open reads a file, or standard input where its name is -.
func (p *program) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.Stdin), nil
	}
	return os.Open(p.path(name))
}

// example is the Help of a command: calls that work, each indented so that help
// shows them as they are typed.
func example(lines ...string) string {
	return "For example:\n\n  " + strings.Join(lines, "\n  ")
}
