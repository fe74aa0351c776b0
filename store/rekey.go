package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"guichet/store/engine"
)

// RekeyMaster wraps all keys anew under the master key of another file, which is
// made when it is not there, in one step. Daemons that run go on with what they
// have unwrapped; started again, they need the new file. Nothing else is sealed
// anew: tickets stay under their keys, and those under their sites'. Done before,
// it does nothing.
func (s *Store) RekeyMaster(ctx context.Context, newFile string) error {
	next, err := ensureMaster(newFile)
	if err != nil {
		return err
	}
	return s.secrets.rekey(ctx, next)
}

func (s *secrets) rekey(ctx context.Context, next master) error {
	all := ""
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Names: &all})
	if err != nil {
		return fmt.Errorf("store: reading keys: %w", err)
	}
	answers, err = s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: answers[0].Names})
	if err != nil {
		return fmt.Errorf("store: reading keys: %w", err)
	}
	held := answers[0].Rows[0].Fields
	if string(held[fieldMaster]) == next.id {
		return nil
	}
	if string(held[fieldMaster]) != s.master.id {
		return fmt.Errorf("store: its keys are wrapped under master key %s, neither the old nor the new", held[fieldMaster])
	}
	// A site that is new meanwhile has wrapped its keys under the old one; the
	// check of what was read finds it, and the next try takes it along.
	b := engine.Batch{Steps: []engine.Step{engine.Put(recordKeys, fieldMaster, []byte(next.id))}}
	for field, wrapped := range held {
		b.Checks = append(b.Checks, engine.Equal(recordKeys, field, wrapped))
		if field == fieldMaster || field == fieldToken {
			continue
		}
		k, err := s.unwrapGlobal(field, wrapped)
		if err != nil {
			return err
		}
		b.Steps = append(b.Steps, engine.Put(recordKeys, field, wrap(next.wrap, place{string(global), recordKeys, field}, k)))
	}
	_, err = s.engine.Commit(ctx, global, b)
	if errors.Is(err, engine.ErrConflict) {
		return s.rekey(ctx, next)
	}
	if err != nil {
		return fmt.Errorf("store: changing the master key: %w", err)
	}
	return nil
}

// RotateTokens makes a new token key and signs with it from the next start of
// each daemon on. Tokens that are about still hold, until theirs is the sixteenth
// last.
func (s *Store) RotateTokens(ctx context.Context) error {
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: []string{fieldToken}})
	if err != nil {
		return fmt.Errorf("store: reading token keys: %w", err)
	}
	held := answers[0].Rows[0].Fields[fieldToken]
	current, err := strconv.Atoi(string(held))
	if err != nil {
		return fmt.Errorf("store: number of the token key: %w", err)
	}
	next := (current + 1) % tokenKeys
	_, err = s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Equal(recordKeys, fieldToken, held),
			engine.Equal(recordKeys, fieldMaster, []byte(s.secrets.master.id)),
		},
		Steps: []engine.Step{
			engine.Put(recordKeys, fieldTokenKey(next), s.secrets.wrapGlobal(fieldTokenKey(next), newKey())),
			engine.Put(recordKeys, fieldToken, []byte(strconv.Itoa(next))),
		},
	})
	if err != nil {
		return fmt.Errorf("store: changing the token key: %w", err)
	}
	return nil
}
