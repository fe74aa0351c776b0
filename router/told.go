package router

import (
	"fmt"
	"sync"
)

// told is what this daemon has done of what is due time and again. The store
// knows it for all daemons, and is asked once.
type told struct {
	mu   sync.Mutex
	last map[string]string // by name, the newest time that it was done for
}

// once does what is due under a name for a time, unless that is done. What fails
// is tried again the next time.
func (t *told) once(name, at string, do func() error) error {
	if t.done(name) == at {
		return nil
	}
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]string{}
	}
	t.last[name] = at
	return nil
}

func (t *told) done(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[name]
}
