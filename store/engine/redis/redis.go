// Package redis is the engine of record: Redis from 7.0, Valkey, alone, in a
// Cluster or behind Sentinels. Each operation is one script on one slot, because
// all keys of a space carry one hash tag.
package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"guichet/store/engine"
	"guichet/ticket"
)

// Options say which Redis, and when a commit counts as durable.
type Options struct {
	// URL is redis://, rediss://, unix://, redis+cluster://, redis+sentinel:// or
	// the last two with rediss (see Parse).
	URL string
	// Replicas is how many replicas a commit waits for; negative is as many as
	// there are when the engine is opened.
	Replicas int
	// Local waits for no replica.
	Local bool
	// Wait is how long a commit waits for them before it says that it is not
	// durable; 0 is three seconds.
	Wait time.Duration
	// Now takes the place of Redis's own clock where leases are given; nil but in
	// tests.
	Now func() time.Time
}

// Engine is an engine.Engine over a Redis.
type Engine struct {
	client   goredis.UniversalClient
	now      func() time.Time
	replicas int
	patience time.Duration // with replicas
	// aof waits until replicas have it on their disks, not in memory alone.
	aof      bool
	warnings []string
	convoys  sync.Map // of route to *convoy
}

// What go-redis logs on its own, past log/slog, its calls also return as errors.
func init() { logging.Disable() }

// Open connects, and looks at what kind of Redis it is.
func Open(ctx context.Context, opt Options) (*Engine, error) {
	server, err := Parse(opt.URL)
	if err != nil {
		return nil, err
	}
	e := &Engine{client: server.client(), now: opt.Now, patience: cmp.Or(opt.Wait, waitFor)}
	if err := e.look(ctx, server, opt); err != nil {
		return nil, errors.Join(fmt.Errorf("store: redis: %w", err), e.client.Close())
	}
	return e, nil
}

// Warnings are what this Redis can lose as it is set up.
func (e *Engine) Warnings() []string { return e.warnings }

// Close closes all connections.
func (e *Engine) Close() error { return e.client.Close() }

// The names of keys in Redis: the space is their hash tag, so that all of it
// lies in one slot (docs/redis.md).
const keyPrefix = "guichet:"

func prefixOf(space engine.Space) string { return keyPrefix + "{" + string(space) + "}:" }

// syncKey is written where a write is needed to wait for.
const syncKey = "sync"

// Read is engine.Engine's.
func (e *Engine) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) ([]engine.Answer, error) {
	if len(asks) == 0 {
		return nil, nil
	}
	c := newCall(space)
	for _, ask := range asks {
		c.ask(ask)
	}
	reply, err := e.run(ctx, readScript, c, false)
	if err != nil {
		return nil, fmt.Errorf("redis: read: %w", err)
	}
	return parseAnswers(asks, reply)
}

// Commit is engine.Engine's. With replicas, the script and the wait for them go
// out together on one connection.
func (e *Engine) Commit(ctx context.Context, space engine.Space, batch engine.Batch) (engine.Committed, error) {
	if err := batch.Validate(); err != nil {
		return engine.Committed{}, err
	}
	c := newCall(space)
	c.batch(batch)
	reply, err := e.run(ctx, commitScript, c, !space.Volatile())
	if err != nil {
		return engine.Committed{}, fmt.Errorf("redis: commit: %w", err)
	}
	return parseCommitted(reply)
}

// Lease is engine.Engine's.
func (e *Engine) Lease(ctx context.Context, space engine.Space, index string, n int, d time.Duration) ([]engine.Entry, error) {
	now := ""
	if e.now != nil {
		now = strconv.FormatInt(int64(engine.At(e.now())), 10)
	}
	c := newCall(space)
	c.add(c.key(index), now, n, d.Microseconds())
	reply, err := e.run(ctx, leaseScript, c, false)
	if err != nil {
		return nil, fmt.Errorf("redis: lease: %w", err)
	}
	return parseEntries(reply)
}

// Take is engine.Engine's.
func (e *Engine) Take(ctx context.Context, space engine.Space, record string, remember time.Duration, brakes []ticket.Brake) (int, error) {
	c := newCall(space)
	c.add(c.key(record), remember.Milliseconds())
	for _, b := range brakes {
		trips := 0
		if b.Trips != "" {
			trips = c.key(b.Trips)
		}
		c.add(c.key(b.Counter), b.Limit, b.Window.Milliseconds(), flag(b.Doubling), flag(b.Peek), trips)
	}
	reply, err := e.run(ctx, takeScript, c, false)
	if err != nil {
		return 0, fmt.Errorf("redis: take: %w", err)
	}
	refused, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("redis: take: reply is a %T", reply)
	}
	return int(refused), nil
}

// Sync is engine.Engine's. Replication keeps the order of writes: a replica
// that has this one has all before it.
func (e *Engine) Sync(ctx context.Context, space engine.Space) error {
	if e.replicas == 0 {
		return ctx.Err()
	}
	key := prefixOf(space) + syncKey
	node, err := e.node(ctx, key)
	if err != nil {
		return fmt.Errorf("redis: sync: %w", err)
	}
	pipe := node.Pipeline()
	pipe.Set(ctx, key, 1, time.Minute)
	wait := e.wait(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("redis: sync: %w", err)
	}
	return e.waited(wait)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
