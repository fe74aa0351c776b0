package templates

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/google/go-cmp/cmp"
)

func TestEveryLanguageSaysTheSame(t *testing.T) {
	s := newSet(t)
	english := s.shipped["en"]
	for locale, c := range s.shipped {
		if lacks := c.missing(english); len(lacks) > 0 {
			t.Errorf("%s lacks %v", locale, lacks)
		}
		if more := english.missing(c); len(more) > 0 {
			t.Errorf("%s has more than English: %v", locale, more)
		}
		for _, name := range mailNames() {
			want, got := signsOf(english.mails[name]), signsOf(c.mails[name])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s names other things than in English (-en +%s):\n%s", name, locale, locale, diff)
			}
		}
	}
}

// signsOf are the values, blocks and buttons that a source names, sorted.
func signsOf(s *source) []string {
	seen := map[string]bool{}
	var walk func(parse.Node)
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			if n != nil {
				for _, each := range n.Nodes {
					walk(each)
				}
			}
		case *parse.ActionNode:
			seen[n.String()] = true
		case *parse.IfNode:
			seen["if "+n.Pipe.String()] = true
			walk(n.List)
			walk(n.ElseList)
		case *parse.WithNode:
			seen["with "+n.Pipe.String()] = true
			walk(n.List)
			walk(n.ElseList)
		case *parse.TextNode:
			for line := range strings.Lines(string(n.Text)) {
				sign, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				if strings.HasPrefix(sign, ":") && len(sign) > 1 || strings.HasPrefix(sign, "[") {
					seen[sign] = true
				}
			}
		}
	}
	walk(s.tmpl.Root)
	var out []string
	for sign := range seen {
		out = append(out, sign)
	}
	slices.Sort(out)
	return out
}

// TestEveryNameOfTicketHasItsWords reads package ticket for the names that mails
// show: one added there needs its words here.
func TestEveryNameOfTicketHasItsWords(t *testing.T) {
	english := newSet(t).shipped["en"]
	found := 0
	for name, value := range constantsOf(t, "../ticket") {
		kind, name, _ := strings.Cut(name, " ")
		var keys []string
		switch {
		case kind == "Event":
			keys = []string{"event."}
		case kind == "Why":
			keys = []string{"why."}
		case kind == "State":
			keys = []string{"state.", "own-state."}
		case kind == "Action":
			keys = []string{"asked.", "done.", "wish."}
		case kind == "NoticeKind":
			if english.mails[value] == nil {
				t.Errorf("no mail for %s", name)
			}
			found++
		case kind == "" && strings.HasPrefix(name, "Problem"):
			keys = []string{"problem."}
		case kind == "" && strings.HasPrefix(name, "Result"):
			keys = []string{"result."}
		}
		for _, key := range keys {
			found++
			if _, ok := english.words[key+value]; !ok {
				t.Errorf("no words for %s%s (%s)", key, value, name)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d names were found in package ticket", found)
	}
}

// constantsOf are the string constants of a package, as "Type Name".
func constantsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			kind := ""
			if id, ok := spec.Type.(*ast.Ident); ok {
				kind = id.Name
			}
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			out[fmt.Sprintf("%s %s", kind, spec.Names[0].Name)] = value
			return true
		})
	}
	return out
}

func TestAnOverrideAltersOneMailOfOneSite(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "en.txt"), "-- receipt --\nSubject: Hello from {{.Team}}\n\n# Hello\n\nWe have it, {{.Reference}}.\n\n-- words --\nguichet: the gateway\n")
	s, err := New(map[string]string{"acme": dir})
	if err != nil {
		t.Fatal(err)
	}
	in := stories[0].mails()["receipt"].(ToRequester)
	m, err := s.ToRequester(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Hello from Acme support"; m.Subject != want {
		t.Errorf("subject %q, want %q", m.Subject, want)
	}
	if !strings.Contains(m.Text, "We have it, ACM-1042.") || !strings.Contains(m.HTML, "We have it, ACM-1042.") {
		t.Errorf("not the site's words: %s", m.Text)
	}
	in.Site.Name = "other"
	if m, err = s.ToRequester(in); err != nil || !strings.Contains(m.Text, "Nothing proves") {
		t.Errorf("another site does not get the words shipped: %v %s", err, m.Text)
	}
}

func TestMistakesInOverridesNameFileAndLine(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"template", "en.txt", "\n-- answer --\n# Hello\n{{if .Author}\n", "en.txt:4: "},
		{"field", "en.txt", "-- answer --\n:article\n\n{{.Tracking}}\n", "en.txt:4:"},
		{"internal field", "en.txt", "-- answer --\n:article\n\n{{.Requester}}\n", "en.txt:4:"},
		{"block", "en.txt", "-- answer --\n:files\n", "no block :files"},
		{"button", "en.txt", "-- answer --\n[#take] Take it\n", "no button [#take]"},
		{"fact", "en.txt", "-- answer --\n| Reference {{.Reference}}\n", "| label | words"},
		{"subject", "en.txt", "-- answer --\nSubject: Hello\n\n:article\n", "its subject is that of the ticket"},
		{"mail", "en.txt", "\n-- anwser --\n:article\n", "en.txt:2: no mail is called \"anwser\""},
		{"twice", "en.txt", "-- answer --\n:article\n-- answer --\n:article\n", "en.txt:3: section \"answer\" stands here a second time"},
		{"word", "en.txt", "-- words --\nguichet: x\nguihcet: x\n", "no word is called \"guihcet\""},
		{"no word", "en.txt", "-- words --\n\nguichet\n", "en.txt:3: a word is written as key: text"},
		{"placeholder", "en.txt", "-- words --\nguichet: {name}\n", "{name} is not filled"},
		{"half a language", "es.txt", "-- answer --\n:article\n", "es.txt: lacks -- acknowledgement --"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, test.file), test.text)
			_, err := New(map[string]string{"acme": dir})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestALanguageIsOneFile(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("languages/en.txt")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "es.txt"), strings.ReplaceAll(string(text), "We have your request", "Hemos recibido su solicitud"))
	s, err := New(map[string]string{"acme": dir})
	if err != nil {
		t.Fatal(err)
	}
	in := stories[0].mails()["acknowledgement"].(ToRequester)
	in.Locale, in.Site.Locales = "es", []string{"es"}
	m, err := s.ToRequester(in)
	if err != nil {
		t.Fatal(err)
	}
	if m.Locale != "es" || !strings.Contains(m.Text, "Hemos recibido") || !strings.Contains(m.HTML, `lang="es"`) {
		t.Errorf("not in Spanish: %s", m.Text)
	}
}

func TestASiteChoosesTheMailThatBringsCodes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "en.txt"), "-- validation-short --\nSubject: Code\n\nYour code: {{.ValidationCode}}\n")
	s, err := New(map[string]string{"acme": dir})
	if err != nil {
		t.Fatal(err)
	}
	in := stories[0].mails()["validation"].(ToRequester)
	in.Site.Validation.Template = "validation-short"
	if err := s.Check(in.Site); err != nil {
		t.Error(err)
	}
	m, err := s.ToRequester(in)
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "Code" || !strings.Contains(m.Text, "Your code: 3467-9CDF") {
		t.Errorf("%s: %s", m.Subject, m.Text)
	}
	in.Site.Locales = []string{"en", "fr"}
	if err := s.Check(in.Site); err == nil || !strings.Contains(err.Error(), "-- validation-short -- in fr.txt") {
		t.Errorf("it is missing in French: %v", err)
	}
	write(t, filepath.Join(dir, "en.txt"), "-- validation-short --\nYour code: {{.Cdoe}}\n")
	if _, err := New(map[string]string{"acme": dir}); err == nil || !strings.Contains(err.Error(), "en.txt:2") {
		t.Errorf("a mistake in it: %v", err)
	}
}

// French puts a space before its double signs, and that space does not break: a
// line of a mail never begins with a colon.
func TestFrenchSignsStayWithTheirWords(t *testing.T) {
	text, err := os.ReadFile("languages/fr.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, mails, found := strings.Cut(string(text), "\n-- ")
	if !found {
		t.Fatal("no mails")
	}
	breaks := regexp.MustCompile(`\S [:;?!](\s|[*){]|$)`)
	for line := range strings.Lines(mails) {
		if loose := breaks.FindString(line); loose != "" {
			t.Errorf("%q of %s", loose, line)
		}
	}
}
