//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// replicated are three Redis servers, of which one is the master and two follow,
// and three Sentinels that choose another master when it is gone.
type replicated struct {
	servers   []*redisServer
	sentinels []*process
	ports     []int // of the sentinels
}

// masterName is what the Sentinels call them.
const masterName = "main"

// replicate puts three servers in the place of the stage's single one, and the
// settings on them.
func (s *stage) replicate() (r *replicated, err error) {
	r = &replicated{servers: []*redisServer{s.redis}}
	defer func() {
		if err != nil {
			r.end()
		}
	}()
	for i := range 2 {
		dir := filepath.Join(s.dir, fmt.Sprintf("replica%d", i+1))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return r, err
		}
		replica, err := startRedis(dir, "--replicaof", fmt.Sprintf("127.0.0.1 %d", s.redis.port), "--repl-diskless-sync-delay", "0")
		if err != nil {
			return r, err
		}
		r.servers = append(r.servers, replica)
	}
	for i := range 3 {
		if err := r.sentinel(filepath.Join(s.dir, fmt.Sprintf("sentinel%d", i+1)), s.redis.port); err != nil {
			return r, err
		}
	}
	s.redisURL = "redis+sentinel://"
	for i, port := range r.ports {
		s.redisURL += strings.Repeat(",", min(i, 1)) + "127.0.0.1:" + strconv.Itoa(port)
	}
	s.redisURL += "/" + masterName + "/0"
	if _, err := r.whole(); err != nil {
		return r, err
	}
	return r, s.configure(thisMachine)
}

func (r *replicated) sentinel(dir string, master int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	settings := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %[3]s 127.0.0.1 %d 2\n"+
		"sentinel down-after-milliseconds %[3]s 800\nsentinel failover-timeout %[3]s 4000\nsentinel parallel-syncs %[3]s 2\n", port, dir, masterName, master)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := start(filepath.Join(dir, "sentinel.log"), "redis-sentinel", settings)
	if err != nil {
		return err
	}
	r.sentinels, r.ports = append(r.sentinels, p), append(r.ports, port)
	return until(readyWithin, func() error {
		_, err := ask(fmt.Sprintf("127.0.0.1:%d", port), "PING")
		return err
	})
}

// end ends all but the first server, which is the stage's.
func (r *replicated) end() {
	for _, p := range r.sentinels {
		p.kill()
	}
	for _, one := range r.servers[1:] {
		one.kill()
	}
}

// master is the server that the Sentinels agree on.
func (r *replicated) master() (*redisServer, error) {
	chosen := map[int]int{}
	for _, port := range r.ports {
		at, err := masterPort(port)
		if err != nil {
			return nil, err
		}
		chosen[at]++
	}
	for _, one := range r.servers {
		if chosen[one.port] == len(r.ports) {
			return one, nil
		}
	}
	return nil, errors.New("the Sentinels do not agree on a master")
}

// masterPort asks one Sentinel, whose answer is a list of address and port.
func masterPort(sentinel int) (int, error) {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", sentinel), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(c, "SENTINEL GET-MASTER-ADDR-BY-NAME %s\r\n", masterName)
	lines := bufio.NewScanner(c)
	for range 5 { // *2, $n, the address, $n, the port
		if !lines.Scan() {
			return 0, errors.New("the Sentinel says nothing")
		}
	}
	return strconv.Atoi(lines.Text())
}

// healWithin is how long a failover may take until two replicas follow again.
const healWithin = 60 * time.Second

// whole returns when the Sentinels agree and both replicas follow the master.
func (r *replicated) whole() (master *redisServer, err error) {
	err = until(healWithin, func() error {
		if master, err = r.master(); err != nil {
			return err
		}
		info, err := master.do("INFO replication")
		if err == nil && (fieldOf(info, "role") != "master" || strings.Count(info, "state=online") != 2) {
			err = fmt.Errorf("not whole: %s", info)
		}
		return err
	})
	return master, err
}

// another returns when the Sentinels have chosen another master.
func (r *replicated) another(than *redisServer) error {
	return until(healWithin, func() error {
		now, err := r.master()
		if err == nil && now == than {
			err = errors.New("no failover")
		}
		return err
	})
}

// playFailovers takes the master away in four ways: killed; frozen until another
// has its place, so that it wakes up and still believes; killed after its
// replicas; by the Sentinels' own command.
func playFailovers(s *stage, _ int) (int, error) {
	r, err := s.replicate()
	if err != nil {
		return 0, err
	}
	s.also = append(s.also, r.end)
	return s.repeatedly(func(n int) error {
		master, err := r.whole()
		if err != nil {
			return err
		}
		switch n % 4 {
		case 1:
			master.kill()
			err = errors.Join(r.another(master), master.start())
		case 2:
			return s.dethrone(r)
		case 3:
			return s.orphan(r)
		default:
			if _, err = ask(fmt.Sprintf("127.0.0.1:%d", r.ports[0]), "SENTINEL FAILOVER "+masterName); err == nil {
				err = r.another(master)
			}
		}
		if err == nil {
			_, err = r.whole()
		}
		return err
	})
}

// playLateReplicas starts the daemon while both replicas are away, lets them come
// back, and then has a frozen master lose its place: what it takes when it wakes
// up must not be answered 250, although the daemon never saw a replica at first.
func playLateReplicas(s *stage, _ int) (int, error) {
	r, err := s.replicate()
	if err != nil {
		return 0, err
	}
	s.also = append(s.also, r.end)
	// The store has to be founded while all are there.
	if err := errors.Join(s.daemon.start(), s.daemon.stop()); err != nil {
		return 0, err
	}
	for _, replica := range r.servers[1:] {
		replica.kill()
	}
	first := true
	return s.repeatedly(func(int) error {
		if first { // the daemon has been at work without them
			first = false
			for _, replica := range r.servers[1:] {
				if err := replica.start(); err != nil {
					return err
				}
			}
		}
		return s.dethrone(r)
	})
}

// dethrone freezes the master until another has its place. When it wakes up it
// believes for a moment that it still is one.
func (s *stage) dethrone(r *replicated) error {
	master, err := r.whole()
	if err != nil {
		return err
	}
	time.Sleep(s.between(time.Second, 2*time.Second))
	master.now.signal(stopSignal)
	err = r.another(master)
	master.now.signal(goSignal)
	if err == nil {
		_, err = r.whole()
	}
	return err
}

// orphan kills both replicas, lets the master go on alone for a while, and kills
// it too before the replicas come back: one of them takes over without what it
// never got.
func (s *stage) orphan(r *replicated) error {
	master, err := r.whole()
	if err != nil {
		return err
	}
	for _, one := range r.servers {
		if one != master {
			one.kill()
		}
	}
	time.Sleep(s.between(time.Second, 2*time.Second))
	master.kill()
	for _, one := range r.servers {
		if one != master {
			if err := one.start(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(r.another(master), master.start()); err != nil {
		return err
	}
	_, err = r.whole()
	return err
}

// playLocal does that to a daemon whose settings say that it need not wait
// for replicas. That loses mail, and shows that a loss is seen.
func playLocal(s *stage, _ int) (int, error) {
	s.durability = "local"
	r, err := s.replicate()
	if err != nil {
		return 0, err
	}
	s.also = append(s.also, r.end)
	return s.repeatedly(func(int) error { return s.orphan(r) })
}
