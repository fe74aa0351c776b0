package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// replicasOf is how many each master has when all is well, of which connected are
// there. During a failover some are missing: who counted only the others would
// answer 250 for what too few have, for as long as the daemon runs.
func (e *Engine) replicasOf(ctx context.Context, server Server, connected int) int {
	if server.kind == "sentinel" {
		return max(connected, server.watched(ctx))
	}
	if cluster, ok := e.client.(*goredis.ClusterClient); ok {
		if nodes, err := cluster.ClusterNodes(ctx).Result(); err == nil {
			return max(connected, clusterReplicas(nodes))
		}
	}
	return connected
}

// watched is how many replicas a Sentinel knows, also of those that are down.
func (s Server) watched(ctx context.Context) int {
	for _, address := range s.addresses {
		c := goredis.NewSentinelClient(&goredis.Options{Addr: address, TLSConfig: s.secure(), ContextTimeoutEnabled: true, DialerRetries: dials})
		master, err := c.Master(ctx, s.master).Result()
		_ = c.Close()
		if n, bad := strconv.Atoi(master["num-slaves"]); err == nil && bad == nil {
			return n
		}
	}
	return 0
}

// clusterReplicas reads CLUSTER NODES: the least that any master with slots has.
// A master that failed and lost its slots will come back as a replica, of whom
// is not said: then each has its share of all that there are.
func clusterReplicas(nodes string) int {
	var serving []string
	of, replicas, lost := map[string]int{}, 0, 0
	for line := range strings.Lines(nodes) {
		// id address flags master ping pong epoch link slots…
		f := strings.Fields(line)
		if len(f) < 8 {
			continue
		}
		flags := strings.Split(f[2], ",")
		switch {
		case slices.Contains(flags, "slave"):
			of[f[3]]++
			replicas++
		case len(f) > 8:
			serving = append(serving, f[0])
		case slices.Contains(flags, "fail"):
			lost++
		}
	}
	if len(serving) == 0 {
		return 0
	}
	least := replicas
	for _, master := range serving {
		least = min(least, of[master])
	}
	if lost > 0 {
		return max(least, (replicas+lost)/len(serving))
	}
	return least
}
