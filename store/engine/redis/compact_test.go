package redis_test

import (
	"math"
	"slices"
	"testing"

	"guichet/internal/testkit"
	"guichet/store/engine"
	"guichet/store/engine/redis"
)

// What grew number by number has as much room again behind it, and holes in it.
func TestCompactLeavesPacksNoMoreRoomThanTheyNeed(t *testing.T) {
	server := testkit.RedisFor(t)
	e := open(t, redis.Options{URL: server.URL()})
	commit := func(step engine.Step) {
		t.Helper()
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{step}}); err != nil {
			t.Fatal(err)
		}
	}
	const n = 520 // just more than its room was doubled for
	var want []uint32
	for i := range uint32(n) {
		commit(engine.Include("words:2.1", i<<13|7))
		if want = append(want, i<<13|7); i%10 == 3 {
			commit(engine.Exclude("words:2.1", i<<13|7))
			want = want[:len(want)-1]
		}
	}
	takes := func() int64 {
		t.Helper()
		bytes, err := server.Do("MEMORY", "USAGE", "guichet:{acme}:words:2.1")
		if err != nil {
			t.Fatal(err)
		}
		return bytes.(int64)
	}
	if grown := takes(); grown < 4*n*3/2 {
		t.Fatalf("a pack of %d numbers takes %d bytes: nothing to give back", n, grown)
	}
	for range 2 {
		must(t, e.Compact(ctx))
		if fits := takes(); fits > 4*n*5/4+128 {
			t.Errorf("it takes %d bytes", fits)
		}
	}
	answers, err := e.Read(ctx, "acme", engine.Ask{Pack: &engine.PackRange{Pack: "words:2.1", To: math.MaxUint32}})
	if err != nil || !slices.Equal(answers[0].Numbers, want) {
		t.Errorf("it has %d numbers of %d, %v", len(answers[0].Numbers), len(want), err)
	}
}
