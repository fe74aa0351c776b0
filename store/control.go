package store

import (
	"context"
	"path/filepath"
	"time"

	"guichet/store/engine/control"
)

// controlPath is where tools reach a daemon that has the embedded store open.
func controlPath(data string) string { return filepath.Join(data, "control.sock") }

// ListenControl opens the socket by which command-line tools use the embedded
// store of this daemon; serve answers them until ctx ends. Redis they reach on
// their own: there they only tell by it that they made work. It is then no more
// than advice, and no reason not to start.
func (s *Store) ListenControl() (serve func(context.Context) error, err error) {
	e, embedded := s.engine, s.embedded()
	if !embedded {
		e = nil
	}
	l, err := control.Listen(controlPath(s.data))
	switch {
	case err != nil && embedded:
		return nil, err
	case err != nil:
		s.log.Warn("what tools make due waits for the next look at the outbox", "error", err)
		return func(context.Context) error { return nil }, nil
	}
	return func(ctx context.Context) error { return control.Serve(ctx, l, e, s.wakeWorkers) }, nil
}

// wakeFor bounds how long a tool takes to wake a daemon.
const wakeFor = time.Second

// wakeDaemon wakes the one of this machine when a tool beside it made a mail due. A
// daemon elsewhere finds it when it looks again.
func (s *Store) wakeDaemon() {
	if s.bell == "" || !s.made.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wakeFor)
	defer cancel()
	_ = control.Wake(ctx, s.bell) // there may be none here
}
