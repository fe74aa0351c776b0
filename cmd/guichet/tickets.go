package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/store"
	"guichet/ticket"
)

type ticketsCommand struct {
	Site  string   `placeholder:"NAME" help:"Of this site only."`
	Queue string   `placeholder:"NAME" help:"Of this queue only."`
	State []string `placeholder:"STATE" help:"In these states only: new, open, waiting, solved, closed, or all. Without it all but closed."`
	Limit int      `default:"50" help:"At most so many; 0 is all."`
	JSON  bool     `name:"json" help:"One object a line for each ticket."`
}

func (ticketsCommand) Help() string {
	return example("guichet tickets", "guichet tickets --state new,open --queue help",
		"guichet tickets --state all --limit 0 --json | jq -r .reference") + `

The one that changed last stands first.`
}

// Run lists tickets.
func (c ticketsCommand) Run(ctx context.Context, p *program) error {
	states, err := c.states()
	if err != nil {
		return err
	}
	return p.with(ctx, func(t *tool) error {
		sites, err := t.sitesWith(c.Queue, c.Site)
		if err != nil {
			return err
		}
		table := p.list(c.JSON, column{title: "REFERENCE"}, column{title: "STATE"}, column{title: "QUEUE"}, column{title: "REQUESTER"},
			column{title: "ASSIGNEE"}, column{title: "AGE", right: true}, column{title: "CHANGED", right: true}, column{title: "SUBJECT", flex: true})
		newest := func(a, b *ticket.Ticket) bool { return a.Changed.After(b.Changed) }
		tickets := listSites(sites, newest, func(site string, after store.Cursor, n int) (store.Page[*ticket.Ticket], error) {
			return t.store.Tickets(ctx, site, store.Filter{States: states, Queue: c.Queue}, after, n)
		})
		return tickets.print(p, table, c.Limit, "ticket", func(found *ticket.Ticket) error {
			now := p.Now()
			return table.add(objectOf(found, now), found.Reference.String(), string(found.State), found.Queue, truncate(nameOf(found.Requester()), 24),
				assigneeOf(found), ago(found.Opened, now), ago(found.Changed, now), found.Subject)
		})
	})
}

// states are those of --state.
func (c ticketsCommand) states() ([]ticket.State, error) {
	var states []ticket.State
	for _, name := range c.State {
		state := ticket.State(strings.ToLower(name))
		switch {
		case state == "all":
			return ticket.States, nil
		case !slices.Contains(ticket.States, state):
			return nil, usageError(fmt.Sprintf("there is no state %q; there is new, open, waiting, solved, closed, and all", name))
		}
		states = append(states, state)
	}
	if len(states) == 0 {
		return slices.DeleteFunc(slices.Clone(ticket.States), func(s ticket.State) bool { return s == ticket.Closed }), nil
	}
	return states, nil
}

// sitesWith are sites, of which one has that queue at least, where one is named.
func (t *tool) sitesWith(queue, only string) ([]string, error) {
	sites, err := t.sites(only)
	if err != nil || queue == "" {
		return sites, err
	}
	var names []string
	for _, s := range t.settings.Sites {
		for _, q := range s.Queues {
			if slices.Contains(sites, s.Name) {
				names = append(names, q.Name)
			}
		}
	}
	if slices.Contains(names, queue) {
		return sites, nil
	}
	slices.Sort(names)
	return nil, usageError(fmt.Sprintf("there is no queue %q; there is %s", queue, strings.Join(slices.Compact(names), ", ")))
}

// nameOf is what a person is called, else their address.
func nameOf(p *ticket.Participant) string {
	if name := strings.TrimSpace(p.Name); name != "" {
		return name
	}
	return string(p.Address)
}

// assigneeOf is who has taken a ticket, in a word.
func assigneeOf(t *ticket.Ticket) string {
	p, ok := t.Participant(t.Assignee)
	if !ok {
		return ""
	}
	return p.Called()
}

// ticketObject is a ticket as lists give it to programs.
type ticketObject struct {
	Reference string        `json:"reference"`
	ID        ticket.ID     `json:"id"`
	Site      string        `json:"site"`
	Queue     string        `json:"queue"`
	State     ticket.State  `json:"state"`
	Subject   string        `json:"subject"`
	Unproved  bool          `json:"unproved"`
	Requester personObject  `json:"requester"`
	Assignee  *personObject `json:"assignee"`
	Articles  int           `json:"articles"`
	Opened    time.Time     `json:"opened"`
	Changed   time.Time     `json:"changed"`
	Closed    *time.Time    `json:"closed"`
	// FirstAnswer and Solution are null where nothing is promised.
	FirstAnswer *promiseObject `json:"first_answer"`
	Solution    *promiseObject `json:"solution"`
	Due         *time.Time     `json:"due"`    // by the team's own wish
	Closes      *time.Time     `json:"closes"` // by itself, without an answer
}

// promiseObject is a promise as programs get it.
type promiseObject struct {
	Due  *time.Time `json:"due"`  // null while it stands still, and once it is kept
	Kept *time.Time `json:"kept"` // when what was promised was done
	Late bool       `json:"late"`
}

func promiseOf(p ticket.Promise, now time.Time) *promiseObject {
	if p.Within == 0 {
		return nil
	}
	return &promiseObject{orNil(p.Over()), orNil(p.Kept), p.Late(now)}
}

// personObject is somebody as programs get them.
type personObject struct {
	Name    string         `json:"name"`
	Address ticket.Address `json:"address"`
}

func personOf(m ticket.Mailbox) personObject { return personObject{m.Name, m.Address} }

func objectOf(t *ticket.Ticket, now time.Time) ticketObject {
	o := ticketObject{
		Reference: t.Reference.String(), ID: t.ID, Site: t.Site, Queue: t.Queue, State: t.State, Subject: t.Subject,
		Unproved: t.Unproved, Requester: personOf(t.Requester().Mailbox), Articles: t.Articles,
		Opened: t.Opened, Changed: t.Changed, Closed: orNil(t.Closed),
		FirstAnswer: promiseOf(t.Service.FirstAnswer, now), Solution: promiseOf(t.Service.Solution, now),
		Due: orNil(t.Due), Closes: orNil(t.Service.Close),
	}
	if p, ok := t.Participant(t.Assignee); ok {
		person := personOf(p.Mailbox)
		o.Assignee = &person
	}
	return o
}
