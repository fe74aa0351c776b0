package testkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// ErrNoRedis is given where the machine has no redis-server.
var ErrNoRedis = errors.New("testkit: there is no redis-server on this machine")

// redisPatience bounds every wait for something that servers do by themselves.
const redisPatience = time.Minute

// Redis is a real redis-server of the tests' own. It keeps each write at once,
// in a directory that vanishes with it.
type Redis struct {
	dir, port string
	args      []string
	cmd       *exec.Cmd
}

// StartRedis starts the machine's redis-server on a socket and, where the
// arguments name one with --port, on a port. They are added to its command
// line. Close ends it.
func StartRedis(args ...string) (*Redis, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, ErrNoRedis
	}
	// Not t.TempDir: the path of a socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	r := &Redis{dir: dir, args: args}
	for i, arg := range args {
		if arg == "--port" {
			r.port = args[i+1]
		}
	}
	if err := r.Start(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// RedisFor is a redis-server that lives as long as the test. Where there is none
// on the machine the test is skipped, or fails if GUICHET_TEST_REDIS is
// "required".
func RedisFor(t testing.TB, args ...string) *Redis {
	t.Helper()
	r, err := StartRedis(args...)
	if err != nil {
		NoRedis(t, err)
	}
	t.Cleanup(r.Close)
	return r
}

// NoRedis ends a test that needs a redis-server which does not start.
func NoRedis(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoRedis) && !RedisRequired() {
		t.Skip(err)
	}
	t.Fatal(err)
}

// RedisRequired reports that nothing may take a real Redis's place.
func RedisRequired() bool { return os.Getenv("GUICHET_TEST_REDIS") == "required" }

// URL is how it is reached.
func (r *Redis) URL() string { return "unix://" + r.Socket() }

// Socket is the path of its socket.
func (r *Redis) Socket() string { return filepath.Join(r.dir, "s") }

// Address is its host and port, where it has a port.
func (r *Redis) Address() string { return net.JoinHostPort("127.0.0.1", r.port) }

// Servers is itself.
func (r *Redis) Servers() []*Redis { return []*Redis{r} }

// Dir is where its files are.
func (r *Redis) Dir() string { return r.dir }

// Start starts it again after Kill, and returns when it answers.
func (r *Redis) Start() error {
	args := append([]string{
		"--bind", "127.0.0.1", "--port", "0", "--unixsocket", r.Socket(), "--dir", r.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, r.args...)
	return r.run(args, "eady to accept connections")
}

// run starts redis-server and returns when it has said something.
func (r *Redis) run(args []string, awaited string) error {
	r.cmd = exec.Command("redis-server", args...)
	r.cmd.SysProcAttr = endsWithUs()
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	said := make(chan string, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), awaited) {
				break
			}
		}
		said <- all.String()
		_, _ = io.Copy(io.Discard, out) // so that it never waits for a reader
	}()
	select {
	case all := <-said:
		if strings.Contains(all, awaited) {
			return nil
		}
		return fmt.Errorf("testkit: redis-server does not start:\n%s", all)
	case <-time.After(redisPatience):
		return errors.New("testkit: redis-server does not start in time")
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

// Close kills it and removes its files.
func (r *Redis) Close() {
	r.Kill()
	_ = os.RemoveAll(r.dir)
}

// Client is a connection of the test's own, for it to close.
func (r *Redis) Client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Network: "unix", Addr: r.Socket()})
}

// Do sends one command, and gives its answer.
func (r *Redis) Do(args ...any) (any, error) {
	c := r.Client()
	defer c.Close()
	return c.Do(context.Background(), args...).Result()
}

// Empty removes everything.
func (r *Redis) Empty() error {
	_, err := r.Do("FLUSHALL")
	return err
}

// Age lets everything that expires do so sooner by d, since Redis's own clock
// cannot be moved.
func (r *Redis) Age(d time.Duration) error {
	c, ctx := r.Client(), context.Background()
	defer c.Close()
	keys := c.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		left, err := c.PTTL(ctx, keys.Val()).Result()
		if err == nil && left > 0 {
			err = c.PExpire(ctx, keys.Val(), left-d).Err()
		}
		if err != nil {
			return err
		}
	}
	return keys.Err()
}

// FreePort gives a port of loopback that nobody uses now, nor the one 10,000
// above it, where a cluster's servers talk. Both lie below those that the system
// gives to connections by itself, so that none of these takes it meanwhile.
func FreePort() (string, error) {
	for range 100 {
		port := 10000 + rand.IntN(12000)
		if free(port) && free(port+10000) {
			return strconv.Itoa(port), nil
		}
	}
	return "", errors.New("testkit: no port is free")
}

func free(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// onFreePort starts a server on a port, and on another when somebody was faster.
func onFreePort(start func(port string) (*Redis, error)) (r *Redis, err error) {
	for range 5 {
		port, portErr := FreePort()
		if portErr != nil {
			return nil, portErr
		}
		if r, err = start(port); err == nil || errors.Is(err, ErrNoRedis) {
			return r, err
		}
	}
	return nil, err
}

// await returns when done says so. It is for what servers settle among
// themselves, which nothing announces.
func await(what string, done func() bool) error {
	limit := time.After(redisPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit:
			return fmt.Errorf("testkit: in %v there was no %s", redisPatience, what)
		case <-tick.C:
		}
	}
	return nil
}

// says reports whether an INFO or CLUSTER INFO holds all of some lines.
func (r *Redis) says(command []any, lines ...string) bool {
	answer, err := r.Do(command...)
	text, _ := answer.(string)
	for _, line := range lines {
		if err != nil || !strings.Contains(text, line+"\r\n") {
			return false
		}
	}
	return true
}

// Followed returns when n replicas are in step with it.
func (r *Redis) Followed(n int) error {
	return await(strconv.Itoa(n)+" replicas", func() bool {
		got, err := r.Do("WAIT", n, 1000)
		count, _ := got.(int64)
		return err == nil && count >= int64(n)
	})
}
