package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// operator is who calls the program, as the records of what they do name them.
func (p *program) operator() string {
	for _, variable := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if name, _ := p.Getenv(variable); name != "" {
			return fmt.Sprintf("%s (uid %d)", printable(name), os.Getuid())
		}
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// confirm asks before something that cannot be undone. Where nobody can be asked
// it wants --yes.
func (p *program) confirm(yes, asJSON bool, question string) error {
	if yes {
		return nil
	}
	if asJSON || !p.Terminal {
		return usageError("this cannot be undone, and there is no terminal to ask at: add --yes")
	}
	fmt.Fprintf(p.Stdout, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(p.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// quietly is a progress bar, or where that would be in the way, a line each few
// seconds on standard error: none for what is done before.
func (p *program) quietly(asJSON bool) store.Progress {
	if !asJSON && p.Terminal {
		return p.progress()
	}
	told := p.Now()
	return func(done, total int) {
		if now := p.Now(); total > 0 && now.Sub(told) >= lineEvery {
			told = now
			fmt.Fprintf(p.Stderr, "%3d %%\n", 100*int64(done)/int64(total))
		}
	}
}

// lineEvery is how long who waits is left without a word.
const lineEvery = 5 * time.Second

// person reads an address, and looks for all that some sites keep of it.
func (t *tool) person(ctx context.Context, text, only string, progress store.Progress) (ticket.Address, []*store.Person, error) {
	address, err := ticket.ParseAddress(text)
	if err != nil {
		return "", nil, usageError(fmt.Sprintf("%q is no address", printable(text)))
	}
	sites, err := t.sites(only)
	if err != nil {
		return "", nil, err
	}
	all, err := t.store.Person(ctx, address, sites, progress)
	if err != nil {
		return "", nil, err
	}
	var kept []*store.Person
	for _, p := range all {
		if !p.Empty() {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return "", nil, fmt.Errorf("nothing is kept of %s", address)
	}
	return address, kept, nil
}

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

type holdCommand struct {
	Ticket  string `arg:"" name:"ref" help:"Its reference; also its id in the log, or its tracking code."`
	Release bool   `help:"Lift the hold."`
	Reason  string `required:"" placeholder:"TEXT" help:"Why. It stands on the ticket, and in the record of what was done."`
}

func (holdCommand) Help() string {
	return example(`guichet hold ACM-1042 --reason "claim 4711 before the court of Lyon"`,
		`guichet hold ACM-1042 --release --reason "settled"`) + `

While a ticket is under a legal hold, nobody erases anything of it: no time that
is over, no wish of its requester, no administrator.`
}

// holdTries is how often a ticket is read again that changed meanwhile.
const holdTries = 5

// Run sets or lifts a legal hold.
func (c holdCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		found, err := t.find(ctx, c.Ticket)
		if err != nil {
			return err
		}
		if found.LegalHold != c.Release {
			return fmt.Errorf("%s %s", found.Reference, map[bool]string{false: "is under a legal hold already", true: "is under no legal hold"}[c.Release])
		}
		if err := t.hold(ctx, found, !c.Release, c.Reason); err != nil {
			return err
		}
		if c.Release {
			fmt.Fprintf(p.Stdout, "%s is under a legal hold no more. What is over of its time is erased from now on.\n", found.Reference)
			return nil
		}
		fmt.Fprintf(p.Stdout, "%s is under a legal hold: nothing of it is erased until that is lifted.\n", found.Reference)
		return nil
	})
}

func (t *tool) hold(ctx context.Context, found *ticket.Ticket, on bool, why string) (err error) {
	by, now := t.operator(), t.Now()
	for range holdTries {
		change := ticket.Hold(found, on, why, by, now)
		_, err = t.store.Commit(ctx, &ticket.Change{Site: found.Site, At: now, Tickets: []ticket.TicketChange{change}})
		if !errors.Is(err, ticket.ErrConflict) {
			break
		}
		if found, err = t.store.Ticket(ctx, found.Site, found.ID); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	did := store.ActReleased
	if on {
		did = store.ActHeld
	}
	return t.store.RecordAct(ctx, store.Act{Site: found.Site, Did: did, By: by, Why: why, Tickets: 1})
}
