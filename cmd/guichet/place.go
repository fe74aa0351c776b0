package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"guichet/config"
	"guichet/store"
)

// place is a store that somebody names.
type place struct {
	redis string // URL, or "" for
	dir   string // the directory of an embedded store
}

func (s place) String() string {
	if s.redis == "" {
		return "the embedded store in " + s.dir
	}
	// Neither the user nor the password belongs on a screen.
	scheme, rest, _ := strings.Cut(s.redis, "://")
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

var redisSchemes = []string{"redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"}

// placeOf reads what --to or --from says.
func (p *program) placeOf(flag, text string) (place, error) {
	if dir, ok := strings.CutPrefix(text, "embedded:"); ok && dir != "" {
		dir, err := filepath.Abs(p.path(dir))
		return place{dir: dir}, err
	}
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || !slices.Contains(redisSchemes, scheme) {
		return place{}, usageError(fmt.Sprintf("%s %q is no store; write redis://HOST:PORT/DB, or embedded:DIR", flag, printable(text)))
	}
	return place{redis: text}, nil
}

// options are how to open the store there, the rest as the settings say.
func (s place) options(c *config.Config, p *program) store.Options {
	o := storeOf(c)
	o.Redis, o.Now = s.redis, p.Now
	o.Blobs = c.Blobs.Dir
	if o.Blobs == "" {
		o.Blobs = filepath.Join(c.Data, "blobs")
	}
	if s.dir != "" {
		o.Data = s.dir
	}
	return o
}

// redactedURL is the address as it may stand in a file that others read.
func redactedURL(s place) string {
	text := s.String()
	if strings.Contains(s.redis, "@") {
		scheme, rest, _ := strings.Cut(text, "://")
		return scheme + "://${REDIS_LOGIN}@" + rest + "   # REDIS_LOGIN=user:password in the environment"
	}
	return text
}
