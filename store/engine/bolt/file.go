package bolt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"guichet/store/engine"
)

// file is one bbolt file with a single writer that groups what waits. What it
// writes goes to the journal and into the young overlay, where it is read. When
// that has grown, or lain for a while, it is frozen: another one and another
// journal begin, and the flusher writes it to the file, in the order of its keys,
// after which its journal is wiped.
type file struct {
	// Who writes the file holds flushing, who changes what lies above it holds
	// writing, who changes what readers begin with holds swap too; they are taken
	// in this order.
	flushing sync.Mutex
	writing  sync.Mutex
	swap     sync.RWMutex

	db     *bbolt.DB // changes under all three
	layers layers    // changes under writing and swap

	// journal holds what the young overlay does; spare what the frozen one does,
	// and is empty while there is none. They change under writing; spare is
	// flushing's while something is frozen.
	journal, spare *journal
	// unsynced files have no journal, and wait for the disk never.
	unsynced bool
	// memory is how many bytes an overlay takes before it is frozen. Twice that is
	// the most it ever takes.
	memory int
	// age is how long a change lies in the journal only, at most.
	age time.Duration
	// room tells those who wait for it that a flush is over; failure is how the
	// last one ended. They are writing's.
	room    *sync.Cond
	failure error
	// swept is the time until which nothing is left to expire; writing's.
	swept  engine.Score
	record *record // writing's

	full    chan struct{} // something was frozen
	due     *time.Timer   // something has lain for long enough
	stop    chan struct{}
	flushed chan struct{} // closed when the flusher has ended

	// copy is the file that a compaction writes, copyFailed what happened to it;
	// they are flushing's.
	copy       *bbolt.DB
	copyFailed error
	// renamed is set while the file may lose its name; flushing's.
	renamed    bool
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

// openFile opens a file, and takes up what its journals hold.
func openFile(path string, opt Options, how bbolt.Options) (*file, error) {
	how.FreelistType = bbolt.FreelistMapType
	db, err := openNamed(path, how)
	if err != nil {
		return nil, err
	}
	f := &file{
		db: db, now: opt.Now, unsynced: how.NoSync, memory: opt.Memory, age: opt.Age, swept: math.MinInt64, record: newRecord(),
		full: make(chan struct{}, 1), due: time.NewTimer(opt.Age), stop: make(chan struct{}), flushed: make(chan struct{}),
		queue: make(chan *request, maxGroup), done: make(chan struct{}),
	}
	f.room = sync.NewCond(&f.writing)
	f.due.Stop()
	if err := f.begin(path); err != nil {
		return nil, errors.Join(err, f.release())
	}
	go f.writer()
	go f.flusher()
	return f, nil
}

// openNamed opens a file that has its name still when it is ours: who had it may
// have put another in its place (see exchange) while we waited.
func openNamed(path string, how bbolt.Options) (*bbolt.DB, error) {
	var opened *os.File
	open := os.OpenFile
	if how.OpenFile != nil {
		open = how.OpenFile
	}
	how.OpenFile = func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
		opened, err = open(name, flag, mode)
		return opened, err
	}
	for {
		db, err := bbolt.Open(path, 0o600, &how)
		if err != nil {
			return nil, err
		}
		ours, err := opened.Stat()
		named, namedErr := os.Stat(path)
		if err = errors.Join(err, namedErr); err == nil && os.SameFile(ours, named) {
			return db, nil
		}
		if err = errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
}

// begin makes the file ready.
func (f *file) begin(path string) error {
	if err := f.takeUp(path); err != nil {
		return err
	}
	if err := makeBuckets(f.db); err != nil {
		return err
	}
	return f.bringUp(path)
}

// makeBuckets writes nothing when they are all there. A file that has others too
// was written by a program that keeps there what this one would not see.
func makeBuckets(db *bbolt.DB) error {
	there := map[string]bool{}
	err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			there[string(name)] = true
			if !slices.Contains(buckets, string(name)) && !slices.Contains(formerBuckets, string(name)) {
				return fmt.Errorf("%s was written by a newer guichet: it has %q", filepath.Base(db.Path()), name)
			}
			return nil
		})
	})
	if err != nil || !slices.ContainsFunc(buckets, func(name string) bool { return !there[name] }) {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeUp reads the journals that a daemon left which did not end well. The older
// of two is what it was writing to the file.
func (f *file) takeUp(path string) error {
	f.journal, f.spare = &journal{path: path + ".journal1", generation: 1}, &journal{path: path + ".journal2"}
	f.layers.young = newOverlay()
	if f.unsynced {
		return nil
	}
	first, err := f.journal.read()
	if err != nil {
		return err
	}
	second, err := f.spare.read()
	if err != nil {
		return err
	}
	if !second.empty() && (first.empty() || f.spare.generation > f.journal.generation) {
		first, second, f.journal, f.spare = second, first, f.spare, f.journal
	}
	f.layers.young = first
	if !second.empty() {
		f.layers.frozen = second
	}
	for _, j := range []*journal{f.journal, f.spare} {
		if j.end == 0 { // what is in it was about to be wiped
			if err := j.remove(); err != nil {
				return err
			}
		}
	}
	if first.empty() {
		return nil
	}
	f.due.Reset(0)
	return f.belongs()
}

// belongs reports a journal that was found without the file that it goes with.
func (f *file) belongs() error {
	return f.db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(bucketFields)) == nil {
			return fmt.Errorf("guichet.db is gone, and %s was to be written to it: put it back, or remove its journals too", f.journal.path)
		}
		return nil
	})
}

// close writes to the file what is in memory, and deletes the journals.
func (f *file) close() error {
	f.mu.Lock()
	already := f.closed
	f.closed = true
	if !already {
		close(f.queue)
	}
	f.mu.Unlock()
	<-f.done
	if !already {
		close(f.stop) // the writer may have waited for it
	}
	<-f.flushed
	f.due.Stop()
	if already {
		return nil
	}
	if f.unsynced {
		return f.release()
	}
	err := f.drain()
	if err == nil {
		err = errors.Join(f.journal.remove(), f.spare.remove(), syncDir(filepath.Dir(f.journal.path)))
	}
	return errors.Join(err, f.release())
}

func (f *file) release() error {
	return errors.Join(f.journal.release(), f.spare.release(), f.db.Close())
}

// read shows do one moment: the layers, and a transaction of the file, which must
// know nothing that is newer than they. So both are taken under swap. What a
// reader finds frozen may have reached the file, or parts of it, for it hides
// there nothing but itself; and the next overlay is written only after somebody
// held swap to take that one away, by when the transaction has begun.
func (f *file) read(do func(*page) error) error {
	v, err := f.look()
	if err != nil {
		return err
	}
	defer func() { _ = v.tx.Rollback() }()
	return do(newPage(v, f.now(), nil))
}

func (f *file) look() (view, error) {
	f.swap.RLock()
	defer f.swap.RUnlock()
	tx, err := f.db.Begin(false)
	return view{f.layers, tx}, err
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

// writeGroup runs a group over a copy of the young overlay, which takes its place
// when the journal has what changed: nobody reads what is not on the disk. A
// conflict is found before anything of its batch is written, so it leaves no
// trace among the others; any other failure is the disk's, and fails them all.
func (f *file) writeGroup(group []*request) {
	answers := make([]error, len(group))
	err := f.writeAll(group, answers)
	for i, r := range group {
		if err != nil {
			r.err <- fmt.Errorf("store: writing: %w", err)
			continue
		}
		r.err <- answers[i]
	}
}

func (f *file) writeAll(group []*request, answers []error) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := f.makeRoom(); err != nil {
		return err
	}
	young := f.layers.young.copy()
	swept, err := f.change(young, group, answers)
	if err == nil {
		err = f.keep()
	}
	if err != nil {
		return err
	}
	if f.layers.young.empty() && !f.unsynced {
		f.due.Reset(f.age)
	}
	f.swept = swept
	f.show(layers{young, f.layers.frozen})
	return nil
}

// change lets a group change an overlay, and puts what changes into the record.
func (f *file) change(young *overlay, group []*request, answers []error) (swept engine.Score, err error) {
	tx, err := f.db.Begin(false)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	f.record.reset()
	p := newWriting(view{layers{young, f.layers.frozen}, tx}, f.now(), f.record, f.swept)
	err = p.group(group, answers)
	return p.written.swept, err
}

// keep writes the record to the journal.
func (f *file) keep() error {
	if f.record.empty() || f.unsynced {
		return nil
	}
	return f.journal.append(f.record)
}

// group does what each request of a group wants.
func (p *page) group(group []*request, answers []error) error {
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
}
