//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// repeatedly strikes again and again under load while the time that the command
// line gives lasts, and at least once. A strike ends with the fault over.
func (s *stage) repeatedly(strike func(n int) error) (strikes int, err error) {
	if err := s.daemon.start(); err != nil {
		return 0, err
	}
	err = s.under(func() error {
		end := time.Now().Add(s.long)
		for strikes == 0 || time.Now().Before(end) {
			s.tell("strike %d, %d mails", strikes+1, s.load.length())
			time.Sleep(s.between(300*time.Millisecond, 1500*time.Millisecond))
			strikes++
			if err := strike(strikes); err != nil {
				return fmt.Errorf("strike %d: %w", strikes, err)
			}
		}
		time.Sleep(time.Second)
		return nil
	})
	return strikes, err
}

// playRedisKills kills Redis as a power cut would; what it had not synced by then
// it had not answered.
func playRedisKills(s *stage, _ int) (int, error) {
	return s.repeatedly(func(int) error {
		s.redis.kill()
		time.Sleep(s.between(0, time.Second))
		return s.redis.start()
	})
}

// playRedisRestarts stops Redis properly.
func playRedisRestarts(s *stage, _ int) (int, error) {
	return s.repeatedly(func(int) error {
		if err := s.redis.stop(); err != nil {
			return err
		}
		time.Sleep(s.between(0, 2*time.Second))
		return s.redis.start()
	})
}

// playBothKills kills Redis and the daemon in the same moment, as a machine does
// that loses its power.
func playBothKills(s *stage, _ int) (int, error) {
	return s.repeatedly(func(int) error {
		s.redis.kill()
		s.daemon.kill()
		if err := s.redis.start(); err != nil {
			return err
		}
		return s.daemon.start()
	})
}

// playRedisPauses has Redis take commands and not answer: stopped as a process,
// or by its own command.
func playRedisPauses(s *stage, _ int) (int, error) {
	return s.repeatedly(func(n int) error {
		d := s.between(500*time.Millisecond, 6*time.Second)
		if n%2 == 1 {
			s.redis.freeze(d)
			return nil
		}
		_, err := s.redis.do(fmt.Sprintf("CLIENT PAUSE %d ALL", d.Milliseconds()))
		time.Sleep(d)
		return err
	})
}

// playRedisMemory lets Redis have no more memory than it uses already.
func playRedisMemory(s *stage, _ int) (int, error) {
	return s.repeatedly(func(int) error {
		info, err := s.redis.do("INFO memory")
		if err != nil {
			return err
		}
		used, err := strconv.Atoi(fieldOf(info, "used_memory"))
		if err != nil {
			return err
		}
		return s.whileSet("maxmemory", strconv.Itoa(used+s.random.IntN(1<<20)), "0")
	})
}

// playRedisReadOnly makes Redis refuse to write: for want of replicas, or because
// it has become the replica of a server that is not there.
func playRedisReadOnly(s *stage, _ int) (int, error) {
	return s.repeatedly(func(n int) error {
		if n%2 == 1 {
			return s.whileSet("min-replicas-to-write", "1", "0")
		}
		if _, err := s.redis.do("REPLICAOF 127.0.0.1 1"); err != nil {
			return err
		}
		time.Sleep(s.between(time.Second, 4*time.Second))
		_, err := s.redis.do("REPLICAOF NO ONE")
		return err
	})
}

// whileSet changes a setting of Redis for some seconds.
func (s *stage) whileSet(name, value, after string) error {
	if _, err := s.redis.do("CONFIG SET " + name + " " + value); err != nil {
		return err
	}
	time.Sleep(s.between(time.Second, 4*time.Second))
	_, err := s.redis.do("CONFIG SET " + name + " " + after)
	return err
}

// fieldOf reads a line of INFO.
func fieldOf(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
