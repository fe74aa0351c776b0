package testkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// slots is how many a Cluster spreads over its masters.
const slots = 16384

// RedisCluster is a Redis Cluster on loopback. Masters come first, then replicas,
// the nth replica that of the nth master.
type RedisCluster struct {
	nodes   []*Redis
	masters int
}

// StartRedisCluster starts a Cluster of some masters with at most one replica
// each. A node that is silent for timeout counts as failed.
func StartRedisCluster(masters int, replicas bool, timeout time.Duration) (*RedisCluster, error) {
	c := &RedisCluster{masters: masters}
	nodes := masters
	if replicas {
		nodes *= 2
	}
	for range nodes {
		node, err := onFreePort(func(port string) (*Redis, error) {
			return StartRedis("--port", port, "--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0",
				"--cluster-node-timeout", fmt.Sprint(timeout.Milliseconds()), "--cluster-replica-validity-factor", "0")
		})
		if err != nil {
			c.Close()
			return nil, err
		}
		c.nodes = append(c.nodes, node)
	}
	if err := c.join(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// join makes one Cluster of the nodes.
func (c *RedisCluster) join() error {
	for i, node := range c.nodes {
		if _, err := node.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			return err
		}
		if i < c.masters {
			from, to := i*slots/c.masters, (i+1)*slots/c.masters-1
			if _, err := node.Do("CLUSTER", "ADDSLOTSRANGE", from, to); err != nil {
				return err
			}
		}
		if i > 0 {
			if _, err := node.Do("CLUSTER", "MEET", "127.0.0.1", c.nodes[0].port); err != nil {
				return err
			}
		}
	}
	all := fmt.Sprintf("cluster_known_nodes:%d", len(c.nodes))
	if err := c.Settled(all); err != nil {
		return err
	}
	for i := c.masters; i < len(c.nodes); i++ {
		id, err := c.nodes[i-c.masters].Do("CLUSTER", "MYID")
		if err == nil {
			_, err = c.nodes[i].Do("CLUSTER", "REPLICATE", id)
		}
		if err == nil {
			err = c.nodes[i-c.masters].Followed(1)
		}
		if err != nil {
			return err
		}
	}
	if err := await("replicas that all know", c.replicasKnown); err != nil {
		return err
	}
	return c.Settled(all)
}

func (c *RedisCluster) replicasKnown() bool {
	for _, node := range c.nodes {
		answer, err := node.Do("CLUSTER", "NODES")
		if text, _ := answer.(string); err != nil || strings.Count(text, "slave ") != len(c.nodes)-c.masters {
			return false
		}
	}
	return true
}

// Settled returns when every node that runs finds all slots served, and says
// these lines of CLUSTER INFO too.
func (c *RedisCluster) Settled(lines ...string) error {
	lines = append(lines, "cluster_state:ok", fmt.Sprintf("cluster_slots_ok:%d", slots))
	return await("whole cluster", func() bool {
		for _, node := range c.nodes {
			if node.cmd != nil && !node.says([]any{"CLUSTER", "INFO"}, lines...) {
				return false
			}
		}
		return true
	})
}

// URL names the masters that it began with.
func (c *RedisCluster) URL() string {
	var hosts []string
	for _, node := range c.nodes[:c.masters] {
		hosts = append(hosts, node.Address())
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}

// Promoted returns when a node takes the writes of a key, after its master was
// killed, and all others know of it: who asks one that does not is sent to the dead.
func (c *RedisCluster) Promoted(key string) (master *Redis, err error) {
	err = await("promotion", func() bool {
		master, err = c.Master(key)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return master, c.Settled()
}

// Master gives the node that takes the writes of a key, however it became that.
func (c *RedisCluster) Master(key string) (*Redis, error) {
	for _, node := range c.nodes {
		if node.cmd == nil {
			continue
		}
		client := node.Client()
		err := client.Set(context.Background(), key, "1", time.Millisecond).Err()
		client.Close()
		if err == nil {
			return node, nil
		}
	}
	return nil, errors.New("testkit: no node takes the key")
}

// Servers are its nodes.
func (c *RedisCluster) Servers() []*Redis { return c.nodes }

// Empty removes everything.
func (c *RedisCluster) Empty() error {
	return c.eachMaster((*Redis).Empty)
}

// Age is Redis.Age of all masters.
func (c *RedisCluster) Age(d time.Duration) error {
	return c.eachMaster(func(r *Redis) error { return r.Age(d) })
}

func (c *RedisCluster) eachMaster(do func(*Redis) error) error {
	for _, node := range c.nodes {
		if node.cmd != nil && node.says([]any{"INFO", "replication"}, "role:master") {
			if err := do(node); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends all nodes.
func (c *RedisCluster) Close() {
	for _, node := range c.nodes {
		node.Close()
	}
}
