package main

import (
	"errors"
	"fmt"

	"guichet/config"
)

type checkCommand struct {
	JSON bool `name:"json" help:"One object a line for each mistake and warning."`
}

func (checkCommand) Help() string {
	return example("guichet check", "guichet check -c /etc/guichet/guichet.yaml && systemctl reload guichet")
}

// Run prints every mistake of the settings, or what they serve and what is
// unsafe about them.
func (c checkCommand) Run(p *program) error {
	settings, err := p.settings()
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return err
	}
	if c.JSON {
		return p.checkJSON(settings, mistakes)
	}
	if err != nil {
		for _, m := range mistakes {
			fmt.Fprintln(p.Stdout, m)
		}
		return errFailed
	}
	for _, w := range settings.Warnings {
		fmt.Fprintln(p.Stdout, p.style.wary("warning:"), w)
	}
	name := settings.File
	if name == "" {
		name = "No settings file; the trial settings"
	}
	queues := 0
	for _, s := range settings.Sites {
		queues += len(s.Queues)
	}
	fmt.Fprintf(p.Stdout, "%s: %s %s, %s\n", name, p.style.good("right,"), count(len(settings.Sites), "site"), count(queues, "queue"))
	return nil
}

// checkJSON is the same for programs.
func (p *program) checkJSON(settings *config.Config, mistakes config.Mistakes) error {
	out := objectsTo(p.Stdout)
	for _, m := range mistakes {
		err := out.Encode(struct {
			Kind   string `json:"kind"`
			File   string `json:"file"`
			Line   int    `json:"line"`
			Column int    `json:"column"`
			What   string `json:"what"`
			Remedy string `json:"remedy"`
		}{"mistake", m.File, m.Line, m.Column, m.What, m.Remedy})
		if err != nil {
			return err
		}
	}
	if len(mistakes) > 0 {
		return errFailed
	}
	for _, w := range settings.Warnings {
		err := out.Encode(struct {
			Kind    string `json:"kind"`
			Setting string `json:"setting"`
			What    string `json:"what"`
		}{"warning", w.Setting, w.Text})
		if err != nil {
			return err
		}
	}
	return nil
}
