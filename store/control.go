package store

import (
	"context"
	"path/filepath"

	"guichet/store/engine/bolt"
	"guichet/store/engine/control"
)

// controlPath is where tools reach a daemon that has the embedded store open.
func controlPath(data string) string { return filepath.Join(data, "control.sock") }

// ListenControl opens the socket by which command-line tools use the embedded
// store of this daemon; serve answers them until ctx ends. With Redis, which
// tools reach on their own, both do nothing.
func (s *Store) ListenControl() (serve func(context.Context) error, err error) {
	if _, embedded := bare(s.engine).(*bolt.Engine); !embedded {
		return func(context.Context) error { return nil }, nil
	}
	l, err := control.Listen(controlPath(s.data))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return control.Serve(ctx, l, s.engine, s.wakeWorkers) }, nil
}
