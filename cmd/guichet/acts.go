package main

import (
	"context"
	"fmt"
	"slices"

	"guichet/store"
	"guichet/ticket"
)

type actsCommand struct {
	Address string `arg:"" optional:"" help:"Only what was done about this person."`
	Site    string `placeholder:"NAME" help:"Of this site only."`
	Limit   int    `default:"50" help:"At most so many; 0 is all."`
	JSON    bool   `name:"json" help:"One object a line for each."`
}

func (actsCommand) Help() string {
	return example("guichet acts", "guichet acts marie@customer.example") + `

What administrators did with people's data, the newest first. The records name
nobody: a person is there as a keyed digest of the address.`
}

// Run lists acts.
func (c actsCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		sites, err := t.sites(c.Site)
		if err != nil {
			return err
		}
		who := map[string][]string{}
		if c.Address != "" {
			address, err := ticket.ParseAddress(c.Address)
			if err != nil {
				return usageError(fmt.Sprintf("%q is no address", printable(c.Address)))
			}
			for _, site := range sites {
				if who[site], err = t.store.Who(ctx, site, address); err != nil {
					return err
				}
			}
		}
		newest := func(a, b store.Act) bool { return a.At.After(b.At) }
		acts := listSites(sites, newest, func(site string, after store.Cursor, n int) (store.Page[store.Act], error) {
			page, err := t.store.Acts(ctx, site, after, n)
			if c.Address != "" {
				page.Total = 0 // of these nobody knows how many there are
				page.Items = slices.DeleteFunc(page.Items, func(a store.Act) bool { return !slices.Contains(who[site], a.Who) })
			}
			return page, err
		})
		table := p.list(c.JSON, column{title: "WHEN"}, column{title: "DID"}, column{title: "BY"}, column{title: "TICKETS", right: true},
			column{title: "LEFT", right: true}, column{title: "ABOUT"}, column{title: "SITE"}, column{title: "WHY", flex: true})
		return acts.print(p, table, c.Limit, "act", func(a store.Act) error {
			about := "a ticket"
			if a.Who != "" {
				about = "person " + shortID(a.Who)
			}
			return table.add(a, clock(a.At, p.Now()), string(a.Did), a.By, fmt.Sprint(a.Tickets), fmt.Sprint(a.Kept), about, a.Site, a.Why)
		})
	})
}
