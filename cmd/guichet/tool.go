package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"guichet/config"
	"guichet/store"
	"guichet/ticket"
)

// tool is what a command works with that looks into the store, beside a daemon
// or without one.
type tool struct {
	*program
	settings *config.Config
	store    *store.Store
	tickets  map[ticket.ID]*ticket.Ticket // those that ticketOf looked up
}

// openTool reads the settings and opens their store. It founds none: a store
// that the administrator made would not be the daemon's to write.
func (p *program) openTool(ctx context.Context) (*tool, error) {
	c, err := p.settings()
	if err != nil {
		return nil, err
	}
	return p.openToolOf(ctx, c)
}

func (p *program) openToolOf(ctx context.Context, c *config.Config) (*tool, error) {
	if !founded(c) {
		return nil, fmt.Errorf("there is no store in %s yet; guichet serve makes it", c.Data)
	}
	s, err := p.openStore(ctx, c, newLogger(p.Stderr, config.Log{Level: "warn"}), besideDaemon)
	if err != nil {
		return nil, err
	}
	return &tool{program: p, settings: c, store: s, tickets: map[ticket.ID]*ticket.Ticket{}}, nil
}

// storeFile is the embedded store in its directory.
const storeFile = "guichet.db"

// founded reports whether a daemon has made the store; Redis is always there.
func founded(c *config.Config) bool {
	return !c.Redis.Embedded() || fileThere(filepath.Join(c.Data, storeFile))
}

func fileThere(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// with opens the store for a command, and closes it after.
func (p *program) with(ctx context.Context, do func(*tool) error) error {
	t, err := p.openTool(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(t), t.store.Close())
}

// sites are the names of those that a command is about: all, or the one that
// --site names.
func (t *tool) sites(only string) ([]string, error) {
	var names []string
	for _, s := range t.settings.Sites {
		names = append(names, s.Name)
	}
	switch {
	case only == "":
		return names, nil
	case slices.Contains(names, only):
		return []string{only}, nil
	}
	return nil, usageError(fmt.Sprintf("there is no site %q; there is %s", only, strings.Join(names, ", ")))
}

// rememberedTickets bounds the memory that tickets take which ticketOf remembers.
const rememberedTickets = 1000

// ticketOf gives the ticket that something belongs to, or nil when there is none
// (any more). It remembers what it lately read.
func (t *tool) ticketOf(ctx context.Context, site string, id ticket.ID) (*ticket.Ticket, error) {
	if known, ok := t.tickets[id]; ok || id.IsZero() {
		return known, nil
	}
	found, err := t.store.Ticket(ctx, site, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if len(t.tickets) == rememberedTickets {
		clear(t.tickets)
	}
	t.tickets[id] = found
	return found, nil
}

// referenceOf is the name of a ticket that may be gone.
func referenceOf(t *ticket.Ticket) string {
	if t == nil {
		return ""
	}
	return t.Reference.String()
}
