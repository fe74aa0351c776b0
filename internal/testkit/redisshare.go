package testkit

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Deployment is Redis in one of the ways in which it is run.
type Deployment interface {
	// URL is how a store reaches it.
	URL() string
	// Empty removes everything.
	Empty() error
	// Age lets everything that expires do so sooner.
	Age(d time.Duration) error
	// Servers are all that hold data.
	Servers() []*Redis
	// Close ends its servers.
	Close()
}

// Alone, Clustered and Watched are the three ways: a server alone, a Cluster of
// three masters, and a master with two replicas that three Sentinels watch. The
// tests of a package share one of each, which the first that needs it starts
// (a Cluster takes seconds), and which Main ends.
var (
	Alone     = share("alone", func() (Deployment, error) { return StartRedis("--databases", databases) })
	Clustered = share("cluster", func() (Deployment, error) { return StartRedisCluster(3, false, 15*time.Second) })
	Watched   = share("sentinel", func() (Deployment, error) { return StartRedisSentinel(15 * time.Second) })
)

// databases is how many a Redis has: one for each of whatever runs side by side.
const databases = "1000"

// Database is the URL of a database of a deployment, from 1. A Cluster has none
// but its own.
func Database(d Deployment, n int) string {
	if _, alone := d.(*Redis); alone {
		return fmt.Sprintf("%s?db=%d", d.URL(), n)
	}
	return fmt.Sprintf("%s/%d", d.URL(), n)
}

// Shared is a deployment that the tests of a package share.
type Shared struct {
	Name  string
	start func() (Deployment, error)
}

// running are those to end.
var running struct {
	sync.Mutex
	all []Deployment
}

func share(name string, start func() (Deployment, error)) Shared {
	return Shared{Name: name, start: sync.OnceValues(func() (Deployment, error) {
		d, err := start()
		if err == nil {
			running.Lock()
			defer running.Unlock()
			running.all = append(running.all, d)
		}
		return d, err
	})}
}

// Start gives the deployment as it is, or ErrNoRedis.
func (s Shared) Start() (Deployment, error) { return s.start() }

// For gives it to a test, empty. Without a redis-server on the machine the test
// is skipped (see NoRedis).
func (s Shared) For(t testing.TB) Deployment {
	t.Helper()
	d, err := s.start()
	if err == nil {
		err = d.Empty()
	}
	if err != nil {
		NoRedis(t, err)
	}
	return d
}

// Main runs the tests of a package, and then ends what they shared.
func Main(m *testing.M) int {
	code := m.Run()
	running.Lock()
	defer running.Unlock()
	for _, d := range running.all {
		d.Close()
	}
	return code
}
