package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guichet/store/engine"
)

// A new key comes into use in two steps, so that daemons which run side by side
// take it over without a word: it lies in the store for rotateLead before it is
// used, and each daemon looks for new ones every keysEvery. The difference is for
// clocks that do not agree.
const (
	keysEvery  = time.Minute
	rotateLead = 5 * time.Minute
)

// ErrRotating is what rotating a key gives while the last one is not in use yet.
var ErrRotating = errors.New("store: the last new key is not in use yet")

// usedFrom reads when a key comes into use; it is the beginning of time for one
// that always was.
func usedFrom(field []byte) time.Time {
	seconds, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// RotateTokens makes a new token key, and gives when all daemons sign with it.
// Tokens that are about still hold, until theirs is the sixteenth last.
func (s *Store) RotateTokens(ctx context.Context) (from time.Time, err error) {
	return s.secrets.rotate(ctx, s.now(), fieldToken, fieldTokenFrom, func(newest []byte) ([]engine.Step, error) {
		number, err := strconv.Atoi(string(newest))
		if err != nil {
			return nil, fmt.Errorf("store: number of the token key: %w", err)
		}
		next := (number + 1) % tokenKeys
		return []engine.Step{
			engine.Put(recordKeys, fieldTokenKey(next), s.secrets.wrapGlobal(fieldTokenKey(next), newKey())),
			engine.Put(recordKeys, fieldToken, []byte(strconv.Itoa(next))),
		}, nil
	})
}

// RotatePepper makes a new key for codes, and gives when all daemons digest with
// it. Codes that are about still hold; the next time, those from before this one
// are void.
func (s *Store) RotatePepper(ctx context.Context) (from time.Time, err error) {
	return s.secrets.rotate(ctx, s.now(), fieldPepper, fieldPepperFrom, func(newest []byte) ([]engine.Step, error) {
		before, err := s.secrets.unwrapGlobal(fieldPepper, newest)
		if err != nil {
			return nil, err
		}
		return []engine.Step{
			engine.Put(recordKeys, fieldPepperBefore, s.secrets.wrapGlobal(fieldPepperBefore, before)),
			engine.Put(recordKeys, fieldPepper, s.secrets.wrapGlobal(fieldPepper, newKey())),
		}, nil
	})
}

// rotate puts a new key beside the newest of its kind, by the steps that add
// gives.
func (s *secrets) rotate(ctx context.Context, now time.Time, newest, from string, add func(newest []byte) ([]engine.Step, error)) (time.Time, error) {
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: []string{newest, from}})
	if err != nil {
		return time.Time{}, fmt.Errorf("store: reading keys: %w", err)
	}
	held := answers[0].Rows[0].Fields
	if last := usedFrom(held[from]); now.Before(last) {
		return last, ErrRotating
	}
	steps, err := add(held[newest])
	if err != nil {
		return time.Time{}, err
	}
	used := now.Add(rotateLead).Truncate(time.Minute)
	_, err = s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Equal(recordKeys, newest, held[newest]),
			engine.Equal(recordKeys, fieldMaster, []byte(s.master.Load().id)),
		},
		Steps: append(steps, engine.Put(recordKeys, from, []byte(strconv.FormatInt(used.Unix(), 10)))),
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("store: making a new key: %w", err)
	}
	return used, nil
}

// lookForKeys is RefreshKeys, every keysEvery.
func (s *Store) lookForKeys(ctx context.Context) error {
	now := s.now()
	if now.Sub(time.Unix(s.keyed.Load(), 0)) < keysEvery {
		return nil
	}
	s.keyed.Store(now.Unix())
	return errors.Join(s.RefreshKeys(ctx), s.resumeLookups(ctx))
}

// RefreshKeys takes over the keys that were made meanwhile: those of tokens and
// codes, for all who use Signer and Pepper, and the master key when the store is
// wrapped under a new one and the file holds it.
func (s *Store) RefreshKeys(ctx context.Context) error {
	if err := s.secrets.refreshMaster(ctx); err != nil {
		return err
	}
	signer, err := s.secrets.signer(ctx, s.now())
	if err != nil {
		return err
	}
	pepper, err := s.secrets.pepper(ctx, s.now())
	if err != nil {
		return err
	}
	s.signer.Adopt(signer)
	s.pepper.Adopt(pepper)
	return nil
}

func (s *secrets) refreshMaster(ctx context.Context) error {
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: []string{fieldMaster}})
	if err != nil {
		return fmt.Errorf("store: reading keys: %w", err)
	}
	held := string(answers[0].Rows[0].Fields[fieldMaster])
	if held == s.master.Load().id {
		return nil
	}
	m, err := readMaster(s.file)
	if err != nil {
		return err
	}
	if m.id != held {
		return fmt.Errorf("store: its keys are wrapped under master key %s now, and %s holds %s: copy the new file there", held, s.file, m.id)
	}
	s.master.Store(&m)
	return nil
}
