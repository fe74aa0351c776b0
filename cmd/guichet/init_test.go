package main

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"guichet/config"
	"guichet/store"
)

func getenv(vars map[string]string) func(string) (string, bool) {
	return func(key string) (string, bool) { value, ok := vars[key]; return value, ok }
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string
		text   map[string]string
		host   string
		env    map[string]string
		want   found
		domain string
	}{
		{
			name: "a bare machine", host: "box", want: found{Hostname: "box", Locale: "en", OtherLocale: "fr", user: "postmaster"}, domain: "example.com",
		}, {
			name: "a name in /etc/hosts", host: "Box", text: map[string]string{"etc/hosts": "127.0.0.1 localhost\n# 127.0.1.1 box.wrong.example\n127.0.1.1 box.acme.example box\n"},
			env:    map[string]string{"USER": "root", "SUDO_USER": "anna", "LANG": "fr_FR.UTF-8"},
			want:   found{Hostname: "box.acme.example", Locale: "fr", OtherLocale: "en", user: "anna"},
			domain: "acme.example",
		}, {
			name: "Postfix and certificates", host: "mx.acme.example.",
			text: map[string]string{"etc/mailname": "acme.example\n"},
			files: []string{"etc/postfix/main.cf", "etc/letsencrypt/live/mx.acme.example/fullchain.pem",
				"etc/letsencrypt/live/mx.acme.example/privkey.pem"},
			env: map[string]string{"USER": "x y", "LC_ALL": "C", "LANG": "fr"},
			want: found{Hostname: "mx.acme.example", Postfix: true, Locale: "en", OtherLocale: "fr", user: "postmaster", mailname: "acme.example",
				Certificate: "/etc/letsencrypt/live/mx.acme.example/fullchain.pem", CertificateKey: "/etc/letsencrypt/live/mx.acme.example/privkey.pem"},
			domain: "acme.example",
		}, {
			name: "a name that is none", host: "bad name\n", want: found{Hostname: "mx", Locale: "en", OtherLocale: "fr", user: "postmaster"}, domain: "example.com",
		},
	} {
		root := fstest.MapFS{}
		for _, name := range c.files {
			root[name] = &fstest.MapFile{}
		}
		for name, text := range c.text {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		got := look(root, c.host, getenv(c.env))
		if got != c.want || got.mailDomain() != c.domain {
			t.Errorf("%s: got %+v with domain %s, want %+v with %s", c.name, got, got.mailDomain(), c.want, c.domain)
		}
	}
}

// TestInitWritesWhatCheckTakes runs every branch of the settings' template.
func TestInitWritesWhatCheckTakes(t *testing.T) {
	bare := found{Hostname: "mx.acme.example", Locale: "fr", OtherLocale: "en", user: "anna"}
	postfix := bare
	postfix.Postfix = true
	for _, c := range []struct {
		name    string
		found   found
		command initCommand
	}{
		{"bare", bare, initCommand{}},
		{"a domain", bare, initCommand{Domain: "Acme.Example."}},
		{"behind Postfix", postfix, initCommand{Domain: "7up.example", Agent: []string{"a@7up.example", "b@7up.example"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "guichet.yaml")
			plan, err := c.command.plan(c.found, file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := plan.keys(); err != nil {
				t.Fatal(err)
			}
			settings, err := config.Parse(file, []byte(plan.settings(true)), getenv(nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := settings.MasterKey; got != plan.masterKey {
				t.Errorf("the settings look for the master key in %s, it is in %s", got, plan.masterKey)
			}
			if signed := len(settings.Outgoing.DKIM) == 1; signed != (c.command.Domain != "") {
				t.Errorf("signs: %v", signed)
			}
			for _, w := range settings.Warnings {
				if w.Setting != "smtp.tls" && w.Setting != "outgoing.dkim" {
					t.Errorf("init writes settings that are warned of: %s", w)
				}
			}
			if info, err := os.Stat(plan.masterKey); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("master key: %v, %v", info, err)
			}
		})
	}
}

// TestStoreTakesTheMasterKey keeps the form that init writes and the one that
// the store reads the same.
func TestStoreTakesTheMasterKey(t *testing.T) {
	plan, err := initCommand{}.plan(found{Hostname: "mx.acme.example", user: "anna"}, filepath.Join(t.TempDir(), "guichet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.keys(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Data: filepath.Dir(plan.masterKey), MasterKey: plan.masterKey, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSiteNames(t *testing.T) {
	for domain, want := range map[string][2]string{
		"acme.example":       {"acme", "ACM"},
		"7up.example":        {"7up", "UP"},
		"xn--bcher-kva.de":   {"xn--bcher-kva", "XNB"},
		"7.example":          {"7", "TKT"},
		"-":                  {"main", "TKT"},
		"my-company.example": {"my-company", "MYC"},
	} {
		if site, prefix := siteNames(domain); site != want[0] || prefix != want[1] {
			t.Errorf("%s: got %s, %s, want %s", domain, site, prefix, want)
		}
	}
}
