package redis

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// scanAtOnce is how many keys or entries one round trip asks for.
const scanAtOnce = 500

var errStopped = errors.New("stopped")

// keysAtOnce is how many keys one round trip reads whole.
const keysAtOnce = 50

// Scan is engine.Engine's: SCAN on each master, never KEYS.
func (e *Engine) Scan(ctx context.Context) iter.Seq2[engine.Item, error] {
	return e.scan(ctx, nil)
}

// Dump is engine.Engine's. A record is read by one HGETALL, a pack by one GET: the
// largest are some megabytes.
func (e *Engine) Dump(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		e.scan(ctx, newOnce())(yield)
	}
}

// once remembers what was given: SCAN and ZSCAN give things again while their
// tables grow or shrink. It takes some 20 bytes for each key, and for each entry
// of the index under way. A nil one remembers nothing.
type once struct {
	seed          maphash.Seed
	keys, entries map[uint64]struct{}
}

func newOnce() *once {
	return &once{seed: maphash.MakeSeed(), keys: map[uint64]struct{}{}, entries: map[uint64]struct{}{}}
}

func (o *once) first(of map[uint64]struct{}, name string) bool {
	hash := maphash.String(o.seed, name)
	_, found := of[hash]
	of[hash] = struct{}{}
	return !found
}

// key reports whether a key comes for the first time.
func (o *once) key(name string) bool { return o == nil || o.first(o.keys, name) }

// index begins the entries of another index.
func (o *once) index() {
	if o != nil && len(o.entries) > 0 {
		o.entries = map[uint64]struct{}{}
	}
}

func (o *once) entry(member string) bool { return o == nil || o.first(o.entries, member) }

func (e *Engine) scan(ctx context.Context, o *once) iter.Seq2[engine.Item, error] {
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
				err = scanNode(ctx, node, o, give)
			}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(engine.Item{}, fmt.Errorf("redis: scan: %w", err))
		}
	}
}

func scanNode(ctx context.Context, node *goredis.Client, o *once, give func(engine.Item) error) error {
	found := make([]string, 0, keysAtOnce)
	keys := node.Scan(ctx, 0, keyPrefix+"*", scanAtOnce).Iterator()
	for keys.Next(ctx) {
		item, ok := itemOf(keys.Val())
		if !ok || item.Space.Volatile() || !o.key(keys.Val()) {
			continue
		}
		if found = append(found, keys.Val()); len(found) == keysAtOnce {
			if err := scanKeys(ctx, node, found, o, give); err != nil {
				return err
			}
			found = found[:0]
		}
	}
	if err := keys.Err(); err != nil {
		return err
	}
	return scanKeys(ctx, node, found, o, give)
}

// itemOf reads the name of a key back.
func itemOf(key string) (engine.Item, bool) {
	rest, found := strings.CutPrefix(key, keyPrefix+"{")
	space, name, ended := strings.Cut(rest, "}:")
	return engine.Item{Space: engine.Space(space), Record: name}, found && ended && name != syncKey
}

// scanKeys gives what some keys hold, the records in two round trips: of what
// kind they are, and what is in them.
func scanKeys(ctx context.Context, node *goredis.Client, keys []string, o *once, give func(engine.Item) error) error {
	if len(keys) == 0 {
		return nil
	}
	kinds, lefts := make([]*goredis.StatusCmd, len(keys)), make([]*goredis.DurationCmd, len(keys))
	_, err := node.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		for i, key := range keys {
			kinds[i], lefts[i] = pipe.Type(ctx, key), pipe.PTTL(ctx, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	records, packs := make([]*goredis.MapStringStringCmd, len(keys)), make([]*goredis.StringCmd, len(keys))
	// Of several errors it gives the first, which may be that a pack has gone.
	_, _ = node.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		for i, key := range keys {
			switch kinds[i].Val() {
			case "hash":
				records[i] = pipe.HGetAll(ctx, key)
			case "string":
				packs[i] = pipe.Get(ctx, key)
			}
		}
		return nil
	})
	for i, key := range keys {
		item, _ := itemOf(key)
		switch kind := kinds[i].Val(); kind {
		case "hash":
			item.Left = max(0, lefts[i].Val()) // below 0 it lives for ever
			err = giveRecord(item, records[i], give)
		case "zset":
			err = giveIndex(ctx, node, key, item, o, give)
		case "string":
			err = givePack(item, packs[i], give)
		case "none": // its time was over
		default:
			err = fmt.Errorf("key %q is a %s", key, kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func giveRecord(item engine.Item, fields *goredis.MapStringStringCmd, give func(engine.Item) error) error {
	if fields.Err() != nil {
		return fields.Err()
	}
	for field, value := range fields.Val() {
		item.Name, item.Value = field, []byte(value)
		if err := give(item); err != nil {
			return err
		}
	}
	return nil
}

func giveIndex(ctx context.Context, node *goredis.Client, key string, item engine.Item, o *once, give func(engine.Item) error) error {
	item.Index, item.Record = item.Record, ""
	o.index()
	return pairs(ctx, node.ZScan(ctx, key, 0, "", scanAtOnce), func(member, score string) error {
		if !o.entry(member) {
			return nil
		}
		entry, err := parseEntry(member, score)
		item.Name, item.Score = entry.Member, entry.Score
		return errors.Join(err, give(item))
	})
}

func givePack(item engine.Item, held *goredis.StringCmd, give func(engine.Item) error) error {
	if err := held.Err(); err != nil && !errors.Is(err, goredis.Nil) {
		return err
	}
	item.Pack, item.Record = item.Record, ""
	item.Value = engine.PackBytes(packRead(held.Val(), engine.PackRange{To: math.MaxUint32}))
	if len(item.Value) == 0 {
		return nil
	}
	return give(item)
}

// pairs gives what ZSCAN finds.
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
