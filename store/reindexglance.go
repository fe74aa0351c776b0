package store

import (
	"context"

	"golang.org/x/sync/errgroup"

	"guichet/store/engine"
)

// Most of a store is postings and entries of indexes, and nearly all of them are
// right. So many are looked at in one round trip, and only what looks wrong is
// looked at alone, together with all that it depends on.

// lookers is how many things are looked at at a time: each waits for the engine,
// and those that wait together share a round trip. glancedAtOnce is how many
// postings or entries are one such thing.
const (
	lookers       = 16
	glancedAtOnce = 100
)

// looking hands what is to be looked at to those who look.
type looking struct {
	x     *reindexing
	ctx   context.Context
	group *errgroup.Group
	work  chan func() error
	// Those of one room that wait until they are enough.
	room     room
	postings []posting
	entries  []engine.Item
}

func (x *reindexing) look(ctx context.Context) *looking {
	group, within := errgroup.WithContext(ctx)
	l := &looking{x: x, ctx: within, group: group, work: make(chan func() error)}
	for range lookers {
		group.Go(func() error {
			for look := range l.work {
				if err := patiently(look)(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return l
}

// at has somebody look, as soon as one is free.
func (l *looking) at(look func() error) {
	select {
	case l.work <- look:
	case <-l.ctx.Done():
	}
}

// end waits until everything was looked at.
func (l *looking) end() error {
	l.glance()
	close(l.work)
	return l.group.Wait()
}

// record has a record looked at.
func (l *looking) record(r room, record string) {
	l.at(func() error { return l.x.record(l.ctx, r, record) })
}

// posting has a posting looked at.
func (l *looking) posting(r room, p posting) {
	l.of(r)
	if l.postings = append(l.postings, p); len(l.postings) == glancedAtOnce {
		l.glance()
	}
}

// entry has an entry of an index looked at.
func (l *looking) entry(r room, item engine.Item) {
	if record, _, _ := claimant(item); record == "" {
		return
	}
	l.of(r)
	if l.entries = append(l.entries, item); len(l.entries) == glancedAtOnce {
		l.glance()
	}
}

func (l *looking) of(r room) {
	if l.room.space != r.space {
		l.glance()
		l.room = r
	}
}

// glance has those looked at that wait.
func (l *looking) glance() {
	r, postings, entries := l.room, l.postings, l.entries
	if l.postings, l.entries = nil, nil; len(postings) > 0 {
		l.at(func() error { return l.x.postings(l.ctx, r, postings) })
	}
	if len(entries) > 0 {
		l.at(func() error { return l.x.entries(l.ctx, r, entries) })
	}
}

// postings looks at what leads to tickets.
func (x *reindexing) postings(ctx context.Context, r room, postings []posting) error {
	var asks []engine.Ask
	for _, p := range postings {
		asks = append(asks, p.ask(fieldVersion))
	}
	answers, err := r.read(ctx, "postings", asks...)
	if err != nil {
		return err
	}
	for i, p := range postings {
		if dangles(answers[i].Rows[0]) {
			if err := patiently(func() error { return x.posting(ctx, r, p) })(); err != nil {
				return err
			}
		}
	}
	return nil
}

// entries looks at entries of indexes.
func (x *reindexing) entries(ctx context.Context, r room, items []engine.Item) error {
	var asks []engine.Ask
	for _, item := range items {
		record, field, _ := claimant(item)
		asks = append(asks, engine.Ask{Record: record, Fields: []string{field}})
	}
	answers, err := r.read(ctx, "entries", asks...)
	if err != nil {
		return err
	}
	for i, item := range items {
		if !claims(item, answers[i].Rows[0].Fields) {
			if err := patiently(func() error { return x.entry(ctx, r, item) })(); err != nil {
				return err
			}
		}
	}
	return nil
}
