package main

import (
	"context"
	"fmt"
	"strings"

	"guichet/store"
)

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
