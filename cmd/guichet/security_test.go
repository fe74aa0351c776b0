package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	backquoted = regexp.MustCompile("`([^`]+)`")
	scriptName = regexp.MustCompile(`^(threat|codes)-[a-z-]+$|^(machines|frontmx|policy|attachments|repeats|machines-each|wishes|site-status|site-sight)$`)
	goTest     = regexp.MustCompile(`^([a-z/]+)/(Test\w+)$`)
	ourFile    = regexp.MustCompile(`^[a-z]+(/[a-z]+)*(\.go)?$`)
)

// TestSecurityPage holds docs/security.md to the code: every file and test that
// its tables name is there, and no script about a threat is without a row.
func TestSecurityPage(t *testing.T) {
	const root, scripts = "../..", "testdata/mail/"
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		columns := strings.Split(line, " | ")
		if len(columns) != 4 {
			t.Errorf("not four columns: %s", line)
			continue
		}
		for _, q := range backquoted.FindAllStringSubmatch(columns[2]+columns[3], -1) {
			name := q[1]
			named = append(named, name)
			switch test := goTest.FindStringSubmatch(name); {
			case scriptName.MatchString(name):
				if _, err := os.Stat(scripts + name + ".txt"); err != nil {
					t.Error(err)
				}
			case test != nil:
				if !hasTest(t, filepath.Join(root, test[1]), test[2]) {
					t.Errorf("there is no %s", name)
				}
			case ourFile.MatchString(name):
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Error(err)
				}
			default:
				t.Errorf("neither a file nor a test: %s", name)
			}
		}
	}
	files, err := filepath.Glob(scripts + "threat-*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".txt"); !slices.Contains(named, name) {
			t.Errorf("%s stands in no row", name)
		}
	}
}

// hasTest looks for a test in the files of a folder.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte("\nfunc "+name+"("))
	})
}
