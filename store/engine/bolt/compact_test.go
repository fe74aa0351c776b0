package bolt_test

import (
	"bytes"
	"context"
	"fmt"
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
		content, err := os.ReadFile(filepath.Join(dir, "guichet.db"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(content, []byte("forget me"))
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
	e, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now})
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
