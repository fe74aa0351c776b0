package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/ticket"
)

// Shelf is what digests ask of the store beside Store.
type Shelf interface {
	// Morning gives what an agent is to be told of a queue.
	Morning(ctx context.Context, site, queue string, agent ticket.Address, now time.Time) (*ticket.Morning, error)
}

// Digests owes the agents of each queue, once a day, a mail that lists what there
// is to do in it. Any number of daemons may do so side by side.
type Digests struct {
	router *Router
	shelf  Shelf
	told   told // of each queue, the day
}

// Digests makes the digests of what the shelf holds.
func (r *Router) Digests(shelf Shelf) *Digests {
	return &Digests{router: r, shelf: shelf}
}

// Due owes the digests whose hour has come. A queue that fails does not keep
// the others from theirs; it is tried again the next time.
func (d *Digests) Due(ctx context.Context) error {
	var failed error
	for _, site := range d.router.Directory().Sites() {
		for i := range site.Queues {
			queue := &site.Queues[i]
			day, due := digestDay(queue, site.Zone, d.router.now())
			if !due {
				continue
			}
			err := d.told.once(site.Name+" "+queue.Name, day, func() error { return d.owe(ctx, site, queue, day) })
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("digest of %w", err))
			}
		}
	}
	return failed
}

// digestLate is how long after its hour a digest still leaves, as when no daemon
// ran then. It is well below the time that the store knows a commit again.
const digestLate = 12 * time.Hour

// digestDay gives the day of the digest that is due, in the site's zone: today's
// or, soon after midnight, that of the day before.
func digestDay(q *ticket.Queue, zone *time.Location, now time.Time) (day string, due bool) {
	local := now.In(cmp.Or(zone, time.UTC))
	for _, d := range []time.Time{local, local.AddDate(0, 0, -1)} {
		day := d.Format(time.DateOnly)
		hour, err := time.ParseInLocation(time.DateOnly+" 15:04", day+" "+q.Digest, local.Location())
		if late := now.Sub(hour); err == nil && late >= 0 && late < digestLate {
			return day, true
		}
	}
	return "", false
}

// owe commits the digest of a day. All daemons give the commit the same name, so
// that the first of them writes it. A day on which there is nothing to say is
// written too: what comes later that day is for the next.
func (d *Digests) owe(ctx context.Context, site *ticket.Site, queue *ticket.Queue, day string) error {
	now := d.router.now()
	var to []ticket.Address
	for _, agent := range queue.Agents {
		m, err := d.shelf.Morning(ctx, site.Name, queue.Name, agent, now)
		if err != nil {
			return err
		}
		if !m.Empty() {
			to = append(to, agent)
		}
	}
	c := digest(site, queue, to, day, now, d.router.mint)
	result, err := d.router.store.Commit(ctx, c)
	if err == nil && !result.Repeat && len(c.Notices) > 0 {
		d.router.log.InfoContext(ctx, "digest", "site", site.Name, "queue", queue.Name, "day", day, "notices", len(c.Notices))
	}
	return err
}

// digest is what a day's digest changes: a mail to each agent for whom there is
// something. Its words are made when it leaves, from what there is then.
func digest(site *ticket.Site, queue *ticket.Queue, to []ticket.Address, day string, now time.Time, mint ticket.Mint) *ticket.Change {
	c := &ticket.Change{Site: site.Name, Operation: "digest " + queue.Name + " " + day, At: now}
	for _, agent := range to {
		c.Notices = append(c.Notices, mint.Letter(ticket.HeldDigest, site.Name, queue.Name, ticket.Mailbox{Address: agent}, site.Locale(), now))
	}
	return c
}
