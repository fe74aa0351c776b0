package store

import (
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file is about senders whose mail an agent called spam. Each is known by
// the digest of their address alone, and forgotten by itself.

// spammersFor is how long a spammer is remembered after their last spam.
const spammersFor = 180 * 24 * time.Hour

const (
	spamUnproved = "unproved"
	spamProved   = "proved"
)

// spammers adds those that are remembered from now on, after those that are no
// longer: who is both is a spammer.
func (d *draft) spammers(c *ticket.Change) {
	for _, a := range c.Welcome {
		d.step(engine.Drop(recordSpammer(d.person(a))))
	}
	for _, s := range c.Spammers {
		record := recordSpammer(d.person(s.Address))
		if s.Proved {
			d.step(engine.Put(record, fieldSpam, []byte(spamProved)))
		} else { // which takes nothing back of what was proved before
			d.step(engine.PutAbsent(record, fieldSpam, []byte(spamUnproved)))
		}
		d.step(engine.Expire(record, spammersFor))
	}
}

// spammer asks whether mail of an address was called spam.
func (l *lookup) spammer(a ticket.Address) {
	record := recordSpammer(l.room.person(a))
	l.askRow(engine.Ask{Record: record, Fields: []string{fieldSpam}}, func(row engine.Row) error {
		if proof := row.Fields[fieldSpam]; proof != nil {
			l.facts.Spammer = &ticket.Spammer{Address: a, Proved: string(proof) == spamProved}
		}
		return nil
	})
}
