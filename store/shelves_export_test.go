package store

import (
	"context"
	"math"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// ShelveAtOnce puts the texts of every ticket on a shelf as soon as they are
// written, whatever its state.
func (s *Store) ShelveAtOnce() { s.engine = &shelving{s.engine, s} }

type shelving struct {
	engine.Engine
	store *Store
}

func (e *shelving) Commit(ctx context.Context, space engine.Space, b engine.Batch) (engine.Committed, error) {
	done, err := e.Engine.Commit(ctx, space, b)
	if err != nil || strings.HasPrefix(string(space), "~") || space == global {
		return done, err
	}
	written := map[string]bool{}
	for _, step := range b.Steps {
		if step.Do == engine.DoRepack {
			return done, err
		}
		if step.Do == engine.DoPut && shelvable(step.Name) && strings.HasPrefix(step.Record, prefixTicket) {
			written[strings.TrimPrefix(step.Record, prefixTicket)] = true
		}
	}
	for name := range written {
		if id, parseErr := ticket.ParseID(name); parseErr == nil {
			if r, roomErr := e.store.room(ctx, string(space)); roomErr == nil {
				_, _ = r.shelve(ctx, id, math.MaxInt64) // it may be in use
			}
		}
	}
	return done, err
}

// ShelvedFields counts fields of tickets that lie in records though they could lie
// on a shelf, and shelves.
func (s *Store) ShelvedFields(ctx context.Context) (inRecords, shelves int, err error) {
	for item, err := range s.engine.Dump(ctx) {
		switch {
		case err != nil:
			return 0, 0, err
		case !strings.HasPrefix(item.Record, prefixTicket):
		case item.Name == fieldShelf:
			shelves++
		case shelvable(item.Name):
			inRecords++
		}
	}
	return inRecords, shelves, nil
}
