package store

import (
	"fmt"
	"strconv"

	"guichet/store/engine"
)

// This file is about records that count how often they were written, so that
// nobody writes over what they have not read: tickets, challenges, and those below.

// sealedFields are what a record is read from that putSealed wrote.
var sealedFields = []string{fieldVersion, fieldKey, fieldSealed}

// still makes sure that a record is still at the version that was read; 0 is of one
// that was not there.
func (d *draft) still(record string, version uint64) {
	if version == 0 {
		d.check(engine.Absent(record, fieldVersion))
		return
	}
	d.check(engine.Equal(record, fieldVersion, strconv.AppendUint(nil, version, 10)))
}

// counted is the version that a record is at once it is written.
func counted(record string, read uint64) engine.Step {
	return engine.Put(record, fieldVersion, strconv.AppendUint(nil, read+1, 10))
}

// putSealed writes a record whole, at the version that was read, under a new key
// of its own: nothing else is sealed under the old one.
func (d *draft) putSealed(record string, version uint64, v any) error {
	d.still(record, version)
	k := d.drawKey(record)
	sealed, err := d.sealJSON(k.key, d.at(record, fieldSealed), v)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldKey, k.wrapped), engine.Put(record, fieldSealed, sealed), counted(record, version))
	return nil
}

// versionOf reads the version of a record.
func versionOf(record string, fields map[string][]byte) (uint64, error) {
	v, err := strconv.ParseUint(string(fields[fieldVersion]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("version of %s: %w", record, err)
	}
	return v, nil
}
