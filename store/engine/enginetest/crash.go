package enginetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"guichet/store/engine"
)

// crashWriters is how many write at once when a crash comes.
const crashWriters = 4

// WriteUntilFailure commits batches from several goroutines until one fails,
// and reports the name of each after its commit has returned.
func WriteUntilFailure(e engine.Engine, round int, report func(name string)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	for w := range crashWriters {
		group.Go(func() {
			defer cancel()
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", round, w, i)
				if _, err := e.Commit(ctx, space, CrashBatch(name)); err != nil {
					return
				}
				report(name)
			}
		})
	}
	group.Wait()
}

// crashShare is how many of its numbers lie in one record.
const crashShare = 16

// CrashBatch writes in all the ways that there are.
func CrashBatch(name string) engine.Batch {
	return engine.Batch{
		Operation: "op:" + name, Remember: time.Hour,
		Draws: []engine.Counter{{Record: "numbers", Field: "n"}},
		Steps: []engine.Step{
			engine.Put("a:"+name, "content", make([]byte, 3000)),
			engine.PutNumber("a:"+name, "number", 0),
			engine.PutAt("n:", 0, crashShare, []byte(name)),
			engine.Place("a:"+name, "in", "index", name, 1),
			engine.Put("all", name, nil),
		},
	}
}

// CheckWhole checks after a crash that whatever was acknowledged is there, that
// nothing is there by half, and that an operation that was done is known.
func CheckWhole(t *testing.T, e engine.Engine, acknowledged []string) {
	t.Helper()
	s := suite{t, Subject{Engine: e}}
	prefix := ""
	there := map[string]bool{}
	for _, name := range s.read(engine.Ask{Record: "all", Names: &prefix})[0].Names {
		there[name] = true
	}
	for _, name := range acknowledged {
		if !there[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	index := map[string]bool{}
	for _, member := range s.members(engine.Page{Index: "index", N: 1_000_000}) {
		index[member] = true
	}
	s.equal("entries", len(index), len(there))
	s.equal("last number", string(s.get("numbers", "n")), strconv.Itoa(len(there)))
	for name := range there {
		number := string(s.get("a:"+name, "number"))
		n, _ := strconv.Atoi(number) // what is none leads nowhere
		if !index[name] || string(s.get("n:"+strconv.Itoa(n/crashShare), number)) != name || len(s.get("a:"+name, "content")) != 3000 {
			t.Errorf("%s is there by half", name)
		}
		if done := s.commit(CrashBatch(name)); !done.Repeat {
			t.Errorf("%s was done again", name)
		}
	}
}
