package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/store/engine/enginetest"
	"guichet/store/engine/redis"
	"guichet/ticket"
)

// engines opens an embedded engine in a directory and one on a Redis, both with
// one clock.
func engines(t *testing.T, dir string) (*bolt.Engine, *redis.Engine, store.Options) {
	t.Helper()
	server := testkit.Alone.For(t)
	clock := enginetest.NewClock()
	b, err := bolt.Open(bolt.Options{Dir: dir, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r, err := redis.Open(ctx, redis.Options{URL: server.URL(), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); r.Close() })
	opt := options(t, clock)
	opt.Data, opt.Redis, opt.RedisNow = dir, server.URL(), clock.Now
	return b, r, opt
}

// TestMigrationThereAndBack moves a store into Redis, uses it there, and moves
// it back into a new file.
func TestMigrationThereAndBack(t *testing.T) {
	w := embedded(t)
	attachment := randomBytes(20 << 10)
	var made []*ticket.Ticket
	for range 30 {
		c, one := w.withBlobs([]byte("raw"), attachment)
		w.commit(c)
		made = append(made, one)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, r, opt := engines(t, w.opt.Data)
	last, whole := 0, 0
	there, err := store.Migrate(ctx, b, r, func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last, whole = done, total
	})
	if err != nil {
		t.Fatal(err)
	}
	if last == 0 || last != whole || there.Expiring == 0 {
		t.Errorf("progress ended at %d of %d, of %+v", last, whole, there)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	onRedis := openWorld(t, opt, nil)
	for i, one := range made {
		if got := onRedis.ticket(one.ID); got.Reference.Number != uint64(i+1) || got.Tracking != one.Tracking {
			t.Errorf("ticket %d is %+v", i, got)
		}
	}
	content, err := onRedis.OpenBlob(ctx, "acme", made[3].ID, "photo")
	if !bytes.Equal(readBlob(t, content, err), attachment) {
		t.Error("the attachment came back otherwise")
	}
	c, _ := onRedis.opening("One more")
	if got := onRedis.commit(c).References[0].Number; got != 31 {
		t.Errorf("the next number is %d", got)
	}
	if n := len(onRedis.lease(100, time.Minute)); n != 31 {
		t.Errorf("%d notices are due", n)
	}
	back, err := bolt.Open(bolt.Options{Dir: t.TempDir(), Now: opt.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	home, err := store.Migrate(ctx, r, back, nil)
	if err != nil {
		t.Fatal(err)
	}
	if home.Fields <= there.Fields || home.Digest == there.Digest {
		t.Errorf("what was added there is not in %+v", home)
	}
}

func TestMigrationRefusesAStoreInUse(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	w.Close()
	b, r, opt := engines(t, w.opt.Data)
	openWorld(t, opt, nil).open("There is something here")
	if _, err := store.Migrate(ctx, b, r, nil); err == nil {
		t.Error("it copied into a store that is not empty")
	}
}

// failing is an engine whose commits fail after some.
type failing struct {
	engine.Engine
	left atomic.Int64
}

var errPower = errors.New("power cut")

func (f *failing) Commit(ctx context.Context, space engine.Space, b engine.Batch) (engine.Committed, error) {
	if f.left.Add(-1) < 0 {
		return engine.Committed{}, errPower
	}
	return f.Engine.Commit(ctx, space, b)
}

func TestBrokenOffMigrationIsResumedAndNotUsed(t *testing.T) {
	w := embedded(t)
	for range 60 {
		w.open("Cold heating")
	}
	w.Close()
	b, r, opt := engines(t, w.opt.Data)
	broken := &failing{Engine: r}
	broken.left.Store(3)
	_, err := store.Migrate(ctx, b, broken, nil)
	wantError(t, err, errPower)
	if s, err := store.Open(ctx, opt); err == nil {
		s.Close()
		t.Error("half a store was opened")
	}
	if _, err := store.Migrate(ctx, b, r, nil); err != nil {
		t.Fatal(err)
	}
	if page, err := openWorld(t, opt, nil).Tickets(ctx, "acme", store.Filter{}, "", 100); err != nil || page.Total != 60 {
		t.Errorf("%d tickets, %v", page.Total, err)
	}
}

// losing is an engine that loses a field of what is written to it.
type losing struct{ engine.Engine }

func (l losing) Dump(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		lost := false
		for item, err := range l.Engine.Dump(ctx) {
			if !lost && item.Left == 0 && item.Space == "acme" {
				lost = true
				continue
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

func TestIncompleteMigrationIsNoticed(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	w.Close()
	b, r, _ := engines(t, w.opt.Data)
	if _, err := store.Migrate(ctx, b, losing{r}, nil); err == nil {
		t.Error("a copy that lacks a field passed")
	}
}

func TestMigrationOfTheSameStoreHasTheSameDigest(t *testing.T) {
	w := embedded(t)
	w.open(rand.Text())
	w.Close()
	from, err := bolt.Open(bolt.Options{Dir: w.opt.Data, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var copies []store.Copied
	for i := range 2 {
		to, err := bolt.Open(bolt.Options{Dir: filepath.Join(t.TempDir(), string(rune('a'+i))), Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		c, err := store.Migrate(ctx, from, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, c)
	}
	if diff := cmp.Diff(copies[0], copies[1]); diff != "" {
		t.Error(diff)
	}
}
