package store

import (
	"context"
	"slices"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file is about what agents chose. A profile lies under the digest of the
// address that the settings list; further addresses of theirs lead to it.

// toProfile follows a further address of an agent to their profile.
var toProfile = &engine.Follow{Field: fieldOf, Record: prefixProfile, Fields: sealedFields}

// profile adds a profile at the version that was read.
func (d *draft) profile(p ticket.Profile) error {
	of := d.person(p.Address)
	if err := d.putSealed(recordProfile(of), p.Version, p); err != nil {
		return err
	}
	for _, other := range p.Others {
		d.step(engine.Put(recordAlias(d.person(other)), fieldOf, []byte(of)))
	}
	return nil
}

// forgetProfile erases what an agent chose. Of a further address only that is
// forgotten; the rest stays theirs. A backup from before loses the profile whole,
// for it has the address in it.
func (d *draft) forgetProfile(a ticket.Address, p *ticket.Profile) error {
	d.step(engine.Drop(recordAlias(d.person(a))))
	if p == nil {
		return nil
	}
	for _, named := range d.room.keys.everNamed(kindAddress, p.Address.Key()) {
		d.erased = append(d.erased, recordProfile(named))
	}
	if !p.Address.Same(a) {
		p.Others = slices.DeleteFunc(p.Others, a.Same)
		return d.profile(*p)
	}
	record := recordProfile(d.person(a))
	d.still(record, p.Version)
	d.step(engine.Drop(record))
	for _, other := range p.Others {
		d.step(engine.Drop(recordAlias(d.person(other))))
	}
	return nil
}

// profile asks what an agent chose, by any address of theirs.
func (l *lookup) profile(a ticket.Address) {
	of := l.room.person(a)
	if !l.once(recordProfile(of)) {
		return
	}
	l.askRow(engine.Ask{Record: recordProfile(of), Fields: sealedFields}, func(row engine.Row) error {
		return l.foundProfile(a, recordProfile(of), row.Fields)
	})
	l.askRow(engine.Ask{Record: recordAlias(of), Follow: toProfile}, func(row engine.Row) error {
		return l.foundProfile(a, prefixProfile+row.Reached, row.Followed)
	})
}

// foundProfile keeps a profile under the address that was asked for, as long as
// that is theirs.
func (l *lookup) foundProfile(a ticket.Address, record string, fields map[string][]byte) error {
	if fields[fieldSealed] == nil {
		return nil
	}
	p, err := l.openProfile(record, fields)
	if err == nil && p.Has(a) {
		l.facts.Profiles[a.Key()] = p
	}
	return err
}

func (r room) openProfile(record string, fields map[string][]byte) (*ticket.Profile, error) {
	p := &ticket.Profile{}
	err := r.openRow(record, engine.Row{Fields: fields}, p)
	if err == nil {
		p.Version, err = versionOf(record, fields)
	}
	return p, err
}

// addProfiles adds what agents chose to whom notices go.
func (r room) addProfiles(ctx context.Context, group []*asked[ticket.Notice, ticket.Material]) {
	of := map[string][]*asked[ticket.Notice, ticket.Material]{}
	var asks []engine.Ask
	for _, a := range group {
		if a.err != nil || !a.ask.Kind.ForAgents() {
			continue
		}
		record := recordProfile(r.person(recipient(a.ask, a.result)))
		if of[record] == nil {
			asks = append(asks, engine.Ask{Record: record, Fields: sealedFields})
		}
		of[record] = append(of[record], a)
	}
	if len(asks) == 0 {
		return
	}
	answers, err := r.read(ctx, "profiles", asks...)
	for i, ask := range asks {
		var p *ticket.Profile
		wrong := err
		if err == nil {
			if fields := answers[i].Rows[0].Fields; fields[fieldSealed] != nil {
				p, wrong = r.openProfile(ask.Record, fields)
			}
		}
		for _, a := range of[ask.Record] {
			a.result.Profile, a.err = p, wrong
		}
	}
}
