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

// Upgrade begins to bring a site to the next version, as a newer program would.
func (s *Store) Upgrade(ctx context.Context, site string) error {
	return broughtTo(ctx, s.engine, site, schemaVersion+1)
}

// Downgrade takes that back.
func (s *Store) Downgrade(ctx context.Context, site string) error {
	_, err := s.engine.Commit(ctx, engine.Space(site), engine.Batch{Steps: []engine.Step{engine.Delete(recordSchema, fieldBroughtTo(schemaVersion+1))}})
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

// Syncs and Reads count how often the store asks its engine for each from now on.
func (s *Store) Syncs() *int { return &s.count().syncs }
func (s *Store) Reads() *int { return &s.count().reads }

func (s *Store) count() *counting {
	s.hinted() // or it would be written meanwhile
	c := &counting{Engine: s.engine}
	s.engine = c
	return c
}

type counting struct {
	engine.Engine
	syncs, reads int
}

func (c *counting) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) ([]engine.Answer, error) {
	c.reads++
	return c.Engine.Read(ctx, space, asks...)
}

func (c *counting) Sync(ctx context.Context, space engine.Space) error {
	c.syncs++
	return c.Engine.Sync(ctx, space)
}

// SharesShard reports whether the hints of two sites lie in one space.
func SharesShard(one, two string) bool { return hintSpace(one) == hintSpace(two) }
