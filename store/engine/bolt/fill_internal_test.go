package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/store/engine"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// TestSorterIsAMapInOrder: whatever comes, in runs of some bytes, what is given
// is the last value of each key, in order.
func TestSorterIsAMapInOrder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s, err := newSorter(dir, rapid.IntRange(1, 60).Draw(t, "at once"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, key := range rapid.SliceOf(rapid.StringMatching(`[abc]{0,3}`)).Draw(t, "keys") {
			value := rapid.StringN(0, 5, 20).Draw(t, "value")
			want["k"+key] = value
			if err := s.add('k', []byte(key), []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		var keys []string
		got := map[string]string{}
		err = s.each(func(key, value []byte) error {
			keys, got[string(key)] = append(keys, string(key)), string(value)
			return nil
		})
		if err := errors.Join(err, s.close()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), keys); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	nothingIn(t, dir)
}

func nothingIn(t *testing.T, dir string, but ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(but, e.Name()) {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func openAt(t *testing.T, dir string, now func() time.Time) *Engine {
	t.Helper()
	e, err := Open(Options{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// someItems are fields, some of which vanish, entries and packs, in no order and
// some of them twice.
func someItems() []engine.Item {
	var items []engine.Item
	for i := range 3000 {
		space := engine.Space([]string{"acme", "globex"}[i%2])
		record := fmt.Sprint("r", i%700)
		item := engine.Item{Space: space, Record: record, Name: fmt.Sprint("f", i), Value: bytes.Repeat([]byte{byte(i)}, i%300)}
		if i%700 < 50 {
			item.Left = time.Duration(1+i%700) * time.Minute
		}
		entry := engine.Item{Space: space, Index: fmt.Sprint("index", i%13), Name: fmt.Sprint("m", i), Score: engine.Score(i*7919%1000 - 500)}
		pack := engine.Item{Space: space, Pack: fmt.Sprint("pack", i%17), Value: engine.PackBytes([]uint32{uint32(i + 1), uint32(i)<<20 | 7})}
		items = append(items, item, entry, pack)
		if i%10 == 0 {
			items = append(items, item, entry, pack)
		}
	}
	rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items
}

// commitItems writes them as commits do.
func commitItems(t *testing.T, e *Engine, items []engine.Item) {
	t.Helper()
	steps := map[engine.Space][]engine.Step{}
	for _, item := range items {
		these := steps[item.Space]
		if item.Pack != "" {
			these = append(these, engine.Include(item.Pack, engine.PackNumbers(item.Value, 0, math.MaxUint32)...))
		} else if item.Index != "" {
			these = append(these, engine.Add(item.Index, item.Name, item.Score))
		} else {
			these = append(these, engine.Put(item.Record, item.Name, item.Value))
		}
		if item.Left > 0 {
			these = append(these, engine.Expire(item.Record, item.Left))
		}
		steps[item.Space] = these
	}
	for space, these := range steps {
		if _, err := e.Commit(ctx, space, engine.Batch{Steps: these}); err != nil {
			t.Fatal(err)
		}
	}
}

func fillWith(e *Engine, atOnce int, items []engine.Item, progress func(done, total int)) error {
	f := filling{file: e.durable, path: filepath.Join(e.dir, "guichet.db"), atOnce: atOnce, progress: progress}
	return f.fill(ctx, f.keep, func(give func(engine.Item) error) error {
		for _, item := range items {
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// holds is all that an engine gives.
func holds(t *testing.T, e *Engine) map[string]any {
	t.Helper()
	out := map[string]any{}
	for item, err := range e.Dump(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprint(item.Space, " ", item.Record, item.Index, item.Pack, " ", item.Name)] = item
	}
	for _, space := range []engine.Space{"acme", "globex"} {
		for i := range 13 {
			index := fmt.Sprint("index", i)
			answers, err := e.Read(ctx, space, engine.Ask{Page: &engine.Page{Index: index, N: 1e6}})
			if err != nil {
				t.Fatal(err)
			}
			out[string(space)+" "+index] = answers
		}
	}
	return out
}

// TestFillIsAsCommits: a file that was filled holds what it would hold by
// commits, also what was there before, in every bucket.
func TestFillIsAsCommits(t *testing.T) {
	now := noon
	clock := func() time.Time { return now }
	items := someItems()
	dir := t.TempDir()
	filled, committed := openAt(t, dir, clock), openAt(t, t.TempDir(), clock)
	commitItems(t, filled, items[:50])
	last, whole := 0, 0
	err := fillWith(filled, 10_000, items[50:], func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last, whole = done, total
	})
	if err != nil {
		t.Fatal(err)
	}
	if last < whole/2 {
		t.Errorf("progress ended at %d of %d", last, whole)
	}
	commitItems(t, committed, items)
	if diff := cmp.Diff(holds(t, committed), holds(t, filled)); diff != "" {
		t.Error(diff)
	}
	now = now.Add(20 * time.Minute)
	for _, e := range []*Engine{filled, committed} {
		commitItems(t, e, []engine.Item{{Space: "acme", Record: "new", Name: "v", Value: []byte("x")}})
	}
	if diff := cmp.Diff(holds(t, committed), holds(t, filled)); diff != "" {
		t.Error(diff)
	}
	nothingIn(t, dir, "guichet.db", "guichet.db.journal1", "guichet.db.journal2", "scratch.db")
	if err := filled.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, dir, clock)
	if diff := cmp.Diff(holds(t, committed), holds(t, again)); diff != "" {
		t.Error(diff)
	}
}

// TestFillIsAllOrNothing: one that fails leaves what was there, and no file; and
// it can be begun anew.
func TestFillIsAllOrNothing(t *testing.T) {
	clock := func() time.Time { return noon }
	items := someItems()
	dir := t.TempDir()
	e := openAt(t, dir, clock)
	commitItems(t, e, items[:20])
	// What a machine left there that failed.
	if err := os.WriteFile(filepath.Join(dir, "guichet.db.filling"), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := holds(t, e)
	broken := errors.New("broken off")
	leaving, leave := context.WithCancel(ctx)
	for name, fill := range map[string]func() error{
		"it cannot be read on": func() error {
			return e.Fill(ctx, func(give func(engine.Item) error) error {
				return errors.Join(give(items[100]), broken)
			}, func(int, int) {})
		},
		"its caller leaves while it is written": func() error {
			return e.Fill(leaving, func(give func(engine.Item) error) error {
				for _, item := range items {
					if err := give(item); err != nil {
						return err
					}
				}
				return nil
			}, func(int, int) { leave() })
		},
		"a name is none": func() error {
			return e.Fill(ctx, func(give func(engine.Item) error) error {
				return give(engine.Item{Space: "acme", Record: "a\x00b", Name: "v"})
			}, func(int, int) {})
		},
	} {
		if err := fill(); err == nil {
			t.Errorf("%s, and it was filled", name)
		}
		if diff := cmp.Diff(before, holds(t, e)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if err := fillWith(e, 1000, items, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	nothingIn(t, dir, "guichet.db", "guichet.db.journal1", "guichet.db.journal2", "scratch.db")
	if n := len(holds(t, e)); n <= len(before) {
		t.Errorf("it holds %d things", n)
	}
}
