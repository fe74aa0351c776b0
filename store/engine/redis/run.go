package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// waitFor is how long a commit waits for replicas where nothing else is set. It
// is shorter than the time after which the connection gives up.
const (
	waitFor     = 3 * time.Second
	readTimeout = 10 * time.Second
)

// moves is how often a slot is looked for again that has moved.
const moves = 3

// run runs a script, and where durable is set waits for the replicas on the
// same connection: only there does waiting mean this write. The call is gone then.
func (e *Engine) run(ctx context.Context, script *script, c *call, durable bool) (any, error) {
	for try := 1; ; try++ {
		node, err := e.node(ctx, string(c.keys[0]))
		if err != nil {
			return nil, err
		}
		p := &passenger{ctx: ctx, script: script, call: c, durable: durable && e.replicas > 0}
		reply, err := e.convoyTo(node, script != readScript).carry(p)
		switch {
		case err == nil:
			c.answered()
			return reply, nil
		case try == moves || !goredis.HasErrorPrefix(err, "MOVED"):
			return nil, err // somebody may still be sending it
		}
		if cluster, ok := e.client.(*goredis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
	}
}

// route is a way to a server: reads do not stand behind writes, which may wait
// for replicas.
type route struct {
	node   goredis.Cmdable
	writes bool
}

func (e *Engine) convoyTo(node goredis.Cmdable, writes bool) *convoy {
	to := route{node, writes}
	if c, known := e.convoys.Load(to); known {
		return c.(*convoy)
	}
	c, _ := e.convoys.LoadOrStore(to, &convoy{engine: e, node: node})
	return c.(*convoy)
}

// node gives the server that has a key. In a Cluster a pipeline would send the
// wait, which has no key, to any node.
func (e *Engine) node(ctx context.Context, key string) (goredis.Cmdable, error) {
	if cluster, ok := e.client.(*goredis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return e.client, nil
}

// conflicted reports a batch that did nothing: there is nothing to wait for.
func conflicted(reply any) bool {
	list, ok := reply.([]any)
	return ok && len(list) > 0 && list[0] == "conflict"
}

// wait asks how many replicas have all that was written before on this connection.
//
// A replica that is asked says how far its append-only file was before it wrote
// down what came with the question, and says it again a second later: WAITAOF
// alone takes that second. When WAIT has returned, the file is as far, and the
// question of WAITAOF is answered at once.
func (e *Engine) wait(ctx context.Context, pipe goredis.Pipeliner) *goredis.Cmd {
	if !e.aof {
		return pipe.Do(ctx, "WAIT", e.replicas, e.patience.Milliseconds())
	}
	first := e.patience / 3
	pipe.Do(ctx, "WAIT", e.replicas, first.Milliseconds())
	return pipe.Do(ctx, "WAITAOF", 1, e.replicas, (e.patience - first).Milliseconds())
}

// waited reads how many replicas answered, and whether this Redis has it on its
// own disk.
func (e *Engine) waited(wait *goredis.Cmd) error {
	reply, err := wait.Result()
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrNotDurable, err)
	}
	local, replicas, where := int64(1), int64(-1), ""
	switch r := reply.(type) {
	case int64:
		replicas = r
	case []any:
		if len(r) == 2 {
			local, _ = r[0].(int64)
			replicas, _ = r[1].(int64)
			where = " in their append-only files" // which one may not keep
		}
	}
	if local < 1 || replicas < int64(e.replicas) {
		return fmt.Errorf("%w: %d of %d%s", engine.ErrNotDurable, max(0, replicas), e.replicas, where)
	}
	return nil
}
