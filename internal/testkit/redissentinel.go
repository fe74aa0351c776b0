package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// RedisSentinel is a master, two replicas, and three Sentinels that watch them.
type RedisSentinel struct {
	servers   []*Redis // the master that it began with, then the replicas
	sentinels []*Redis
}

// sentinelMaster is the name of the master in the Sentinels' settings.
const sentinelMaster = "main"

// StartRedisSentinel starts them. A server that is silent for timeout counts as
// down.
func StartRedisSentinel(timeout time.Duration) (*RedisSentinel, error) {
	s := &RedisSentinel{}
	if err := s.start(timeout); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *RedisSentinel) start(timeout time.Duration) error {
	for range 3 {
		server, err := onFreePort(func(port string) (*Redis, error) {
			args := []string{"--port", port, "--databases", databases, "--repl-diskless-sync-delay", "0"}
			if len(s.servers) > 0 {
				args = append(args, "--replicaof", "127.0.0.1 "+s.servers[0].port)
			}
			return StartRedis(args...)
		})
		if err != nil {
			return err
		}
		s.servers = append(s.servers, server)
	}
	if err := s.servers[0].Followed(2); err != nil {
		return err
	}
	for n := range 3 {
		// One after the other gives the master up: if all did so in the same moment,
		// each would vote for itself.
		silent := timeout + time.Duration(n)*timeout/4
		sentinel, err := onFreePort(func(port string) (*Redis, error) { return startSentinel(port, s.servers[0].port, silent) })
		if err != nil {
			return err
		}
		s.sentinels = append(s.sentinels, sentinel)
	}
	return s.agreed()
}

// agreed returns when all Sentinels know one another and both replicas. Their
// own pace for that is ten seconds; here they ask more often. What a replica says
// each second while the master is away, they believe for five pings: who pings
// more often than five times a second finds none to promote. One that the machine
// held up for two seconds would do nothing for thirty: here for one.
func (s *RedisSentinel) agreed() error {
	for _, sentinel := range s.sentinels {
		if _, err := sentinel.Do("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PUBLISH-PERIOD", "100", "PING-PERIOD", "400",
			"ASK-PERIOD", "100", "MIN-LINK-RECONNECT-PERIOD", "500", "TILT-TRIGGER", "10000", "TILT-PERIOD", "1000"); err != nil {
			return err
		}
	}
	return await("agreement of sentinels", func() bool {
		for _, sentinel := range s.sentinels {
			if got := s.ask(sentinel); got["num-slaves"] != "2" || got["num-other-sentinels"] != "2" {
				return false
			}
		}
		return true
	})
}

// startSentinel starts one; it writes its settings file anew by itself.
func startSentinel(port, master string, timeout time.Duration) (*Redis, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	r := &Redis{dir: dir, port: port}
	file := filepath.Join(dir, "sentinel.conf")
	settings := fmt.Sprintf("bind 127.0.0.1\nport %s\nunixsocket %s\ndir %s\n"+
		"sentinel monitor %[4]s 127.0.0.1 %[5]s 2\nsentinel down-after-milliseconds %[4]s %[6]d\nsentinel failover-timeout %[4]s %[7]d\nsentinel parallel-syncs %[4]s 2\n",
		port, r.Socket(), dir, sentinelMaster, master, timeout.Milliseconds(), 3*timeout.Milliseconds())
	err = os.WriteFile(file, []byte(settings), 0o600)
	if err == nil {
		err = r.run([]string{file, "--sentinel"}, "Sentinel ID is")
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// ask is what a Sentinel knows of the master.
func (s *RedisSentinel) ask(sentinel *Redis) map[string]string {
	c := goredis.NewSentinelClient(&goredis.Options{Addr: sentinel.Address()})
	defer c.Close()
	known, err := c.Master(context.Background(), sentinelMaster).Result()
	if err != nil {
		return nil
	}
	return known
}

// URL names the Sentinels.
func (s *RedisSentinel) URL() string {
	var hosts []string
	for _, sentinel := range s.sentinels {
		hosts = append(hosts, sentinel.Address())
	}
	return "redis+sentinel://" + strings.Join(hosts, ",") + "/" + sentinelMaster
}

// Master is the server that the Sentinels name.
func (s *RedisSentinel) Master() (*Redis, error) {
	for _, sentinel := range s.sentinels {
		known := s.ask(sentinel)
		for _, server := range s.servers {
			if known != nil && server.Address() == net.JoinHostPort(known["ip"], known["port"]) {
				return server, nil
			}
		}
	}
	return nil, errors.New("testkit: no sentinel knows the master")
}

// Promoted returns when another server than one that was killed takes writes.
func (s *RedisSentinel) Promoted(killed *Redis) (master *Redis, err error) {
	return master, await("promotion", func() bool {
		master, err = s.Master()
		return err == nil && master != killed && master.says([]any{"INFO", "replication"}, "role:master")
	})
}

// Servers are the master and its replicas.
func (s *RedisSentinel) Servers() []*Redis { return s.servers }

// Empty removes everything.
func (s *RedisSentinel) Empty() error {
	master, err := s.Master()
	if err != nil {
		return err
	}
	return master.Empty()
}

// Age is Redis.Age of the master.
func (s *RedisSentinel) Age(d time.Duration) error {
	master, err := s.Master()
	if err != nil {
		return err
	}
	return master.Age(d)
}

// Close ends all of them.
func (s *RedisSentinel) Close() {
	for _, each := range append(s.sentinels, s.servers...) {
		each.Close()
	}
}
