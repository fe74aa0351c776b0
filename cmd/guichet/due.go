package main

import (
	"context"
	"time"
)

// dueEvery is how often it is looked whether the time of a digest or a report has
// come.
const dueEvery = time.Minute

// digests owes agents the lists of what is held for their decision, when their
// hour has come, until ctx ends. Each daemon does so; the store sees to it that
// one list leaves.
func (d *daemon) digests(ctx context.Context) {
	d.whenDue(ctx, "digest", d.router.Digests(d.store).Due)
}

// reports owes those whom the settings name their sites' numbers, likewise.
func (d *daemon) reports(ctx context.Context) { d.whenDue(ctx, "report", d.router.Reports().Due) }

func (d *daemon) whenDue(ctx context.Context, what string, owe func(context.Context) error) {
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	for {
		if err := owe(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("a "+what+" failed and will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
