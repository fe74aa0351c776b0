package store

import (
	"context"

	"guichet/store/engine"
	"guichet/ticket"
)

// SetSchema writes another version, as a newer program would.
func (s *Store) SetSchema(ctx context.Context, version string) error {
	_, err := s.engine.Commit(ctx, global, engine.Batch{Steps: []engine.Step{engine.Put(recordSchema, fieldVersion, []byte(version))}})
	return err
}

// SwapSealed puts one ticket's sealed content in another's place.
func (s *Store) SwapSealed(ctx context.Context, site string, one, two ticket.ID) error {
	answers, err := s.engine.Read(ctx, engine.Space(site),
		engine.Ask{Record: recordTicket(two), Fields: []string{fieldSealed, fieldKey}})
	if err != nil {
		return err
	}
	fields := answers[0].Rows[0].Fields
	_, err = s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: []engine.Step{
		engine.Put(recordTicket(one), fieldSealed, fields[fieldSealed]),
		engine.Put(recordTicket(one), fieldKey, fields[fieldKey]),
	}})
	return err
}

// Syncs counts how often the store asks its engine for Sync from now on.
func (s *Store) Syncs() *int {
	c := &counting{Engine: s.engine}
	s.engine = c
	return &c.syncs
}

type counting struct {
	engine.Engine
	syncs int
}

func (c *counting) Sync(ctx context.Context, space engine.Space) error {
	c.syncs++
	return c.Engine.Sync(ctx, space)
}

// SharesShard reports whether the hints of two sites lie in one space.
func SharesShard(one, two string) bool { return hintSpace(one) == hintSpace(two) }
