package store

import (
	"context"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// challengeFields are what a challenge is read from, beside the key of its
// ticket.
var challengeFields = []string{fieldVersion, fieldKey, fieldTicket, fieldSealed}

// keepExpired is how long a challenge stays after its code is void: so long, who
// sends the code is told that it came late rather than that it is unknown.
const keepExpired = 24 * time.Hour

// challenge adds a challenge that is created or altered. It lies under the key
// of the ticket that it is about, or under its own, and vanishes by itself.
func (d *draft) challenge(ctx context.Context, c ticket.Challenge) error {
	record := recordChallenge(c.ID)
	d.still(record, c.Version)
	k, err := d.challengeKey(ctx, c)
	if err != nil {
		return err
	}
	sealed, err := d.sealJSON(k, d.at(record, fieldSealed), c)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldSealed, sealed), counted(record, c.Version),
		engine.Expire(record, max(c.Expires.Add(keepExpired).Sub(d.now), time.Minute)))
	if c.Action == ticket.ConfirmOwn && !c.Ticket.IsZero() && c.Version == 0 && d.KeepUnconfirmed > 0 {
		d.schedule(Timer{Kind: ConfirmTimer, Ticket: c.Ticket}, d.now.Add(d.KeepUnconfirmed))
	}
	return nil
}

func (d *draft) challengeKey(ctx context.Context, c ticket.Challenge) (key, error) {
	record := recordChallenge(c.ID)
	if !c.Ticket.IsZero() {
		k, err := d.existingKey(ctx, c.Ticket)
		d.step(engine.Put(record, fieldTicket, []byte(c.Ticket.String())),
			engine.Put(recordTicket(c.Ticket), fieldChallenge(c.ID), nil))
		return k.key, err
	}
	// Also for one that is altered: nothing else is sealed under the old key.
	k := d.drawKey(record)
	d.step(engine.Put(record, fieldKey, k.wrapped))
	return k.key, nil
}

// spend adds the end of a challenge: of two changes that spend it, one finds it
// gone.
func (d *draft) spend(c ticket.Challenge) {
	record := recordChallenge(c.ID)
	d.still(record, c.Version)
	d.step(engine.Drop(record))
	if !c.Ticket.IsZero() {
		d.step(engine.Delete(recordTicket(c.Ticket), fieldChallenge(c.ID)))
	}
}

// openChallenge reads a challenge from a row of challengeFields.
func (r room) openChallenge(id ticket.ID, row engine.Row) (*ticket.Challenge, error) {
	c := &ticket.Challenge{}
	err := r.openRow(recordChallenge(id), row, c)
	if err == nil {
		c.Version, err = versionOf(recordChallenge(id), row.Fields)
	}
	return c, err
}
