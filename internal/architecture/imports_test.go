// Package architecture holds no code, only the rules that the folders keep.
package architecture

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// folders says what each folder may import of the others. What is not listed is
// forbidden, so a new folder has to be given its place here first.
var folders = []struct {
	folder string
	may    []string
	reason string
}{
	{"config", nil, "settings are facts about files: whoever needs one is given it by cmd"},
	{"ticket", nil, "the matter itself depends on no technology"},
	{"chart", nil, "numbers become pictures, whatever they count"},
	{"envelope", []string{"ticket"}, "the words between door and router know neither"},
	{"parser", []string{"ticket"}, "reading mail needs no more than the marker of our own quotes"},
	{"templates", []string{"ticket"}, "words are made of the matter alone"},
	{"store", []string{"ticket"}, "what is kept does not know who keeps it or why"},
	{"outbox", []string{"ticket", "templates", "chart"}, "mails leave by what store and router told it through interfaces"},
	{"router", []string{"parser", "ticket", "envelope"}, "decisions are pure: the store is an interface to them"},
	{"smtpd", []string{"envelope", "ticket"}, "the door hands on and never decides"},
	{"accounts", []string{"ticket"}, "whom a site knows is a question about an address alone"},
	{"doctor", nil, "it compares what it is told of the settings with the world, and knows none of the others"},
	{"cmd", []string{"accounts", "config", "doctor", "ticket", "envelope", "parser", "templates", "store", "outbox", "router", "smtpd"}, "only the program knows all"},
	{"bench", []string{"store", "ticket"}, "what measures and tries the program stands outside it, and looks into its store only"},
	{"internal", []string{"ticket", "envelope", "parser"}, "test support stands beside the others, not above them"},
}

// owners says which folder alone may use a library, so that its traps are closed
// in one place.
var owners = []struct {
	library string
	folders []string
	reason  string
}{
	{"github.com/emersion/go-smtp", []string{"smtpd", "outbox", "internal", "bench"}, "the server's traps are closed in smtpd; outbox uses its client, tests its fake relay; bench measures what it costs alone"},
	{"github.com/emersion/go-message", []string{"parser"}, "untrusted structure is walked under parser's limits only"},
	{"github.com/jhillyerd/enmime", []string{"parser"}, "it takes exponential time on hostile structure: only behind parser's limits"},
	{"github.com/wneessen/go-mail", []string{"outbox"}, "header names and preformatted values inject: one place composes"},
	{"github.com/redis/go-redis", []string{"store", "internal"}, "Redis types never leave the store; tests start servers"},
	{"go.etcd.io/bbolt", []string{"store"}, "nor do those of the embedded engine"},
	{"github.com/emersion/go-msgauth", []string{"smtpd", "outbox", "doctor"}, "signatures are proved at the door and made on the way out; doctor reads policies as receivers do"},
	{"blitiri.com.ar/go/spf", []string{"smtpd", "doctor"}, "senders are proved at the door; doctor asks as receivers of our mail do"},
	{"github.com/alecthomas/kong", []string{"cmd"}, "commands are the program's"},
	{"github.com/prometheus/client_golang", []string{"cmd"}, "what counts does so through small interfaces; the program publishes"},
}

// pure are folders that touch neither files, network nor clock.
var pure = map[string][]string{
	"ticket":    {"os", "net", "net/http", "database/sql"},
	"router":    {"os", "net", "net/http"},
	"parser":    {"os", "net"},
	"templates": {"net", "net/http"},
	"chart":     {"os", "net", "net/http"},
}

func TestFoldersImportOnlyWhatTheyMay(t *testing.T) {
	for file, imports := range sources(t) {
		folder, _, _ := strings.Cut(file, "/")
		test := strings.HasSuffix(file, "_test.go")
		for _, imported := range imports {
			if rest, ours := strings.CutPrefix(imported, "guichet/"); ours {
				checkFolder(t, file, folder, rest, test)
			} else {
				checkLibrary(t, file, folder, imported, test)
			}
		}
	}
}

func checkFolder(t *testing.T, file, folder, imported string, test bool) {
	other, _, _ := strings.Cut(imported, "/")
	if other == folder || test && other == "internal" {
		return
	}
	i := slices.IndexFunc(folders, func(r struct {
		folder string
		may    []string
		reason string
	}) bool {
		return r.folder == folder
	})
	if i < 0 {
		t.Errorf("%s: the folder %q has no rule", file, folder)
		return
	}
	if !slices.Contains(folders[i].may, other) {
		t.Errorf("%s imports %s: %s", file, imported, folders[i].reason)
	}
}

func checkLibrary(t *testing.T, file, folder, imported string, test bool) {
	for _, o := range owners {
		if (imported == o.library || strings.HasPrefix(imported, o.library+"/")) && !slices.Contains(o.folders, folder) && !test {
			t.Errorf("%s imports %s: %s", file, imported, o.reason)
		}
	}
	if !test && slices.Contains(pure[folder], imported) {
		t.Errorf("%s imports %s: %s is pure", file, imported, folder)
	}
}

// sources gives the imports of every Go file of the project, by its path.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || path.Ext(file) != ".go" {
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out[filepath.ToSlash(name)] = append(out[filepath.ToSlash(name)], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d files found under %s", len(out), root)
	}
	return out
}
