package bolt

import (
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

// Compact writes the file anew with what is in it and nothing else. bbolt leaves
// what was deleted in pages that it uses again later; after Compact, what was
// erased is gone from the file. Readers go on meanwhile, writers wait.
func (e *Engine) Compact(ctx context.Context) error {
	path := filepath.Join(e.dir, "guichet.db")
	if err := e.durable.compact(ctx, path, path+".compact"); err != nil {
		return fmt.Errorf("store: compacting: %w", err)
	}
	return nil
}

func (f *file) compact(ctx context.Context, path, temp string) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := ctx.Err(); err != nil {
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
	err = bbolt.Compact(fresh, f.db, compactStep)
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = replace(path, temp)
	}
	if err != nil {
		return errors.Join(err, fresh.Close(), os.Remove(temp))
	}
	fresh.NoSync = false
	f.swap.Lock()
	old := f.db
	f.db = fresh
	f.swap.Unlock()
	return old.Close()
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
