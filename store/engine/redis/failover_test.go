package redis_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/store/engine"
	"guichet/store/engine/enginetest"
	"guichet/store/engine/redis"
)

// failoverTimeout is how long a server is silent before its replica takes over:
// longer than a busy machine holds one up that is well.
const failoverTimeout = 2 * time.Second

// TestSentinelPromotesAReplica kills the master that is written to. What was
// acknowledged before is on every replica, whichever is promoted.
func TestSentinelPromotesAReplica(t *testing.T) {
	if testing.Short() {
		t.Skip("a failover takes seconds")
	}
	sentinel, err := testkit.StartRedisSentinel(failoverTimeout)
	if err != nil {
		testkit.NoRedis(t, err)
	}
	t.Cleanup(sentinel.Close)
	e := open(t, redis.Options{URL: sentinel.URL(), Replicas: -1, Wait: 10 * time.Second})
	master, err := sentinel.Master()
	must(t, err)
	w := writeThrough(t, e)
	w.await(300)
	master.Kill()
	promoted, err := sentinel.Promoted(master)
	must(t, err)

	// One replica is left: nothing that waits for two is acknowledged, also by a
	// daemon that starts now.
	late := open(t, redis.Options{URL: sentinel.URL(), Replicas: -1, Wait: 50 * time.Millisecond})
	if _, err := late.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("late", "v", nil)}}); !errors.Is(err, engine.ErrNotDurable) {
		t.Errorf("with one replica of two: %v", err)
	}
	must(t, master.Start())
	must(t, promoted.Followed(2))
	w.await(len(w.so(t)) + 300)
	enginetest.CheckWhole(t, e, w.end())
}

// TestClusterFailsOver kills the master of the site that is written to.
func TestClusterFailsOver(t *testing.T) {
	if testing.Short() {
		t.Skip("a failover takes seconds")
	}
	cluster, err := testkit.StartRedisCluster(3, true, failoverTimeout)
	if err != nil {
		testkit.NoRedis(t, err)
	}
	t.Cleanup(cluster.Close)
	e := open(t, redis.Options{URL: cluster.URL(), Replicas: -1, Wait: 10 * time.Second})
	const key = "guichet:{acme}:probe"
	master, err := cluster.Master(key)
	must(t, err)
	w := writeThrough(t, e)
	w.await(300)
	master.Kill()
	promoted, err := cluster.Promoted(key)
	must(t, err)

	late := open(t, redis.Options{URL: cluster.URL(), Replicas: -1, Wait: 50 * time.Millisecond})
	if _, err := late.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put("late", "v", nil)}}); !errors.Is(err, engine.ErrNotDurable) {
		t.Errorf("without a replica: %v", err)
	}
	must(t, master.Start())
	must(t, promoted.Followed(1))
	w.await(len(w.so(t)) + 300)
	enginetest.CheckWhole(t, e, w.end())
}

// writers commit as senders send: whoever gets an error tries the same again.
type writers struct {
	t     *testing.T
	mu    sync.Mutex
	news  *sync.Cond
	acked []string
	over  bool
	group sync.WaitGroup
}

// writeThrough writes until end, through whatever befalls the servers.
func writeThrough(t *testing.T, e engine.Engine) *writers {
	w := &writers{t: t}
	w.news = sync.NewCond(&w.mu)
	for n := range 4 {
		w.group.Go(func() {
			for i := 0; w.write(e, fmt.Sprintf("%d-%d", n, i)); i++ {
			}
		})
	}
	t.Cleanup(func() { w.end() })
	return w
}

func (w *writers) write(e engine.Engine, name string) bool {
	for {
		_, err := e.Commit(ctx, "acme", enginetest.CrashBatch(name))
		if errors.Is(err, engine.ErrConflict) {
			w.t.Errorf("%s: a failover is no conflict: %v", name, err)
		}
		w.mu.Lock()
		if w.over || err == nil {
			if err == nil {
				w.acked = append(w.acked, name)
			}
			w.news.Broadcast()
			defer w.mu.Unlock()
			return !w.over
		}
		w.mu.Unlock()
	}
}

// so gives what was acknowledged so far.
func (w *writers) so(t *testing.T) []string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

// await returns when n batches were acknowledged.
func (w *writers) await(n int) {
	w.t.Helper()
	late := false
	defer time.AfterFunc(30*time.Second, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.news.Broadcast()
	}).Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.acked) < n && !late {
		w.news.Wait()
	}
	if late {
		w.t.Errorf("only %d of %d were acknowledged in time", len(w.acked), n)
	}
}

// end stops them and gives what was acknowledged.
func (w *writers) end() []string {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.group.Wait()
	return w.acked
}
