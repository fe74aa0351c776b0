package bolt

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"guichet/store/engine"
)

var errStopped = errors.New("stopped")

// scan gives every field and every entry of one moment.
func (p *page) scan(ctx context.Context, yield func(engine.Item, error) bool) error {
	give := func(item engine.Item) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(item, nil) {
			return errStopped
		}
		return nil
	}
	err := p.fields.ForEach(func(k, v []byte) error {
		item, record := itemOf(k)
		if p.expired(record) {
			return nil
		}
		item.Value = append([]byte{}, v...)
		if at := p.expiry.Get(record); at != nil {
			item.Left = time.Duration(decodeScore(at)-p.now) * time.Microsecond
		}
		return give(item)
	})
	if err != nil {
		return err
	}
	return p.scores.ForEach(func(k, v []byte) error {
		item, _ := itemOf(k)
		item.Index, item.Record = item.Record, ""
		item.Score = decodeScore(v)
		return give(item)
	})
}

// itemOf reads a key back, and gives the part of it that names the record.
func itemOf(k []byte) (engine.Item, []byte) {
	parts := strings.SplitN(string(k), "\x00", 3)
	item := engine.Item{Space: engine.Space(parts[0]), Record: parts[1], Name: parts[2]}
	return item, bytes.Clone(k[:len(k)-len(parts[2])])
}
