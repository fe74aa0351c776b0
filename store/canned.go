package store

import (
	"guichet/store/engine"
	"guichet/ticket"
)

// This file is about the canned answers that agents mail in. All of a site's are
// one record: they are few, and read together.

// canned adds the canned answers at the version that was read.
func (d *draft) canned(c *ticket.Canned) error {
	if c == nil {
		return nil
	}
	return d.putSealed(recordCanned, c.Version, c)
}

// canned asks for the canned answers of the site.
func (l *lookup) canned() {
	l.askRow(engine.Ask{Record: recordCanned, Fields: sealedFields}, func(row engine.Row) error {
		if row.Fields[fieldSealed] == nil {
			return nil
		}
		err := l.openRow(recordCanned, row, &l.facts.Canned)
		if err == nil {
			l.facts.Canned.Version, err = versionOf(recordCanned, row.Fields)
		}
		return err
	})
}
