package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a daemon that runs as a process of its own, for tests that kill and
// stop it or look at its memory.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	server string // its SMTP address
	log    bytes.Buffer
	once   sync.Once
}

// startProcess starts a daemon under settings; env is added to the test's own
// environment. It is ended with the test.
func startProcess(t *testing.T, settings string, env ...string) *process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "guichet.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command("guichet", "serve", "-c", file)}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, append(os.Environ(), env...), &p.log
	told, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	for lines := bufio.NewScanner(told); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "SMTP on "); ok {
			p.server = address
		}
		if strings.HasPrefix(lines.Text(), "  sends ") {
			go func() { _, _ = io.Copy(io.Discard, told) }()
			return p
		}
	}
	p.kill()
	t.Fatalf("the daemon does not start: %s", p.log.String())
	return nil
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
}

// await polls what another process does by itself, which nothing announces.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	end := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-end:
			t.Fatalf("in %v there was no %s", patience, what)
		case <-tick.C:
		}
	}
}
