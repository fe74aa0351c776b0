package store

import (
	"context"
	"errors"
	"fmt"

	"guichet/store/engine"
)

// RekeyMaster wraps all keys anew under the master key of another file, which is
// made when it is not there, in one step. Daemons that run go on with what they
// have unwrapped until they find the new file in the place of the old. Nothing else is sealed
// anew: tickets stay under their keys, and those under their sites'. Done before,
// it does nothing.
func (s *Store) RekeyMaster(ctx context.Context, newFile string) error {
	next, err := ensureMaster(newFile)
	if err != nil {
		return err
	}
	return s.secrets.rekey(ctx, next)
}

// plainKeys are the fields beside the keys that wrap none.
var plainKeys = map[string]bool{fieldMaster: true, fieldToken: true, fieldTokenFrom: true, fieldPepperFrom: true}

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
	if string(held[fieldMaster]) != s.master.Load().id {
		return fmt.Errorf("store: its keys are wrapped under master key %s, neither the old nor the new", held[fieldMaster])
	}
	// A site that is new meanwhile has wrapped its keys under the old one; the
	// check of what was read finds it, and the next try takes it along.
	b := engine.Batch{Steps: []engine.Step{engine.Put(recordKeys, fieldMaster, []byte(next.id))}}
	for field, wrapped := range held {
		b.Checks = append(b.Checks, engine.Equal(recordKeys, field, wrapped))
		if plainKeys[field] {
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
