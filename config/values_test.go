package config

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDurationsAndSizesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<31).Draw(t, "seconds")) * time.Second
		if got, p := parseDuration(formatDuration(d)); p != nil || got != d {
			t.Errorf("%v is written %s and read as %v, %v", d, formatDuration(d), got, p)
		}
		s := Size(rapid.Int64Range(0, 1<<50).Draw(t, "bytes"))
		if got, p := parseSize(s.String()); p != nil || got != s {
			t.Errorf("%d is written %s and read as %v, %v", s, s, got, p)
		}
	})
}

// formatDuration writes a length of time as the settings do: 180d, 1h30m.
func formatDuration(d time.Duration) string {
	text := ""
	for _, u := range durationUnits {
		if n := d / u.factor; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + u.name
			d -= n * u.factor
		}
	}
	if text == "" {
		return "0"
	}
	return text
}

func TestNoDurationNoSize(t *testing.T) {
	for _, text := range []string{"", "5", "d", "-1d", "1.5h", "1y", "1d ", "99999999999999999999d", "9999999999d", "1h1"} {
		if d, p := parseDuration(text); p == nil {
			t.Errorf("%q is read as a length of time: %v", text, d)
		}
	}
	for _, text := range []string{"", "5", "MiB", "-1B", "1.5MiB", "25MB", "25 MiB", "9223372036854775807GiB"} {
		if s, p := parseSize(text); p == nil {
			t.Errorf("%q is read as a size: %v", text, s)
		}
	}
}

func TestRedisForms(t *testing.T) {
	for text, want := range map[string]Redis{
		"":                          {},
		"redis://127.0.0.1":         {Kind: RedisSingle, Network: "tcp", Addresses: []string{"127.0.0.1:6379"}},
		"redis://pw@[::1]:7/3":      {Kind: RedisSingle, Network: "tcp", Addresses: []string{"[::1]:7"}, Password: "pw", DB: 3},
		"rediss://u:p%40:/w@h?db=2": {Kind: RedisSingle, Network: "tcp", Addresses: []string{"h:6379"}, Username: "u", Password: "p@:/w", DB: 2, TLS: true},
		"unix:///run/redis.sock":    {Kind: RedisSingle, Network: "unix", Addresses: []string{"/run/redis.sock"}},
		"unix://:p@/r.sock?db=1":    {Kind: RedisSingle, Network: "unix", Addresses: []string{"/r.sock"}, Password: "p", DB: 1},
		"redis+cluster://a,b:7000":  {Kind: RedisCluster, Network: "tcp", Addresses: []string{"a:6379", "b:7000"}},
		"rediss+sentinel://:p@a,b/m/4": {Kind: RedisSentinel, Network: "tcp", Addresses: []string{"a:26379", "b:26379"},
			Password: "p", Master: "m", DB: 4, TLS: true},
	} {
		got, p := parseRedis(text)
		want.URL = Secret(text)
		if diff := cmp.Diff(want, got); p != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, p, diff)
		}
	}
	for _, text := range []string{"localhost", "http://h", "redis+x://h", "redis://", "redis://a,b", "redis://h:0", "redis://h:x", "redis://h/x",
		"redis://h/1?db=2", "redis://h?tls=1", "unix://run/r.sock", "redis+cluster://h/1", "redis+sentinel://h", "redis://h?%zz"} {
		if r, p := parseRedis(text); p == nil {
			t.Errorf("%q is read as a Redis: %+v", text, r)
		}
	}
}

func TestRoutes(t *testing.T) {
	for text, want := range map[string]Route{
		"direct:":                        {Scheme: ViaDirect, TLS: TLSOpportunistic},
		"direct:?tls=required":           {Scheme: ViaDirect, TLS: TLSRequired},
		"maildir:out":                    {Scheme: ViaMaildir, TLS: TLSNone, Path: "/etc/guichet/out"},
		"maildir:/srv/out":               {Scheme: ViaMaildir, TLS: TLSNone, Path: "/srv/out"},
		"smtp://relay.example.com":       {Scheme: ViaSMTP, Host: "relay.example.com", Port: 25, TLS: TLSOpportunistic},
		"smtp://u@x.example:p#w?@h":      {Scheme: ViaSMTP, Host: "h", Port: 587, Username: "u@x.example", Password: "p#w?", TLS: TLSRequired},
		"smtp://127.0.0.1:25?tls=none":   {Scheme: ViaSMTP, Host: "127.0.0.1", Port: 25, TLS: TLSNone},
		"smtps://u:p@[2001:db8::1]":      {Scheme: ViaSMTPS, Host: "2001:db8::1", Port: 465, Username: "u", Password: "p", TLS: TLSRequired},
		"smtps://h:4465?tls=required":    {Scheme: ViaSMTPS, Host: "h", Port: 4465, TLS: TLSRequired},
		"smtp://u:p@h?tls=opportunistic": {Scheme: ViaSMTP, Host: "h", Port: 587, Username: "u", Password: "p", TLS: TLSOpportunistic},
	} {
		got, p := parseRoute(text, "/etc/guichet")
		if diff := cmp.Diff(want, got); p != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, p, diff)
		}
	}
	for _, text := range []string{"", "direct", "direct:h", "direct:?x=1", "direct:?tls=maybe", "maildir:", "smtp:h", "smtp://", "smtp://h/path",
		"smtp://u@h", "smtp://:p@h", "smtp://h:99999", "smtp://h?tls=yes", "smtps://h?tls=none", "http://h", "smtp://h?tls=none&x=1"} {
		if r, p := parseRoute(text, ""); p == nil {
			t.Errorf("%q is read as a way out: %+v", text, r)
		}
	}
}

func TestPlacesWithoutPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"redis://u:secret@h/2":            "redis://h:6379/2",
		"rediss+sentinel://:secret@a,b/m": "rediss+sentinel://a:26379,b:26379/m",
		"unix://:secret@/r.sock":          "unix:///r.sock",
		"":                                "embedded",
	} {
		if r, p := parseRedis(text); p != nil || r.String() != want {
			t.Errorf("%s: got %s, %v", text, r, p)
		}
	}
	for text, want := range map[string]string{
		"smtp://u:secret@h": "smtp://h:587", "direct:": "direct:", "maildir:/out": "maildir:/out",
	} {
		if r, p := parseRoute(text, ""); p != nil || r.String() != want {
			t.Errorf("%s: got %s, %v", text, r, p)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"smtp://u:secret@h": "smtp://…@h", "smtp:u:secret@h": "…@h", "u:secret@h://x": "…@h://x",
		"help@acme.example": "help@acme.example", "plain": "plain", "redis://secret:p@ss@": "redis://…@",
	} {
		if got := mask(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.1": "192.0.2.1/32", "::1": "::1/128", "::ffff:192.0.2.1": "192.0.2.1/32",
	} {
		if got, p := parsePrefix(text); p != nil || got.String() != want {
			t.Errorf("%s: got %s, %v", text, got, p)
		}
	}
	for _, text := range []string{"", "host", "192.0.2.1/24", "192.0.2.0/33", "::ffff:192.0.2.0/120", "fe80::1%eth0"} {
		if got, p := parsePrefix(text); p == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
