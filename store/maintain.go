package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"guichet/store/blob"
	"guichet/store/engine"
)

const (
	// maintainEvery is how often timers are looked at.
	maintainEvery = 10 * time.Second
	// ringAfter is how long after its time a timer is looked for: Redis's clock may
	// be a little behind ours.
	ringAfter = 100 * time.Millisecond
	// askEvery is how often a daemon asks whether a daily chore is its turn.
	askEvery = 10 * time.Minute
	// orphanAge keeps the sweep from files whose commit is still under way.
	orphanAge = 24 * time.Hour
	// sweepAtOnce is how many files are looked at before any is removed.
	sweepAtOnce = 100
)

// Maintain handles timers, and does the daily chores, until ctx ends. Each
// daemon runs it; they share the work. No timer waits for a chore: the file of a
// large store takes minutes to copy.
func (s *Store) Maintain(ctx context.Context) {
	var chores sync.WaitGroup
	defer chores.Wait()
	chores.Go(func() { s.keepDoing(ctx, nil, s.daily) })
	s.keepDoing(ctx, s.alarm, func(ctx context.Context) error {
		version, keys := s.lookForVersion(ctx), s.lookForKeys(ctx)
		_, err := s.RunTimers(ctx)
		return errors.Join(version, keys, err)
	})
}

// keepDoing does something now, then every maintainEvery and when the alarm rings,
// until ctx ends.
func (s *Store) keepDoing(ctx context.Context, alarm <-chan struct{}, do func(context.Context) error) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("maintenance failed and will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-alarm:
		}
	}
}

// ring has timers handled when one is due that was set here and comes before
// the next look: an answer that waits half a minute leaves after half a minute.
func (s *Store) ring(due engine.Score) {
	if wait := due.Time().Sub(s.now()); due != 0 && wait < maintainEvery {
		time.AfterFunc(max(wait, 0)+ringAfter, func() {
			select {
			case s.alarm <- struct{}{}:
			default:
			}
		})
	}
}

// daily does the chores whose turn it is.
func (s *Store) daily(ctx context.Context) error {
	now := s.now()
	if now.Sub(time.Unix(s.asked.Load(), 0)) < askEvery {
		return nil
	}
	s.asked.Store(now.Unix())
	for name, do := range map[string]func(context.Context) error{"sweep": s.sweep, "compact": s.compact} {
		ours, err := s.chore(ctx, global, name, 24*time.Hour)
		if err == nil && ours {
			err = do(ctx)
		}
		if err != nil {
			return err
		}
	}
	return s.pruneKeys(ctx)
}

// pruneKeys deletes the key files of old backups. Each daemon does, for each may
// have a directory of its own.
func (s *Store) pruneKeys(ctx context.Context) error {
	if s.backups == "" || s.keepKeys <= 0 {
		return nil
	}
	p, err := PruneBackups(ctx, s.backups, s.now(), s.keepKeys, 0)
	if len(p.Keys) > 0 {
		s.log.Info("keys of old backups deleted", "backups", p.Keys)
	}
	if p.Overdue != "" {
		s.log.Warn("the newest backup is older than its keys may be kept; they are kept until there is a newer one", "backup", p.Overdue)
	}
	return err
}

// compact makes what was erased vanish from the engine's files too.
func (s *Store) compact(ctx context.Context) error {
	if c, ok := bare(s.engine).(engine.Compacter); ok {
		return c.Compact(ctx)
	}
	return nil
}

func (s *Store) sweep(ctx context.Context) error {
	removed, err := s.SweepBlobs(ctx)
	if removed > 0 {
		s.log.Info("orphaned files removed", "files", removed)
	}
	return err
}

// SweepBlobs removes files older than a day that no record names: what commits
// left behind that were never done. It gives how many.
func (s *Store) SweepBlobs(ctx context.Context) (removed int, err error) {
	var batch []string
	flush := func() error {
		n, err := s.removeOrphans(ctx, batch)
		removed += n
		batch = batch[:0]
		return err
	}
	for name, err := range s.blobs.Old(ctx, s.now().Add(-orphanAge)) {
		if err != nil {
			return removed, err
		}
		if batch = append(batch, name); len(batch) == sweepAtOnce {
			if err := flush(); err != nil {
				return removed, err
			}
		}
	}
	return removed, flush()
}

// removeOrphans removes those of the files that nothing names. A file whose name
// is not of ours is left alone.
func (s *Store) removeOrphans(ctx context.Context, names []string) (removed int, err error) {
	for _, name := range names {
		orphan := blob.Broken(name)
		if !orphan {
			if orphan, err = s.orphaned(ctx, name); err != nil {
				return removed, err
			}
		}
		if !orphan {
			continue
		}
		if err := s.blobs.Remove(name); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

func (s *Store) orphaned(ctx context.Context, name string) (bool, error) {
	site, record, field, mark, ok := parseFileName(name)
	if !ok {
		return false, nil
	}
	answers, err := s.engine.Read(ctx, engine.Space(site), engine.Ask{Record: record, Fields: []string{field}})
	if err != nil {
		return false, fmt.Errorf("store: looking for the owner of a file: %w", err)
	}
	is, _, filed := filed(answers[0].Rows[0].Fields[field])
	return !filed || is != mark, nil
}
