package control_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/store/engine/control"
	"guichet/store/engine/enginetest"
)

// withScan is a client that scans the engine behind the socket, which the socket
// itself does not allow.
type withScan struct {
	*control.Client
	behind engine.Engine
}

func (w withScan) Scan(ctx context.Context) iter.Seq2[engine.Item, error] { return w.behind.Scan(ctx) }

// TestConformance holds that the socket changes nothing about an engine.
func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		clock := enginetest.NewClock()
		e, err := bolt.Open(bolt.Options{Dir: t.TempDir(), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		return enginetest.Subject{Engine: withScan{serve(t, e), e}, Now: clock.Now, Advance: clock.Advance}
	})
}

func serve(t *testing.T, e engine.Engine) *control.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "control") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.sock")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- control.Serve(ctx, l, e, nil) }()
	client, err := control.Dial(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Close()
		os.RemoveAll(dir)
	})
	return client
}

func TestSocketOfADeadDaemonIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := control.Dial(context.Background(), path); err == nil {
		t.Error("nobody listens, and yet it connects")
	}
}
