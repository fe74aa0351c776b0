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
func (s *Store) ShelveAtOnce() { s.callThrough(&shelving{s.engine, s}) }

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
		e.shelve(ctx, string(space), name)
	}
	return done, err
}

// shelve puts a ticket on a shelf, if it is in no other's hands, and takes away the
// one before, which the sweep would.
func (e *shelving) shelve(ctx context.Context, site, name string) {
	id, err := ticket.ParseID(name)
	if err != nil {
		return
	}
	r, err := e.store.room(ctx, site)
	if err != nil {
		return
	}
	record := recordTicket(id)
	answers, err := e.Read(ctx, r.space, engine.Ask{Record: record, Fields: []string{fieldShelf}})
	if err != nil {
		return
	}
	done, err := r.shelve(ctx, id, math.MaxInt64)
	if before, _, ok := filed(answers[0].Rows[0].Fields[fieldShelf]); ok && done && err == nil {
		e.store.removeFiles([]string{fileName(site, record, fieldShelf, before)})
	}
}

// ShelveMember puts one ticket on a shelf, wherever it stands.
func (s *Store) ShelveMember(ctx context.Context, site string, id ticket.ID) (bool, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return false, err
	}
	return r.shelveMember(ctx, id.String())
}

// Repeating is another program on the same engine, whose connection is cut after each
// commit before the answer: its client sends it once more.
func (s *Store) Repeating() *Store {
	other := s.Beside(false, nil)
	other.engine = repeating{s.engine}
	return other
}

type repeating struct{ engine.Engine }

func (e repeating) Commit(ctx context.Context, space engine.Space, b engine.Batch) (engine.Committed, error) {
	if _, err := e.Engine.Commit(ctx, space, b); err != nil {
		return engine.Committed{}, err
	}
	return e.Engine.Commit(ctx, space, b)
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
