package proof

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	maxDoubt   = 4 * time.Hour // how long DNS may keep a message waiting
	doubtsSize = 4096
)

// Doubts remembers the messages that were sent away because a look-up failed,
// so that none waits longer than four hours for somebody's name server. It
// knows digests only, and forgets the oldest when there are too many.
type Doubts struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]time.Time
}

// NewDoubts makes an empty memory.
func NewDoubts() *Doubts {
	return &Doubts{young: map[[sha256.Size]byte]time.Time{}}
}

// Wait reports whether the message may be asked to come again. The first time
// it is, and four hours later no more.
func (d *Doubts) Wait(digest [sha256.Size]byte, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	first, ok := d.young[digest]
	if !ok {
		first, ok = d.old[digest]
	}
	if !ok {
		if len(d.young) >= doubtsSize {
			d.young, d.old = map[[sha256.Size]byte]time.Time{}, d.young
		}
		first = now
		d.young[digest] = now
	}
	return now.Sub(first) < maxDoubt
}
