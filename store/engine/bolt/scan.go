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

// itemOf reads a key back, and gives the part of it that names the record. The key
// of a record itself has no field.
func itemOf(k []byte) (engine.Item, []byte) {
	if isOwn(k) {
		k = append(bytes.Clone(k), 0)
	}
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
	var left time.Duration // of the last record; 0 is for ever
	for ; k != nil; k, v = c.Next() {
		item, record := itemOf(k)
		if !bytes.Equal(record, last) {
			if len(items) >= dumpAtOnce {
				return items, bytes.Clone(k)
			}
			last, left = record, 0
		}
		switch {
		case isOwn(k):
			left = time.Duration(decodeScore(v)-p.now) * time.Microsecond
			if left == 0 {
				left = -1
			}
		case left >= 0:
			item.Value, item.Left = append([]byte{}, v...), left
			items = append(items, item)
		}
	}
	return items, nil
}

// dumpEntries gives some entries of indexes, and where the next one is. They come
// by member: one that moves meanwhile is neither missed nor given twice.
func (p *page) dumpEntries(from []byte) (items []engine.Item, next []byte) {
	c, k, v := seek(&p.places, from)
	for ; k != nil; k, v = c.Next() {
		if len(items) >= dumpAtOnce {
			return items, bytes.Clone(k)
		}
		index, member := readPlaceKey(k)
		item, _ := itemOf(index)
		items = append(items, engine.Item{Space: item.Space, Index: item.Record, Name: member, Score: decodeScore(v)})
	}
	return items, nil
}
