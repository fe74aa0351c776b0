package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"guichet/ticket"
)

type reportCommand struct {
	Site   string `placeholder:"NAME" help:"Of this site only."`
	Queue  string `placeholder:"NAME" help:"Of this queue only."`
	Period string `default:"week" enum:"day,week,month" help:"The last day, week or month until now: ${enum}."`
	Of     string `placeholder:"DATE" help:"A day or month of the calendar instead: 2026-11-20, or 2026-11."`
	JSON   bool   `name:"json" xor:"form" help:"One object a line for each site."`
	CSV    bool   `name:"csv" xor:"form" help:"The table that a mailed report brings, of one site."`
}

func (reportCommand) Help() string {
	return example("guichet report", "guichet report --period month --queue help",
		"guichet report --of 2026-11 --site acme --csv > november.csv") + `

The numbers are those that #report mails to agents. They name agents and tags, and
nobody who wrote a request.`
}

// Run counts, and prints what was counted.
func (c reportCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		sites, err := t.sitesWith(c.Queue, c.Site)
		if err != nil {
			return err
		}
		if c.CSV && len(sites) > 1 {
			return usageError("a table is of one site: name it with --site")
		}
		for i, name := range sites {
			body, err := c.body(p.Now(), t.zone(name))
			if err != nil {
				return err
			}
			r, err := t.store.Report(ctx, name, body)
			if err != nil {
				return err
			}
			if err := c.print(p, name, r, i > 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// zone is that of a site.
func (t *tool) zone(site string) *time.Location {
	for _, s := range t.settings.Sites {
		if s.Name == site {
			return cmp.Or(s.TimeZone, time.UTC)
		}
	}
	return time.UTC
}

// body is what is to be counted.
func (c reportCommand) body(now time.Time, zone *time.Location) (ticket.ReportBody, error) {
	body := ticket.ReportUntil(ticket.Period(c.Period), now.In(zone))
	if c.Of != "" {
		period, at, ok := ticket.CalendarPeriod(c.Of, zone)
		if !ok {
			return body, usageError(fmt.Sprintf("--of %s is neither a day such as 2026-11-20 nor a month such as 2026-11", c.Of))
		}
		body = ticket.ReportOf(period, at)
	}
	body.Whole = c.Queue == ""
	if !body.Whole {
		body.Queues = []string{c.Queue}
	}
	return body, nil
}

func (c reportCommand) print(p *program, site string, r *ticket.Report, further bool) error {
	switch {
	case c.JSON:
		return p.object(struct {
			Site string `json:"site"`
			*ticket.Report
		}{site, r})
	case c.CSV:
		_, err := p.Stdout.Write(r.CSV())
		return err
	}
	if further {
		fmt.Fprintln(p.Stdout)
	}
	minute := "2006-01-02 15:04"
	fmt.Fprintf(p.Stdout, "%s %s to %s\n", p.style.bold("Site "+site+":"), r.From.Format(minute), r.Until.Format(minute))
	table := p.table(column{title: ""}, column{title: "NAME", flex: true}, column{title: "OPENED", right: true}, column{title: "ANSWERED", right: true},
		column{title: "CLOSED", right: true}, column{title: "REOPENED", right: true}, column{title: "OPEN", right: true}, column{title: "OLDEST", right: true},
		column{title: "ANSWER P50", right: true}, column{title: "P90", right: true}, column{title: "SOLUTION P50", right: true}, column{title: "P90", right: true}, column{title: "MISSED", right: true})
	rows := []ticket.Group{{Figures: r.Total}}
	kinds := []string{"total"}
	for _, each := range []struct {
		kind   string
		groups []ticket.Group
	}{{"queue", r.Queues}, {"agent", r.Agents}, {"tag", r.Tags}} {
		for _, g := range each.groups {
			rows, kinds = append(rows, g), append(kinds, each.kind)
		}
	}
	for i, g := range rows {
		if err := table.add(nil, reportCells(kinds[i], g)...); err != nil {
			return err
		}
	}
	if err := table.flush(); err != nil {
		return err
	}
	if r.Beyond {
		fmt.Fprintln(p.Stdout, "There are more tickets than can be counted; the numbers are of 50,000 of them.")
	}
	return nil
}

func reportCells(kind string, g ticket.Group) []string {
	took := func(s ticket.Spread, d time.Duration) string {
		if s.Count == 0 {
			return "-"
		}
		return span(d)
	}
	oldest := "-"
	if g.Open > 0 {
		oldest = span(g.Oldest)
	}
	if kind == "agent" && g.Address == "" {
		g.Name = "nobody"
	}
	return []string{kind, g.Name, strconv.Itoa(g.Opened), strconv.Itoa(g.Answered), strconv.Itoa(g.Closed), strconv.Itoa(g.Reopened), strconv.Itoa(g.Open), oldest,
		took(g.Answer, g.Answer.Half), took(g.Answer, g.Answer.Most), took(g.Solution, g.Solution.Half), took(g.Solution, g.Solution.Most), strconv.Itoa(g.Missed.Answers + g.Missed.Solutions)}
}
