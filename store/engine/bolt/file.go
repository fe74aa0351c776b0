package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"guichet/store/engine"
)

// file is one bbolt file with a single writer that groups what waits.
type file struct {
	// Who reads holds swap, who writes holds writing; who puts another file in
	// the place of db holds both.
	swap    sync.RWMutex
	writing sync.Mutex
	db      *bbolt.DB
	// touched is what changes while the file is compacted. Who writes holds writing.
	touched    touched
	compacting sync.Mutex

	now   func() time.Time
	queue chan *request
	// mu guards closed, so that nobody sends on the queue after it was closed.
	mu     sync.RWMutex
	closed bool
	done   chan struct{}
}

// request is one write that waits for its turn.
type request struct {
	do  func(*page) error
	ctx context.Context
	err chan error
}

// maxGroup bounds how many writes share one fsync, and with it how long the
// first of them waits.
const maxGroup = 256

var errClosed = errors.New("store: closed")

func openFile(path string, now func() time.Time, opt bbolt.Options) (*file, error) {
	opt.FreelistType = bbolt.FreelistMapType
	db, err := bbolt.Open(path, 0o600, &opt)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	f := &file{db: db, now: now, queue: make(chan *request, maxGroup), done: make(chan struct{})}
	go f.writer()
	return f, nil
}

func (f *file) close() error {
	f.mu.Lock()
	already := f.closed
	f.closed = true
	if !already {
		close(f.queue)
	}
	f.mu.Unlock()
	<-f.done
	return f.db.Close()
}

func (f *file) read(do func(*page) error) error {
	f.swap.RLock()
	defer f.swap.RUnlock()
	return f.db.View(func(tx *bbolt.Tx) error { return do(newPage(tx, f.now(), nil)) })
}

// write runs do in a transaction and returns when that is on the disk. When ctx
// ends first, the write may still happen: that is what operation ids are for.
func write[T any](ctx context.Context, f *file, do func(*page) (T, error)) (T, error) {
	var result, none T
	r := &request{ctx: ctx, err: make(chan error, 1)}
	r.do = func(p *page) (err error) {
		result, err = do(p)
		return err
	}
	if err := f.enqueue(r); err != nil {
		return none, err
	}
	select {
	case err := <-r.err:
		return result, err
	case <-ctx.Done():
		// The writer may be about to set result.
		return none, fmt.Errorf("store: waiting for the disk: %w", ctx.Err())
	}
}

func (f *file) enqueue(r *request) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return errClosed
	}
	select {
	case f.queue <- r:
		return nil
	case <-r.ctx.Done():
		return fmt.Errorf("store: waiting for the disk: %w", r.ctx.Err())
	}
}

// writer is the only one who writes. While a group is on its way to the disk,
// the next one gathers in the queue: alone, a write never waits for company.
func (f *file) writer() {
	defer close(f.done)
	for first := range f.queue {
		f.writeGroup(f.gather(first))
	}
}

func (f *file) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < maxGroup {
		select {
		case r, ok := <-f.queue:
			if !ok {
				return group
			}
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// writeGroup runs a group in one transaction. A conflict is found before
// anything of its batch is written, so it leaves no trace among the others; any
// other failure is the disk's, and fails them all.
func (f *file) writeGroup(group []*request) {
	f.writing.Lock()
	defer f.writing.Unlock()
	answers := make([]error, len(group))
	err := f.db.Update(func(tx *bbolt.Tx) error {
		p := newWriting(tx, f.now(), f.touched)
		if err := p.sweep(); err != nil {
			return err
		}
		for i, r := range group {
			if answers[i] = r.ctx.Err(); answers[i] != nil {
				continue // its caller has gone
			}
			answers[i] = r.do(p)
			if answers[i] != nil && !errors.Is(answers[i], engine.ErrConflict) {
				return answers[i]
			}
		}
		return p.settle()
	})
	for i, r := range group {
		if err != nil {
			r.err <- fmt.Errorf("store: writing: %w", err)
			continue
		}
		r.err <- answers[i]
	}
}
