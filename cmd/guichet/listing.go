package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"guichet/store"
)

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

// idLength is how much of an id lists show: enough to be the only one, also of the
// mails of one second, whose ids begin alike.
const idLength = 12

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
