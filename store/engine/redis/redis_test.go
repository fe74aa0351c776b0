package redis_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"guichet/internal/testkit"
	"guichet/store/engine/enginetest"
	"guichet/store/engine/redis"
)

var ctx = context.Background()

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestConformance runs on Redis as it may stand, with commits that wait for all
// replicas.
func TestConformance(t *testing.T) {
	for _, shared := range []testkit.Shared{testkit.Alone, testkit.Clustered, testkit.Watched} {
		t.Run(shared.Name, func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T) enginetest.Subject {
				server, clock := shared.For(t), enginetest.NewClock()
				return enginetest.Subject{
					Engine: open(t, redis.Options{URL: server.URL(), Replicas: -1, Now: clock.Now}), Now: clock.Now,
					Advance: func(d time.Duration) {
						clock.Advance(d)
						must(t, server.Age(d))
					},
				}
			})
		})
	}
}

func TestConformanceOfMiniredis(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		server := miniredis.RunT(t)
		clock := enginetest.NewClock()
		return enginetest.Subject{Engine: open(t, redis.Options{URL: "redis://" + server.Addr(), Now: clock.Now}), Now: clock.Now,
			Advance: func(d time.Duration) { clock.Advance(d); server.FastForward(d) }}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, opt redis.Options) *redis.Engine {
	t.Helper()
	e, err := redis.Open(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
