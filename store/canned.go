package store

import (
	"fmt"
	"strconv"

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
	if c.Version == 0 {
		d.check(engine.Absent(recordCanned, fieldTVersion))
	} else {
		d.check(engine.Equal(recordCanned, fieldTVersion, strconv.AppendUint(nil, c.Version, 10)))
	}
	k := d.drawKey(recordCanned)
	sealed, err := d.sealJSON(k.key, d.at(recordCanned, fieldSealed), c)
	if err != nil {
		return err
	}
	d.step(engine.Put(recordCanned, fieldKey, k.wrapped), engine.Put(recordCanned, fieldSealed, sealed),
		engine.Put(recordCanned, fieldTVersion, strconv.AppendUint(nil, c.Version+1, 10)))
	return nil
}

// canned asks for the canned answers of the site.
func (l *lookup) canned() {
	l.askRow(engine.Ask{Record: recordCanned, Fields: profileFields}, func(row engine.Row) error {
		if row.Fields[fieldSealed] == nil {
			return nil
		}
		if err := l.openRow(recordCanned, row, &l.facts.Canned); err != nil {
			return err
		}
		var err error
		if l.facts.Canned.Version, err = strconv.ParseUint(string(row.Fields[fieldTVersion]), 10, 64); err != nil {
			return fmt.Errorf("version of the canned answers: %w", err)
		}
		return nil
	})
}
