package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
// erased before it began is gone from the file. Readers and writers go on
// meanwhile: what they change is copied once more, and they wait for the last of
// it only.
func (e *Engine) Compact(ctx context.Context) error {
	path := filepath.Join(e.dir, "guichet.db")
	if err := e.durable.compact(ctx, path, path+".compact"); err != nil {
		return fmt.Errorf("store: compacting: %w", err)
	}
	return nil
}

func (f *file) compact(ctx context.Context, path, temp string) error {
	f.compacting.Lock()
	defer f.compacting.Unlock()
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Opened, it is locked; the lock stays with it when it takes its place, so
	// there is no moment in which another process could have the store.
	fresh, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	f.follow(newTouched())
	err = f.copyTo(ctx, fresh)
	var old *bbolt.DB
	if err == nil {
		old, err = f.exchange(fresh, path, temp)
	}
	if err != nil {
		f.follow(nil)
		return errors.Join(err, fresh.Close(), os.Remove(temp))
	}
	return old.Close()
}

// follow gives what was touched since it was called before, and from now on
// gathers in the other.
func (f *file) follow(next touched) (before touched) {
	f.writing.Lock()
	defer f.writing.Unlock()
	before, f.touched = f.touched, next
	return before
}

// copyTo copies everything, and what changes meanwhile, to the disk.
func (f *file) copyTo(ctx context.Context, fresh *bbolt.DB) error {
	for _, name := range buckets {
		for next, more := []byte(nil), true; more; more = next != nil {
			err := ctx.Err()
			if err == nil {
				next, err = f.copySome(fresh, []byte(name), next)
			}
			if err == nil {
				err = f.copyTouched(fresh, f.follow(newTouched()))
			}
			if err != nil {
				return err
			}
		}
	}
	return fresh.Sync()
}

// copySome copies a part of a bucket, and gives where the next one begins. A
// transaction that reads for long would keep those who write from enlarging the
// file.
func (f *file) copySome(fresh *bbolt.DB, name, from []byte) (next []byte, err error) {
	err = f.db.View(func(in *bbolt.Tx) error {
		return fresh.Update(func(out *bbolt.Tx) error {
			into, err := out.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			into.FillPercent = compactFill
			size := 0
			c, k, v := seek(bucket{Bucket: in.Bucket(name)}, from)
			for ; k != nil && size < compactStep; k, v = c.Next() {
				if err := into.Put(k, v); err != nil {
					return err
				}
				size += len(k) + len(v)
			}
			next = bytes.Clone(k)
			return nil
		})
	})
	return next, err
}

// copyTouched copies keys as they are by now, or are no more.
func (f *file) copyTouched(fresh *bbolt.DB, t touched) error {
	if t.count() == 0 {
		return nil
	}
	return f.db.View(func(in *bbolt.Tx) error {
		return fresh.Update(func(out *bbolt.Tx) error {
			for name, keys := range t {
				from := in.Bucket([]byte(name))
				into, err := out.CreateBucketIfNotExists([]byte(name))
				for key := range keys {
					if err != nil {
						return err
					}
					if v := from.Get([]byte(key)); v != nil {
						err = into.Put([]byte(key), v)
					} else {
						err = into.Delete([]byte(key))
					}
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// exchange copies what is left and puts the copy in the place of the file, while
// nobody writes. It gives the file of before.
func (f *file) exchange(fresh *bbolt.DB, path, temp string) (old *bbolt.DB, err error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	err = f.copyTouched(fresh, f.touched)
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = replace(path, temp)
	}
	if err != nil {
		return nil, err
	}
	fresh.NoSync, f.touched = false, nil
	f.swap.Lock()
	defer f.swap.Unlock()
	old, f.db = f.db, fresh
	return old, nil
}

// replace puts a file in the place of another, durably.
func replace(path, by string) error {
	if err := os.Rename(by, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
