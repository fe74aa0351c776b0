package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"guichet/config"
	"guichet/store"
)

type rekeyCommand struct {
	Tokens bool   `xor:"kind" help:"A new key for reply addresses, in the place of a new master key."`
	Codes  bool   `xor:"kind" help:"A new key for validation codes, in the place of a new master key."`
	Site   string `xor:"kind" placeholder:"NAME" help:"A new key for a site, in the place of a new master key."`
	Sites  bool   `xor:"kind" help:"A new key for each site, in the place of a new master key."`
	JSON   bool   `name:"json" help:"One object with what was done."`
}

func (rekeyCommand) Help() string {
	return example("guichet rekey", "guichet rekey -c /etc/guichet/guichet.yaml", "guichet rekey --tokens", "guichet rekey --codes", "guichet rekey --sites") + `

The store's keys are wrapped anew under a new master key; tickets stay as they
are. Daemons may run meanwhile. Broken off, it is finished by calling it again.

With --tokens or --codes, addresses and codes that are about still hold. Daemons
that run take the new key over by themselves, all at the same time.

With --site or --sites, every key of the site's tickets and held mails is wrapped
anew, some at a time, while daemons run; then the old key is gone. Broken off, the
store works with both, and calling it again goes on.

The keys by which things are found are renewed by guichet reindex --new-lookups.`
}

// Run makes a new key of one kind.
func (c rekeyCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	switch {
	case err != nil:
		return err
	case c.Tokens:
		return c.rotate(ctx, p, "tokens", (*store.Store).RotateTokens, tokensRotated)
	case c.Codes:
		return c.rotate(ctx, p, "codes", (*store.Store).RotatePepper, codesRotated)
	case c.Site != "" || c.Sites:
		return c.sites(ctx, p)
	}
	return c.master(ctx, p, settings)
}

const (
	tokensRotated = `Answers to mails of before still find their threads: an old key holds until
fifteen more have followed it.
`
	codesRotated = `Codes that are about still hold. To make void what was sent until now, call it
once more when this key is in use.
`
)

// rotate makes a new key that lies in the store itself.
func (c rekeyCommand) rotate(ctx context.Context, p *program, kind string, rotate func(*store.Store, context.Context) (time.Time, error), then string) error {
	return p.with(ctx, func(t *tool) error {
		from, err := rotate(t.store, ctx)
		if errors.Is(err, store.ErrRotating) {
			return fmt.Errorf("the last new key is in use from %s on; call this again after that", clock(from, p.Now()))
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return p.object(struct {
				Key  string    `json:"key"`
				From time.Time `json:"from"`
			}{kind, from})
		}
		fmt.Fprintf(p.Stdout, "There is a new key for %s. All daemons use it from %s on, without a restart.\n%s", kind, clock(from, p.Now()), then)
		return nil
	})
}

const sitesRekeyed = `The old key is gone from the store. Backups from before today hold it, wrapped
under the master key, with what it opens: if it leaked, make a new backup now and
delete the key files of the older ones.
`

// sites gives sites a new key.
func (c rekeyCommand) sites(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		sites, err := t.sites(c.Site)
		if err != nil {
			return err
		}
		wrapped, lost, err := t.store.RekeySites(ctx, sites, t.quietly(c.JSON))
		if err != nil {
			return err
		}
		if c.JSON {
			err = p.object(struct {
				Sites   []string `json:"sites"`
				Wrapped int      `json:"wrapped"`
				Lost    int      `json:"lost"`
			}{sites, wrapped, lost})
		} else {
			fmt.Fprintf(p.Stdout, "There is a new key for %s; %s wrapped anew.\n%s",
				strings.Join(sites, ", "), plural(wrapped, "key was", "keys were"), sitesRekeyed)
		}
		if err == nil && lost > 0 {
			return fmt.Errorf("%s under no key of the site, and did not before; guichet reindex --check names what cannot be read", plural(lost, "key opens", "keys open"))
		}
		return err
	})
}

// master makes a new master key and puts it in the place of the old one.
func (c rekeyCommand) master(ctx context.Context, p *program, settings *config.Config) error {
	file := settings.MasterKey
	next := file + ".new"
	if err := p.rekey(ctx, settings, next); err != nil {
		return err
	}
	old, err := setAside(file, p.Now())
	if err != nil {
		return err
	}
	if err := os.Rename(next, file); err != nil {
		return err
	}
	if err := syncDirectory(filepath.Dir(file)); err != nil {
		return err
	}
	if c.JSON {
		return p.object(struct {
			MasterKey string `json:"master_key"`
			Old       string `json:"old"`
		}{file, old})
	}
	fmt.Fprintf(p.Stdout, `The master key is new:  %s
The old one is kept as: %s

What is left to do:
  Copy the new file, mode 0600, over every other copy: on each host that serves
  this store (at its own master_key), and where you keep one in case of loss.
  Daemons that run go on, and take the new key over when they find it there.
  A backup of the store from before today needs the old key: keep it as long as
  those backups, and then delete it.
`, file, old)
	return nil
}

// rekey wraps the store's keys under the key of the file next. When an earlier
// call came so far and no further, the store no longer opens with the old key
// but does with that one, and there is nothing left to wrap.
func (p *program) rekey(ctx context.Context, c *config.Config, next string) error {
	t, err := p.openToolOf(ctx, c)
	if err == nil {
		return errors.Join(t.store.RekeyMaster(ctx, next), t.store.Close())
	}
	if _, missing := os.Stat(next); missing != nil {
		return err
	}
	renewed := *c
	renewed.MasterKey = next
	if t, second := p.openToolOf(ctx, &renewed); second == nil {
		return t.store.Close()
	}
	return err
}

// setAside gives the old key file another name with the date, and leaves it
// also under its own, so that there is no moment without a key.
func setAside(file string, now time.Time) (string, error) {
	name := file + ".old-" + now.Format(time.DateOnly)
	for n := 1; ; n++ {
		aside := name
		if n > 1 {
			aside += "-" + strconv.Itoa(n)
		}
		err := os.Link(file, aside)
		if !errors.Is(err, fs.ErrExist) {
			return aside, err
		}
		if same(file, aside) {
			return aside, nil // an earlier call was broken off here
		}
	}
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	y, second := os.Stat(b)
	return err == nil && second == nil && os.SameFile(x, y)
}

func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
