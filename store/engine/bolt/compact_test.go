package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"guichet/store/engine"
	"guichet/store/engine/bolt"
)

var ctx = context.Background()

func TestCompactionForgetsWhatWasDeleted(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, time.Now)
	secret := bytes.Repeat([]byte("forget me "), 100)
	var puts, drops []engine.Step
	for i := range 50 {
		record := fmt.Sprint("r", i)
		puts = append(puts, engine.Put(record, "v", secret), engine.Put("kept", record, []byte("kept")))
		drops = append(drops, engine.Drop(record))
	}
	for _, steps := range [][]engine.Step{puts, drops} {
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: steps}); err != nil {
			t.Fatal(err)
		}
	}
	holds := func() bool {
		for _, name := range []string{"guichet.db", "guichet.db.journal1", "guichet.db.journal2"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if bytes.Contains(content, []byte("forget me")) {
				return true
			}
		}
		return false
	}
	if !holds() {
		t.Fatal("there was nothing to forget")
	}
	if err := e.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if holds() {
		t.Error("it is still there")
	}
	if _, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now}); err == nil {
		t.Error("the compacted file is not locked")
	}
	prefix := ""
	if got, err := e.Read(ctx, "acme", engine.Ask{Record: "kept", Names: &prefix}); err != nil || len(got[0].Names) != 50 {
		t.Errorf("%d of 50 are left, %v", len(got[0].Names), err)
	}
}

func TestCompactionAmongWritersLosesNothing(t *testing.T) {
	dir := t.TempDir()
	e, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now, Memory: gathered})
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 4, 50
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range each {
				if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("a", fmt.Sprint(w, ":", i), nil)}}); err != nil {
					t.Error(err)
				}
				if w == 0 && i%10 == 0 {
					if err := e.Compact(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	prefix := ""
	got, err := open(t, dir, time.Now).Read(ctx, "acme", engine.Ask{Record: "a", Names: &prefix})
	if err != nil || len(got[0].Names) != workers*each {
		t.Errorf("%d of %d are left, %v", len(got[0].Names), workers*each, err)
	}
}

// What changes while a file of several parts is copied, and what is deleted from
// parts that were copied already, is right in the copy.
func TestCompactionFollowsWhatChanges(t *testing.T) {
	dir := t.TempDir()
	e, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now, Memory: gathered})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(steps ...engine.Step) {
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: steps}); err != nil {
			t.Error(err)
		}
	}
	ballast := bytes.Repeat([]byte("x"), 64<<10)
	for _, record := range []string{"a", "m", "z"} {
		for i := range 90 {
			commit(engine.Put(record, fmt.Sprint(i), ballast))
		}
	}
	over := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		defer close(over)
		for range 3 {
			if err := e.Compact(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	round := 0
	for going := true; going; round++ {
		select {
		case <-over:
			going = false
		default:
		}
		one, other := fmt.Sprint("b", round), fmt.Sprint("b", round-1)
		commit(engine.Put(one, "v", nil), engine.Drop(other), engine.Put("n", "round", []byte(fmt.Sprint(round))),
			engine.Add("list", one, engine.Score(round)), engine.Remove("list", other), engine.Add("moving", "it", engine.Score(round)))
	}
	group.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	records, entries := map[string]string{}, map[string]engine.Score{}
	for item, err := range open(t, dir, time.Now).Dump(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case item.Index != "":
			entries[item.Index+" "+item.Name] = item.Score
		case len(item.Value) < len(ballast):
			records[item.Record+" "+item.Name] = string(item.Value)
		}
	}
	last := round - 1
	wantRecords := map[string]string{fmt.Sprintf("b%d v", last): "", "n round": fmt.Sprint(last)}
	wantEntries := map[string]engine.Score{fmt.Sprint("list b", last): engine.Score(last), "moving it": engine.Score(last)}
	if !maps.Equal(records, wantRecords) || !maps.Equal(entries, wantEntries) {
		t.Errorf("after %d rounds there are %v and %v", round, records, entries)
	}
}
