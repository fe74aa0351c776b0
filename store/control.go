package store

import (
	"context"
	"path/filepath"

	"guichet/store/engine/bolt"
	"guichet/store/engine/control"
)

// controlPath is where tools reach a daemon that has the embedded store open.
func controlPath(data string) string { return filepath.Join(data, "control.sock") }

// ServeControl lets command-line tools use the embedded store of this daemon,
// until ctx ends. With Redis, which tools reach on their own, it does nothing.
func (s *Store) ServeControl(ctx context.Context) error {
	if _, embedded := s.engine.(*bolt.Engine); !embedded {
		return nil
	}
	l, err := control.Listen(controlPath(s.data))
	if err != nil {
		return err
	}
	return control.Serve(ctx, l, s.engine, s.wakeWorkers)
}
