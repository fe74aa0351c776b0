package redis_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/store/engine"
	"guichet/store/engine/enginetest"
	"guichet/store/engine/redis"
)

// TestKilledInTheMiddle kills the Redis that is written to, and starts it again
// on its append-only file.
func TestKilledInTheMiddle(t *testing.T) {
	server := testkit.RedisFor(t)
	e := open(t, redis.Options{URL: server.URL()})
	var mu sync.Mutex
	var acknowledged []string
	for round := range 3 {
		n := 0
		enginetest.WriteUntilFailure(e, round, func(name string) {
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, name)
			if n++; n == 100+31*round {
				server.Kill()
			}
		})
		must(t, server.Start())
		enginetest.CheckWhole(t, e, acknowledged)
	}
	if len(acknowledged) < 300 {
		t.Fatalf("only %d writes were acknowledged", len(acknowledged))
	}
}

// TestCommitWaitsForReplicas takes the replica away: then nothing is durable,
// and the commit says so; its repeat says so too, until the replica is back.
func TestCommitWaitsForReplicas(t *testing.T) {
	// Only a port can be a replica's master.
	primary, replica := withReplica(t)
	e := open(t, redis.Options{URL: primary.URL(), Replicas: -1})
	hasty := open(t, redis.Options{URL: primary.URL(), Replicas: 1, Wait: 50 * time.Millisecond})
	b := engine.Batch{Operation: "op", Remember: time.Hour, Steps: []engine.Step{engine.Put("a", "v", []byte("1"))}}
	if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("a", "v", []byte("0"))}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Sync(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	replica.Kill()
	for range 2 {
		if _, err := hasty.Commit(ctx, "acme", b); !errors.Is(err, engine.ErrNotDurable) {
			t.Errorf("without the replica: %v", err)
		}
	}
	if err := hasty.Sync(ctx, "acme"); !errors.Is(err, engine.ErrNotDurable) {
		t.Errorf("sync without the replica: %v", err)
	}
	// A conflict has changed nothing, and waits for nobody.
	_, err := hasty.Commit(ctx, "acme", engine.Batch{Checks: []engine.Check{engine.Absent("a", "v")}})
	if !errors.Is(err, engine.ErrConflict) {
		t.Errorf("conflict without the replica: %v", err)
	}
	local := open(t, redis.Options{URL: primary.URL(), Replicas: 1, Local: true})
	if _, err := local.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("a", "w", nil)}}); err != nil {
		t.Errorf("durability local: %v", err)
	}
	if !slices.ContainsFunc(local.Warnings(), func(w string) bool { return strings.Contains(w, "local") }) {
		t.Errorf("warnings are %q", local.Warnings())
	}
	must(t, replica.Start())
	must(t, primary.Followed(1))
	if done, err := e.Commit(ctx, "acme", b); err != nil || !done.Repeat {
		t.Errorf("with the replica back: %+v, %v", done, err)
	}
}

func withReplica(t *testing.T) (primary, replica *testkit.Redis) {
	t.Helper()
	port, err := testkit.FreePort()
	must(t, err)
	primary = testkit.RedisFor(t, "--port", port, "--repl-diskless-sync-delay", "0")
	replica = testkit.RedisFor(t, "--replicaof", "127.0.0.1 "+port)
	must(t, primary.Followed(1))
	return primary, replica
}

func TestUnsafeSettingsAreSaid(t *testing.T) {
	for setting, args := range map[string][]string{
		"appendonly":       {"--appendonly", "no"},
		"appendfsync":      {"--appendfsync", "everysec"},
		"maxmemory-policy": {"--maxmemory-policy", "allkeys-lru"},
		"":                 nil,
	} {
		server := testkit.RedisFor(t, args...)
		said := open(t, redis.Options{URL: server.URL(), Replicas: -1}).Warnings()
		if setting == "" && len(said) > 0 || setting != "" && (len(said) != 1 || !strings.Contains(said[0], setting)) {
			t.Errorf("%q is said as %q", setting, said)
		}
	}
}

func TestScriptsAreLoadedAgain(t *testing.T) {
	server := testkit.RedisFor(t)
	e := open(t, redis.Options{URL: server.URL()})
	for range 2 {
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("a", "v", nil)}}); err != nil {
			t.Error(err)
		}
		_, err := server.Do("SCRIPT", "FLUSH")
		must(t, err)
	}
}

func TestParse(t *testing.T) {
	for _, good := range []string{
		"redis://localhost", "redis://user:pass@redis.example.com:6380/2", "rediss://redis.example.com", "unix:///run/redis.sock?db=1",
		"redis+cluster://a:1,b:2", "rediss+cluster://a", "redis+sentinel://a,b:26380/main/3", "redis://[::1]:6379",
	} {
		if _, err := redis.Parse(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "http://localhost", "redis://", "redis+sentinel://a", "redis+cluster://a/1", "redis://a/x", "redis+shard://a", "redis://:secret@a:b:c\x00",
	} {
		_, err := redis.Parse(bad)
		if err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v tells the password", err)
		}
	}
}

// TestClusterSpreadsSites uses more sites than a Cluster has nodes.
func TestClusterSpreadsSites(t *testing.T) {
	e := open(t, redis.Options{URL: testkit.Clustered.For(t).URL(), Replicas: -1})
	for _, site := range []engine.Space{"acme", "globex", "initech", "umbrella", "*", engine.Volatile(0)} {
		b := engine.Batch{Operation: "op", Remember: time.Hour, Draws: []engine.Counter{{Record: "numbers", Field: "n"}},
			Steps: []engine.Step{engine.PutAt("n:", 0, 9, []byte("a")), engine.Place("a", "in", "index", "a", 1)}}
		for range 2 {
			if done, err := e.Commit(ctx, site, b); err != nil || done.Numbers[0] != 1 {
				t.Errorf("%s: %+v, %v", site, done, err)
			}
		}
		answers, err := e.Read(ctx, site, engine.Ask{Record: "n:0", Follow: &engine.Follow{Field: "1", Fields: []string{"in"}}})
		if err != nil || string(answers[0].Rows[0].Followed["in"]) != "index" {
			t.Errorf("%s: %+v, %v", site, answers, err)
		}
	}
	spaces := map[engine.Space]bool{}
	for item, err := range e.Scan(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		spaces[item.Space] = true
	}
	if len(spaces) != 5 {
		t.Errorf("a scan finds %v", spaces)
	}
}
