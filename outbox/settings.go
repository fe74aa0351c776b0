package outbox

import (
	"errors"
	"net"
	"time"
)

// Settings are those that may change while the outbox runs.
type Settings struct {
	// Hostname is what we call ourselves in EHLO and in the loop mark.
	Hostname string
	// Workers is how many notices are attempted at once; 0 is 32.
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

// paused reports whether nothing at all may leave.
func (s Settings) paused() bool {
	for site := range s.Sites {
		if !s.outgoing(site).Paused {
			return false
		}
	}
	return len(s.Sites) > 0 || s.Outgoing.Paused
}

// check reports settings with which nothing could leave.
func (s Settings) check() error {
	switch {
	case s.Hostname == "":
		return errors.New("outbox: no hostname")
	case len(s.Sites) == 0 && s.Outgoing.Route.Scheme == "":
		return errors.New("outbox: no route")
	}
	return nil
}

// Route is one way out.
type Route struct {
	// Scheme is smtp or smtps for a relay, direct for the mail exchangers of each
	// domain, or maildir.
	Scheme string
	// Host and Port are the relay's.
	Host, Port         string
	Username, Password string
	// TLS is required (with a certificate that holds for the host), opportunistic
	// (where the host offers it), or none.
	TLS string
	// Path is that of a Maildir.
	Path string
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
