package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"guichet/store/engine"
)

// A copy that missed a flush lacks what was written by it, whatever came later.
func TestCopyThatMissedAFlushIsGivenUp(t *testing.T) {
	e := openSmall(t, t.TempDir())
	f := e.durable
	temp := filepath.Join(e.dir, "copy")
	fresh, err := bbolt.Open(temp, 0o600, &bbolt.Options{NoSync: true, MaxSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	f.follow(fresh)
	for _, room := range []int{1, 0} {
		f.flushing.Lock()
		fresh.MaxSize = room
		f.flushing.Unlock()
		if err := put(e, "a", "v"); err != nil {
			t.Fatal(err)
		}
		if err := f.drain(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.exchange(fresh, filepath.Join(e.dir, "guichet.db"), temp); !errors.Is(err, berrors.ErrMaxSizeReached) {
		t.Errorf("error is %v", err)
	}
	f.follow(nil)
	if err := fresh.Close(); err != nil {
		t.Error(err)
	}
	shut(t, e)
}

// When the directory cannot be synced after the exchange, the file that has the
// name is the one that is written.
func TestExchangeWhoseNameIsNotDurable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every directory")
	}
	e := openSmall(t, t.TempDir())
	for range 2 { // both journals are there
		if err := errors.Join(put(e, "a", "before"), e.durable.drain()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(e.dir, 0o300); err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(ctx); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error is %v", err)
	}
	if err := put(e, "a", "after"); err != nil {
		t.Fatal(err)
	}
	if err := e.durable.drain(); !errors.Is(err, os.ErrPermission) {
		t.Errorf("the journal was given up before the file had its name: %v", err)
	}
	if err := os.Chmod(e.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.durable.drain(); err != nil {
		t.Error(err)
	}
	again := openSmall(t, crashed(t, e))
	if got := get(t, again, "a"); got != "after" {
		t.Errorf("it is %q", got)
	}
	shut(t, again)
	shut(t, e)
}

// Who waits for a file that is written anew meanwhile does not get the old one,
// when that is let go.
func TestWaitingForAFileThatIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guichet.db")
	e := openSmall(t, dir)
	var once sync.Once
	waiting := bbolt.Options{Timeout: time.Millisecond, OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(name, flag, mode)
		once.Do(func() {
			if err := errors.Join(e.Compact(ctx), put(e, "a", "v")); err != nil {
				t.Error(err)
			}
		})
		return file, err
	}}
	if second, err := openFile(path, Options{Now: time.Now, Memory: small, Age: age}, waiting); !errors.Is(err, berrors.ErrTimeout) {
		t.Errorf("it is opened, %v", errors.Join(err, second.close()))
	}
	again := openSmall(t, crashed(t, e))
	if got := get(t, again, "a"); got != "v" {
		t.Errorf("it is %q", got)
	}
	shut(t, again)
	shut(t, e)
}

// What a machine that failed left of a file beside the store's is nothing that
// anybody wants, and holds what may be erased since.
func TestHalfAFileIsNotKept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"guichet.db.filling", "guichet.db.compact"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half a file"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, openSmall(t, dir))
	nothingIn(t, dir, "guichet.db")
}

// After a compaction no journal holds what is gone: neither what was put and
// deleted before it came to the file, nor what a machine left that failed while
// it wiped one.
func TestCompactionForgetsJournals(t *testing.T) {
	secret := []byte("a word that is erased")
	dir := t.TempDir()
	left := filepath.Join(dir, "guichet.db.journal2")
	if err := os.WriteFile(left, append(make([]byte, headSize), secret...), 0o600); err != nil {
		t.Fatal(err)
	}
	e := openSmall(t, dir)
	if err := put(e, "a", string(secret)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Drop("a")}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, secret) {
			t.Errorf("%s holds it", filepath.Base(name))
		}
	}
	shut(t, e)
}

// A journal without its file is of another life: what it holds changed things
// that are gone.
func TestJournalWithoutItsFileIsToldOf(t *testing.T) {
	e := openSmall(t, t.TempDir())
	if err := put(e, "a", "v"); err != nil {
		t.Fatal(err)
	}
	left := crashed(t, e)
	shut(t, e)
	if err := os.Remove(filepath.Join(left, "guichet.db")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // trying changes nothing
		if _, err := Open(Options{Dir: left, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "guichet.db is gone") {
			t.Errorf("error is %v", err)
		}
	}
}
