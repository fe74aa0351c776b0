package main

import (
	"context"
	"fmt"

	"guichet/store"
)

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
