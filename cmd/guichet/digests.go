package main

import (
	"context"
	"time"
)

// digestsEvery is how often it is looked whether the hour of a digest has come.
const digestsEvery = time.Minute

// digests owes agents the lists of what is held for their decision, when their
// hour has come, until ctx ends. Each daemon does so; the store sees to it that
// one list leaves.
func (d *daemon) digests(ctx context.Context) {
	due := d.router.Digests(d.store)
	tick := time.NewTicker(digestsEvery)
	defer tick.Stop()
	for {
		if err := due.Due(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("a digest failed and will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
