package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"

	"guichet/store/engine"
)

// Copied is what a store holds, and what proves that a copy is complete.
type Copied struct {
	// Fields and Entries are how many of each stay until somebody removes them.
	Fields, Entries int
	// Expiring is how many fields are of records that vanish by themselves. They
	// are copied, and not compared: some may vanish meanwhile.
	Expiring int
	// Digest is over all fields and entries that stay.
	Digest string
}

// Migrate copies everything of one engine into another that is empty, as it is:
// nothing is unsealed, and blobs stay in their directory. Then it reads both
// again and compares them. A copy that was broken off is begun again by the same
// call; until it is complete, no daemon opens the store that it goes to. Neither
// may be in use. It refuses a store of another version: what is copied is left as
// it is, also for the program that wrote it.
func Migrate(ctx context.Context, from, to engine.Engine, progress Progress) (Copied, error) {
	told := newCourse(progress, 1, 2, 1, 1, 1)
	if err := migratable(ctx, from); err != nil {
		return Copied{}, err
	}
	if err := claim(ctx, to); err != nil {
		return Copied{}, err
	}
	// How much there is shows when it was read.
	had, err := survey(ctx, from, 0, told.stage())
	if err != nil {
		return Copied{}, err
	}
	each := had.Fields + had.Entries + had.Expiring
	if err := copyAll(ctx, from, to, each, told.stage(), told.stage()); err != nil {
		return Copied{}, err
	}
	got, err := survey(ctx, to, each, told.stage())
	if err != nil {
		return Copied{}, err
	}
	still, err := survey(ctx, from, each, told.stage())
	if err != nil {
		return Copied{}, err
	}
	switch {
	case still.Digest != had.Digest:
		return Copied{}, errors.New("store: migrate: the store changed while it was copied; stop whatever uses it, empty the other, and begin again")
	case got.Digest != had.Digest || got.Fields != had.Fields || got.Entries != had.Entries:
		return Copied{}, fmt.Errorf("store: migrate: the copy is not the same: %d fields and %d entries of %d and %d", got.Fields, got.Entries, had.Fields, had.Entries)
	}
	_, err = to.Commit(ctx, global, engine.Batch{Steps: []engine.Step{engine.Drop(recordMigrating)}})
	if err != nil {
		return Copied{}, fmt.Errorf("store: migrate: %w", err)
	}
	told.end()
	return got, nil
}

// migratable holds that there is a store to copy, and that this program knows it.
func migratable(ctx context.Context, from engine.Engine) error {
	switch version, err := versionIn(ctx, from); {
	case err != nil:
		return err
	case version == 0:
		return errors.New("store: migrate: there is nothing to copy")
	case version > schemaVersion:
		return errNewer(version)
	case version < schemaVersion:
		return errOlder(version)
	}
	return nil
}

// claim marks a store as the target of a copy. Only an empty one, or one that a
// copy was begun into, can be.
func claim(ctx context.Context, to engine.Engine) error {
	answers, err := to.Read(ctx, global, engine.Ask{Record: recordMigrating, Fields: []string{fieldFrom}})
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	if len(answers[0].Rows[0].Fields) > 0 {
		return nil
	}
	for _, err := range to.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("store: migrate: %w", err)
		}
		return errors.New("store: migrate: the store to copy into is not empty")
	}
	_, err = to.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{engine.Absent(recordMigrating, fieldFrom)},
		Steps:  []engine.Step{engine.Put(recordMigrating, fieldFrom, []byte("another store"))},
	})
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// mark reports whether an item only says that a copy is under way.
func mark(item engine.Item) bool { return item.Space == global && item.Record == recordMigrating }

// survey counts and digests what an engine holds: about so many things.
func survey(ctx context.Context, e engine.Engine, about int, tell Progress) (Copied, error) {
	var fields, entries total
	expiring, seen := 0, tell.counting(about)
	for item, err := range e.Dump(ctx) {
		if err != nil {
			return Copied{}, fmt.Errorf("store: migrate: %w", err)
		}
		switch {
		case mark(item):
			continue
		case item.Index != "", item.Pack != "":
			entries.add(item)
		case item.Left > 0:
			expiring++
		default:
			fields.add(item)
		}
		seen()
	}
	return copiedOf(fields, entries, expiring), nil
}

// total is what items amount to that come in any order, each once: how many, and
// the sum of their digests as numbers of 256 bits. However many there are, it
// takes no more memory.
type total struct {
	n    int
	sum  [4]uint64 // the lowest first
	text []byte    // of the last item, to be used again
}

func (t *total) add(item engine.Item) {
	t.text = t.text[:0]
	for _, part := range []string{string(item.Space), item.Record, item.Index, item.Pack, item.Name} {
		t.text = append(binary.BigEndian.AppendUint32(t.text, uint32(len(part))), part...)
	}
	t.text = append(binary.BigEndian.AppendUint32(t.text, uint32(len(item.Value))), item.Value...)
	t.text = binary.BigEndian.AppendUint64(t.text, uint64(item.Score))
	digest, carry := sha256.Sum256(t.text), uint64(0)
	for i := range t.sum {
		t.sum[i], carry = bits.Add64(t.sum[i], binary.LittleEndian.Uint64(digest[8*i:]), carry)
	}
	t.n++
}

func copiedOf(fields, entries total, expiring int) Copied {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, fields.sum)
	_ = binary.Write(h, binary.BigEndian, entries.sum)
	return Copied{fields.n, entries.n, expiring, hex.EncodeToString(h.Sum(nil))}
}

// copyAll writes every item of one engine into the other.
func copyAll(ctx context.Context, from, to engine.Engine, about int, reading, writing Progress) error {
	read := reading.counting(about)
	err := fill(ctx, to, func(give func(engine.Item) error) error {
		for item, err := range from.Scan(ctx) {
			if err == nil && !mark(item) {
				err = give(item)
			}
			if err != nil {
				return err
			}
			read()
		}
		return nil
	}, writing)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}
