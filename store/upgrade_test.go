package store_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/store/engine"
	"guichet/ticket"
)

// written fills the engine of options with a store as an older program wrote it:
// one item a line. In the first version there were three tickets of two
// customers, of which one is closed, and three mails that were held.
func written(t testing.TB, opt store.Options, version string) {
	t.Helper()
	lines, err := os.ReadFile("testdata/" + version + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("testdata/" + version + ".key")
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(opt.Data, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	e, _, err := store.OpenEngine(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for line := range bytes.Lines(lines) {
		var item engine.Item
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		step := engine.Put(item.Record, item.Name, item.Value)
		if item.Index != "" {
			step = engine.Add(item.Index, item.Name, item.Score)
		}
		if _, err := e.Commit(ctx, item.Space, engine.Batch{Steps: []engine.Step{step}}); err != nil {
			t.Fatal(err)
		}
	}
}

// older runs a test on a store that an older program wrote.
func older(t *testing.T, version string, test func(*world)) {
	eachPlace(t, func(t *testing.T, p place) {
		written(t, p.opt, version)
		test(p.open(t))
	})
}

func TestAStoreOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	older(t, "version1", func(w *world) {
		t := w.TB
		id := ticket.NewID(rand.Reader)
		sum := w.Pepper().Digest(id, "34679CDF")
		w = w.again() // the second time there is nothing to do
		if diff := cmp.Diff([]string{"Lost key", "Cold heating"}, w.own("marie@customer.example")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Wet cellar"}, w.own("paul@customer.example")); diff != "" {
			t.Error(diff)
		}
		if w.Pepper().Digest(id, "34679CDF") != sum {
			t.Error("the key of codes is not kept")
		}
		var waiting []string
		for _, h := range w.material(ticket.Notice{Kind: ticket.HeldDigest, Queue: "help"}).Waiting {
			waiting = append(waiting, h.Subject)
		}
		if n := len(waiting); n != 2 {
			t.Errorf("waiting: %v", waiting)
		}
	})
}

func TestHeldMailOfTheFirstVersionExpires(t *testing.T) {
	older(t, "version1", func(w *world) {
		for _, step := range []struct {
			days time.Duration
			want int
		}{{0, 3}, {8, 2}, {181, 0}} {
			w.advance(step.days * day)
			w.timers()
			page, err := w.HeldMail(ctx, "acme", "", 9)
			if err != nil || page.Total != step.want {
				w.Errorf("%d days later %d are held, %v", step.days, page.Total, err)
			}
		}
	})
}

func TestAToolLeavesAnOlderStoreToItsDaemon(t *testing.T) {
	daemon := embedded(t)
	daemon.setSchema("1")
	_, err := store.Open(ctx, daemon.serveTools(t))
	if err == nil || !strings.Contains(err.Error(), "older guichet") {
		t.Errorf("error is %v", err)
	}
}
