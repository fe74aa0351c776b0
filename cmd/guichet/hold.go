package main

import (
	"context"
	"errors"
	"fmt"

	"guichet/store"
	"guichet/ticket"
)

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
