package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/store/engine/control"
	"guichet/store/engine/redis"
)

// lockWait is how long a daemon waits for another to let go of the embedded
// store: a restart overlaps a little.
const lockWait = 5 * time.Second

// OpenEngine opens the database alone, as copying one into another needs it.
// The warnings say what its settings can lose.
func OpenEngine(ctx context.Context, opt Options) (e engine.Engine, warnings []string, err error) {
	if opt.Redis != "" {
		return openRedis(ctx, opt)
	}
	if opt.Now == nil {
		return nil, nil, errors.New("store: no clock")
	}
	return openEmbedded(ctx, opt)
}

func openRedis(ctx context.Context, opt Options) (engine.Engine, []string, error) {
	r, err := redis.Open(ctx, redis.Options{URL: opt.Redis, Replicas: opt.Replicas, Local: opt.Local, Now: opt.RedisNow})
	if err != nil {
		return nil, nil, err
	}
	return r, r.Warnings(), nil
}

func openEmbedded(ctx context.Context, opt Options) (engine.Engine, []string, error) {
	wait := lockWait
	if opt.Attach {
		wait = 0
	}
	b, err := bolt.Open(bolt.Options{Dir: opt.Data, Wait: wait, Now: opt.Now})
	if errors.Is(err, bolt.ErrLocked) && opt.Attach {
		c, dialErr := control.Dial(ctx, controlPath(opt.Data))
		if dialErr != nil {
			return nil, nil, fmt.Errorf("%w, and it cannot be reached: %w", err, dialErr)
		}
		return c, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return b, nil, nil
}
