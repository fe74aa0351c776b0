package templates

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// placeholder is one of a language file.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// TestMailsReadAsInTheGoldenFiles renders every kind of mail in every language
// and both media. After a change that is meant: go test ./templates -update
func TestMailsReadAsInTheGoldenFiles(t *testing.T) {
	words := newSet(t)
	for _, s := range stories {
		for name, mail := range s.mails() {
			t.Run(s.locale+"/"+name, func(t *testing.T) {
				m, err := mail.write(words.shipped[s.locale])
				if err != nil {
					t.Fatal(err)
				}
				if left := placeholder.FindString(m.Subject + m.Text + m.HTML); left != "" {
					t.Errorf("%s is not filled in", left)
				}
				base := filepath.Join("testdata", s.locale, name)
				golden(t, base+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
				golden(t, base+".html", m.HTML)
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, name, got)
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func newSet(t testing.TB) *Set {
	t.Helper()
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
