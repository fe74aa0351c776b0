package bolt_test

import (
	"errors"
	"testing"
	"time"

	"guichet/store/engine/bolt"
	"guichet/store/engine/enginetest"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		clock := enginetest.NewClock()
		e := open(t, t.TempDir(), clock.Now)
		return enginetest.Subject{Engine: e, Now: clock.Now, Advance: clock.Advance}
	})
}

func open(t testing.TB, dir string, now func() time.Time) *bolt.Engine {
	t.Helper()
	e, err := bolt.Open(bolt.Options{Dir: dir, Now: now})
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
