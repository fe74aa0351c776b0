package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/store/engine/enginetest"
)

// TestConformance asks the same of what lies in memory and of what is on its way
// to the file all the time.
func TestConformance(t *testing.T) {
	for name, memory := range map[string]int{"memory": 0, "file": 1} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T) enginetest.Subject {
				clock := enginetest.NewClock()
				e := openWith(t, bolt.Options{Dir: t.TempDir(), Now: clock.Now, Memory: memory})
				return enginetest.Subject{Engine: e, Now: clock.Now, Advance: clock.Advance}
			})
		})
	}
}

func open(t testing.TB, dir string, now func() time.Time) *bolt.Engine {
	t.Helper()
	return openWith(t, bolt.Options{Dir: dir, Now: now})
}

func openWith(t testing.TB, opt bolt.Options) *bolt.Engine {
	t.Helper()
	e, err := bolt.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestSecondDaemonIsToldSo(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, time.Now)
	_, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now})
	if !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("error is %v", err)
	}
}

// TestCallerWhoLeavesMayComeBack ends the context while writes are on their way:
// each either did happen or can still be done, and its repeat tells.
func TestCallerWhoLeavesMayComeBack(t *testing.T) {
	e := open(t, t.TempDir(), time.Now)
	for i := range 100 {
		leaving, cancel := context.WithCancel(ctx)
		b := engine.Batch{Operation: fmt.Sprint("op", i), Remember: time.Hour, Draws: []engine.Counter{{Record: "numbers", Field: "n"}}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err := e.Commit(leaving, "acme", b)
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}()
		cancel()
		<-done
		again, err := e.Commit(ctx, "acme", b)
		if err != nil || again.Numbers[0] != uint64(i+1) {
			t.Fatalf("operation %d has number %v, %v", i, again.Numbers, err)
		}
	}
}
