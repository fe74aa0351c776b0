package outbox

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Settings are those that may change while the outbox runs.
type Settings struct {
	// Hostname is what we call ourselves in EHLO and in the loop mark.
	Hostname string
	// Workers is how many notices are under way at once; 0 is 32.
	Workers int
	// Outgoing is how mails leave of the sites that Sites does not name.
	Outgoing Outgoing
	Sites    map[string]Outgoing
}

// Outgoing is how mails of a site leave.
type Outgoing struct {
	Route Route
	Keys  []Key
	// Paused keeps everything back.
	Paused bool
	// Concurrency is how many connections there are at once to one destination;
	// 0 is 4.
	Concurrency int
	// GiveUp is how long a mail is tried again after its notice was made; 0 is
	// five days.
	GiveUp time.Duration
}

func (s Settings) outgoing(site string) Outgoing {
	o, ok := s.Sites[site]
	if !ok {
		o = s.Outgoing
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.GiveUp <= 0 {
		o.GiveUp = 5 * 24 * time.Hour
	}
	return o
}

// check reports settings with which nothing could leave.
func (s Settings) check() error {
	if s.Hostname == "" {
		return fmt.Errorf("outbox: no hostname")
	}
	all := []Outgoing{s.Outgoing}
	for _, o := range s.Sites {
		all = append(all, o)
	}
	for _, o := range all {
		if o.Route.Scheme == "" && len(s.Sites) == 0 {
			return fmt.Errorf("outbox: no route")
		}
	}
	return nil
}

// Route is one way out.
type Route struct {
	Scheme             string // smtp, smtps, direct, maildir
	Host               string // of a relay
	Port               string
	Username, Password string
	TLS                string // required, opportunistic, none
	Path               string // of a Maildir
}

// ParseRoute reads a way out as the settings write it: smtp://user:password@host:587,
// smtps://host, direct:, maildir:PATH, each but the last with
// ?tls=required|opportunistic|none. Required is the default where there is a
// password.
func ParseRoute(s string) (Route, error) {
	scheme, rest, _ := strings.Cut(s, ":")
	switch scheme {
	case "maildir":
		if rest == "" {
			return Route{}, fmt.Errorf("a Maildir needs a path: maildir:PATH")
		}
		return Route{Scheme: scheme, Path: filepath.Clean(rest)}, nil
	case "direct", "smtp", "smtps":
	default:
		return Route{}, fmt.Errorf("no way out begins with %q; there are smtp://, smtps://, direct:, maildir:", scheme+":")
	}
	u, err := url.Parse(s)
	if err != nil {
		return Route{}, fmt.Errorf("not a way out: %w", err)
	}
	r := Route{Scheme: scheme, Host: u.Hostname(), Port: u.Port(), Username: u.User.Username(), TLS: u.Query().Get("tls")}
	r.Password, _ = u.User.Password()
	return r, r.settle()
}

// settle fills in what was left out, and reports what does not go together.
func (r *Route) settle() error {
	if r.Scheme != "direct" && r.Host == "" {
		return fmt.Errorf("a relay needs a host: %s://host", r.Scheme)
	}
	if r.TLS == "" {
		r.TLS = "opportunistic"
		if r.Username != "" || r.Scheme == "smtps" {
			r.TLS = "required"
		}
	}
	switch {
	case r.TLS != "required" && r.TLS != "opportunistic" && r.TLS != "none":
		return fmt.Errorf("tls is required, opportunistic or none, not %q", r.TLS)
	case r.Scheme == "smtps" && r.TLS != "required":
		return fmt.Errorf("smtps is always encrypted")
	}
	if r.Port == "" {
		r.Port = map[bool]string{true: "587", false: "25"}[r.Username != ""]
		if r.Scheme == "smtps" {
			r.Port = "465"
		}
	}
	return nil
}

// String names the route in logs: never with user or password.
func (r Route) String() string {
	switch r.Scheme {
	case "maildir":
		return "maildir:" + r.Path
	case "direct":
		return "direct:"
	}
	return r.Scheme + "://" + net.JoinHostPort(r.Host, r.Port)
}
