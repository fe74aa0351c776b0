package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"guichet/store"
	"guichet/ticket"
)

type eraseCommand struct {
	What   string `arg:"" name:"address|ref" help:"A person's address, or one ticket."`
	Site   string `placeholder:"NAME" help:"Of a person, what this site keeps only."`
	Reason string `placeholder:"TEXT" help:"Why, for the record. Name nobody."`
	Yes    bool   `help:"Do not ask."`
	JSON   bool   `name:"json" help:"One object at the end."`
}

func (eraseCommand) Help() string {
	return example("guichet erase marie@customer.example --reason \"asked for on the phone\"",
		"guichet erase ACM-1042 --yes --json | jq -r '.sent[].message_id'") + `

Of a person everything goes whose matter it is: their tickets with all articles
and files, mail of theirs that was held, what they were asked, their enrolment,
and what they chose as an agent. Tickets of others on which they take part stay,
and are named. A ticket under a legal hold stays too. The record of the act names nobody: see guichet acts.`
}

// erasure is what is to be erased, and what became of it.
type erasure struct {
	t       *tool
	c       eraseCommand
	address ticket.Address
	people  []*store.Person // of an address; else
	ticket  *ticket.Ticket
	done    erasedObject
}

type erasedObject struct {
	Address ticket.Address `json:"address"`
	// Tickets are all that were to be erased.
	Tickets []erasedTicket `json:"tickets"`
	Held    int            `json:"held"`
	Letters int            `json:"letters"`
	// Others are the tickets of others, which stay.
	Others []string `json:"others"`
	// Sent are mails that left, by which copies in mailboxes can be found.
	Sent []store.Sent `json:"sent"`
}

type erasedTicket struct {
	Reference string `json:"reference"`
	Site      string `json:"site"`
	Erased    bool   `json:"erased"`
	Error     string `json:"error"`
}

// Run erases a person or a ticket.
func (c eraseCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		e := &erasure{t: t, c: c, done: erasedObject{Tickets: []erasedTicket{}, Others: []string{}, Sent: []store.Sent{}}}
		if err := e.find(ctx); err != nil {
			return err
		}
		if !c.JSON {
			if err := e.show(); err != nil {
				return err
			}
		}
		if err := p.confirm(c.Yes, c.JSON, "Erase this for good?"); err != nil {
			return err
		}
		err := e.run(ctx)
		if c.JSON {
			return errors.Join(p.object(e.done), err)
		}
		return errors.Join(e.tell(), err)
	})
}

func (e *erasure) find(ctx context.Context) (err error) {
	if strings.Contains(e.c.What, "@") {
		e.address, e.people, err = e.t.person(ctx, e.c.What, e.c.Site, e.t.quietly(e.c.JSON))
		e.done.Address = e.address
		for _, p := range e.people {
			for _, other := range p.Others {
				e.done.Others = append(e.done.Others, other.Reference.String())
			}
		}
		return err
	}
	e.ticket, err = e.t.find(ctx, e.c.What)
	return err
}

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

// tickets are those that are to be erased.
func (e *erasure) tickets() (all []*ticket.Ticket) {
	if e.ticket != nil {
		return []*ticket.Ticket{e.ticket}
	}
	for _, p := range e.people {
		all = append(all, p.Own...)
	}
	return all
}

// show says what is to be erased.
func (e *erasure) show() error {
	p := e.t.program
	table := p.table(column{title: "REFERENCE"}, column{title: "STATE"}, column{title: "QUEUE"}, column{title: "OPENED"}, column{title: "SUBJECT", flex: true})
	for _, t := range e.tickets() {
		state := string(t.State)
		if t.LegalHold {
			state += ", legal hold"
		}
		if err := table.add(nil, t.Reference.String(), state, where(t.Site, t.Queue), clock(t.Opened, p.Now()), t.Subject); err != nil {
			return err
		}
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, person := range e.people {
		var also []string
		if n := len(person.Held); n > 0 {
			also = append(also, count(n, "held mail"))
		}
		if n := len(person.Letters); n > 0 {
			also = append(also, count(n, "mail")+" of no ticket")
		}
		if person.Enrolled {
			also = append(also, "an enrolment")
		}
		if len(also) > 0 {
			fmt.Fprintf(p.Stdout, "In site %s also: %s.\n", person.Site, strings.Join(also, ", "))
		}
		if person.Profile != nil {
			fmt.Fprintf(p.Stdout, "In site %s they chose things as an agent (%s): that goes too.\n", person.Site, person.Profile.Address)
		}
		for _, t := range person.Others {
			fmt.Fprintf(p.Stdout, "%s is somebody else's, and stays: %s takes part in it.\n", t.Reference, e.address)
		}
	}
	return nil
}

// run erases, and keeps the record of it for each site.
func (e *erasure) run(ctx context.Context) error {
	if e.ticket != nil {
		act := store.Act{Site: e.ticket.Site}
		failed := e.erase(ctx, &act, e.ticket)
		if err := e.record(ctx, act); err != nil {
			return err
		}
		return failed
	}
	progress, total, done := e.t.quietly(e.c.JSON), len(e.tickets()), 0
	var failed error
	for _, person := range e.people {
		who, err := e.t.store.Who(ctx, person.Site, e.address)
		if err != nil {
			return err
		}
		act := store.Act{Site: person.Site, Who: who[0], Held: len(person.Held), Letters: len(person.Letters)}
		for _, t := range person.Own {
			failed = errors.Join(failed, e.erase(ctx, &act, t))
			if done++; progress != nil {
				progress(done, total)
			}
		}
		if err := e.t.store.EraseLoose(ctx, person); err != nil {
			return err
		}
		e.done.Held += act.Held
		e.done.Letters += act.Letters
		if err := e.record(ctx, act); err != nil {
			return err
		}
	}
	return failed
}

func (e *erasure) record(ctx context.Context, act store.Act) error {
	act.Did, act.By, act.Why = store.ActErased, e.t.operator(), e.c.Reason
	if act.Tickets+act.Held+act.Letters+act.Kept == 0 && act.Who == "" {
		return nil
	}
	return e.t.store.RecordAct(ctx, act)
}

// erase erases a ticket. What left of it is read first: after, nobody knows.
func (e *erasure) erase(ctx context.Context, act *store.Act, t *ticket.Ticket) error {
	sent, err := e.t.store.Sent(ctx, t)
	if err == nil {
		err = e.t.store.Erase(ctx, t.Site, t.ID)
	}
	o := erasedTicket{Reference: t.Reference.String(), Site: t.Site, Erased: err == nil}
	switch {
	case err == nil:
		act.Tickets++
		e.done.Sent = append(e.done.Sent, sent...)
	case errors.Is(err, store.ErrLegalHold):
		act.Kept++
		o.Error = "it is under a legal hold; guichet hold --release lifts it"
	default:
		o.Error = plainly(err).Error()
	}
	e.done.Tickets = append(e.done.Tickets, o)
	if err != nil {
		return errFailed
	}
	return nil
}

// tell says what was done, and what is beyond the reach of the program.
func (e *erasure) tell() error {
	p := e.t.program
	for _, t := range e.done.Tickets {
		if t.Error != "" {
			fmt.Fprintf(p.Stderr, "guichet: %s is left as it is: %s\n", t.Reference, t.Error)
			continue
		}
		fmt.Fprintf(p.Stdout, "%s is erased.\n", t.Reference)
	}
	if len(e.people) > 0 {
		fmt.Fprintln(p.Stdout, "Whatever else was kept is erased.")
	} else if !e.done.Tickets[0].Erased {
		return nil
	}
	if len(e.done.Sent) > 0 {
		fmt.Fprint(p.Stdout, "\nThese mails left. Copies of them are in mailboxes, and on the way there:\n\n")
		table := p.table(column{title: "MADE"}, column{title: "TO"}, column{title: "MESSAGE-ID"})
		for _, m := range e.done.Sent {
			made := ""
			if !m.At.IsZero() {
				made = clock(m.At, p.Now())
			}
			if err := table.add(nil, made, string(m.To), m.MessageID); err != nil {
				return err
			}
		}
		if err := table.flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.Stdout, `
What was erased cannot be read any more, here and on replicas. The database's
files lose it when they are written anew, within a day; backups when their key
files are deleted, after %s, and a backup that is restored before forgets it
again. Snapshots of disks, and copies of them, keep what they have.
`, span(e.t.settings.Retention.KeyBackups))
	return nil
}
