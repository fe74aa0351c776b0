package config

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	_ "time/tzdata" // time_zone works where the machine has no database of its own

	"github.com/goccy/go-yaml/ast"
)

// largestFile bounds a settings file.
const largestFile = 16 << 20

// systemFile is where a package of a distribution puts the settings.
const systemFile = "/etc/guichet/guichet.yaml"

//go:embed trial.yaml
var trialYAML []byte

// Find tells which settings file is meant: the one of the flag, else that of
// GUICHET_CONFIG, else ./guichet.yaml, else /etc/guichet/guichet.yaml. With
// found false there is none, and the trial settings apply. dir is where relative
// paths start; empty is the working directory.
func Find(dir, flag string, env func(string) (string, bool)) (path string, found bool) {
	if flag != "" {
		return rooted(dir, flag), true
	}
	if path, ok := env("GUICHET_CONFIG"); ok && path != "" {
		return rooted(dir, path), true
	}
	for _, path := range []string{rooted(dir, "guichet.yaml"), systemFile} {
		// A file that exists and cannot be read must be told, not passed over.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, true
		}
	}
	return "", false
}

func rooted(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Load reads a settings file. The error is Mistakes: all of them at once, in
// the order of the file. The same Config comes from the same file, environment
// and secret files; SIGHUP just loads again.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, Mistakes{{File: path, What: "the settings cannot be read (" + reason(err) + ")", Remedy: "name a file with -c, or write one with guichet init"}}
	}
	return Parse(path, data, env)
}

// Parse is Load for the content of a file that need not be there: path names it
// in mistakes, and relative paths start at its directory.
func Parse(path string, data []byte, env func(string) (string, bool)) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, Mistakes{{File: path, What: "the settings cannot be found (" + reason(err) + ")"}}
	}
	c := &Config{File: path}
	d := newDecoder(path, filepath.Dir(absolute), env)
	d.decode(bytes.TrimPrefix(data, []byte("\ufeff")), c)
	if d.parsed {
		settle(c)
		check(d, c)
	}
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.sorted()
	}
	c.Warnings = warnings(d, c)
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(data) > largestFile {
		err = errors.New("larger than 16 MiB")
	}
	return data, err
}

// openRegular opens a file, and refuses what may block for ever or is no file.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

// Trial is the built-in settings: they need nothing installed, listen on
// loopback and send no mail off the machine. Data goes under dir; empty is the
// working directory.
func Trial(dir string) *Config {
	c := &Config{}
	d := newDecoder("trial settings", dir, func(string) (string, bool) { return "", false })
	d.decode(trialYAML, c)
	settle(c)
	check(d, c)
	if len(d.mistakes) > 0 {
		panic(d.mistakes.Error()) // a constant of ours; a test reads it
	}
	return c
}

func newDecoder(file, dir string, env func(string) (string, bool)) *decoder {
	return &decoder{
		file: file, dir: dir, env: env,
		anchors: map[string]ast.Node{}, where: map[string]position{}, literal: map[string]bool{},
	}
}

// settle fills in what depends on other settings or on the machine.
func settle(c *Config) {
	if c.Hostname == "" {
		c.Hostname, _ = os.Hostname()
	}
	if c.MasterKey == "" {
		c.MasterKey = filepath.Join(c.Data, "master.key")
	}
	if c.Ledger == "" {
		c.Ledger = filepath.Join(c.Data, "erased.ledger")
	}
	if c.Blobs == (Blobs{}) {
		c.Blobs.Dir = filepath.Join(c.Data, "blobs")
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		if s.Organisation == "" {
			s.Organisation = s.Name
		}
		s.Locales = withFirst(s.Locale, s.Locales)
		for j := range s.Queues {
			if q := &s.Queues[j]; q.Title == "" {
				q.Title = q.Name
			}
		}
	}
	if c.Admin == "" && len(c.Sites) > 0 && len(c.Sites[0].Queues) > 0 && len(c.Sites[0].Queues[0].Agents) > 0 {
		c.Admin = c.Sites[0].Queues[0].Agents[0]
		c.adminChosen = true
	}
}

// withFirst is words with first at their head, each once.
func withFirst(first string, words []string) []string {
	all := []string{first}
	for _, w := range words {
		if w != first {
			all = append(all, w)
		}
	}
	return all
}
