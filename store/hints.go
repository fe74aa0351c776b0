package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"guichet/store/engine"
)

// Hints name the sites that have work, so that nobody asks sites that have
// none. They are advice: written after the commit that they tell of, and healed
// each minute by one daemon, so a lost one delays work and loses nothing.

const (
	// hintLease is how long a site is left to the daemon that looks into it.
	hintLease = time.Minute
	// healEvery is how often hints are compared with what there is.
	healEvery = time.Minute
	// healAtOnce is how many sites one batch of hints names.
	healAtOnce = 200
)

// teller writes hints a little after the commits that they tell of, so that
// nobody who sends us mail waits for advice, and many commits share one hint.
type teller struct {
	mu     sync.Mutex
	untold map[string]work // by site; nil when nobody is about to tell it
	// told is closed when all hints so far are written.
	told chan struct{}
	urge chan struct{}
}

func newTeller() *teller {
	t := &teller{told: make(chan struct{}), urge: make(chan struct{}, 1)}
	close(t.told)
	return t
}

// work is when a site has something to do next; 0 is nothing.
type work struct{ due, timer engine.Score }

// hintWithin is how long a hint may wait for others. Who looks for work here
// does not wait that long.
const hintWithin = 10 * time.Millisecond

// hint tells of work of a site at two times; 0 is none.
func (r room) hint(due, timer engine.Score) {
	if due == 0 && timer == 0 {
		return
	}
	t := r.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.untold == nil {
		before, told := t.told, make(chan struct{})
		t.untold, t.told = map[string]work{}, told
		go func() {
			r.tell()
			<-before
			close(told)
		}()
	}
	w := t.untold[r.Name]
	if due != 0 {
		w.due = earliest(w.due, due)
	}
	if timer != 0 {
		w.timer = earliest(w.timer, timer)
	}
	t.untold[r.Name] = w
}

// tell writes what is untold when it is time, or somebody urges.
func (s *Store) tell() {
	select {
	case <-s.teller.urge:
	case <-time.After(hintWithin):
	}
	s.teller.mu.Lock()
	sites := s.teller.untold
	s.teller.untold = nil
	s.teller.mu.Unlock()
	// The commits are done, whatever becomes of those who asked for them.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for site, w := range sites {
		var steps []engine.Step
		if w.due != 0 {
			steps = append(steps, engine.AddEarlier(indexHintOutbox, site, w.due))
		}
		if w.timer != 0 {
			steps = append(steps, engine.AddEarlier(indexHintTimers, site, w.timer))
		}
		if _, err := s.engine.Commit(ctx, hintSpace(site), engine.Batch{Steps: steps}); err != nil {
			s.log.Warn("a hint was lost; the sweep will find the work", "site", site, "error", err)
		}
	}
}

// hinted returns when all that commits here have to tell of is written.
func (s *Store) hinted() {
	s.teller.mu.Lock()
	told := s.teller.told
	s.teller.mu.Unlock()
	select {
	case <-told:
		return
	case s.teller.urge <- struct{}{}:
	default: // somebody else did
	}
	<-told
}

// eachDueSite visits the sites that the hints name as due, until visit says that
// it is enough: there may be more of that site then. Shards come in random order, so
// that daemons do not queue up behind one another.
func (s *Store) eachDueSite(ctx context.Context, hints, index string, visit func(room) (more bool, err error)) error {
	s.hinted()
	shards := *s.shards.Load()
	for _, i := range rand.Perm(len(shards)) {
		space := shards[i]
		for {
			hinted, err := s.engine.Lease(ctx, space, hints, 1, hintLease)
			if err != nil {
				return err
			}
			if len(hinted) == 0 {
				break
			}
			more, err := s.visitHinted(ctx, space, hints, index, hinted[0], visit)
			if err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// visitHinted visits a site and moves its hint to when there is work next.
func (s *Store) visitHinted(ctx context.Context, space engine.Space, hints, index string, hinted engine.Entry, visit func(room) (bool, error)) (bool, error) {
	next := engine.Remove(hints, hinted.Member)
	r, err := s.room(ctx, hinted.Member)
	if errors.Is(err, ErrRenewing) {
		return true, nil // the hint comes back when its lease is over
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	more := true
	if err == nil {
		if more, err = visit(r); err != nil {
			return false, err // the hint comes back when its lease is over
		}
		// The lease tells what time it is there.
		now := hinted.Score - engine.Score(hintLease.Microseconds())
		first := now // as far as is known, where it had more than enough
		if more {
			if first, err = r.first(ctx, index); err != nil {
				return false, err
			}
		}
		if first != 0 {
			// Behind those that wait already: one site's backlog is not served before
			// another's first mail.
			next = engine.Add(hints, r.Name, max(first, now))
		}
	}
	_, err = s.engine.Commit(ctx, space, engine.Batch{
		Checks: []engine.Check{engine.Leased(hints, hinted)}, Steps: []engine.Step{next},
	})
	if errors.Is(err, engine.ErrConflict) {
		err = nil // a commit told of new work meanwhile
	}
	return more, err
}

// first gives the earliest score of an index of the room, or 0.
func (r room) first(ctx context.Context, index string) (engine.Score, error) {
	answers, err := r.read(ctx, "what is due", engine.Ask{Page: &engine.Page{Index: index, N: 1}})
	if err != nil || len(answers[0].Rows) == 0 {
		return 0, err
	}
	return answers[0].Rows[0].Score, nil
}

// healHints writes the hints that should be there, once a minute over all
// daemons.
func (s *Store) healHints(ctx context.Context) error {
	now := s.now().Unix()
	if last := s.healed.Load(); now-last < int64(healEvery/time.Second) || !s.healed.CompareAndSwap(last, now) {
		return nil
	}
	ours, err := s.chore(ctx, engine.Volatile(0), "heal", healEvery)
	if err != nil || !ours {
		return err
	}
	steps := map[engine.Space][]engine.Step{}
	for name := range *s.sites.Load() {
		r, err := s.room(ctx, name)
		if errors.Is(err, ErrRenewing) {
			continue
		}
		if err != nil {
			return err
		}
		answers, err := r.read(ctx, "what is due",
			engine.Ask{Page: &engine.Page{Index: indexDue, N: 1}},
			engine.Ask{Page: &engine.Page{Index: indexTimers, N: 1}})
		if err != nil {
			return err
		}
		space := hintSpace(name)
		for i, hints := range []string{indexHintOutbox, indexHintTimers} {
			for _, row := range answers[i].Rows {
				steps[space] = append(steps[space], engine.AddEarlier(hints, name, row.Score))
			}
		}
		if len(steps[space]) >= healAtOnce {
			if err := s.writeHints(ctx, space, steps); err != nil {
				return err
			}
		}
	}
	for space := range steps {
		if err := s.writeHints(ctx, space, steps); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) writeHints(ctx context.Context, space engine.Space, steps map[engine.Space][]engine.Step) error {
	_, err := s.engine.Commit(ctx, space, engine.Batch{Steps: steps[space]})
	delete(steps, space)
	if err != nil {
		return fmt.Errorf("store: healing hints: %w", err)
	}
	return nil
}

// chore reports whether this daemon is the one to do a chore that is done once
// in a while over all daemons.
func (s *Store) chore(ctx context.Context, space engine.Space, name string, every time.Duration) (bool, error) {
	record := recordChore(name)
	_, err := s.engine.Commit(ctx, space, engine.Batch{
		Checks: []engine.Check{engine.Absent(record, fieldBy)},
		Steps:  []engine.Step{engine.Put(record, fieldBy, []byte("1")), engine.Expire(record, every)},
	})
	if errors.Is(err, engine.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: chore %s: %w", name, err)
	}
	return true, nil
}
