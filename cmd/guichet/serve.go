package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"guichet/config"
)

type serveCommand struct{}

func (serveCommand) Help() string {
	return example("guichet serve", "guichet serve -c /etc/guichet/guichet.yaml") + `

SIGTERM finishes what is under way and ends. SIGHUP reads settings and
certificates again; wrong settings are told and leave the old ones in force.`
}

// Run is the daemon, until ctx ends.
func (serveCommand) Run(ctx context.Context, p *program) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	p.paceCollector()
	d, err := p.newDaemon(ctx, settings)
	if err != nil {
		return err
	}
	defer d.close()
	announce(p.Stdout, p.style, d)
	return d.run(ctx, p.Hangup)
}

// announce says where mail is taken, what for, where answers go, and what is
// unsafe about the settings in force.
func announce(w io.Writer, s style, d *daemon) {
	c := d.settings
	name := c.File
	if name == "" {
		name = "trial settings (guichet init writes your own)"
	}
	fmt.Fprintf(w, "%s %s, %s\n", s.bold("Guichet"), version(), name)
	for _, l := range d.listeners {
		fmt.Fprintf(w, "  receives  SMTP on %s\n", l.Addr())
	}
	if d.metricsAddress != "" {
		fmt.Fprintf(w, "  tells     http://%s/metrics\n", d.metricsAddress)
	}
	for _, site := range c.Sites {
		for _, q := range site.Queues {
			fmt.Fprintf(w, "  serves    %s (%s, %s), answered by %s\n", s.bold(q.Address), site.Name, q.Name, strings.Join(q.Agents, ", "))
		}
	}
	fmt.Fprintf(w, "  keeps     %s\n", storeName(c))
	fmt.Fprintf(w, "  sends     %s\n", routeName(c.Outgoing))
	for _, text := range d.warnings() {
		fmt.Fprintf(w, "  %s %s\n", s.wary("careful:"), text)
	}
	if c.File == "" && len(d.listeners) > 0 {
		tour(w, d.listeners[0].Addr().String(), c)
	}
}

// tour tells somebody who just started it what to do next.
func tour(w io.Writer, smtp string, c *config.Config) {
	queue := c.Sites[0].Queues[0].Address
	fmt.Fprintf(w, `
Send it a mail:
  printf 'From: marie@customer.example\nTo: %[2]s\nSubject: Hello\n\nIs anybody there?\n' |
    curl smtp://%[1]s --mail-from marie@customer.example --mail-rcpt %[2]s -T -
Read what it answers:
  mutt -f %[3]s
`, smtp, queue, c.Outgoing.Via.Path)
}

func storeName(c *config.Config) string {
	if c.Redis.Embedded() {
		return "tickets in " + c.Data + " (embedded store)"
	}
	return "tickets in " + c.Redis.String()
}

func routeName(o config.Outgoing) string {
	name := map[config.Scheme]string{
		config.ViaDirect:  "mail straight to each domain's mail exchangers",
		config.ViaMaildir: "no mail off this machine: into the Maildir " + o.Via.Path,
	}[o.Via.Scheme]
	if name == "" {
		name = "mail through " + o.Via.String()
	}
	if o.Paused {
		name += " (paused)"
	}
	return name
}
