package main

import (
	"cmp"
	"flag"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/router"
)

// pages is where the HTML of a day's mails is written, to be looked at:
//
//	go test ./cmd/guichet -run TestMail/embedded/day -pages /tmp/pages
var pages = flag.String("pages", "", "directory to write the HTML of the mails of scripted days to")

// day plays a day of several people and compares all mails that left meanwhile,
// step by step, with a golden file beside the scripts (-update writes it). A step
// begins with a line of its own:
//
//	== what happens
//	marie@customer.example to help@acme.example: The subject
//	anna@acme.example replies to: words of the mail that she answers
//
// The second line says who writes: a new mail, or a reply to the newest mail of
// theirs that has those words in its subject or text (without any, to the
// newest). What follows is the text.
func (w *world) day(ts *testscript.TestScript, args []string) error {
	history := map[string][]*received{}
	var told strings.Builder
	for _, step := range strings.Split("\n"+ts.ReadFile(args[0]), "\n== ")[1:] {
		title, rest, _ := strings.Cut(step, "\n")
		who, text, _ := strings.Cut(rest, "\n")
		letter, err := w.letterOf(who, strings.TrimSpace(os.Expand(text, ts.Getenv)), history)
		if err != nil {
			return fmt.Errorf("%s: %w; so far:\n%s", title, err, told.String())
		}
		if err := w.submit(ts, "", letter.from.Address, []string{letter.to}, letter.bytes()); err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		if err := w.settled(ts); err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		fmt.Fprintf(&told, "=== %s\n\n", title)
		for _, m := range w.arrived() {
			history[m.to] = append(history[m.to], m)
			fmt.Fprintln(&told, shown(m))
			if code := validationCode(m.message.Text); code != "" {
				ts.Setenv("VALIDATION", code)
			}
			if err := w.page(args[1], m); err != nil {
				return err
			}
		}
	}
	return golden(filepath.Join("testdata", "day", args[1]), told.String())
}

var writes = regexp.MustCompile(`^(\S+) (?:to (\S+): (.*)|replies(?: to: (.*))?)$`)

// letterOf is the mail that a step's second line says.
func (w *world) letterOf(line, text string, history map[string][]*received) (*written, error) {
	found := writes.FindStringSubmatch(line)
	if found == nil {
		return nil, fmt.Errorf("who writes to whom is not said by %q", line)
	}
	w.clock = w.clock.Add(time.Minute)
	letter := &written{from: mail.Address{Name: calledAfter(found[1]), Address: found[1]}, to: found[2], subject: found[3], text: text, at: w.clock}
	if letter.to != "" {
		return letter, nil
	}
	for _, m := range slices.Backward(history[found[1]]) {
		if strings.Contains(m.subject+"\n"+m.message.Text, found[4]) {
			letter.answer(m, "On Mon, 16 Mar 2026 at 09:12, %s wrote:")
			return letter, nil
		}
	}
	return nil, fmt.Errorf("%s has got no mail about %q", found[1], found[4])
}

// calledAfter is what somebody is called: what stands before the @, as a name.
func calledAfter(address string) string {
	local, _, _ := strings.Cut(address, "@")
	words := strings.Split(local, ".")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

// arrived takes all mail out of all boxes, in an order that does not depend on
// who was faster.
func (w *world) arrived() []*received {
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	var all []*received
	for _, box := range w.post.boxes {
		for _, m := range box.mails {
			w.canary.mail(m.raw)
			all = append(all, m)
		}
		box.mails = nil
	}
	slices.SortFunc(all, func(a, b *received) int {
		return cmp.Or(strings.Compare(a.to, b.to), strings.Compare(a.subject, b.subject), strings.Compare(steady(a.message.Text), steady(b.message.Text)))
	})
	return all
}

// shown is a mail as a golden file holds it.
func shown(m *received) string {
	var b strings.Builder
	fmt.Fprintf(&b, "--- to %s\nFrom: %s\nSubject: %s\n\n%s\n", m.to, m.from, steady(m.subject), strings.TrimSpace(steady(m.message.Text)))
	for _, a := range m.message.Attachments {
		fmt.Fprintf(&b, "[%s, %s]\n", steady(a.Name), a.Type)
	}
	return b.String()
}

// What differs from one run to the next.
var (
	timesOfDay = regexp.MustCompile(strings.ReplaceAll(`\d{1,2}_\pL+_\d{4}(?:,_\d{1,2}:\d{2}|_à_\d{1,2}_h_\d{2})?`, "_", `[\s\x{a0}]+`)) // also spaces that do not break
	dates      = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)
	howLong    = regexp.MustCompile(`just now|à l’instant|(?:< )?\d+[ \x{a0}](?:min|h)\b`)
	agesBroken = regexp.MustCompile(`(AGE[^\n]*)\n {4,}`) // lines that an age made longer or shorter
	daysOfWeek = regexp.MustCompile(`(?m)^  \pL+\.?,? \d{1,2} \pL+ +`)
	margins    = regexp.MustCompile(`(?m)^ {6,}(\pL)`)
	namesHeld  = regexp.MustCompile(`(#\pL+[ \x{a0}])[a-z2-7]{16}\b`)
)

// steady puts fixed words in the place of what is drawn or told by the clock.
func steady(text string) string {
	text = anyToken.ReplaceAllString(text, "TOKEN")
	text = grouped.ReplaceAllString(text, "CODE")
	text = timesOfDay.ReplaceAllString(text, "WHEN")
	text = dates.ReplaceAllString(text, "DATE")
	text = howLong.ReplaceAllString(text, "AGE")
	for agesBroken.MatchString(text) {
		text = agesBroken.ReplaceAllString(text, "$1 ")
	}
	text = daysOfWeek.ReplaceAllString(text, "  DAY  ")
	text = margins.ReplaceAllString(text, "      $1")
	return namesHeld.ReplaceAllString(text, "${1}HELD")
}

// golden compares a text with a file, or writes it there.
func golden(file, text string) error {
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, []byte(text), 0o644)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	got, wanted := strings.Split(text, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(wanted)) {
		if i >= len(got) || i >= len(wanted) || got[i] != wanted[i] {
			return fmt.Errorf("%s:%d: differs from there on:\n%s", file, i+1, strings.Join(got[min(i, len(got)):min(i+12, len(got))], "\n"))
		}
	}
	return nil
}

// page writes the HTML of a mail where somebody wants to look at it.
func (w *world) page(name string, m *received) error {
	if *pages == "" {
		return nil
	}
	parsed, err := mail.ReadMessage(strings.NewReader(string(m.raw)))
	if err != nil {
		return err
	}
	html, err := htmlOf(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body)
	if err != nil {
		return err
	}
	dir := filepath.Join(*pages, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	w.paged++
	return os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d-%s.html", w.paged, m.to)), []byte(html), 0o644)
}

// TestDaysUseEveryCommand: each by its English name on one day, and by a French
// one on the other.
func TestDaysUseEveryCommand(t *testing.T) {
	english, french := readDay(t, "day-english.txt"), readDay(t, "day-french.txt")
	for _, c := range router.Help() {
		if !english[c.Name] {
			t.Errorf("no #%s in English", c.Name)
		}
		names := c.Names["fr"]
		if len(names) == 0 {
			names = []string{c.Name}
		}
		if !slices.ContainsFunc(names, func(n string) bool { return french[n] }) {
			t.Errorf("none of #%s in French", strings.Join(names, ", #"))
		}
	}
}

var commandGiven = regexp.MustCompile(`(?m)^#(\pL+)`)

// readDay gives the commands that the mails of a day begin with.
func readDay(t *testing.T, name string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "mail", name))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, found := range commandGiven.FindAllStringSubmatch(string(text), -1) {
		given[found[1]] = true
	}
	return given
}

// TestScriptsAreNotCutShort: stop is testscript's own and ends a script with
// success, whatever stands below it. The daemon's end is halt.
func TestScriptsAreNotCutShort(t *testing.T) {
	scripts, err := filepath.Glob("testdata/mail/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "\n-- ")
		if regexp.MustCompile(`(?m)^stop\b`).MatchString(head) {
			t.Errorf("%s ends at a stop", name)
		}
	}
}
