package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzSettings: any bytes give a Config or mistakes with a place and a remedy
// each, and what is right can be served: it has a site with a queue and agents.
func FuzzSettings(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Add(trialYAML)
	f.Add([]byte(site))
	f.Add([]byte("a: &a [*a, *a]\nsites: &s\n- *s\n- &q {name: x, queues: [*q]}\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return // the YAML library needs the square of the depth
		}
		c, err := Parse(filepath.Join(dir, "guichet.yaml"), data, environment("RELAY=relay.example.com"))
		if err == nil {
			if len(c.Sites) == 0 || len(c.Sites[0].Queues) == 0 || len(c.Sites[0].Queues[0].Agents) == 0 || c.Admin == "" {
				t.Errorf("settings without anybody to serve: %+v", c)
			}
			return
		}
		var mistakes Mistakes
		if !errors.As(err, &mistakes) || len(mistakes) == 0 {
			t.Fatalf("no list of mistakes: %v", err)
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Column < 1 || m.What == "" {
				t.Errorf("a mistake without its place: %+v", m)
			}
		}
	})
}

// TestEndlessFiles: a path that blocks or never ends is told, not waited for.
func TestEndlessFiles(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("no /dev/zero here")
	}
	if _, err := Load("/dev/zero", environment()); err == nil {
		t.Error("read settings from /dev/zero")
	}
	if _, err := load(t, "redis: file:/dev/zero\n"+site); err == nil {
		t.Error("read a secret from /dev/zero")
	}
}
