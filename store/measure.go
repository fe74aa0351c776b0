package store

import (
	"context"
	"errors"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// Called is told of each call of the engine, by its name in small letters. A
// conflict is no failure. It is called from many goroutines and must not block.
type Called func(call string, took time.Duration, failed bool)

// measured is an engine that tells how long its calls take. Those that go
// through everything are left out: they take as long as there is much.
type measured struct {
	engine.Engine
	called Called
}

// measure has the calls of an engine told of, if somebody wants to know.
func measure(e engine.Engine, called Called) engine.Engine {
	if called == nil {
		return e
	}
	return measured{e, called}
}

// bare is the engine itself, for who must know which one it is.
func bare(e engine.Engine) engine.Engine {
	if m, ok := e.(measured); ok {
		return m.Engine
	}
	return e
}

// end tells of a call that began then.
func (m measured) end(call string, began time.Time, err error) {
	m.called(call, time.Since(began), err != nil && !errors.Is(err, engine.ErrConflict))
}

func (m measured) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) (a []engine.Answer, err error) {
	defer func(began time.Time) { m.end("read", began, err) }(time.Now())
	return m.Engine.Read(ctx, space, asks...)
}

func (m measured) Commit(ctx context.Context, space engine.Space, batch engine.Batch) (c engine.Committed, err error) {
	defer func(began time.Time) { m.end("commit", began, err) }(time.Now())
	return m.Engine.Commit(ctx, space, batch)
}

func (m measured) Lease(ctx context.Context, space engine.Space, index string, n int, d time.Duration) (e []engine.Entry, err error) {
	defer func(began time.Time) { m.end("lease", began, err) }(time.Now())
	return m.Engine.Lease(ctx, space, index, n, d)
}

func (m measured) Take(ctx context.Context, space engine.Space, record string, remember time.Duration, brakes []ticket.Brake) (refused int, err error) {
	defer func(began time.Time) { m.end("take", began, err) }(time.Now())
	return m.Engine.Take(ctx, space, record, remember, brakes)
}

func (m measured) Sync(ctx context.Context, space engine.Space) (err error) {
	defer func(began time.Time) { m.end("sync", began, err) }(time.Now())
	return m.Engine.Sync(ctx, space)
}
