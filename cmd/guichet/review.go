package main

import (
	"context"
	"errors"

	"guichet/store"
	"guichet/ticket"
)

// reviewAtOnce is how many open tickets are read at a time.
const reviewAtOnce = 200

// openStates are those of tickets that somebody is still to do something about.
var openStates = []ticket.State{ticket.New, ticket.Open, ticket.Waiting}

// reviews looks through the open tickets once at the start, and again each time
// that settings were read: whoever has one may have left the team, and what was
// promised or is closed by itself may be due at another time. Mail waits for none
// of it.
func (d *daemon) reviews(ctx context.Context) {
	for {
		if err := d.review(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("the open tickets were not all looked through; a restart or SIGHUP tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.settled:
		}
	}
}

// review wakes the open tickets that are behind the settings in force.
func (d *daemon) review(ctx context.Context) error {
	var failed error
	for _, site := range d.siteNames() {
		looked, woken, err := d.reviewSite(ctx, site)
		failed = errors.Join(failed, err)
		if woken > 0 {
			d.log.Info("open tickets brought in line with the settings", "site", site, "looked", looked, "changed", woken)
		}
	}
	return failed
}

func (d *daemon) reviewSite(ctx context.Context, site string) (looked, woken int, err error) {
	var after store.Cursor
	for {
		page, err := d.store.Tickets(ctx, site, store.Filter{States: openStates}, after, reviewAtOnce)
		if err != nil {
			return looked, woken, err
		}
		for _, t := range page.Items {
			looked++
			if !d.router.Behind(t) {
				continue
			}
			done, err := d.router.Wake(ctx, site, t.ID)
			if err != nil {
				return looked, woken, err
			}
			if done {
				woken++
			}
		}
		if after = page.Next; after == "" {
			return looked, woken, nil
		}
	}
}
