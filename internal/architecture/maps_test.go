package architecture

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// mapRow is a row of a map of files, as the comments of large packages have it.
	mapRow  = regexp.MustCompile(`(?m)^ *- ((?:[\w*]+\.go(?:, )?)+): `)
	mapName = regexp.MustCompile(`[\w*]+\.go`)
)

// TestMapsAreWhole: whoever reads where to look in a package finds every file of
// it there, and none that is gone.
func TestMapsAreWhole(t *testing.T) {
	maps := 0
	for dir, rows := range mapsOfFiles(t) {
		maps++
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, file := range files {
			name, found := filepath.Base(file), strings.HasSuffix(file, "_test.go")
			for _, row := range rows {
				if match, _ := path.Match(row, name); match {
					found, used[row] = true, true
				}
			}
			if !found {
				t.Errorf("the package comment of %s does not say what %s is for", dir, name)
			}
		}
		for _, row := range rows {
			if !used[row] {
				t.Errorf("the package comment of %s names %s, which is not there", dir, row)
			}
		}
	}
	if maps < 5 {
		t.Errorf("only %d packages say where to look", maps)
	}
}

// docsPath is a file of ours as docs name it.
var docsPath = regexp.MustCompile("`([a-z]+(?:/[a-z]+)*/[a-z]+\\.(?:go|lua|sh|service|yaml|json|txt))`")

// TestDocsNameFilesThatAreThere: whoever follows a page into the code arrives.
func TestDocsNameFilesThatAreThere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range docsPath.FindAllSubmatch(text, -1) {
			named++
			if _, err := os.Stat(filepath.Join(root, string(found[1]))); err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d files are named", named)
	}
}

// mapsOfFiles gives the names in each map, by its folder.
func mapsOfFiles(t *testing.T) map[string][]string {
	t.Helper()
	maps := map[string][]string{}
	for file := range sources(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if _, where, found := strings.Cut(parsed.Doc.Text(), "Where to look"); found {
			for _, row := range mapRow.FindAllStringSubmatch(where, -1) {
				maps[path.Dir(file)] = append(maps[path.Dir(file)], mapName.FindAllString(row[1], -1)...)
			}
		}
	}
	return maps
}
