package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"guichet/store/engine"
)

// Fill is engine.Filler's. What comes in any order would touch a page of the
// tree for each thing, and write most pages many times: so it is sorted first,
// and then written from the first key to the last into a fresh file, which takes
// the place of the other when it is whole. Until then nothing has changed.
func (e *Engine) Fill(ctx context.Context, do func(give func(engine.Item) error) error, progress func(done, total int)) error {
	f := filling{file: e.durable, path: filepath.Join(e.dir, "guichet.db"), atOnce: sortedAtOnce, progress: progress}
	if err := f.fill(ctx, f.keep, do); err != nil {
		return fmt.Errorf("store: filling: %w", err)
	}
	return nil
}

// filling is a file that is being filled.
type filling struct {
	*file
	path     string
	atOnce   int // bytes that are sorted in memory
	progress func(done, total int)
	// given is what came, made what follows from it in other buckets.
	given, made *sorter
	// done and total are pairs that were written, and that will be.
	done, total int
}

// fill takes what the file holds, as keep reads it, and what do gives.
func (f *filling) fill(ctx context.Context, keep func(*page) error, do func(give func(engine.Item) error) error) (err error) {
	f.compacting.Lock()
	defer f.compacting.Unlock()
	// What lay above the fresh file would hide what is given.
	if err := f.drain(); err != nil {
		return err
	}
	dir := filepath.Dir(f.path)
	if f.given, err = newSorter(dir, f.atOnce); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.given.close()) }()
	if f.made, err = newSorter(dir, f.atOnce); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.made.close()) }()
	if err := f.read(keep); err != nil {
		return err
	}
	if err := do(f.item); err != nil {
		return err
	}
	return f.replace(ctx)
}

// Pairs are sorted by their bucket first: its place among the buckets stands
// before the key.
func shelf(bucket string) byte { return byte(slices.Index(buckets, bucket)) }

// give takes a pair of a bucket that follows from no other. Of a pack, it has many
// numbers in its key: there are a hundred times as many as of anything else.
func (f *filling) give(bucket string, key, value []byte) error {
	f.total++
	if bucket == bucketPlaces || isOwn(key) {
		f.total++
	}
	return f.given.add(shelf(bucket), key, value)
}

// keep takes what the file holds.
func (f *filling) keep(p *page) error {
	for name, b := range map[string]*bucket{bucketFields: &p.fields, bucketPlaces: &p.places, bucketPacks: &p.packs} {
		c, k, v := seek(b, nil)
		for ; k != nil; k, v = c.Next() {
			if err := f.give(name, k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// item takes what belongs into the file.
func (f *filling) item(item engine.Item) error {
	if item.Space.Volatile() {
		return nil
	}
	if err := item.Validate(); err != nil {
		return err
	}
	if item.Pack != "" {
		return f.give(bucketPacks, join(name(string(item.Space), item.Pack), string(item.Value)), nil)
	}
	if item.Index != "" {
		index := name(string(item.Space), item.Index)
		return f.give(bucketPlaces, placeKey(index, item.Name), encodeScore(item.Score))
	}
	record := name(string(item.Space), item.Record)
	if item.Left > 0 {
		at := engine.At(f.now()) + engine.Score(item.Left.Microseconds())
		if err := f.give(bucketFields, own(record), encodeScore(at)); err != nil {
			return err
		}
	}
	return f.give(bucketFields, join(record, item.Name), item.Value)
}

// replace writes the fresh file and puts it in the place of the other.
func (f *filling) replace(ctx context.Context) error {
	temp := f.path + fillEnding
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Opened, it is locked, and stays so when it takes its place. What is in it is
	// synced once, in the end.
	fresh, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, NoGrowSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	var old *bbolt.DB
	if err = f.load(ctx, fresh); err == nil {
		fresh.NoGrowSync = false
		old, err = f.exchange(fresh, f.path, temp)
	}
	if old == nil {
		return errors.Join(err, fresh.Close(), os.Remove(temp))
	}
	return errors.Join(err, old.Close())
}

// load writes everything, each bucket from its first key to its last.
func (f *filling) load(ctx context.Context, fresh *bbolt.DB) error {
	l := &loading{db: fresh}
	if err := l.begin(); err != nil {
		return err
	}
	f.progress(0, f.total)
	put := func(key, value []byte) error {
		if f.done++; f.done%1000 == 0 {
			f.progress(min(f.done, f.total), f.total)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return l.take(key[0], key[1:], value)
	}
	err := f.given.each(func(key, value []byte) error {
		if err := f.derive(key[0], key[1:], value); err != nil {
			return err
		}
		return put(key, value)
	})
	if err == nil {
		err = f.made.each(put)
	}
	return l.end(err)
}

// derive makes what other buckets hold of a pair.
func (f *filling) derive(shelved byte, key, value []byte) error {
	switch {
	case buckets[shelved] == bucketPlaces:
		index, member := readPlaceKey(key)
		return f.made.add(shelf(bucketEntries), entryKey(index, engine.Entry{Member: member, Score: decodeScore(value)}), nil)
	case buckets[shelved] == bucketFields && isOwn(key):
		return f.made.add(shelf(bucketExpiring), slices.Concat(value, key, []byte{0}), nil)
	}
	return nil
}

// loading writes pairs that come in order into an empty file, in transactions of
// some megabytes.
type loading struct {
	db     *bbolt.DB
	tx     *bbolt.Tx
	bucket *bbolt.Bucket
	which  byte
	values []byte // of this transaction, which needs them until it is over
	// gathering is of which pack or index the pairs are that come now, numbers those
	// of that pack, members how many that index has so far.
	gathering, numbers []byte
	members            uint64
}

func (l *loading) begin() (err error) {
	if l.tx, err = l.db.Begin(true); err != nil {
		return err
	}
	for _, name := range buckets {
		if _, err := l.tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	l.bucket, l.values = nil, l.values[:0]
	return nil
}

// take writes a pair, and when the last one of a pack or of an index was taken,
// what is known of it only then.
func (l *loading) take(shelved byte, key, value []byte) error {
	if l.gathering != nil && !bytes.HasPrefix(key, l.gathering) {
		if err := l.gathered(); err != nil {
			return err
		}
	}
	switch buckets[shelved] {
	case bucketPacks:
		pack, numbers, _ := cutName(key)
		l.gathering, l.numbers = append(l.gathering[:0], pack...), append(l.numbers, numbers...)
		return nil
	case bucketEntries:
		index, _, _ := cutName(key)
		l.gathering = append(l.gathering[:0], index...)
		l.members++
	}
	return l.put(shelved, key, value)
}

// gathered ends a pack or an index.
func (l *loading) gathered() error {
	name := l.gathering
	var err error
	switch {
	case l.numbers != nil:
		err = l.put(shelf(bucketPacks), name, engine.PackBytes(engine.PackNumbers(l.numbers, 0, math.MaxUint32)))
	case l.members > 0:
		err = l.put(shelf(bucketEntries), own(name), binary.BigEndian.AppendUint64(nil, l.members))
	}
	l.gathering, l.numbers, l.members = nil, nil, 0
	return err
}

func (l *loading) put(shelved byte, key, value []byte) error {
	if len(l.values)+len(key)+len(value) > compactStep && len(l.values) > 0 {
		if err := l.tx.Commit(); err != nil {
			return err
		}
		if err := l.begin(); err != nil {
			return err
		}
	}
	if l.bucket == nil || shelved != l.which {
		l.which, l.bucket = shelved, l.tx.Bucket([]byte(buckets[shelved]))
		l.bucket.FillPercent = compactFill
	}
	from := len(l.values) + len(key)
	l.values = append(append(l.values, key...), value...)
	return l.bucket.Put(key, l.values[from:])
}

// end completes what was written, or after an error gives it up.
func (l *loading) end(err error) error {
	if err == nil {
		err = l.gathered()
	}
	if err != nil {
		if l.tx != nil {
			_ = l.tx.Rollback() // or it was over
		}
		return err
	}
	return l.tx.Commit()
}
