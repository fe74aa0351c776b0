package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// printed is what a list of three tickets looks like.
func printed(t *testing.T, p *program, asJSON bool) string {
	t.Helper()
	var out bytes.Buffer
	p.Stdout = &out
	type object struct {
		Reference string `json:"reference"`
		Subject   string `json:"subject"`
	}
	l := p.list(asJSON, column{title: "TICKET"}, column{title: "AGE", right: true}, column{title: "SUBJECT", flex: true}, column{title: "STATE"})
	for _, row := range [][]string{
		{"ACM-7", "3d", "Badge <lost> & found", "open"},
		{"ACM-1042", "12d", "請求書について", "waiting"},
		{"ACM-8", "1h", "Bad\x1b[31m\u202e\nsubject, cafe\u0301", "new"},
	} {
		if err := l.add(object{row[0], row[2]}, row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestListAligns(t *testing.T) {
	want := strings.Join([]string{
		"TICKET    AGE  SUBJECT                  STATE",
		"ACM-7      3d  Badge <lost> & found     open",
		"ACM-1042  12d  請求書について           waiting",
		"ACM-8      1h  Bad\ufffd[31m\ufffd subject, cafe\u0301  new",
		"",
	}, "\n")
	if diff := cmp.Diff(want, printed(t, &program{}, false)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListFitsTheTerminal(t *testing.T) {
	got := printed(t, &program{environment: environment{Terminal: true, Width: 36}}, false)
	want := strings.Join([]string{
		"TICKET    AGE  SUBJECT       STATE",
		"ACM-7      3d  Badge <lost…  open",
		"ACM-1042  12d  請求書につ…   waiting",
		"ACM-8      1h  Bad\ufffd[31m\ufffd s…  new",
		"",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListAsJSON(t *testing.T) {
	lines := strings.Split(printed(t, &program{}, true), "\n")
	if want := `{"reference":"ACM-7","subject":"Badge <lost> & found"}`; len(lines) != 4 || lines[0] != want {
		t.Errorf("got %q, want each object on a line, the first %s", lines, want)
	}
}

func TestColourOnlyWhereItIsSeen(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal bool
		env      string
		want     bool
	}{
		{"terminal", true, "", true},
		{"file", false, "", false},
		{"NO_COLOR", true, "NO_COLOR", false},
		{"dumb terminal", true, "TERM", false},
	} {
		env := environment{Terminal: c.terminal, Getenv: func(key string) (string, bool) {
			return map[string]string{"NO_COLOR": "1", "TERM": "dumb"}[key], key == c.env
		}}
		env.Getenv = only(c.env, env.Getenv)
		if got := newStyle(env).bold("x") != "x"; got != c.want {
			t.Errorf("%s: coloured %v, want %v", c.name, got, c.want)
		}
	}
}

// only lets one variable through.
func only(name string, getenv func(string) (string, bool)) func(string) (string, bool) {
	return func(key string) (string, bool) {
		if key != name {
			return "", false
		}
		return getenv(key)
	}
}
