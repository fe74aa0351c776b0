package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// compactStep bounds how much one transaction of a compaction copies, in bytes.
const compactStep = 4 << 20

// compactFill leaves some room in each page of the copy for what comes between.
const compactFill = 0.9

// Compact writes the file anew with what is in it and nothing else. bbolt leaves
// what was deleted in pages that it uses again later; after Compact, what was
// erased before it began is gone from the file and from the journals. Readers and
// writers go on meanwhile.
func (e *Engine) Compact(ctx context.Context) error {
	path := filepath.Join(e.dir, "guichet.db")
	if err := e.durable.compact(ctx, path, path+copyEnding); err != nil {
		return fmt.Errorf("store: compacting: %w", err)
	}
	return nil
}

func (f *file) compact(ctx context.Context, path, temp string) error {
	f.compacting.Lock()
	defer f.compacting.Unlock()
	if err := f.drain(); err != nil {
		return err
	}
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Opened, it is locked; the lock stays with it when it takes its place, so
	// there is no moment in which another process could have the store.
	fresh, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	f.follow(fresh)
	err = f.copyAll(ctx)
	var old *bbolt.DB
	if err == nil {
		old, err = f.exchange(fresh, path, temp)
	}
	if old == nil {
		f.follow(nil)
		return errors.Join(err, fresh.Close(), os.Remove(temp))
	}
	return errors.Join(err, old.Close())
}

// follow has flushes write to the copy too, or no more. One that fails has the copy
// lack something for good.
func (f *file) follow(fresh *bbolt.DB) {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	f.copy, f.copyFailed = fresh, nil
}

// copyAll copies everything to the disk.
func (f *file) copyAll(ctx context.Context) error {
	for _, name := range buckets {
		for next, more := []byte(nil), true; more; more = next != nil {
			err := ctx.Err()
			if err == nil {
				next, err = f.copySome([]byte(name), next)
			}
			if err != nil {
				return err
			}
		}
	}
	return f.copy.Sync()
}

// copySome copies a part of a bucket, and gives where the next one begins. Flushes
// come in between; what they write to the copy is as new as what is copied over
// it later.
func (f *file) copySome(name, from []byte) (next []byte, err error) {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	if f.copyFailed != nil {
		return nil, f.copyFailed
	}
	err = f.db.View(func(in *bbolt.Tx) error {
		return f.copy.Update(func(out *bbolt.Tx) error {
			into, err := out.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			into.FillPercent = compactFill
			size := 0
			c := in.Bucket(name).Cursor()
			for k, v := c.Seek(from); k != nil; k, v = c.Next() {
				if size >= compactStep {
					next = bytes.Clone(k)
					break
				}
				if err := into.Put(k, v); err != nil {
					return err
				}
				size += len(k) + len(v)
			}
			return nil
		})
	})
	return next, err
}

// exchange puts another file in the place of the file, while nobody writes. It
// gives the file of before, also with an error that came when that had no name
// any more; else nil.
func (f *file) exchange(fresh *bbolt.DB, path, temp string) (old *bbolt.DB, err error) {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	err = f.copyFailed
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return nil, err
	}
	f.renamed = true
	f.writing.Lock()
	defer f.writing.Unlock()
	f.swap.Lock()
	defer f.swap.Unlock()
	fresh.NoSync = false
	old, f.db, f.copy = f.db, fresh, nil
	f.swept = math.MinInt64 // a fresh file may hold what expires before
	return old, f.keepName()
}

// keepName returns when the file has its name on the disk: until then a machine
// that fails may come back with the file of before, and needs the journals.
func (f *file) keepName() error {
	if !f.renamed {
		return nil
	}
	err := syncDir(filepath.Dir(f.journal.path))
	f.renamed = err != nil
	return err
}
