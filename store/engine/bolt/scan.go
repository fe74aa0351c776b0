package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"guichet/store/engine"
)

var errStopped = errors.New("stopped")

// kinds give some items of a kind each, and where the next one is.
var kinds = []func(p *page, from []byte) (items []engine.Item, next []byte){(*page).dumpRecords, (*page).dumpEntries, (*page).dumpPacks}

// scan gives every field, every entry and every pack of one moment.
func (p *page) scan(ctx context.Context, yield func(engine.Item, error) bool) error {
	for _, part := range kinds {
		for from, more := []byte(nil), true; more; more = from != nil {
			var items []engine.Item
			items, from = part(p, from)
			for _, item := range items {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !yield(item, nil) {
					return errStopped
				}
			}
		}
	}
	return nil
}

// itemOf reads a key back, and gives the part of it that names the record.
func itemOf(k []byte) (engine.Item, []byte) {
	parts := strings.SplitN(string(k), "\x00", 3)
	item := engine.Item{Space: engine.Space(parts[0]), Record: parts[1], Name: parts[2]}
	return item, bytes.Clone(k[:len(k)-len(parts[2])])
}

// dumpAtOnce is about how many items one transaction of a dump reads: a long one
// would keep the file from being compacted, and pages from being used again.
const dumpAtOnce = 2000

// Dump is engine.Engine's. Nobody waits for it, however slowly it is read.
func (e *Engine) Dump(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for _, part := range kinds {
			for from, more := []byte(nil), true; more; more = from != nil {
				var items []engine.Item
				err := ctx.Err()
				if err == nil {
					err = e.durable.read(func(p *page) error {
						items, from = part(p, from)
						return nil
					})
				}
				if err != nil {
					yield(engine.Item{}, fmt.Errorf("store: dumping: %w", err))
					return
				}
				for _, item := range items {
					if !yield(item, nil) {
						return
					}
				}
			}
		}
	}
}

// seek goes to the first key at or after from.
func seek(b *bucket, from []byte) (c *cursor, k, v []byte) {
	c = b.Cursor()
	if from == nil {
		k, v = c.First()
	} else {
		k, v = c.Seek(from)
	}
	return c, k, v
}

// dumpRecords gives some whole records, and where the next one begins.
func (p *page) dumpRecords(from []byte) (items []engine.Item, next []byte) {
	c, k, v := seek(&p.fields, from)
	var last []byte
	for ; k != nil; k, v = c.Next() {
		item, record := itemOf(k)
		if len(items) >= dumpAtOnce && !bytes.Equal(record, last) {
			return items, bytes.Clone(k)
		}
		last = record
		if p.expired(record) {
			continue
		}
		item.Value = append([]byte{}, v...)
		if at := p.expiry.Get(record); at != nil {
			item.Left = time.Duration(decodeScore(at)-p.now) * time.Microsecond
		}
		items = append(items, item)
	}
	return items, nil
}

// dumpEntries gives some entries of indexes, and where the next one is.
func (p *page) dumpEntries(from []byte) (items []engine.Item, next []byte) {
	c, k, v := seek(&p.scores, from)
	for ; k != nil; k, v = c.Next() {
		if len(items) >= dumpAtOnce {
			return items, bytes.Clone(k)
		}
		item, _ := itemOf(k)
		item.Index, item.Record, item.Score = item.Record, "", decodeScore(v)
		items = append(items, item)
	}
	return items, nil
}
