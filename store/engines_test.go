package store_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"guichet/store"
	"guichet/store/engine/enginetest"
	"guichet/ticket"
)

// eachEngine runs a test on every engine: the embedded one, and a real Redis
// where the machine has one, else miniredis.
func eachEngine(t *testing.T, test func(*world)) {
	t.Run("embedded", func(t *testing.T) { test(embedded(t)) })
	t.Run("redis", func(t *testing.T) { test(onRedis(t)) })
}

func embedded(t testing.TB) *world {
	opt, advance := embeddedOptions(t)
	return openWorld(t, opt, advance)
}

func embeddedOptions(t testing.TB) (opt store.Options, advance func(time.Duration)) {
	c := enginetest.NewClock()
	return options(t, c), c.Advance
}

func onRedis(t testing.TB) *world {
	opt, advance := redisOptions(t)
	return openWorld(t, opt, advance)
}

func redisOptions(t testing.TB) (opt store.Options, advance func(time.Duration)) {
	c := enginetest.NewClock()
	opt = options(t, c)
	opt.RedisNow = c.Now
	if server := enginetest.StartRedis(t); server != nil {
		opt.Redis = server.URL()
		return opt, func(d time.Duration) { c.Advance(d); server.Age(d) }
	}
	server := miniredis.RunT(t)
	opt.Redis = "redis://" + server.Addr()
	return opt, func(d time.Duration) { c.Advance(d); server.FastForward(d) }
}

func options(t testing.TB, c *enginetest.Clock) store.Options {
	return store.Options{
		Data: t.TempDir(), Now: c.Now, Replicas: -1,
		Sites: []store.Site{
			{Name: "acme", Prefix: "ACM", KeepClosed: 180 * day, KeepRaw: 14 * day, KeepUnconfirmed: 7 * day},
			{Name: "globex", Prefix: "GLO"},
		},
	}
}

func openWorld(t testing.TB, opt store.Options, advance func(time.Duration)) *world {
	s, err := store.Open(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{TB: t, Store: s, opt: opt, now: opt.Now, advance: advance,
		mint: ticket.Mint{Signer: s.Signer(), Pepper: s.Pepper(), Random: rand.Reader, Hostname: "mx.example.com"}}
}

// again opens the same store as a restarted daemon would.
func (w *world) again() *world {
	w.Helper()
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	return openWorld(w.TB, w.opt, w.advance)
}

func (w *world) setSchema(version string) {
	w.Helper()
	if err := w.SetSchema(ctx, version); err != nil {
		w.Fatal(err)
	}
}

func (w *world) swapSealed(one, two ticket.ID) {
	w.Helper()
	if err := w.SwapSealed(ctx, "acme", one, two); err != nil {
		w.Fatal(err)
	}
}

// redisKeys adds all that a Redis keeps, by its keys: fields and members with
// their values.
func (w *world) redisKeys(o *goredis.Options, out map[string][]byte) {
	w.Helper()
	c := goredis.NewClient(o)
	defer c.Close()
	keys := c.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		content, err := redisValue(c, keys.Val())
		if err != nil {
			w.Fatal(err)
		}
		out[keys.Val()] = []byte(content)
	}
	if err := keys.Err(); err != nil {
		w.Fatal(err)
	}
}

func redisValue(c *goredis.Client, key string) (string, error) {
	kind, err := c.Type(ctx, key).Result()
	if err != nil {
		return "", err
	}
	switch kind {
	case "hash":
		fields, err := c.HGetAll(ctx, key).Result()
		return fmt.Sprint(fields), err
	case "zset":
		members, err := c.ZRangeWithScores(ctx, key, 0, -1).Result()
		return fmt.Sprint(members), err
	case "string":
		return c.Get(ctx, key).Result()
	}
	return "", fmt.Errorf("%s is a %s, which this test does not look into", key, kind)
}
