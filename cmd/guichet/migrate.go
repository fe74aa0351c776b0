package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"guichet/config"
	"guichet/store"
	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/ticket"
)

type migrateCommand struct {
	To   string `required:"" placeholder:"STORE" help:"The store to copy into, which must be empty: redis://…, rediss://…, unix://…, redis+cluster://…, redis+sentinel://…, or embedded:DIR."`
	From string `placeholder:"STORE" help:"The store to copy; without it that of the settings."`
	JSON bool   `name:"json" help:"One object at the end, and nothing before."`
}

func (migrateCommand) Help() string {
	return example("guichet migrate --to redis://127.0.0.1:6379/0", "guichet migrate --to embedded:/var/lib/guichet") + `

Stop the daemons of both stores first. Everything is copied as it lies, sealed,
and then read again on both sides and compared. The master key and the blobs
stay where they are. Broken off, it is begun again by the same call.`
}

// Run copies one store into another.
func (c migrateCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	to, err := p.placeOf("--to", c.To)
	if err != nil {
		return err
	}
	from := place{redis: settings.Redis.URL.Reveal()}
	if settings.Redis.Embedded() {
		from.dir = settings.Data
	}
	if c.From != "" {
		if from, err = p.placeOf("--from", c.From); err != nil {
			return err
		}
	}
	if from.dir != "" && !fileThere(filepath.Join(from.dir, storeFile)) {
		return fmt.Errorf("there is no store in %s", from.dir)
	}
	if from == to || from.dir != "" && filepath.Clean(from.dir) == filepath.Clean(to.dir) {
		return usageError("that would copy " + from.String() + " into itself")
	}
	m := &migration{p: p, settings: settings, from: from, to: to}
	if !c.JSON {
		m.progress = p.progress()
	}
	if err := m.run(ctx); err != nil {
		return err
	}
	if c.JSON {
		return p.object(m.object())
	}
	return m.print()
}

// migration is one store being copied.
type migration struct {
	p        *program
	settings *config.Config
	from, to place
	progress store.Progress
	copied   store.Copied
	// had and has are what each site holds before and after.
	had, has []siteCounts
}

type siteCounts struct {
	Site    string `json:"site"`
	Tickets int    `json:"tickets"`
	Held    int    `json:"held"`
	Mails   int    `json:"mails"`
}

func (m *migration) run(ctx context.Context) error {
	if err := m.copy(ctx); err != nil {
		return err
	}
	var err error
	if m.had, err = m.counts(ctx, m.from); err != nil {
		return err
	}
	if m.has, err = m.counts(ctx, m.to); err != nil {
		return err
	}
	if !slices.Equal(m.had, m.has) {
		return fmt.Errorf("the copy is not complete: it holds %v, not %v", m.has, m.had)
	}
	return nil
}

// copy works on the databases alone, and needs each for itself.
func (m *migration) copy(ctx context.Context) (err error) {
	from, err := m.open(ctx, m.from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := m.open(ctx, m.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if m.progress != nil {
		fmt.Fprintf(m.p.Stdout, "Copying %s into %s\n", m.from, m.to)
	}
	m.copied, err = store.Migrate(ctx, from, to, m.progress)
	return err
}

// open opens the database of a store. An embedded one that a daemon has open
// could be reached through the daemon, which would change it meanwhile: it is
// refused. Of a Redis nobody can tell who uses it; there the comparison does.
func (m *migration) open(ctx context.Context, at place) (engine.Engine, error) {
	options := at.options(m.settings, m.p)
	options.Attach = true
	e, _, err := store.OpenEngine(ctx, options)
	busy := errors.Is(err, bolt.ErrLocked)
	if err != nil && !busy {
		return nil, err
	}
	if _, alone := e.(*bolt.Engine); at.dir != "" && !busy && !alone {
		busy, err = true, e.Close()
	}
	if busy {
		return nil, fmt.Errorf("a daemon has %s open; stop it, and start it again when all is copied", at)
	}
	return e, err
}

// counts opens a store as a daemon would, which proves that it can be read.
func (m *migration) counts(ctx context.Context, at place) ([]siteCounts, error) {
	s, err := store.Open(ctx, at.options(m.settings, m.p))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []siteCounts
	for _, site := range m.settings.Sites {
		c, err := s.Counts(ctx, site.Name)
		if err != nil {
			return nil, err
		}
		row := siteCounts{Site: site.Name, Held: c.Held}
		for _, state := range ticket.States {
			row.Tickets += c.Tickets[state]
		}
		for _, state := range waiting {
			row.Mails += c.Outbox[state]
		}
		out = append(out, row)
	}
	return out, nil
}

// print says what was copied, and what to do so that it is used.
func (m *migration) print() error {
	p := m.p
	number := func(had, has int) string { return strconv.Itoa(had) + " = " + strconv.Itoa(has) }
	table := p.table(column{title: "SITE"}, column{title: "TICKETS", right: true}, column{title: "HELD", right: true}, column{title: "MAILS OWED", right: true})
	for i, had := range m.had {
		has := m.has[i]
		if err := table.add(nil, had.Site, number(had.Tickets, has.Tickets), number(had.Held, has.Held), number(had.Mails, has.Mails)); err != nil {
			return err
		}
	}
	if err := table.flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s %s and %s, digest %s, the same on both sides;\n%s that will expire by themselves were copied too.\n", p.style.good("Complete:"),
		count(m.copied.Fields, "field"), plural(m.copied.Entries, "entry", "entries"), m.copied.Digest[:16], plural(m.copied.Expiring, "field", "fields"))
	file := m.settings.File
	if file == "" {
		file = "guichet.yaml, which guichet init writes"
	}
	fmt.Fprintf(p.Stdout, "\nNow change in %s:\n", file)
	for _, line := range m.lines() {
		fmt.Fprintln(p.Stdout, "  "+line)
	}
	fmt.Fprintf(p.Stdout, "and start the daemon again. What was copied is left as it is in %s.\n", m.from)
	return nil
}

// lines are the settings that put the new store in force.
func (m *migration) lines() []string {
	if m.to.redis != "" {
		return []string{"redis: " + redactedURL(m.to)}
	}
	lines := []string{`redis: ""`}
	if filepath.Clean(m.to.dir) != filepath.Clean(m.settings.Data) {
		// Blobs and keys lie in data unless they are told otherwise.
		lines = append(lines, "data: "+m.to.dir, "blobs: file://"+m.to.options(m.settings, m.p).Blobs, "master_key: "+m.settings.MasterKey)
	}
	return lines
}

type migrationObject struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	Fields   int          `json:"fields"`
	Entries  int          `json:"entries"`
	Expiring int          `json:"expiring"`
	Digest   string       `json:"digest"`
	Sites    []siteCounts `json:"sites"`
	Settings []string     `json:"settings"` // lines to change
}

func (m *migration) object() migrationObject {
	return migrationObject{From: m.from.String(), To: m.to.String(), Fields: m.copied.Fields, Entries: m.copied.Entries,
		Expiring: m.copied.Expiring, Digest: m.copied.Digest, Sites: m.has, Settings: m.lines()}
}
