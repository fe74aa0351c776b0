package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"guichet/config"
)

type rekeyCommand struct {
	JSON bool `name:"json" help:"One object with the names of the two files."`
}

func (rekeyCommand) Help() string {
	return example("guichet rekey", "guichet rekey -c /etc/guichet/guichet.yaml") + `

The store's keys are wrapped anew under a new master key; tickets stay as they
are. Daemons may run meanwhile. Broken off, it is finished by calling it again.`
}

// Run makes a new master key and puts it in the place of the old one.
func (c rekeyCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
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
		return p.list(true).add(struct {
			MasterKey string `json:"master_key"`
			Old       string `json:"old"`
		}{file, old})
	}
	fmt.Fprintf(p.Stdout, `The master key is new:  %s
The old one is kept as: %s

What is left to do:
  Copy the new file, mode 0600, over every other copy: on each host that serves
  this store (at its own master_key), and where you keep one in case of loss.
  Daemons that run go on; restart them when the copies are in place.
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
