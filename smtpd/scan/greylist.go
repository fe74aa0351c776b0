package scan

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Greylist asks whom nothing proves to come again (RFC 6647): what sends spam
// seldom does. Mail whose From domain stands behind it is never made to wait,
// nor what a host hands on for others.
type Greylist struct {
	// Delay is how long a sender must wait; 0 asks nobody to.
	Delay time.Duration
	// Window is how long we wait for it to come again.
	Window time.Duration
	// Keep is how long one who did is let in at once.
	Keep     time.Duration
	TempFail bool
}

// Memory keeps when senders first came. Those that keep it outside of this
// process are to key the digest: it is over addresses.
type Memory interface {
	// First gives when the key was put; the zero time when it is not known, or
	// no longer.
	First(ctx context.Context, key Key, now time.Time) (time.Time, error)
	// Put keeps the key until then.
	Put(ctx context.Context, key Key, first, until time.Time) error
}

// Key is a digest of network, sender and recipient.
type Key [sha256.Size]byte

type greylistCheck struct {
	Greylist
	memory Memory
}

// Name is Check's.
func (*greylistCheck) Name() string { return "greylist" }

const greyAnswer = "Greylisted, please try again in some minutes"

// Check lets in who came before.
func (c *greylistCheck) Check(ctx context.Context, m *Mail) (Verdict, error) {
	if m.Proved || m.Known || m.Forwarded || len(m.Recipients) == 0 {
		return Verdict{}, nil
	}
	key, now := greyKey(m), m.Received
	first, err := c.memory.First(ctx, key, now)
	switch {
	case err != nil:
		return Verdict{}, err
	case first.IsZero():
		return Verdict{Defer, "greylisted", greyAnswer}, c.memory.Put(ctx, key, now, now.Add(c.Window))
	case now.Sub(first) < c.Delay:
		return Verdict{Defer, "greylisted", greyAnswer}, nil
	}
	return Verdict{}, c.memory.Put(ctx, key, first, now.Add(c.Keep))
}

// greyKey names a sender by its network, because large ones try again from a
// neighbour; of several recipients by the first.
func greyKey(m *Mail) Key {
	bits := 24
	if m.Client.Is6() {
		bits = 64
	}
	network, _ := m.Client.Prefix(bits)
	if !m.Client.IsValid() {
		network = netip.Prefix{}
	}
	return sha256.Sum256([]byte(strings.Join([]string{network.String(), m.From.Key(), m.Recipients[0].Key()}, "\x00")))
}

// remembered is how many keys one generation of MemoryHere holds.
const remembered = 50_000

// MemoryHere is a Memory of this process: it is lost with it, which costs each
// new sender one more wait, and not shared, so with several daemons a sender
// may have to come once to each. It holds at most a hundred thousand keys, some
// twelve megabytes, and then forgets the oldest.
type MemoryHere struct {
	mu         sync.Mutex
	young, old map[Key]visit
}

type visit struct{ first, until time.Time }

// NewMemoryHere is an empty one.
func NewMemoryHere() *MemoryHere { return &MemoryHere{young: map[Key]visit{}} }

// First is Memory's.
func (h *MemoryHere) First(_ context.Context, key Key, now time.Time) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.young[key]
	if !ok {
		v = h.old[key]
	}
	if !now.Before(v.until) {
		return time.Time{}, nil
	}
	return v.first, nil
}

// Put is Memory's.
func (h *MemoryHere) Put(_ context.Context, key Key, first, until time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.young[key]; !known && len(h.young) >= remembered {
		h.young, h.old = map[Key]visit{}, h.young
	}
	h.young[key] = visit{first, until}
	return nil
}
