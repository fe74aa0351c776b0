package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/internal/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(sharing{m}, map[string]func(){"guichet": main})
}

// sharing ends the servers that tests shared, when all have run.
type sharing struct{ m *testing.M }

func (s sharing) Run() int { return testkit.Main(s.m) }

// TestScripts plays whole sessions on the command line, as people type them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(name string) (bool, error) {
			if name != "installed" {
				return false, fmt.Errorf("no condition %q", name)
			}
			_, err := os.Stat("/etc/guichet/guichet.yaml")
			return err == nil, nil
		},
	})
}

// TestEveryCommandShowsAnExample: help that does not show how is no help.
func TestEveryCommandShowsAnExample(t *testing.T) {
	parser, err := grammar(&commandLine{}, environment{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}, os.Exit)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		if !strings.Contains(command.Detail, "guichet "+strings.TrimPrefix(command.FullPath(), "guichet ")) && !strings.Contains(command.Detail, "guichet "+command.Parent.Name) {
			t.Errorf("the help of %q shows no call of it", command.FullPath())
		}
		if command.Help == "" {
			t.Errorf("%q says not what it does", command.FullPath())
		}
	}
}
