package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// published is every metric of ours, with its labels.
func published(t *testing.T) map[string][]string {
	t.Helper()
	m := newMetrics()
	m.registry.MustRegister(&stock{sites: func() []string { return nil }, now: time.Now})
	descriptions := make(chan *prometheus.Desc)
	go func() {
		m.registry.Describe(descriptions)
		close(descriptions)
	}()
	all := map[string][]string{}
	described := regexp.MustCompile(`fqName: "([^"]+)".*constLabels: \{([^}]*)\}.*variableLabels: \{([^}]*)\}`)
	for d := range descriptions {
		found := described.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("a description that reads otherwise: %s", d)
		}
		labels := regexp.MustCompile(`[a-z]+`).FindAllString(found[3], -1)
		for constant := range strings.SplitSeq(found[2], ",") {
			if name, _, isLabel := strings.Cut(constant, "="); isLabel {
				labels = append(labels, name)
			}
		}
		all[found[1]] = labels
	}
	return all
}

func readRoot(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A metric that nobody can look up is a number; one that is only on paper is a
// lie.
func TestEveryMetricIsDocumented(t *testing.T) {
	page, metrics := readRoot(t, "docs/operations.md"), published(t)
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(guichet_[a-z_]+)` \\|(.*?)\\|").FindAllStringSubmatch(page, -1) {
		rows[row[1]] = row[2]
	}
	for name, labels := range metrics {
		if !strings.HasPrefix(name, "guichet_") {
			continue
		}
		row, there := rows[name]
		if !there {
			t.Errorf("docs/operations.md has no row for %s", name)
			continue
		}
		if told := regexp.MustCompile(`[a-z]+`).FindAllString(row, -1); !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(labels))) {
			t.Errorf("%s has the labels %v, its row says %v", name, labels, told)
		}
	}
	checkQueries(t, "docs/operations.md", page, metrics)
	if len(rows) < 20 {
		t.Errorf("%d rows were read", len(rows))
	}
}

// The values of labels that the program chooses are documented too.
func TestEveryValueOfALabelIsDocumented(t *testing.T) {
	page := readRoot(t, "docs/operations.md")
	for _, c := range []struct{ file, constant, metric string }{
		{"smtpd/metrics.go", `(?m)^\s+Refused\w+\s*= "([a-z-]+)"`, "guichet_smtp_refused_total"},
		{"smtpd/metrics.go", `(?m)^\s+Stage\w+\s*= "([a-z-]+)"`, "guichet_stage_seconds"},
		{"router/way.go", `(?m)^\s+Stage\w+\s*= "([a-z-]+)"`, "guichet_stage_seconds"},
		{"router/decide.go", `(?m)^\s+\w+\s+Did\s*= "([a-z-]+)"`, "guichet_messages_decided_total"},
		{"router/match.go", `(?m)^\s+\w+\s+Rule\s*= "([a-z-]+)"`, "guichet_messages_decided_total"},
		{"store/measure.go", `m\.end\("([a-z]+)"`, "guichet_store_seconds"},
	} {
		row := regexp.MustCompile("(?m)^\\| `" + c.metric + "` \\|.*$").FindString(page)
		values := regexp.MustCompile(c.constant).FindAllStringSubmatch(readRoot(t, c.file), -1)
		if len(values) < 3 {
			t.Errorf("%s: %d values of %s were found", c.file, len(values), c.metric)
		}
		for _, value := range values {
			if !strings.Contains(row, "`"+value[1]+"`") {
				t.Errorf("the row of %s does not tell of `%s`", c.metric, value[1])
			}
		}
	}
}

var (
	aMetric    = regexp.MustCompile(`\b(guichet|process|go)_[a-z_]+`)
	withLabels = regexp.MustCompile(`\b((?:guichet|process)_[a-z_]+)\{([^}]*)\}`)
	aLabel     = regexp.MustCompile(`([a-z]+)\s*(?:=~|!~|!=|=)`)
	grouping   = regexp.MustCompile(`by \(([^)]*)\)[^)]*?\b((?:guichet|process)_[a-z_]+)`)
)

// family is the metric that a series belongs to.
func family(series string, metrics map[string][]string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, cut := strings.CutSuffix(series, suffix); cut {
			if _, there := metrics[base]; there {
				return base
			}
		}
	}
	return series
}

// checkQueries holds all metrics that a text names to those that there are, and
// their labels too.
func checkQueries(t *testing.T, where, text string, metrics map[string][]string) {
	t.Helper()
	ours := func(series string) bool { return strings.HasPrefix(series, "guichet_") }
	for _, series := range aMetric.FindAllString(text, -1) {
		if _, there := metrics[family(series, metrics)]; !there && (ours(series) || strings.HasPrefix(series, "process_") && series != "process_") {
			t.Errorf("%s names %s, which there is not", where, series)
		}
	}
	known := func(series, label string) {
		labels := append([]string{"job", "instance", "le"}, metrics[family(series, metrics)]...)
		if !slices.Contains(labels, label) {
			t.Errorf("%s asks %s for the label %s, which it has not", where, series, label)
		}
	}
	for _, found := range withLabels.FindAllStringSubmatch(text, -1) {
		for _, label := range aLabel.FindAllStringSubmatch(found[2], -1) {
			known(found[1], label[1])
		}
	}
	for _, found := range grouping.FindAllStringSubmatch(text, -1) {
		for label := range strings.SplitSeq(found[1], ",") {
			known(found[2], strings.TrimSpace(label))
		}
	}
}

// TestDashboardAsksForWhatThereIs: a panel that stays empty looks like peace.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	metrics := published(t)
	var board struct {
		Panels []struct {
			Title, Type string
			ID          int
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readRoot(t, "deploy/grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	asked, ids := map[string]bool{}, map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels are number %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkQueries(t, "the panel "+p.Title, target.Expr, metrics)
			for _, series := range aMetric.FindAllString(target.Expr, -1) {
				asked[family(series, metrics)] = true
			}
		}
	}
	for name := range metrics {
		if strings.HasPrefix(name, "guichet_") && !asked[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

func TestQueriesAreHeldToWhatThereIs(t *testing.T) {
	metrics := map[string][]string{"guichet_a_seconds": {"stage"}}
	for text, want := range map[string]string{
		`rate(guichet_a_seconds_bucket{stage="x", job="y"}[5m])`: "guichet_a_seconds",
		`guichet_a_seconds_total`:                                "guichet_a_seconds_total",
	} {
		if got := family(aMetric.FindString(text), metrics); got != want {
			t.Errorf("%s is of %s", text, got)
		}
	}
	if found := grouping.FindStringSubmatch(`sum by (le, stage) (rate(guichet_a_seconds_bucket{stage="x"}[5m]))`); len(found) != 3 || found[1] != "le, stage" || found[2] != "guichet_a_seconds_bucket" {
		t.Errorf("%q", found)
	}
	if found := withLabels.FindStringSubmatch(`guichet_a_seconds_bucket{stage="x"}`); len(found) != 3 || aLabel.FindStringSubmatch(found[2])[1] != "stage" {
		t.Errorf("%q", found)
	}
}

// The unit gives the daemon no more than it needs, as systemd itself reckons.
func TestUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--threshold=14", "../../deploy/guichet.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
