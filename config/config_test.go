package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goccy/go-yaml/ast"
)

var update = flag.Bool("update", false, "write the mistakes that come out into testdata")

// environment is what tests set.
func environment(pairs ...string) func(string) (string, bool) {
	vars := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		vars[key] = value
	}
	return func(key string) (string, bool) { value, ok := vars[key]; return value, ok }
}

// unpack writes the files of an archive into a fresh directory.
func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMistakes reads each guichet.yaml of testdata/*.txt and wants the mistakes
// that the file lists, every one and in this order.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, archive)
			_, err = Load(filepath.Join(dir, "guichet.yaml"), environment("RELAY=relay.example.com", "PORT=587"))
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir+"/", "") + "\n"
			}
			for i, f := range archive.Files {
				if f.Name != "mistakes" {
					continue
				}
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("mistakes (-want +got):\n%s", diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// load writes a settings file and reads it.
func load(t *testing.T, text string, env ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guichet.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, environment(env...))
}

func mustLoad(t *testing.T, text string, env ...string) *Config {
	t.Helper()
	c, err := load(t, text, env...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// site is a settings file's least.
const site = `
sites:
  - name: acme
    prefix: ACM
    queues: [{name: help, address: help@acme.example, agents: [anna@acme.example]}]
`

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "hostname: mx.example.com\n"+site)
	want := map[string]any{
		"data": "/var/lib/guichet", "master": "/var/lib/guichet/master.key", "blobs": "/var/lib/guichet/blobs",
		"listen": []string{":25"}, "size": Size(25 << 20), "durability": DurabilityAll,
		"via": Route{Scheme: ViaDirect, TLS: TLSOpportunistic}, "closed": 180 * 24 * time.Hour,
		"admin": "anna@acme.example", "title": "help", "locales": []string{"en"}, "separator": "+",
		"tracking": TrackingCode{Length: 12, Digits: true, Uppercase: true, AvoidAmbiguous: true},
		"networks": []netip.Prefix(nil),
	}
	s := c.Sites[0]
	got := map[string]any{
		"data": c.Data, "master": c.MasterKey, "blobs": c.Blobs.Dir, "listen": c.SMTP.Listen, "size": c.SMTP.MaxSize,
		"durability": c.Durability, "via": s.Outgoing.Via, "closed": s.Retention.Closed, "admin": c.Admin,
		"title": s.Queues[0].Title, "locales": s.Locales, "separator": s.Queues[0].Separator,
		"tracking": s.Codes.Tracking, "networks": c.Trust.Networks,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSiteTakesOverWhatItLeavesOut(t *testing.T) {
	c := mustLoad(t, `
sites:
  - name: acme
    prefix: ACM
    separator: "-"
    codes: {tracking: {length: 9}}
    retention: {raw: 1d}
    outgoing: {paused: true}
    time_zone: Europe/Paris
    queues:
      - {name: help, address: help@acme.example, agents: [anna@acme.example]}
      - {name: bills, address: bills@acme.example, agents: [anna@acme.example], separator: "="}
codes: {tracking: {length: 16, lowercase: true}}
retention: {closed: 10d, raw: 2d}
outgoing: {via: "smtp://relay.example.com", concurrency: 9}
`)
	s := c.Sites[0]
	if got, want := s.Codes.Tracking, (TrackingCode{Length: 9, Digits: true, Uppercase: true, Lowercase: true, AvoidAmbiguous: true}); got != want {
		t.Errorf("tracking: got %+v, want %+v", got, want)
	}
	if s.Retention.Closed != 240*time.Hour || s.Retention.Raw != 24*time.Hour || c.Retention.Raw != 48*time.Hour {
		t.Errorf("retention: site %+v, general %+v", s.Retention, c.Retention)
	}
	if !s.Outgoing.Paused || s.Outgoing.Concurrency != 9 || s.Outgoing.Via.Host != "relay.example.com" || c.Outgoing.Paused {
		t.Errorf("outgoing: site %+v, general %+v", s.Outgoing, c.Outgoing)
	}
	if s.TimeZone.String() != "Europe/Paris" || c.TimeZone != time.Local {
		t.Errorf("time zones: site %v, general %v", s.TimeZone, c.TimeZone)
	}
	if a, b := s.Queues[0].Separator, s.Queues[1].Separator; a != "-" || b != "=" {
		t.Errorf("separators: %q, %q", a, b)
	}
}

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "relay-url")
	if err := os.WriteFile(secret, []byte("smtps://u:p%40ss@relay.example.com\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, `
hostname: ${HOST}.example.com
redis: redis://:${REDIS_PASSWORD}@127.0.0.1:${PORT}/2
outgoing: {via: "file:${DIR}/relay-url"}
sites:
  - name: acme
    prefix: ACM
    footer: $${HOST} costs 5 $
    queues: [&q {name: help, address: help@acme.example, agents: [anna@acme.example]}]
`, "HOST=mx", "REDIS_PASSWORD=a/b@c:${HOST}", "PORT=7000", "DIR="+dir)
	if c.Hostname != "mx.example.com" || c.Sites[0].Footer != "${HOST} costs 5 $" {
		t.Errorf("hostname %q, footer %q", c.Hostname, c.Sites[0].Footer)
	}
	if r := c.Redis; r.Password.Reveal() != "a/b@c:${HOST}" || r.Addresses[0] != "127.0.0.1:7000" || r.DB != 2 {
		t.Errorf("redis %+v with password %q", r, r.Password.Reveal())
	}
	if v := c.Outgoing.Via; v.Scheme != ViaSMTPS || v.Username != "u" || v.Password.Reveal() != "p@ss" || v.Port != 465 || v.TLS != TLSRequired {
		t.Errorf("via %+v", v)
	}
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guichet.yaml")
	text := "data: store\noutgoing: {via: maildir:out}\nblobs: pieces\n" + site
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, environment())
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{c.Data: "store", c.Blobs.Dir: "pieces", c.Outgoing.Via.Path: "out"} {
		if got != filepath.Join(dir, want) {
			t.Errorf("got %s, want it under %s", got, dir)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if path, found := Find(dir, "", environment()); found && path != systemFile {
		t.Errorf("found %s in an empty directory", path)
	}
	here := filepath.Join(dir, "guichet.yaml")
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ flag, env, want string }{
		{"a.yaml", "GUICHET_CONFIG=/b.yaml", filepath.Join(dir, "a.yaml")},
		{"", "GUICHET_CONFIG=/b.yaml", "/b.yaml"},
		{"", "GUICHET_CONFIG=", here},
	} {
		if path, found := Find(dir, c.flag, environment(c.env)); !found || path != c.want {
			t.Errorf("flag %q, %s: got %s, %v, want %s", c.flag, c.env, path, found, c.want)
		}
	}
}

func TestTrial(t *testing.T) {
	c := Trial("/somewhere")
	s := c.Sites[0]
	if c.File != "" || c.SMTP.Listen[0] != "127.0.0.1:2525" || s.Name != "demo" || s.Prefix != "DEMO" || s.Queues[0].Address != "help@guichet.test" {
		t.Errorf("trial settings: %+v", c)
	}
	if diff := cmp.Diff([]string{"anna@guichet.test", "ben@guichet.test"}, s.Queues[0].Agents); diff != "" {
		t.Error(diff)
	}
	if c.Data != "/somewhere/guichet-data" || s.Outgoing.Via.Path != "/somewhere/guichet-data/outgoing" {
		t.Errorf("data %s, mail to %s", c.Data, s.Outgoing.Via.Path)
	}
	for _, n := range c.Trust.Networks {
		if !n.Addr().IsLoopback() {
			t.Errorf("trial settings trust %s", n)
		}
	}
}

func TestWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guichet.yaml")
	text := `
hostname: mx
redis: redis://cache.example.com
durability: local
metrics: 0.0.0.0:9025
trust: {networks: [192.0.2.0/24, 127.0.0.1]}
outgoing: {via: "smtp://u:hunter2@relay.example.com?tls=opportunistic"}
codes: {tracking: {length: 8, uppercase: false}}
` + site + `    outgoing: {via: "direct:", paused: true}
`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, environment())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.Setting)
		if strings.Contains(w.String(), "hunter2") {
			t.Errorf("a warning shows a password: %s", w)
		}
	}
	want := []string{"hostname", "admin", "metrics", "smtp.tls", "trust.networks[0]", "trust.networks[1]", "durability", "redis", "redis",
		"outgoing.paused", "outgoing.dkim", "codes.tracking", "file"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSafeSettingsWarnOfNothing(t *testing.T) {
	c := mustLoad(t, "hostname: mx.example.com\nadmin: root@example.com\nsmtp: {listen: ['127.0.0.1:25']}\noutgoing: {via: 'smtp://127.0.0.1'}\n"+site)
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	c := mustLoad(t, "redis: redis://user:hunter2@127.0.0.1\noutgoing: {via: 'smtp://u:hunter2@relay.example.com'}\n"+site)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "config", c, "via", c.Outgoing.Via, "password", c.Redis.Password)
	asJSON, err := json.Marshal(struct{ A, B any }{c.Redis, c.Outgoing})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s", *c, *c, *c, c.Redis) + log.String() + string(asJSON)
	if strings.Contains(shown, "hunter2") {
		t.Errorf("a password is shown: %s", shown)
	}
}

// TestExamples reads the example of every setting, so that the documentation
// shows nothing that check would refuse.
func TestExamples(t *testing.T) {
	var walk func(t reflect.Type, path string, visit func(path string, f reflect.StructField))
	walk = func(typ reflect.Type, path string, visit func(string, reflect.StructField)) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			key := f.Tag.Get("yaml")
			switch {
			case key == "-" || key == "":
			case isObject(inner):
				walk(inner, join(path, key), visit)
			default:
				visit(join(path, key), f)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "", func(path string, f reflect.StructField) {
		d := newDecoder("example", "/", func(string) (string, bool) { return "secret", true })
		root, err := d.parse([]byte("x: " + f.Tag.Get("example")))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		v := reflect.New(f.Type).Elem()
		entry := root.(ast.MapNode).MapRange()
		entry.Next()
		d.value(path, d.follow(entry.Value()), v, f.Tag, nil)
		if len(d.mistakes) > 0 || v.IsZero() && f.Type.Kind() != reflect.Bool {
			t.Errorf("the example of %s gives %v, %v", path, v, d.mistakes)
		}
	})
}
