package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// largeMails may be raised by hand: 200 take some minutes and 10 GB of disk.
var largeMails = flag.Int("large", 24, "how many of the largest mails come at once in TestMemoryHasACeiling")

const (
	// ceiling is what docs/performance.md promises.
	ceiling = 512 << 20
	// goLimit leaves room for what is not the collector's.
	goLimit = "GOMEMLIMIT=400MiB"
)

// TestMemoryHasACeiling sends many mails of the largest size at once, half of
// them one long text, half a file: all are taken, small ones beside them too, and
// the daemon stays below its ceiling. As root that is the kernel's to enforce.
func TestMemoryHasACeiling(t *testing.T) {
	if testing.Short() {
		t.Skip("sends hundreds of megabytes")
	}
	p := startProcess(t, fmt.Sprintf(`
hostname: mx.acme.example
data: %s
smtp: {listen: ["127.0.0.1:0"]}
trust: {networks: [127.0.0.0/8]}
outgoing: {via: "maildir:out", paused: true}
sites:
  - name: acme
    prefix: ACM
    digest: ""
    queues: [{name: help, title: Acme support, address: help@acme.example, agents: [anna@acme.example]}]
`, t.TempDir()), goLimit)
	confined := p.confine()

	const size = 25<<20 - 2000
	text := bytes.Repeat([]byte("The heating in the back office is cold again, and nobody knows why it is.\r\n"), size/75)
	file := bytes.Repeat([]byte("TWFueSBieXRlcyBvZiBhIGZpbGUgdGhhdCBub2JvZHkgcmVhZHMsIGVuY29kZWQgaW4gYmFzZTY0\r\n"), size/80)
	var senders errgroup.Group
	for n := range *largeMails {
		kind, body := "text/plain", text
		if n%2 == 1 {
			kind, body = "application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64", file
		}
		senders.Go(func() error { return submitLarge(p.server, fmt.Sprintf("large%d", n), kind, body) })
	}
	for n := range 20 {
		if err := submitLarge(p.server, fmt.Sprintf("small%d", n), "text/plain", []byte("Hello\r\n")); err != nil {
			t.Errorf("a small mail beside them: %v", err)
		}
	}
	if err := senders.Wait(); err != nil {
		t.Error(err)
	}
	peak := peakMemory(t, p.cmd.Process.Pid)
	t.Logf("%d mails, at most %d MiB resident, confined by the kernel: %t", *largeMails, peak>>20, confined)
	if peak > ceiling {
		t.Errorf("the daemon took %d MiB", peak>>20)
	}
	if p.kill(); t.Failed() {
		for line := range strings.Lines(p.log.String()) {
			if !strings.Contains(line, "level=INFO") {
				t.Log(line)
			}
		}
	}
}

func submitLarge(server, name, kind string, body []byte) error {
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	from := name + "@customer.example"
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt("help@acme.example"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "From: %[1]s\r\nTo: help@acme.example\r\nSubject: %[2]s\r\nMessage-ID: <%[1]s>\r\nMIME-Version: 1.0\r\nContent-Type: %[3]s\r\n\r\n", from, name, kind)
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return c.Quit()
}

// peakMemory is the most that a process had resident at a time, with what of its
// files was mapped.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip(err) // other systems tell in other ways
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kilobytes, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("the kernel does not tell of its memory")
	return 0
}

// confine has the kernel kill a process that takes more than the ceiling, page
// cache counted, where we may ask for that.
func (p *process) confine() bool {
	pid := p.cmd.Process.Pid
	for _, version := range []struct{ root, limit string }{
		{"/sys/fs/cgroup", "memory.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		group := filepath.Join(version.root, fmt.Sprintf("guichet-test-%d", pid))
		if os.Mkdir(group, 0o700) != nil {
			continue
		}
		p.t.Cleanup(func() {
			p.kill()
			_ = os.Remove(group)
		})
		if tell(filepath.Join(group, version.limit), ceiling) == nil && tell(filepath.Join(group, "cgroup.procs"), pid) == nil {
			return true
		}
	}
	return false
}

// tell writes a number into a file of the kernel's, which is there already.
func tell(file string, n int) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(n))
	return errors.Join(err, f.Close())
}
