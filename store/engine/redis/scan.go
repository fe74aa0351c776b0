package redis

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// scanAtOnce is how many keys, fields or entries one round trip asks for.
const scanAtOnce = 500

var errStopped = errors.New("stopped")

// Scan is engine.Engine's: SCAN on each master, never KEYS.
func (e *Engine) Scan(ctx context.Context) iter.Seq2[engine.Item, error] {
	return e.scan(ctx, someFields)
}

// Dump is engine.Engine's. A record is read by one HGETALL: the largest are some
// megabytes.
func (e *Engine) Dump(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		// SCAN and ZSCAN give things again while their tables grow or shrink. What
		// was given is remembered by hash, in some 20 bytes for each.
		seed, seen := maphash.MakeSeed(), map[uint64]struct{}{}
		var record engine.Item // the one under way
		again := false
		for item, err := range e.scan(ctx, allFields) {
			is := engine.Item{Space: item.Space, Record: item.Record, Index: item.Index}
			if item.Index != "" {
				is.Name = item.Name
			}
			if err == nil && (is.Space != record.Space || is.Record != record.Record || is.Index != record.Index || is.Name != record.Name) {
				hash := maphash.String(seed, strings.Join([]string{string(is.Space), is.Record, is.Index, is.Name}, "\x00"))
				_, again = seen[hash]
				seen[hash], record = struct{}{}, is
			}
			if (err != nil || !again) && !yield(item, err) {
				return
			}
		}
	}
}

// fieldsOf gives the fields of a hash.
type fieldsOf func(ctx context.Context, node *goredis.Client, key string, give func(field, value string) error) error

func someFields(ctx context.Context, node *goredis.Client, key string, give func(field, value string) error) error {
	return pairs(ctx, node.HScan(ctx, key, 0, "", scanAtOnce), give)
}

func allFields(ctx context.Context, node *goredis.Client, key string, give func(field, value string) error) error {
	all, err := node.HGetAll(ctx, key).Result()
	for field, value := range all {
		if err == nil {
			err = give(field, value)
		}
	}
	return err
}

func (e *Engine) scan(ctx context.Context, fields fieldsOf) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		give := func(item engine.Item) error {
			if !yield(item, nil) {
				return errStopped
			}
			return nil
		}
		nodes, err := e.masters(ctx)
		for _, node := range nodes {
			if err == nil {
				err = scanNode(ctx, node, fields, give)
			}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(engine.Item{}, fmt.Errorf("redis: scan: %w", err))
		}
	}
}

func scanNode(ctx context.Context, node *goredis.Client, fields fieldsOf, give func(engine.Item) error) error {
	keys := node.Scan(ctx, 0, keyPrefix+"*", scanAtOnce).Iterator()
	for keys.Next(ctx) {
		item, ok := itemOf(keys.Val())
		if !ok || item.Space.Volatile() {
			continue
		}
		if err := scanKey(ctx, node, keys.Val(), item, fields, give); err != nil {
			return err
		}
	}
	return keys.Err()
}

// itemOf reads the name of a key back.
func itemOf(key string) (engine.Item, bool) {
	rest, found := strings.CutPrefix(key, keyPrefix+"{")
	space, name, ended := strings.Cut(rest, "}:")
	return engine.Item{Space: engine.Space(space), Record: name}, found && ended && name != syncKey
}

func scanKey(ctx context.Context, node *goredis.Client, key string, item engine.Item, fields fieldsOf, give func(engine.Item) error) error {
	kind, err := node.Type(ctx, key).Result()
	if err != nil {
		return err
	}
	switch kind {
	case "hash":
		left, err := node.PTTL(ctx, key).Result()
		if err != nil {
			return err
		}
		item.Left = max(0, left) // below 0 it lives for ever
		return fields(ctx, node, key, func(field, value string) error {
			item.Name, item.Value = field, []byte(value)
			return give(item)
		})
	case "zset":
		item.Index, item.Record = item.Record, ""
		return pairs(ctx, node.ZScan(ctx, key, 0, "", scanAtOnce), func(member, score string) error {
			entry, err := parseEntry(member, score)
			item.Name, item.Score = entry.Member, entry.Score
			return errors.Join(err, give(item))
		})
	case "none":
		return nil // its time was over
	}
	return fmt.Errorf("key %q is a %s", key, kind)
}

// pairs gives what HSCAN and ZSCAN find.
func pairs(ctx context.Context, scan *goredis.ScanCmd, give func(name, value string) error) error {
	it := scan.Iterator()
	for it.Next(ctx) {
		name := it.Val()
		if !it.Next(ctx) {
			break
		}
		if err := give(name, it.Val()); err != nil {
			return err
		}
	}
	return it.Err()
}

var _ engine.Engine = (*Engine)(nil)
