package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Condition is how one Redis that takes writes is set up and how it fares; what
// it does not say, or forbids to ask, is empty.
type Condition struct {
	// Address is host:port, or the path of a socket.
	Address, Version        string
	AppendOnly, AppendFsync string // its settings, as it writes them
	MaxMemoryPolicy         string
	Replicas                int
	// Clock is its time; the zero time where it does not tell.
	Clock time.Time
}

// Inspect asks every Redis behind a URL that takes writes. It writes nothing,
// and is content with versions that Open refuses.
func Inspect(ctx context.Context, url string) ([]Condition, error) {
	server, err := Parse(url)
	if err != nil {
		return nil, err
	}
	e := &Engine{client: server.client()}
	defer e.client.Close()
	if err := e.client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("store: redis: %w", err)
	}
	nodes, err := e.masters(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: redis: %w", err)
	}
	var all []Condition
	for _, node := range nodes {
		info := infoOf(ctx, node)
		c := Condition{
			Address: node.Options().Addr, Version: info["redis_version"],
			AppendOnly: setting(ctx, node, "appendonly"), AppendFsync: setting(ctx, node, "appendfsync"),
			MaxMemoryPolicy: setting(ctx, node, "maxmemory-policy"),
		}
		c.Replicas, _ = strconv.Atoi(info["connected_slaves"])
		if now, err := node.Time(ctx).Result(); err == nil {
			c.Clock = now
		}
		all = append(all, c)
	}
	return all, nil
}
