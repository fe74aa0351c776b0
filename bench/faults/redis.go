//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// redisServer is a redis-server of our own that syncs each write before it
// answers.
type redisServer struct {
	dir  string
	port int
	args []string
	now  *process
}

// startRedis starts one in a directory that is there. Arguments are added to the
// command line.
func startRedis(dir string, args ...string) (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{dir: dir, port: port, args: args}
	return r, r.start()
}

func (r *redisServer) address() string { return "127.0.0.1:" + strconv.Itoa(r.port) }
func (r *redisServer) url() string     { return "redis://" + r.address() }

// start returns when it has read its files and answers.
func (r *redisServer) start() (err error) {
	args := append([]string{"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"}, r.args...)
	log := filepath.Join(r.dir, "redis.log")
	if r.now, err = start(log, "redis-server", args...); err != nil {
		return err
	}
	return until(readyWithin, func() error {
		answer, err := r.do("PING")
		if err == nil && answer != "PONG" {
			err = fmt.Errorf("redis-server answers %s\n%s", answer, lastLines(log))
		}
		return err
	})
}

func (r *redisServer) kill() { r.now.kill() }

// stop ends it properly.
func (r *redisServer) stop() error { return r.now.stop(readyWithin) }

// freeze stops it for so long, with its connections open.
func (r *redisServer) freeze(d time.Duration) {
	r.now.signal(stopSignal)
	time.Sleep(d)
	r.now.signal(goSignal)
}

// do asks a command that has one line as its answer, or one text.
func (r *redisServer) do(command string) (string, error) {
	return ask(r.address(), command)
}

// ask speaks the inline form of Redis's protocol.
func ask(address, command string) (string, error) {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return "", err
	}
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(line, "-"):
		return "", fmt.Errorf("redis: %s: %s", command, line[1:])
	case strings.HasPrefix(line, "$"):
		n, err := strconv.Atoi(line[1:])
		text := make([]byte, max(0, n))
		for read := 0; err == nil && read < n; {
			var some int
			some, err = in.Read(text[read:])
			read += some
		}
		return string(text), err
	}
	return strings.TrimLeft(line, "+:"), nil
}

// freePort gives a port of loopback that nobody has at this moment. It lies below
// those that the system gives by itself, so that nobody is given it while whoever
// listens there is dead.
func freePort() (port int, err error) {
	for range 100 {
		port = 10000 + rand.IntN(22000)
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

// until tries every few milliseconds, and gives the last error when the patience
// is over.
func until(patience time.Duration, try func() error) error {
	limit := time.Now().Add(patience)
	for {
		err := try()
		if err == nil || time.Now().After(limit) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
