package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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

// ticketOf gives the ticket that something belongs to, or nil when there is none
// (any more). It remembers what it read, for one command.
func (t *tool) ticketOf(ctx context.Context, site string, id ticket.ID) (*ticket.Ticket, error) {
	if known, ok := t.tickets[id]; ok || id.IsZero() {
		return known, nil
	}
	found, err := t.store.Ticket(ctx, site, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
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

// pageLength is how many entries of a list are read at a time.
const pageLength = 100

// listing goes through one list of each of some sites as through a single one,
// a page at a time, and knows how many there are in all.
type listing[T any] struct {
	total int
	lists []iter.Seq2[T, error]
	first func(a, b T) bool // whether a stands before b
}

// listSites begins a listing. next gives a page of a site's list.
func listSites[T any](sites []string, first func(a, b T) bool, next func(site string, after store.Cursor, n int) (store.Page[T], error)) *listing[T] {
	l := &listing[T]{first: first}
	for _, site := range sites {
		l.lists = append(l.lists, l.pages(func(after store.Cursor) (store.Page[T], error) { return next(site, after, pageLength) }))
	}
	return l
}

func (l *listing[T]) pages(next func(store.Cursor) (store.Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after store.Cursor
		for {
			page, err := next(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if after == "" {
				l.total += page.Total
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if after = page.Next; after == "" {
				return
			}
		}
	}
}

// all gives every entry of every list, in their common order. It ends with the
// first error.
func (l *listing[T]) all() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		heads := make([]head[T], len(l.lists))
		for i, list := range l.lists {
			next, stop := iter.Pull2(list)
			defer stop()
			heads[i].next = next
			heads[i].step()
		}
		for {
			best := -1
			for i, h := range heads {
				switch {
				case h.err != nil:
					yield(h.item, h.err)
					return
				case h.ok && (best < 0 || l.first(h.item, heads[best].item)):
					best = i
				}
			}
			if best < 0 || !yield(heads[best].item, nil) {
				return
			}
			heads[best].step()
		}
	}
}

// head is where a list of a listing stands.
type head[T any] struct {
	next func() (T, error, bool)
	item T
	err  error
	ok   bool
}

func (h *head[T]) step() { h.item, h.err, h.ok = h.next() }

// print writes the first entries into a table, each by row, and says on standard
// error how many more there are; a limit of 0 is none. noun names one entry.
func (l *listing[T]) print(p *program, table *list, limit int, noun string, row func(T) error) error {
	n := 0
	for item, err := range l.all() {
		if err != nil {
			return err
		}
		if limit > 0 && n == limit {
			break
		}
		if err := row(item); err != nil {
			return err
		}
		n++
	}
	if err := table.flush(); err != nil || table.asJSON != nil {
		return err
	}
	switch {
	case n == 0:
		fmt.Fprintf(p.Stderr, "There is no such %s.\n", noun)
	case n == limit && l.total > n:
		fmt.Fprintf(p.Stderr, "… and %d more; --limit 0 shows all.\n", l.total-n)
	}
	return nil
}

// idLength is how much of a random id lists show: enough to be the only one.
const idLength = 8

func shortID(id string) string { return id[:min(len(id), idLength)] }

// pick finds what the beginnings of ids name, each one thing. It says all that
// it does not find, and then gives nothing: half of a command is worse than
// none.
func pick[T any](l *listing[T], noun string, id func(T) string, beginnings []string) ([]T, error) {
	found := make([][]T, len(beginnings))
	for item, err := range l.all() {
		if err != nil {
			return nil, err
		}
		for i, b := range beginnings {
			if b != "" && strings.HasPrefix(id(item), strings.ToLower(b)) {
				found[i] = append(found[i], item)
			}
		}
	}
	var wrong []error
	var picked []T
	for i, b := range beginnings {
		switch {
		case len(found[i]) == 0:
			wrong = append(wrong, fmt.Errorf("no %s has an id that begins with %q", noun, b))
		case len(found[i]) > 1:
			wrong = append(wrong, fmt.Errorf("%s begin with %q; write more of the id", count(len(found[i]), noun+" id"), b))
		default:
			picked = append(picked, found[i][0])
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return picked, nil
}
