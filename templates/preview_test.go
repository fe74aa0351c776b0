package templates

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	previews = flag.String("previews", "", "directory to write every mail to, as HTML, text and pictures of Chromium")
	only     = flag.String("only", "", "part of the names of the mails to write; empty writes all")
	chromium = flag.String("chromium", "chromium", "the Chromium that takes the pictures; empty takes none")
)

// TestPreviews shows every mail as a mail program would. It is for eyes:
//
//	go test ./templates -run TestPreviews -previews /tmp/previews
func TestPreviews(t *testing.T) {
	if *previews == "" {
		t.Skip("only with -previews DIR")
	}
	words, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		dir := filepath.Join(*previews, s.locale)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		mails := s.mails()
		for _, name := range slices.Sorted(maps.Keys(mails)) {
			if !strings.Contains(name, *only) {
				continue
			}
			m, err := mails[name].write(words.shipped[s.locale])
			if err != nil {
				t.Fatal(err)
			}
			base := filepath.Join(dir, name)
			write(t, base+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			write(t, base+".html", m.HTML)
			if *chromium != "" {
				takePictures(t, base)
			}
		}
	}
}

// looks are a phone and a desk, by day and by night.
var looks = []struct{ name, size, scheme string }{
	{"phone-light", "390,1500", "1"},
	{"phone-dark", "390,1500", "0"},
	{"desk-light", "1000,1300", "1"},
	{"desk-dark", "1000,1300", "0"},
}

func takePictures(t *testing.T, base string) {
	t.Helper()
	profile := t.TempDir()
	for _, look := range looks {
		out, err := exec.Command(*chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+profile,
			"--blink-settings=preferredColorScheme="+look.scheme, "--window-size="+look.size, "--screenshot="+base+"."+look.name+".png", "file://"+base+".html").CombinedOutput()
		if err != nil {
			t.Fatalf("chromium: %v\n%s", err, out)
		}
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
