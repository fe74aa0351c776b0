package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// look finds out what kind of Redis it is, settles how many replicas commits
// wait for, and says in plain words what may be lost.
func (e *Engine) look(ctx context.Context, server Server, opt Options) error {
	if err := e.client.Ping(ctx).Err(); err != nil {
		return err
	}
	nodes, err := e.masters(ctx)
	if err != nil {
		return err
	}
	e.replicas, e.aof = opt.Replicas, true
	least := -1
	for _, node := range nodes {
		info := infoOf(ctx, node)
		major, minor := info.version()
		if major != 0 && major < 7 {
			return fmt.Errorf("it is version %s; 7.0 or newer is needed", info["redis_version"])
		}
		replicas, _ := strconv.Atoi(info["connected_slaves"])
		if least < 0 || replicas < least {
			least = replicas
		}
		e.aof = e.aof && info["aof_enabled"] == "1" && (major > 7 || major == 7 && minor >= 2)
	}
	if e.replicas < 0 {
		e.replicas = e.replicasOf(ctx, server, least)
	}
	found := e.replicas
	if opt.Local {
		e.replicas = 0
	}
	for _, node := range nodes {
		e.warn(ctx, node)
	}
	if opt.Local && found > 0 {
		e.warnings = append(e.warnings, "durability is local: when a replica takes over, mail that was answered 250 and not yet copied to it is lost")
	}
	return nil
}

// masters are the servers that take writes.
func (e *Engine) masters(ctx context.Context) ([]*goredis.Client, error) {
	switch c := e.client.(type) {
	case *goredis.Client:
		return []*goredis.Client{c}, nil
	case *goredis.ClusterClient:
		var mu sync.Mutex
		var nodes []*goredis.Client
		err := c.ForEachMaster(ctx, func(_ context.Context, node *goredis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, node)
			return nil
		})
		return nodes, err
	}
	return nil, fmt.Errorf("client is a %T", e.client)
}

// info is what a server says of itself.
type info map[string]string

// infoOf asks a server; what it does not say is missing.
func infoOf(ctx context.Context, node *goredis.Client) info {
	text, err := node.Info(ctx).Result()
	if err != nil {
		return nil
	}
	out := info{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			out[name] = value
		}
	}
	return out
}

// version gives 0 for a server that does not say.
func (i info) version() (major, minor int) {
	parts := strings.SplitN(i["redis_version"], ".", 3)
	if len(parts) < 2 {
		return 0, 0
	}
	major, _ = strconv.Atoi(parts[0])
	minor, _ = strconv.Atoi(parts[1])
	return major, minor
}

// setting asks for one setting; a server that forbids it gives "".
func setting(ctx context.Context, node *goredis.Client, name string) string {
	values, err := node.ConfigGet(ctx, name).Result()
	if err != nil {
		return ""
	}
	return values[name]
}

// warn says what a server can lose as it is set up. A warning is said once,
// however many servers deserve it.
func (e *Engine) warn(ctx context.Context, node *goredis.Client) {
	say := func(warning string) {
		for _, said := range e.warnings {
			if said == warning {
				return
			}
		}
		e.warnings = append(e.warnings, warning)
	}
	switch fsync := setting(ctx, node, "appendfsync"); {
	case setting(ctx, node, "appendonly") == "no":
		say("Redis keeps no append-only file: a crash loses all mail since its last snapshot; set appendonly yes and appendfsync always")
	case fsync == "everysec" && !(e.aof && e.replicas > 0):
		say("appendfsync is everysec: a crash of the machine loses up to a second of mail that was answered 250; set appendfsync always")
	case fsync == "no":
		say("appendfsync is no: a crash of the machine loses mail that was answered 250; set appendfsync always")
	}
	if policy := setting(ctx, node, "maxmemory-policy"); policy != "" && policy != "noeviction" {
		say("maxmemory-policy is " + policy + ": Redis throws tickets away when its memory is full; set noeviction")
	}
}
