// Package accounts asks whether a sender has an account with a site: in a file,
// or at a page of the site's. Known senders are invited to go on with it, and
// nothing else depends on the answer: where there is none, nobody is known.
package accounts

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guichet/ticket"
)

// Settings are one site's directory: a File or a URL.
type Settings struct {
	// File holds an address, or @ and a domain, on each line.
	File string
	// URL is asked for each address, with {address} in the place of it.
	URL string
	// Timeout is how long the page may take; 0 is two seconds.
	Timeout time.Duration
	// Link is where those who are known are invited to.
	Link string
}

// directory knows who has an account with one site.
type directory interface {
	// known reports whether an address is; the error is why that cannot be said.
	known(context.Context, ticket.Address) (bool, error)
}

// Accounts are the directories of all sites. They may be asked at the same time.
type Accounts struct {
	now   func() time.Time
	log   *slog.Logger
	sites atomic.Pointer[map[string]*site]
}

// New makes the directories of the sites by their names.
func New(sites map[string]Settings, now func() time.Time, log *slog.Logger) *Accounts {
	a := &Accounts{now: now, log: log}
	a.Update(sites)
	return a
}

// Update puts new settings in force. A directory whose settings are as before
// goes on with what it remembers.
func (a *Accounts) Update(sites map[string]Settings) {
	var before map[string]*site
	if old := a.sites.Load(); old != nil {
		before = *old
	}
	next := map[string]*site{}
	for name, s := range sites {
		if old := before[name]; old != nil && old.settings == s {
			next[name] = old
			continue
		}
		made := &site{settings: s, answers: map[string]answer{}}
		if s.URL != "" {
			made.directory = newPage(s.URL, s.Timeout)
		} else {
			made.directory = &file{path: s.File}
		}
		next[name] = made
	}
	a.sites.Store(&next)
}

// Link gives the page on which a sender may go on with their account, or "" for
// one who has none that is known now.
func (a *Accounts) Link(ctx context.Context, name string, who ticket.Address) string {
	s := (*a.sites.Load())[name]
	if s == nil {
		return ""
	}
	known, err := s.known(ctx, who, a.now())
	if err != nil {
		a.log.WarnContext(ctx, "the directory of accounts does not answer; nobody is invited meanwhile", "site", name, "error", err)
	}
	if !known {
		return ""
	}
	return s.settings.Link
}

const (
	// rememberFor is how long an answer counts.
	rememberFor = 5 * time.Minute
	// restFor is how long a directory is left alone that did not answer: mails
	// wait for it, and no more of them shall.
	restFor = 30 * time.Second
	// maxAnswers bounds what is remembered: a flood brings a new address with each
	// mail.
	maxAnswers = 10_000
)

// site is a directory with what it answered lately.
type site struct {
	settings  Settings
	directory directory

	mu      sync.Mutex
	answers map[string]answer
	rests   time.Time // until when it is not asked
}

type answer struct {
	known bool
	until time.Time
}

func (s *site) known(ctx context.Context, who ticket.Address, now time.Time) (bool, error) {
	if known, told := s.remembered(who, now); told {
		return known, nil
	}
	known, err := s.directory.known(ctx, who)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.rests = now.Add(restFor)
		return false, err
	}
	if len(s.answers) >= maxAnswers {
		clear(s.answers)
	}
	s.answers[who.Key()] = answer{known, now.Add(rememberFor)}
	return known, nil
}

// remembered gives what was answered lately; nobody is known to a directory that
// rests.
func (s *site) remembered(who ticket.Address, now time.Time) (known, told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.answers[who.Key()]; ok && now.Before(a.until) {
		return a.known, true
	}
	return false, now.Before(s.rests)
}
