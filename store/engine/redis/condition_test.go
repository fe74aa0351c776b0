package redis_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"guichet/internal/testkit"
	"guichet/store/engine/redis"
)

func TestInspect(t *testing.T) {
	server := testkit.RedisFor(t, "--appendfsync", "everysec", "--maxmemory-policy", "allkeys-lru")
	all, err := redis.Inspect(ctx, server.URL())
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	got := all[0]
	if age := time.Since(got.Clock).Abs(); age > time.Minute || got.Version == "" {
		t.Errorf("version %q, clock %s", got.Version, got.Clock)
	}
	got.Clock, got.Version = time.Time{}, ""
	want := redis.Condition{Address: server.Socket(), AppendOnly: "yes", AppendFsync: "everysec", MaxMemoryPolicy: "allkeys-lru"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestInspectWhatSaysLittle: a server that forbids CONFIG and INFO is inspected
// too.
func TestInspectWhatSaysLittle(t *testing.T) {
	server := miniredis.RunT(t)
	all, err := redis.Inspect(ctx, "redis://"+server.Addr())
	if err != nil || len(all) != 1 || all[0].AppendOnly != "" || all[0].Address != server.Addr() {
		t.Errorf("%+v, %v", all, err)
	}
	address := server.Addr()
	server.Close()
	if _, err := redis.Inspect(ctx, "redis://"+address); err == nil {
		t.Error("a server that is gone is inspected")
	}
}
