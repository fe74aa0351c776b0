package store

import (
	"context"
	"errors"
	"fmt"

	"guichet/store/engine"
	"guichet/ticket"
)

// RekeySites gives sites new keys, and wraps the keys of their tickets, held
// mails, letters, enrolments, codes and acts anew under them, while daemons go on.
// Broken off at any point, the store works, for both keys are known until none
// lies under the old one; called again, it goes on. It gives how many keys were
// wrapped anew, and how many open under neither: those were lost before.
//
// A new key comes into use in five steps:
//
//  1. It lies beside the old one, for everybody to read what is wrapped under it.
//  2. The site says that it is in use. From this moment no commit succeeds that
//     wraps under the old one (see inUse).
//  3. Every key that lies under the old one is wrapped anew, some at a time.
//  4. All are looked at once more, until none is left.
//  5. It takes the place of the old one, which is gone.
func (s *Store) RekeySites(ctx context.Context, sites []string, progress Progress) (wrapped, lost int, err error) {
	x := &rekeying{Store: s, sites: map[engine.Space]*rekeyed{}, progress: progress}
	if x.progress == nil {
		x.progress = func(int, int) {}
	}
	for _, site := range sites {
		if err := x.begin(ctx, site); err != nil {
			return 0, 0, fmt.Errorf("store: a new key for site %s: %w", site, err)
		}
	}
	if err := x.wrapAll(ctx); err != nil {
		return x.wrapped, x.lost, fmt.Errorf("store: wrapping keys anew: %w", err)
	}
	for _, site := range x.sites {
		if err := x.finish(ctx, site); err != nil {
			return x.wrapped, x.lost, fmt.Errorf("store: the new key of site %s: %w", site.Name, err)
		}
	}
	return x.wrapped, x.lost, nil
}

// rekeying is under way.
type rekeying struct {
	*Store
	sites         map[engine.Space]*rekeyed
	progress      Progress
	total         int // tickets
	wrapped, lost int
}

// rekeyed is a site of which the keys are wrapped anew.
type rekeyed struct {
	room
	// next is the new key, and held are that and the old one as the store has them.
	next key
	held map[string][]byte
	// batch is what is to be wrapped anew in the next commit, each for itself.
	batch []rewrap
}

// rewrap is a key to be wrapped anew.
type rewrap struct {
	record        string
	wrapped, anew []byte
}

// begin does steps 1 and 2, as far as they are not done.
func (x *rekeying) begin(ctx context.Context, site string) error {
	for {
		if _, err := x.secrets.reload(ctx, site); err != nil { // which makes the keys of a new site
			return err
		}
		r, err := x.room(ctx, site)
		if err != nil {
			return err
		}
		y := &rekeyed{room: r}
		begun, err := x.drawNext(ctx, y)
		if err != nil {
			return err
		}
		if !begun {
			continue // another draws one in the same moment
		}
		err = x.takeIntoUse(ctx, y)
		if errors.Is(err, ticket.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		if y.keys, err = r.renew(); err != nil {
			return err
		}
		x.sites[r.space] = y
		counts, err := r.tickets(ctx)
		x.total += counts
		return err
	}
}

// takeIntoUse lets everybody wrap under the new key. Who lags behind another's
// rekeying takes nothing back.
func (x *rekeying) takeIntoUse(ctx context.Context, y *rekeyed) error {
	if string(y.keys.use.wrap) == string(idOf(y.next)) {
		return nil
	}
	_, err := y.commit(ctx, "taking a new key into use", engine.Batch{
		Checks: []engine.Check{y.keys.use.checkWrap()},
		Steps:  []engine.Step{engine.Put(recordInUse, fieldWrap, idOf(y.next))},
	})
	return err
}

// drawNext puts a new key beside a site's, if there is none yet.
func (x *rekeying) drawNext(ctx context.Context, y *rekeyed) (bool, error) {
	if there, err := x.drawn(ctx, y); there || err != nil {
		return there, err
	}
	field, next := fieldSiteKey(y.Name), fieldNextSiteKey(y.Name)
	y.next = newKey()
	y.held[next] = x.secrets.wrapGlobal(next, y.next)
	_, err := x.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Equal(recordKeys, field, y.held[field]),
			engine.Absent(recordKeys, next),
			engine.Equal(recordKeys, fieldMaster, []byte(x.secrets.master.Load().id)),
		},
		Steps: []engine.Step{engine.Put(recordKeys, next, y.held[next])},
	})
	if errors.Is(err, engine.ErrConflict) {
		return false, x.secrets.refreshMaster(ctx)
	}
	return err == nil, err
}

// rewrapAtOnce is how many keys one commit wraps anew.
const rewrapAtOnce = 200

// wrapAll looks at every key of the store until none lies under an old one.
func (x *rekeying) wrapAll(ctx context.Context) error {
	for {
		before := x.wrapped
		x.lost = 0
		if err := x.wrapOnce(ctx); err != nil {
			return err
		}
		if x.wrapped == before {
			return nil
		}
	}
}

func (x *rekeying) wrapOnce(ctx context.Context) error {
	seen := 0
	for item, err := range x.engine.Dump(ctx) {
		if err != nil {
			return err
		}
		y := x.sites[item.Space]
		if y == nil || item.Index != "" || item.Name != fieldKey {
			continue
		}
		if _, is := recordedTicket(item.Record); is {
			seen++
			x.progress(min(seen, x.total), x.total+1)
		}
		if err := x.key(ctx, y, item); err != nil {
			return err
		}
	}
	for _, y := range x.sites {
		if err := x.flush(ctx, y); err != nil {
			return err
		}
	}
	x.progress(x.total+1, x.total+1)
	return nil
}

// key looks at one key.
func (x *rekeying) key(ctx context.Context, y *rekeyed, item engine.Item) error {
	at := y.at(item.Record, fieldKey)
	if _, err := unwrap(y.next, at, item.Value); err == nil {
		return nil
	}
	k, err := y.keys.unwrap(at, item.Value)
	if err != nil {
		x.lost++
		x.log.Error("a key opens under neither of its site's and is left as it is", "site", y.Name, "record", item.Record)
		return nil
	}
	y.batch = append(y.batch, rewrap{item.Record, item.Value, wrap(y.next, at, k)})
	if len(y.batch) < rewrapAtOnce {
		return nil
	}
	return x.flush(ctx, y)
}

// flush writes what was wrapped anew: together, or if something changed in the
// same moment each for itself. What changed is found by the next look.
func (x *rekeying) flush(ctx context.Context, y *rekeyed) error {
	batch := y.batch
	y.batch = y.batch[:0]
	err := x.write(ctx, y, batch)
	if !errors.Is(err, ticket.ErrConflict) {
		return err
	}
	for i := range batch {
		if err := x.write(ctx, y, batch[i:i+1]); err != nil && !errors.Is(err, ticket.ErrConflict) {
			return err
		}
	}
	return nil
}

func (x *rekeying) write(ctx context.Context, y *rekeyed, batch []rewrap) error {
	if len(batch) == 0 {
		return nil
	}
	b := engine.Batch{Checks: []engine.Check{engine.Equal(recordInUse, fieldWrap, idOf(y.next))}}
	for _, w := range batch {
		b.Checks = append(b.Checks, engine.Equal(w.record, fieldKey, w.wrapped))
		b.Steps = append(b.Steps, engine.Put(w.record, fieldKey, w.anew))
	}
	_, err := y.commit(ctx, "wrapping keys anew", b)
	if err == nil {
		x.wrapped += len(batch)
	}
	return err
}

// finish puts the new key into the place of the old one. Where that has been done
// meanwhile, by another who did the same, nothing is left to do.
func (x *rekeying) finish(ctx context.Context, y *rekeyed) error {
	field, next := fieldSiteKey(y.Name), fieldNextSiteKey(y.Name)
	_, err := x.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Equal(recordKeys, field, y.held[field]),
			engine.Equal(recordKeys, next, y.held[next]),
			engine.Equal(recordKeys, fieldMaster, []byte(x.secrets.master.Load().id)),
		},
		Steps: []engine.Step{
			engine.Put(recordKeys, field, x.secrets.wrapGlobal(field, y.next)),
			engine.Delete(recordKeys, next),
		},
	})
	if errors.Is(err, engine.ErrConflict) {
		return x.finished(ctx, y)
	}
	if err == nil {
		_, err = y.renew()
	}
	return err
}

// finished looks how the keys are wrapped by now: the master key may have been
// changed meanwhile, or another has finished.
func (x *rekeying) finished(ctx context.Context, y *rekeyed) error {
	if err := x.secrets.refreshMaster(ctx); err != nil {
		return err
	}
	was := y.next
	if begun, err := x.drawn(ctx, y); err != nil || !begun || y.next != was {
		return err
	}
	return x.finish(ctx, y)
}

// drawn reads a site's keys again, and reports whether there is a next one.
func (x *rekeying) drawn(ctx context.Context, y *rekeyed) (bool, error) {
	field, next := fieldSiteKey(y.Name), fieldNextSiteKey(y.Name)
	answers, err := x.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: []string{field, next}})
	if err != nil {
		return false, err
	}
	y.held = answers[0].Rows[0].Fields
	if y.held[next] == nil {
		return false, nil
	}
	y.next, err = x.secrets.unwrapGlobal(next, y.held[next])
	if errors.Is(err, ErrSealed) && x.secrets.refreshMaster(ctx) == nil {
		y.next, err = x.secrets.unwrapGlobal(next, y.held[next])
	}
	return err == nil, err
}
