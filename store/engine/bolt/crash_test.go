package bolt_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"guichet/store/engine/bolt"
	"guichet/store/engine/enginetest"
)

// gathered is less than what is written between two kills.
const gathered = 64 << 10

// crashDir, when it is set, makes this test binary the daemon that is killed.
const crashDir = "GUICHET_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dir string) {
	e, err := bolt.Open(bolt.Options{Dir: dir, Wait: 10 * time.Second, Now: time.Now, Memory: gathered})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	// One write call a line: what was reported has left the process.
	enginetest.WriteUntilFailure(e, os.Getpid(), func(name string) { fmt.Println(name) })
}

// TestKilledInTheMiddle kills the process that writes, several times on the same
// file, each time somewhere else.
func TestKilledInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged = append(acknowledged, lines.Text())
			if n == 40+17*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait()
		e, err := bolt.Open(bolt.Options{Dir: dir, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		enginetest.CheckWhole(t, e, acknowledged)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) < 160 {
		t.Fatalf("only %d writes were acknowledged", len(acknowledged))
	}
}
