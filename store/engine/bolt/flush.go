package bolt

import (
	"time"

	"go.etcd.io/bbolt"
)

const (
	// flushStep bounds how much one transaction of a flush writes, in bytes: the
	// disk is the journal's too, and mail waits for that.
	flushStep = 1 << 20
	// flushRetry is how long a flush that failed waits.
	flushRetry = time.Second
)

// flusher writes what has gathered in memory to the file: an overlay that is
// full, and whatever there is when it has lain for long enough.
func (f *file) flusher() {
	defer close(f.flushed)
	for {
		var err error
		select {
		case <-f.stop:
			return
		case <-f.full:
			err = f.flush()
		case <-f.due.C:
			err = f.drain()
		}
		if err != nil {
			f.due.Reset(flushRetry)
		}
	}
}

// freeze hands the young overlay and its journal over to be written to the file,
// and begins others. Who calls it holds writing; nothing is frozen yet.
func (f *file) freeze() error {
	if err := f.journal.heal(); err != nil {
		return err // another journal would come behind what is in doubt
	}
	f.spare.generation = f.journal.generation + 1
	f.journal, f.spare = f.spare, f.journal
	f.show(layers{young: newOverlay(), frozen: f.layers.young})
	return nil
}

// show lets readers see other layers. Who calls it holds writing.
func (f *file) show(l layers) {
	f.swap.Lock()
	defer f.swap.Unlock()
	f.layers = l
}

// makeRoom waits until a group of writes may add to the young overlay. Who calls
// it holds writing, which is free while it waits.
func (f *file) makeRoom() error {
	for f.layers.young.size >= f.memory {
		switch {
		case f.layers.frozen == nil:
			if err := f.freeze(); err != nil {
				return err
			}
			wake(f.full)
		case f.layers.young.size < 2*f.memory:
			return nil
		case f.failure != nil:
			return f.failure
		default:
			f.room.Wait()
		}
	}
	return nil
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// flush writes the frozen overlay to the file, if there is one. A file that has
// all of it, or some, looks no different under the overlay: readers need not
// know how far it is.
func (f *file) flush() error {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	f.writing.Lock()
	frozen := f.layers.frozen
	f.writing.Unlock()
	if frozen == nil {
		return nil
	}
	err := pour(f.db, frozen)
	if err == nil && f.copy != nil && f.copyFailed == nil {
		f.copyFailed = pour(f.copy, frozen)
	}
	if err == nil {
		err = f.keepName()
	}
	if err == nil {
		err = f.spare.wipe()
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	f.failure = err
	if err == nil {
		f.show(layers{young: f.layers.young})
	}
	f.room.Broadcast()
	return err
}

// drain writes to the file what is in memory now.
func (f *file) drain() error {
	// What is frozen already comes first, then what is young.
	for range 2 {
		if err := f.freezeWhatIsThere(); err != nil {
			return err
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) freezeWhatIsThere() error {
	f.writing.Lock()
	defer f.writing.Unlock()
	// A journal may hold what came and went: it is wiped all the same.
	if f.layers.frozen != nil || f.layers.young.empty() && f.journal.end == 0 {
		return nil
	}
	return f.freeze()
}

// pour writes an overlay into a file.
func pour(db *bbolt.DB, o *overlay) error {
	for c := o.changes(); c.more; {
		if err := db.Update(func(tx *bbolt.Tx) error { return pourSome(tx, c) }); err != nil {
			return err
		}
	}
	return nil
}

func pourSome(tx *bbolt.Tx, c *changes) error {
	var into *bbolt.Bucket
	number := -1
	for size := 0; c.more && size < flushStep; {
		if number != c.bucket {
			var err error
			if into, err = tx.CreateBucketIfNotExists([]byte(buckets[c.bucket])); err != nil {
				return err
			}
			number = c.bucket
		}
		n, err := pourNext(into, c)
		if err != nil {
			return err
		}
		size += n
	}
	return nil
}

// pourNext writes what comes next, passes it, and gives how many bytes it was.
func pourNext(into *bbolt.Bucket, c *changes) (size int, err error) {
	if buckets[c.bucket] == bucketPacks {
		return pourPack(into, c)
	}
	key, value := plain(c.at.Key()), c.at.Value()
	c.advance()
	if value == nil {
		return len(key), into.Delete(key)
	}
	return len(key) + len(value), into.Put(key, value)
}
