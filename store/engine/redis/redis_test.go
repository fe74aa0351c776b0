package redis_test

import (
	"context"
	"testing"

	"time"

	"github.com/alicebob/miniredis/v2"

	"guichet/store/engine/enginetest"
	"guichet/store/engine/redis"
)

var ctx = context.Background()

func TestConformance(t *testing.T) {
	server := enginetest.StartRedis(t)
	if server == nil {
		t.Skip("no redis-server on this machine")
	}
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		server.Empty()
		clock := enginetest.NewClock()
		return enginetest.Subject{Engine: open(t, redis.Options{URL: server.URL(), Now: clock.Now}), Now: clock.Now,
			Advance: func(d time.Duration) { clock.Advance(d); server.Age(d) }}
	})
}

func TestConformanceOfMiniredis(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		server := miniredis.RunT(t)
		clock := enginetest.NewClock()
		return enginetest.Subject{Engine: open(t, redis.Options{URL: "redis://" + server.Addr(), Now: clock.Now}), Now: clock.Now,
			Advance: func(d time.Duration) { clock.Advance(d); server.FastForward(d) }}
	})
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
