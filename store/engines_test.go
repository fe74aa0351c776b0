package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/store/engine/enginetest"
	"guichet/ticket"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// eachEngine runs a test on every engine: the embedded one, and Redis in each of
// the ways that it is run, where the machine has one, else on miniredis.
func eachEngine(t *testing.T, test func(*world)) {
	eachPlace(t, func(t *testing.T, p place) { test(p.open(t)) })
}

// place is where a store can be founded.
type place struct {
	opt     store.Options
	advance func(time.Duration)
	server  testkit.Deployment
	// shelved has the texts of every ticket lie on a shelf at any time.
	shelved bool
}

func (p place) open(t testing.TB) *world {
	w := openWorld(t, p.opt, p.advance)
	w.server = p.server
	if w.shelved = p.shelved; w.shelved {
		w.ShelveAtOnce()
	}
	return w
}

// eachPlace is eachEngine for a test that opens the store by itself.
func eachPlace(t *testing.T, test func(*testing.T, place)) {
	t.Run("embedded", func(t *testing.T) { test(t, inFiles(t)) })
	if !testing.Short() {
		t.Run("on-shelves", func(t *testing.T) {
			p := inFiles(t)
			p.shelved = true
			test(t, p)
		})
	}
	for _, shared := range []testkit.Shared{testkit.Alone, testkit.Clustered, testkit.Watched} {
		if _, err := shared.Start(); errors.Is(err, testkit.ErrNoRedis) && !testkit.RedisRequired() {
			t.Run("miniredis", func(t *testing.T) { test(t, inMiniredis(t)) })
			return
		}
		t.Run(shared.Name, func(t *testing.T) { test(t, inRedis(t, shared.For(t))) })
	}
}

func inFiles(t testing.TB) place {
	c := enginetest.NewClock()
	return place{opt: options(t, c), advance: c.Advance}
}

// inRedis waits for each of its replicas.
func inRedis(t testing.TB, server testkit.Deployment) place {
	c := enginetest.NewClock()
	p := place{opt: options(t, c), server: server}
	p.opt.RedisNow, p.opt.Redis = c.Now, server.URL()
	p.advance = func(d time.Duration) {
		c.Advance(d)
		if err := server.Age(d); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func inMiniredis(t testing.TB) place {
	c := enginetest.NewClock()
	server := miniredis.RunT(t)
	p := place{opt: options(t, c), advance: func(d time.Duration) { c.Advance(d); server.FastForward(d) }}
	p.opt.RedisNow, p.opt.Redis = c.Now, "redis://"+server.Addr()
	return p
}

func embedded(t testing.TB) *world { return inFiles(t).open(t) }

// onRedis is a store on a Redis that stands alone, or on miniredis.
func onRedis(t testing.TB) *world {
	if _, err := testkit.Alone.Start(); errors.Is(err, testkit.ErrNoRedis) && !testkit.RedisRequired() {
		return inMiniredis(t).open(t)
	}
	return inRedis(t, testkit.Alone.For(t)).open(t)
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
	anew := openWorld(w.TB, w.opt, w.advance)
	if anew.server, anew.shelved = w.server, w.shelved; w.shelved {
		anew.ShelveAtOnce()
	}
	return anew
}

// ofOld ends a test of what there was before there were shelves.
func (w *world) ofOld() {
	w.Helper()
	if w.shelved {
		w.Skip("there were no shelves then")
	}
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

// redisKeys adds all that a server keeps, by its keys: fields and members with
// their values.
func (w *world) redisKeys(c *goredis.Client, out map[string][]byte) {
	w.Helper()
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
