//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a program that was started here and is ended here, by its id.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended, once done is closed
}

// running are all that have not ended, for an interrupt to end them; from then on
// nothing is started.
var (
	running sync.Map
	ending  atomic.Bool
)

// start runs a program whose output goes to a file. It does not outlive us, even
// if we are killed ourselves.
func start(output, name string, args ...string) (*process, error) {
	if ending.Load() {
		return nil, errors.New("interrupted")
	}
	log, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	running.Store(p, nil)
	go func() {
		p.err = cmd.Wait()
		running.Delete(p)
		close(p.done)
	}()
	return p, nil
}

// kill ends it as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// What stops a process where it stands, and lets it go on.
const (
	stopSignal = syscall.SIGSTOP
	goSignal   = syscall.SIGCONT
)

// signal sends it a signal; one that has ended gets none.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// stop asks it to end, and kills it where it does not.
func (p *process) stop(patience time.Duration) error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		var code *exec.ExitError
		if errors.As(p.err, &code) {
			return fmt.Errorf("%s ended with %w when asked to", p.name, p.err)
		}
		return nil
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("%s did not end within %s", p.name, patience)
	}
}

// daemon is guichet serve, which is killed and started again. Each start begins a
// life; when one ended by a kill is remembered, because what it was told last it
// may not have written down.
type daemon struct {
	program  string
	wrap     []string // put before it, as strace is
	settings string
	log      string
	address  string

	mu     sync.Mutex
	life   int
	killed map[int]time.Time
	now    *process
}

// newDaemon gives one whose files in a directory bear a name. It has no settings yet.
func newDaemon(program, dir, name string) (*daemon, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name)
	return &daemon{program: program, settings: file + ".yaml", log: file + ".log", address: fmt.Sprintf("127.0.0.1:%d", port), killed: map[int]time.Time{}}, nil
}

// begin starts a life and does not wait for it to take mail.
func (d *daemon) begin() error {
	line := append(append([]string(nil), d.wrap...), d.program, "serve", "-c", d.settings)
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := start(d.log, line[0], line[1:]...)
	if err != nil {
		return err
	}
	d.life++
	d.now = p
	return nil
}

// readyWithin is how long a daemon may take until it greets, which ends a wait for
// one that hangs.
const readyWithin = 2 * time.Minute

// start begins a life and returns when it takes mail.
func (d *daemon) start() error {
	if err := d.begin(); err != nil {
		return err
	}
	for limit := time.Now().Add(readyWithin); time.Now().Before(limit); {
		if c, err := dial(d.address, readyWithin); err == nil {
			c.Close()
			return nil
		}
		select {
		case <-d.now.done:
			return fmt.Errorf("the daemon does not start: %w\n%s", d.now.err, lastLines(d.log))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("the daemon takes no mail after %s\n%s", readyWithin, lastLines(d.log))
}

// kill ends the life as a power cut would.
func (d *daemon) kill() {
	d.now.kill()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.killed[d.life] = time.Now()
}

// stopWithin is how long a daemon may take to finish what is under way.
const stopWithin = 3 * time.Minute

func (d *daemon) stop() error { return d.now.stop(stopWithin) }

// alive is the number of the life that is on.
func (d *daemon) alive() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.life
}

// end makes sure that nothing of it is left.
func (d *daemon) end() {
	if d.now != nil {
		d.now.kill()
	}
}

// lastLines is the end of a log, for whoever has to find out.
func lastLines(file string) string {
	const most = 2000
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
