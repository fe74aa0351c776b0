package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"guichet/config"
)

// usage is what a process has used so far.
type usage struct {
	cpu          time.Duration
	memory, most int64 // bytes; 0 where it is not known
}

// meter reads the usage of the daemon.
type meter func(context.Context) (usage, error)

// meterOf finds out how the daemon of the settings can be seen: by its process,
// which its control socket names, or by its metrics.
func meterOf(c *config.Config) meter {
	if pid, err := peerProcess(filepath.Join(c.Data, "control.sock")); err == nil {
		return func(context.Context) (usage, error) { return processUsage(pid) }
	}
	if c.Metrics != "" {
		return func(ctx context.Context) (usage, error) { return metricsUsage(ctx, reachable(c.Metrics)) }
	}
	return nil
}

// clockTick is the unit of times in /proc, whatever the kernel's own is.
const clockTick = time.Second / 100

// processUsage reads /proc (proc(5)).
func processUsage(pid int) (usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return usage{}, err
	}
	u, err := parseStat(stat)
	u.memory, u.most = statusBytes(status, "VmRSS:"), statusBytes(status, "VmHWM:")
	return u, err
}

// parseStat reads utime and stime. The name before them is in brackets, and may
// hold anything.
func parseStat(stat []byte) (usage, error) {
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 13 {
		return usage{}, errors.New("no stat of a process")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return usage{cpu: time.Duration(user+system) * clockTick}, errors.Join(err, err2)
}

func statusBytes(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	var kib int64
	_, _ = fmt.Sscan(string(rest[:min(len(rest), 40)]), &kib)
	return kib << 10
}

// metricsUsage reads what the daemon publishes of itself.
func metricsUsage(ctx context.Context, address string) (usage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return usage{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return usage{}, err
	}
	defer response.Body.Close()
	return parseMetrics(response.Body)
}

func parseMetrics(r io.Reader) (u usage, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "process_cpu_seconds_total":
			u.cpu = time.Duration(n * float64(time.Second))
		case name == "process_resident_memory_bytes":
			u.memory = int64(n)
		}
	}
	if u.cpu == 0 {
		return u, errors.New("the metrics tell nothing of the process")
	}
	return u, lines.Err()
}

// ownDaemon is one that runs for a measurement alone, in a directory that goes
// with it.
type ownDaemon struct {
	dir     string
	address string
	command *exec.Cmd
	said    *bytes.Buffer // on standard error
}

// ownSettings serve one queue on a free port of loopback, and send nothing.
const ownSettings = `hostname: mx.guichet.test
data: %[1]s
smtp: {listen: ["127.0.0.1:0"]}
trust: {networks: [127.0.0.0/8]}
outgoing: {via: "maildir:%[1]s/outgoing", paused: true}
log: {level: warn}
sites:
  - name: demo
    prefix: DEMO
    digest: ""
    queues: [{name: help, address: help@guichet.test, agents: [anna@guichet.test, ben@guichet.test]}]
`

// startOwn starts the program once more, as a daemon, and returns when it
// listens.
func startOwn(ctx context.Context) (_ *ownDaemon, err error) {
	d := &ownDaemon{said: &bytes.Buffer{}}
	if d.dir, err = os.MkdirTemp("", "guichet-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	file := filepath.Join(d.dir, "guichet.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, ownSettings, filepath.Join(d.dir, "data")), 0o600); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d.command = exec.CommandContext(ctx, program, "serve", "-c", file)
	d.command.Args[0] = "guichet"
	d.command.Stderr = d.said
	d.command.Cancel = func() error { return d.command.Process.Signal(syscall.SIGTERM) }
	d.command.WaitDelay = 10 * time.Second
	announced, err := d.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	d.address, err = listensOn(announced)
	return d, err
}

// listensOn reads where a daemon says that it listens, and lets it go on talking.
func listensOn(announced io.Reader) (string, error) {
	lines := bufio.NewReader(announced)
	for {
		line, err := lines.ReadString('\n')
		if address, found := strings.CutPrefix(strings.TrimSpace(line), "receives  SMTP on "); found {
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return address, nil
		}
		if err != nil {
			return "", errors.New("the daemon ended before it listened")
		}
	}
}

// stop ends the daemon and removes what it kept.
func (d *ownDaemon) stop() error {
	var err error
	if d.command != nil && d.command.Process != nil {
		_ = d.command.Process.Signal(syscall.SIGTERM)
		if err = d.command.Wait(); err != nil {
			err = fmt.Errorf("the daemon: %w: %s", err, strings.TrimSpace(d.said.String()))
		}
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}
