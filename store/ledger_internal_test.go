package store

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLedgerKeepsWhatWasErased(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l := ledger{filepath.Join(t.TempDir(), "keys", "erased.ledger")}
	for _, err := range []error{
		l.erasing(at, "acme", "ticket:a", "ticket:b"),
		l.erasing(at, "globex", "ticket:a"),
		l.erasing(at, "acme", "enrolled:d"),
		l.keeping(at, "acme", "ticket:b"),
		l.erasing(at.Add(time.Hour), "acme", "ticket:a"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := readLedgers(l.path)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[keyName]bool{
		{"acme", "ticket:a"}: true, {"globex", "ticket:a"}: true, {"acme", "ticket:b"}: false, {"acme", "ticket:c"}: false,
	} {
		// An id never comes again: when it was erased does not matter.
		if is := got.covers(key, at.Add(1000*time.Hour)); is != want {
			t.Errorf("%v is erased: %v", key, is)
		}
	}
	// Who was forgotten may have enrolled again before the backup was made.
	person := keyName{"acme", "enrolled:d"}
	if !got.covers(person, at.Add(-time.Hour)) || got.covers(person, at.Add(2*time.Hour)) {
		t.Error("enrolments are forgotten at the wrong time")
	}
	if last := got.last(); !last.Equal(at.Add(time.Hour)) {
		t.Errorf("the last entry is of %v", last)
	}
}

func TestLedgersAreReadTogether(t *testing.T) {
	dir, at := t.TempDir(), time.Now()
	one, two := ledger{filepath.Join(dir, "one")}, ledger{filepath.Join(dir, "two")}
	// What one daemon did not manage to erase, the other did.
	for _, err := range []error{
		one.erasing(at, "acme", "ticket:a"), one.keeping(at, "acme", "ticket:a"), two.erasing(at, "acme", "ticket:a"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all, err := readLedgers(one.path, two.path)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	if err := one.merge(all); err != nil {
		t.Fatal(err)
	}
	if again, err := readLedgers(one.path); err != nil || len(again) != 1 {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := readLedgers(filepath.Join(dir, "none")); err == nil {
		t.Error("a ledger that is not there was read")
	}
}

func TestTornLineOfALedgerIsCut(t *testing.T) {
	l := ledger{filepath.Join(t.TempDir(), "erased.ledger")}
	if err := l.erasing(time.Now(), "acme", "ticket:a"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l.path, "2026-03-02T09:00:00Z erased acme tick")
	if got, err := readLedgers(l.path); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := l.erasing(time.Now(), "acme", "ticket:b"); err != nil {
		t.Fatal(err)
	}
	if got, err := readLedgers(l.path); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	appendTo(t, l.path, "nonsense in the middle\n")
	if _, err := readLedgers(l.path); err == nil || !strings.Contains(err.Error(), "line 3 is damaged") {
		t.Errorf("error is %v", err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralWriteOneLedger(t *testing.T) {
	l := ledger{filepath.Join(t.TempDir(), "erased.ledger")}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if err := l.erasing(time.Now(), "acme", "ticket:"+string(rune('a'+i))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got, err := readLedgers(l.path); err != nil || len(got) != 20 {
		t.Errorf("%d, %v", len(got), err)
	}
}
