package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/config"
	"guichet/doctor"
)

type doctorCommand struct {
	JSON bool `name:"json" help:"One object a line for each finding: check, subject, state, what, remedy, record."`

	Probe     bool          `help:"Also send a mail from each queue to itself, through the relay and home, and tell what the way made of it."`
	ProbeTo   string        `name:"probe-to" placeholder:"ADDRESS" help:"Send it there instead, where mail does not come home."`
	ProbeWait time.Duration `name:"probe-wait" default:"60s" help:"How long to wait for it to come home."`
}

func (doctorCommand) Help() string {
	return example("guichet doctor", "sudo -u guichet guichet doctor -c /etc/guichet/guichet.yaml",
		"guichet doctor --probe") + `

Looks at DNS (MX, addresses, PTR, SPF, DKIM, DMARC, MTA-STS), certificate, ports,
store, clock, disk and keys, and writes out what is to be published or set. It
changes nothing, sends no mail, and ends within half a minute; with 1 if there
is a problem. With --probe it sends mail, which the running daemon takes and keeps
out of every ticket, and waits for it. Run it as the daemon's user, on the daemon's machine.`
}

// Run examines the installation of the settings.
func (c doctorCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	found := doctor.Examine(ctx, doctor.Outside{Resolver: p.Resolver, Now: p.Now}, p.installation(settings))
	if c.Probe || c.ProbeTo != "" {
		probed, err := c.probe(ctx, p)
		if err != nil {
			return err
		}
		found = append(found, probed...)
	}
	if c.JSON {
		err = p.findingsJSON(found)
	} else {
		p.showFindings(settings, found)
	}
	if err == nil && slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.State == doctor.Problem }) {
		return errFailed
	}
	return err
}

func (p *program) findingsJSON(found []doctor.Finding) error {
	out := objectsTo(p.Stdout)
	for _, f := range found {
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// showFindings prints them under their headings, aligned over all.
func (p *program) showFindings(c *config.Config, found []doctor.Finding) {
	checks, subjects := 0, 0
	for _, f := range found {
		checks = max(checks, cellsOf(f.Check))
		if n := cellsOf(f.Subject); n <= longSubject {
			subjects = max(subjects, n)
		}
	}
	heading, tally := "", map[doctor.State]int{}
	for _, f := range found {
		if f.Heading != heading {
			if heading != "" {
				fmt.Fprintln(p.Stdout)
			}
			heading = f.Heading
			fmt.Fprintln(p.Stdout, p.style.bold(heading))
		}
		tally[f.State]++
		p.showFinding(f, checks, subjects)
	}
	fmt.Fprintf(p.Stdout, "\n%s: %s\n", cmp.Or(c.File, "The trial settings"), p.tally(tally))
}

// longSubject is where a subject is too long to widen the column of all.
const longSubject = 30

func (p *program) showFinding(f doctor.Finding, checks, subjects int) {
	margin := 2 + len(doctor.Problem) + len(gap) + checks + len(gap)
	indent, columns := strings.Repeat(" ", margin), p.columns(margin)
	text := pad(f.Subject, subjects) + gap + f.What
	if cellsOf(f.Subject)+len(gap)+cellsOf(f.What) > columns && columns > 0 {
		text = f.Subject + " " + f.What // what is wrapped is read, not scanned
	}
	fmt.Fprintf(p.Stdout, "  %s%s%s%s%s\n", p.stateOf(f.State), gap, pad(f.Check, checks), gap,
		strings.Join(wrap(text, columns), "\n"+indent))
	if f.Remedy != "" {
		fmt.Fprintf(p.Stdout, "%s→ %s\n", indent, strings.Join(wrap(f.Remedy, max(0, columns-2)), "\n"+indent+"  "))
	}
	if f.Record != "" {
		// Records are copied: they are never wrapped.
		fmt.Fprintf(p.Stdout, "%s    %s\n", indent, strings.Join(wrap(f.Record, 0), "\n"+indent+"    "))
	}
}

// stateOf is the column of states.
func (p *program) stateOf(s doctor.State) string {
	text := string(s)
	switch s {
	case doctor.OK:
		text = p.style.good(text)
	case doctor.Warning:
		text = p.style.wary(text)
	case doctor.Problem:
		text = p.style.paint("31;1", text)
	}
	return text + strings.Repeat(" ", len(doctor.Problem)-len(s))
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-cellsOf(text)))
}

// tally says how many findings there are of each kind, the worst first.
func (p *program) tally(of map[doctor.State]int) string {
	var parts []string
	if n := of[doctor.Problem]; n > 0 {
		parts = append(parts, p.style.paint("31;1", count(n, "problem")))
	}
	if n := of[doctor.Warning]; n > 0 {
		parts = append(parts, p.style.wary(count(n, "warning")))
	}
	if n := of[doctor.Note]; n > 0 {
		parts = append(parts, count(n, "note"))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d ok", of[doctor.OK])), ", ")
}
