package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"guichet/store/engine"
)

// Cursor says where a page of a list ended; "" is the beginning.
type Cursor string

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// Next begins the next page; "" after the last.
	Next Cursor
	// Total is how long the whole list is.
	Total int
}

func cursorAt(e engine.Entry) Cursor {
	return Cursor(strconv.FormatInt(int64(e.Score), 10) + "," + e.Member)
}

func (c Cursor) entry() (*engine.Entry, error) {
	if c == "" {
		return nil, nil
	}
	score, member, found := strings.Cut(string(c), ",")
	n, err := strconv.ParseInt(score, 10, 64)
	if err != nil || !found {
		return nil, fmt.Errorf("store: %q is no cursor", c)
	}
	return &engine.Entry{Member: member, Score: engine.Score(n)}, nil
}

// list reads a page of one list that several indexes make up. All asks are
// pages of the same length in the same direction. A row whose record was erased
// in the same moment is left out.
func list[T any](ctx context.Context, r room, what string, asks []engine.Ask, after Cursor, read func(engine.Row) (T, error)) (Page[T], error) {
	from, err := after.entry()
	if err != nil {
		return Page[T]{}, err
	}
	for _, a := range asks {
		a.Page.After = from
	}
	answers, err := r.read(ctx, what, asks...)
	if err != nil {
		return Page[T]{}, err
	}
	var page Page[T]
	var rows []engine.Row
	for _, a := range answers {
		page.Total += a.Total
		rows = append(rows, a.Rows...)
	}
	reverse, n := asks[0].Page.Reverse, asks[0].Page.N
	slices.SortFunc(rows, func(a, b engine.Row) int {
		order := cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Member, b.Member))
		if reverse {
			return -order
		}
		return order
	})
	if len(rows) >= n {
		rows = rows[:n]
		page.Next = cursorAt(rows[n-1].Entry)
	}
	for _, row := range rows {
		item, err := read(row)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Page[T]{}, fmt.Errorf("store: reading %s: %w", what, err)
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}
