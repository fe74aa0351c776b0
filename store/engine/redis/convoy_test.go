package redis_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"guichet/store/engine"
	"guichet/store/engine/redis"
)

// TestManyAtOnce: calls that travel together each get their own reply, whatever
// becomes of the others: some conflict, and some callers leave.
func TestManyAtOnce(t *testing.T) {
	server := miniredis.RunT(t)
	e := open(t, redis.Options{URL: "redis://" + server.Addr()})
	gone, leave := context.WithCancel(ctx)
	leave()
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			name := strconv.Itoa(i)
			b := engine.Batch{
				Checks: []engine.Check{engine.Absent(name, "v")},
				Steps:  []engine.Step{engine.Put(name, "v", []byte(name)), engine.Put("all", name, nil)},
			}
			if i%3 == 2 {
				if _, err := e.Commit(gone, "acme", b); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: whoever has left gets %v", name, err)
				}
				return
			}
			if _, err := e.Commit(ctx, "acme", b); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := e.Commit(ctx, "acme", b); !errors.Is(err, engine.ErrConflict) {
				t.Errorf("%s once more: %v", name, err)
			}
			answers, err := e.Read(ctx, "acme", engine.Ask{Record: name, Fields: []string{"v"}})
			if err != nil || string(answers[0].Rows[0].Fields["v"]) != name {
				t.Errorf("%s reads %v, %v", name, answers, err)
			}
		})
	}
	all.Wait()
	beginning := ""
	answers, err := e.Read(ctx, "acme", engine.Ask{Record: "all", Names: &beginning})
	if err != nil || len(answers[0].Names) != 200 {
		t.Errorf("%d of 200 are there, %v", len(answers[0].Names), err)
	}
}
