package enginetest

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Redis is a real redis-server of a test's own.
type Redis struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// StartRedis starts the machine's redis-server, durable with each write, on a
// socket in a directory of its own; nil where there is none on the machine. It
// ends with the test. Arguments are added to the command line.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil
	}
	// Not t.TempDir: the path of a socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{t: t, dir: dir, args: args}
	t.Cleanup(func() {
		r.Kill()
		os.RemoveAll(dir)
	})
	r.Start()
	return r
}

// URL is how it is reached.
func (r *Redis) URL() string { return "unix://" + r.Socket() }

// Socket is the path of its socket; Dir holds its data.
func (r *Redis) Socket() string { return filepath.Join(r.dir, "s") }

// Dir is where its files are.
func (r *Redis) Dir() string { return r.dir }

// Start starts it again after Kill, and returns when it answers.
func (r *Redis) Start() {
	r.t.Helper()
	args := append([]string{
		"--port", "0", "--unixsocket", r.Socket(), "--dir", r.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, r.args...)
	r.cmd = exec.Command("redis-server", args...)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ready := make(chan struct{})
	var said strings.Builder
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "Ready to accept connections") || strings.Contains(lines.Text(), "ready to accept connections at") {
				go func() {
					for lines.Scan() { // so that it never waits for a reader
					}
				}()
				return
			}
		}
	}()
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
	}
	if !strings.Contains(said.String(), "eady to accept connections") {
		r.t.Fatalf("redis-server does not start:\n%s", said.String())
	}
}

// Kill ends it as a power cut would.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

// Client is a connection of the test's own.
func (r *Redis) Client() *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Network: "unix", Addr: r.Socket()})
	r.t.Cleanup(func() { c.Close() })
	return c
}

// Empty removes everything.
func (r *Redis) Empty() {
	r.t.Helper()
	if err := r.Client().FlushAll(ctx).Err(); err != nil {
		r.t.Fatal(err)
	}
}

// Age lets everything that expires do so sooner, since Redis's own clock cannot
// be moved.
func (r *Redis) Age(d time.Duration) {
	r.t.Helper()
	c := r.Client()
	keys := c.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		left, err := c.PTTL(ctx, keys.Val()).Result()
		if err == nil && left > 0 {
			err = c.PExpire(ctx, keys.Val(), left-d).Err()
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := keys.Err(); err != nil {
		r.t.Fatal(err)
	}
}

// FreePort gives a port of loopback that nobody uses now, nor the one 10,000
// above it, where a cluster's servers talk. Both lie below those that the system
// gives to connections by itself, so that none of these takes it meanwhile.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(12000)
		if free(port) && free(port+10000) {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no port is free")
	return ""
}

func free(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// AwaitInfo returns when CLUSTER INFO says all of some lines. The servers need
// some gossip for that, which nothing announces.
func AwaitInfo(t testing.TB, c *goredis.Client, lines ...string) {
	t.Helper()
	limit, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := c.ClusterInfo(limit).Result()
		if err != nil {
			t.Fatal(err)
		}
		missing := slices.IndexFunc(lines, func(line string) bool { return !strings.Contains(info, line) })
		if missing < 0 {
			return
		}
		<-tick.C
	}
}
