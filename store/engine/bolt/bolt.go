// Package bolt is the embedded engine: one file, one daemon, nothing to
// install. A commit returns when the journal has it on the disk, after a sync
// that it shares with the commits that came in while the one before was being
// written. What the journal holds lies in memory above the file, and is written
// into it later.
package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"guichet/store/engine"
	"guichet/ticket"
)

// Options say where the engine keeps its file.
type Options struct {
	// Dir holds the file guichet.db. It is created with mode 0700.
	Dir string
	// Wait is how long to wait for another process to let go of the file.
	Wait time.Duration
	// Now is the engine's clock.
	Now func() time.Time
	// Memory is about how many bytes gather before they are written to the file;
	// 0 is 16 MiB. Four times that is the most that ever waits.
	Memory int
	// Age is how long a change waits for others at most; 0 is 10 seconds.
	Age time.Duration
}

// The defaults of Options.
const (
	memory = 16 << 20
	age    = 10 * time.Second
)

// ErrLocked is what Open gives while another process has the file.
var ErrLocked = errors.New("another guichet is using the store")

// Engine is an engine.Engine over two bbolt files: one that is durable, and one
// for the volatile spaces, which is never synced and begins empty.
type Engine struct {
	durable *file
	scratch *file
	dir     string
}

// Open opens the store of a directory, or makes it.
func Open(opt Options) (*Engine, error) {
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	opt.Memory, opt.Age = cmp.Or(opt.Memory, memory), cmp.Or(opt.Age, age)
	path := filepath.Join(opt.Dir, "guichet.db")
	// bbolt takes a wait of 0 as for ever.
	durable, err := openFile(path, opt, bbolt.Options{Timeout: max(opt.Wait, time.Millisecond)})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s is locked", ErrLocked, path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	e := &Engine{durable: durable, dir: opt.Dir}
	if err := errors.Join(removeHalves(path), e.openScratch(opt)); err != nil {
		return nil, errors.Join(err, durable.close())
	}
	return e, nil
}

// What files are called while they are written, until they take the place of the
// store's.
const (
	copyEnding = ".compact"
	fillEnding = ".filling"
)

// removeHalves removes what a machine that failed left of such files: what is
// erased later would stay in it.
func removeHalves(path string) (err error) {
	for _, end := range []string{copyEnding, fillEnding} {
		if gone := os.Remove(path + end); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

func (e *Engine) openScratch(opt Options) error {
	path := filepath.Join(e.dir, "scratch.db")
	// What a daemon that was killed left there is old advice, perhaps broken.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	scratch, err := openFile(path, opt, bbolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return fmt.Errorf("store: opening %s: %w", path, err)
	}
	e.scratch = scratch
	return nil
}

// Close ends what is under way and lets go of the files.
func (e *Engine) Close() error {
	err := errors.Join(e.durable.close(), e.scratch.close())
	return errors.Join(err, os.Remove(filepath.Join(e.dir, "scratch.db")))
}

func (e *Engine) file(space engine.Space) *file {
	if space.Volatile() {
		return e.scratch
	}
	return e.durable
}

// Read is engine.Engine's.
func (e *Engine) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) ([]engine.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var answers []engine.Answer
	err := e.file(space).read(func(p *page) error {
		answers = newReader(p, space).all(asks)
		return nil
	})
	return answers, err
}

// Commit is engine.Engine's.
func (e *Engine) Commit(ctx context.Context, space engine.Space, batch engine.Batch) (engine.Committed, error) {
	if err := batch.Validate(); err != nil {
		return engine.Committed{}, err
	}
	return write(ctx, e.file(space), func(p *page) (engine.Committed, error) { return p.commit(space, batch) })
}

// Lease is engine.Engine's. A lease that finds nothing writes nothing.
func (e *Engine) Lease(ctx context.Context, space engine.Space, index string, n int, d time.Duration) ([]engine.Entry, error) {
	f, due := e.file(space), false
	err := f.read(func(p *page) error {
		due = len(p.due(space, index, 1)) > 0
		return nil
	})
	if err != nil || !due {
		return nil, err
	}
	return write(ctx, f, func(p *page) ([]engine.Entry, error) { return p.lease(space, index, n, d) })
}

// Take is engine.Engine's.
func (e *Engine) Take(ctx context.Context, space engine.Space, record string, remember time.Duration, brakes []ticket.Brake) (refused int, err error) {
	return write(ctx, e.file(space), func(p *page) (int, error) { return p.take(space, record, remember, brakes) })
}

// Sync is engine.Engine's. Every commit was durable when it returned.
func (e *Engine) Sync(ctx context.Context, _ engine.Space) error { return ctx.Err() }

// Scan is engine.Engine's.
func (e *Engine) Scan(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		err := e.durable.read(func(p *page) error { return p.scan(ctx, yield) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(engine.Item{}, fmt.Errorf("store: scanning: %w", err))
		}
	}
}
