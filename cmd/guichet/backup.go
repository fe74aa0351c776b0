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

type restoreCommand struct {
	Dir    string   `arg:"" help:"The directory of backups."`
	Backup string   `placeholder:"STAMP" help:"Which one; without it the newest."`
	Ledger []string `placeholder:"FILE" help:"Further ledgers of erased keys, as of other daemons."`
	Into   string   `placeholder:"STORE" help:"The store to restore into, which must be empty: redis://…, or embedded:DIR; without it that of the settings."`
	Send   bool     `help:"Leave the mails due that were about to leave when the backup was made."`
	JSON   bool     `name:"json" help:"One object."`
}

func (restoreCommand) Help() string {
	return example("guichet restore /srv/backups/guichet", "guichet restore /srv/backups/guichet --backup 20260302T090000Z --ledger /mnt/b/erased.ledger") + `

The master key must be the one that the backup was made with. What was erased
since the backup is not restored: the ledgers name it, those of the settings, of
the directory and of --ledger together. Everything is read again and compared,
and every ticket opened, before a daemon can use the store.`
}

// Run restores a backup.
func (c restoreCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	into := place{redis: settings.Redis.URL.Reveal()}
	if settings.Redis.Embedded() {
		into.dir = settings.Data
	}
	if c.Into != "" {
		if into, err = p.placeOf("--into", c.Into); err != nil {
			return err
		}
	}
	from := store.RestoreOptions{Dir: p.path(c.Dir), Stamp: c.Backup, Send: c.Send, Progress: p.quietly(c.JSON)}
	for _, name := range c.Ledger {
		from.Ledgers = append(from.Ledgers, p.path(name))
	}
	done, err := store.Restore(ctx, into.options(settings, p), from)
	if err != nil {
		return err
	}
	if c.JSON {
		err = p.object(restoredOf(done, into))
	} else {
		err = p.tellRestored(done, into, settings.File)
	}
	if err == nil && len(done.Broken) > 0 {
		return errFailed
	}
	return err
}

type restoredObject struct {
	Data      string             `json:"data"`
	Keys      string             `json:"keys"`
	Into      string             `json:"into"`
	Tickets   int                `json:"tickets"`
	Forgotten int                `json:"forgotten"`
	Files     int                `json:"files"`
	KeptBack  int                `json:"kept_back"`
	Mended    int                `json:"mended"`
	Fields    int                `json:"fields"`
	Entries   int                `json:"entries"`
	Digest    string             `json:"digest"`
	Ledgers   []string           `json:"ledgers"`
	Broken    []store.Difference `json:"broken"`
}

func restoredOf(r store.Restored, into place) restoredObject {
	return restoredObject{Data: r.Data, Keys: r.Keys, Into: into.String(), Tickets: r.Tickets, Forgotten: r.Forgotten, Files: r.Blobs,
		KeptBack: r.KeptBack, Mended: r.Mended, Fields: r.Fields, Entries: r.Entries, Digest: r.Digest, Ledgers: r.Ledgers,
		Broken: append([]store.Difference{}, r.Broken...)}
}

// tellRestored says what is there again, and what is not.
func (p *program) tellRestored(r store.Restored, into place, file string) error {
	f := fields{p: p}
	f.add("Restored", fmt.Sprintf("%s, of %s", r.Data, moment(r.Made, p.Now())))
	f.add("Into", into.String())
	if r.Keys != r.Data {
		f.add("Keys", "of "+r.Keys+": its own were deleted")
	}
	f.add("Tickets", fmt.Sprint(r.Tickets))
	if r.Forgotten > 0 {
		f.add("Forgotten", plural(r.Forgotten, "ticket that was erased since", "tickets that were erased since"))
	}
	f.add("Files", fmt.Sprint(r.Blobs))
	until := "nothing was erased"
	if !r.LedgerUntil.IsZero() {
		until = "the last entry is of " + moment(r.LedgerUntil, p.Now())
	}
	f.add("Ledgers", strings.Join(r.Ledgers, ", ")+"; "+until)
	f.add("Compared", fmt.Sprintf("%s and %s, digest %s, the same when read again", count(r.Fields, "field"), plural(r.Entries, "entry", "entries"), r.Digest[:16]))
	if r.Mended > 0 {
		f.add("Put right", plural(r.Mended, "entry", "entries")+" of what was written while the backup was made")
	}
	if err := p.write(f.text()); err != nil {
		return err
	}
	for _, d := range r.Broken {
		fmt.Fprintf(p.Stderr, "guichet: %s %s: %s\n", d.Site, d.Record, printable(d.What))
	}
	if file == "" {
		file = "guichet.yaml"
	}
	next := []string{"guichet check, and that " + file + " means this store."}
	if r.KeptBack > 0 {
		next = append(next, fmt.Sprintf("%s kept back: most have left since. guichet outbox shows them, release sends, drop forgets.", plural(r.KeptBack, "mail is", "mails are")))
	}
	next = append(next, "What came after the backup is lost; numbers of tickets since will be given again.", "Start the daemon.")
	fmt.Fprint(p.Stdout, "\nNow:\n")
	for i, line := range next {
		fmt.Fprintf(p.Stdout, "%d. %s\n", i+1, line)
	}
	return nil
}

type reindexCommand struct {
	Check      bool   `xor:"what" help:"Change nothing; end with 1 if anything differs."`
	NewLookups bool   `xor:"what" help:"Renew the keys by which things are found, and rename all that is found by them."`
	Site       string `placeholder:"NAME" help:"With --new-lookups: those of this site only."`
	JSON       bool   `name:"json" help:"One object a line for each difference."`
}

func (reindexCommand) Help() string {
	return example("guichet reindex --check", "guichet reindex", "guichet reindex --new-lookups --site acme") + `

Indexes, references, codes and counters are held to the tickets that they are
made from, and every ticket is opened. Daemons may run meanwhile.

With --new-lookups, addresses, Message-IDs, tracking codes and counters are found
by a new key from then on. Daemons may run; while names change, the site rests:
mail for it is put off with 451 and comes again. Broken off, a daemon goes on with
it within two minutes; so does calling it again.`
}

// lookups renews the keys of digests.
func (c reindexCommand) lookups(ctx context.Context, t *tool) error {
	sites, err := t.sites(c.Site)
	if err != nil {
		return err
	}
	for _, site := range sites {
		renamed, err := t.store.RenewLookups(ctx, site, t.quietly(c.JSON))
		if err != nil {
			return err
		}
		if c.JSON {
			err = t.object(struct {
				Site    string `json:"site"`
				Renamed int    `json:"renamed"`
			}{site, renamed})
		} else {
			_, err = fmt.Fprintf(t.Stdout, "Site %s finds everything by a new key; %s renamed.\n", site, plural(renamed, "thing was", "things were"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Run puts the store's indexes right.
func (c reindexCommand) Run(ctx context.Context, p *program) error {
	if c.Site != "" && !c.NewLookups {
		return usageError("--site goes with --new-lookups")
	}
	return p.with(ctx, func(t *tool) error {
		if c.NewLookups {
			return c.lookups(ctx, t)
		}
		left, mended := 0, 0
		err := t.store.Reindex(ctx, c.Check, t.quietly(c.JSON), func(d store.Difference) error {
			if d.Mended {
				mended++
			} else {
				left++
			}
			if c.JSON {
				return p.object(d)
			}
			what := printable(d.Site + " " + d.Record + ": " + d.What)
			if d.Mended {
				what += ", put right"
			}
			return p.write(what + "\n")
		})
		if err != nil {
			return err
		}
		if !c.JSON {
			switch {
			case left+mended == 0:
				fmt.Fprintln(p.Stdout, "Everything stands where the records say.")
			case c.Check:
				fmt.Fprintf(p.Stderr, "%s; guichet reindex puts right what can be.\n", count(left, "difference"))
			default:
				fmt.Fprintf(p.Stderr, "%s put right, %d that cannot be.\n", count(mended, "difference"), left)
			}
		}
		if left > 0 {
			return errFailed
		}
		return nil
	})
}
