package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"guichet/store"
)

type backupCommand struct {
	Dir  string `arg:"" optional:"" help:"The directory; without it that of the settings."`
	Keep int    `placeholder:"DAYS" help:"Also delete everything of backups that are older. Without it their data stays."`
	JSON bool   `name:"json" help:"One object."`
}

func (backupCommand) Help() string {
	return example("guichet backup /srv/backups/guichet", "guichet backup /srv/backups/guichet --keep 90") + `

Daemons go on meanwhile. A backup is a file of data, a file of keys, a list of
the large contents that belong to it, and a manifest; all backups of a directory
share one copy of the large contents. Key files older than retention.key_backups
are deleted: what was erased since is then in no backup. The master key is in
none: keep a copy of it elsewhere.`
}

// Run makes a backup.
func (c backupCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		dir := c.Dir
		if dir == "" {
			dir = t.settings.Backups
		}
		if dir == "" {
			return usageError("name a directory, here or as backups in the settings")
		}
		dir = p.path(dir)
		m, err := t.store.Backup(ctx, dir, t.quietly(c.JSON))
		if err != nil {
			return err
		}
		pruned, err := store.PruneBackups(ctx, dir, p.Now(), t.settings.Retention.KeyBackups, time.Duration(c.Keep)*24*time.Hour)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.object(struct {
				store.Manifest
				Dir         string   `json:"dir"`
				KeysDeleted []string `json:"keys_deleted"`
				Deleted     []string `json:"deleted"`
			}{m, dir, append([]string{}, pruned.Keys...), append([]string{}, pruned.Whole...)})
		}
		return p.tellBackup(m, dir, pruned)
	})
}

func (p *program) tellBackup(m store.Manifest, dir string, pruned store.Pruned) error {
	tickets := 0
	for _, n := range m.Sites {
		tickets += n
	}
	f := fields{p: p}
	f.add("Backup", m.Stamp)
	f.add("Holds", fmt.Sprintf("%s, %s (%s, %d of them new)", count(tickets, "ticket"), count(m.Blobs.Lines, "large content"), size(m.BlobBytes), m.Copied))
	f.add("Data", m.Data.Name+", "+size(m.Data.Size))
	f.add("Keys", m.Keys.Name+", "+size(m.Keys.Size))
	f.add("In", dir)
	if len(pruned.Keys) > 0 {
		f.add("Keys deleted", "of "+strings.Join(pruned.Keys, ", "))
	}
	if len(pruned.Whole) > 0 {
		f.add("Deleted", strings.Join(pruned.Whole, ", "))
	}
	return p.write(f.text())
}
