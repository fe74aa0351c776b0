package smtpd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"guichet/envelope"
)

// What a message takes in memory while it is read and filed is in proportion to
// its size, and to nothing that we choose. So there is a bound to how many bytes
// are worked on at a time; whoever is beyond it waits, and is told to come again
// if that takes too long. Large messages that wait lie in files. Small ones have
// a bound of their own: two hundred large ones before them are not waited for.
const (
	smallWork = 32 << 20 // of messages that are no larger than inMemory
	largeWork = 64 << 20
)

// workload is what is worked on.
type workload struct{ small, large *semaphore.Weighted }

func newWorkload() *workload {
	return &workload{small: semaphore.NewWeighted(smallWork), large: semaphore.NewWeighted(largeWork)}
}

// begin waits until there is room for a message of so many bytes, at most for
// patience, and gives what ends the work on it.
func (w *workload) begin(ctx context.Context, size int64, patience time.Duration) (end func(), err error) {
	of, most := w.small, int64(smallWork)
	if size > inMemory {
		of, most = w.large, largeWork
	}
	size = min(size, most)
	if of.TryAcquire(size) {
		return func() { of.Release(size) }, nil
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch err := of.Acquire(waiting, size); {
	case ctx.Err() != nil:
		if err == nil {
			of.Release(size)
		}
		return nil, fmt.Errorf("waiting for room: %w", ctx.Err())
	case err != nil:
		return nil, errFull
	}
	return func() { of.Release(size) }, nil
}

// errFull is said when there is more than we can keep or work on (RFC 5321
// §4.2.2, RFC 3463 X.3.1).
var errFull = &envelope.Refusal{Code: 452, Enhanced: [3]int{4, 3, 1}, Text: "Too much at the moment, please try again later"}

// full reports whether an error says that a disk has no room.
func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// roomFor reports whether the disk of the spool has room for a message, said to
// be of so many bytes, and some to spare. It is asked before the message comes:
// nobody should send 25 MiB to hear that they cannot be kept.
func (s *Settings) roomFor(size int64) bool {
	return s.disk.free(s.SpoolDir) >= s.MinimumFree+size
}

// disk remembers what room there is for a moment, in which no disk fills that
// has MinimumFree left.
type disk struct {
	mu    sync.Mutex
	asked time.Time
	bytes int64
}

const freeFor = 100 * time.Millisecond

// free is how many bytes the disk of a directory has left.
func (d *disk) free(dir string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); d.asked.IsZero() || now.Sub(d.asked) >= freeFor {
		d.asked = now
		var found unix.Statfs_t
		if err := unix.Statfs(dir, &found); err != nil {
			d.bytes = math.MaxInt64 // writing will tell
		} else {
			d.bytes = int64(found.Bavail) * int64(found.Bsize)
		}
	}
	return d.bytes
}
