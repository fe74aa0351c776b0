package main

import (
	"encoding/json"
	"fmt"

	"guichet/parser"
)

type parseCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Messages or mboxes; - or none is standard input."`
}

func (parseCommand) Help() string {
	return example("guichet parse message.eml", "guichet parse archive.mbox | jq -r .subject", "guichet parse < message.eml")
}

// Run prints one JSON object a message, a line each. Any bytes are a message;
// only a file that cannot be read is a failure, and the others are still shown.
func (c parseCommand) Run(p *program) error {
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	out := objectsTo(p.Stdout)
	failed := false
	for _, name := range files {
		wrote, err := p.parseFile(name, out)
		if wrote != nil {
			return fmt.Errorf("writing: %w", wrote)
		}
		if err != nil {
			fmt.Fprintln(p.Stderr, "guichet:", err)
			failed = true
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// parseFile prints the messages of one file. It tells apart an output that is
// gone, which ends all, and an input that cannot be read.
func (p *program) parseFile(name string, out *json.Encoder) (wrote, read error) {
	in, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	for raw, err := range parser.Mbox(in) {
		if err != nil {
			return nil, err
		}
		if err := out.Encode(parser.Parse(raw)); err != nil {
			return err, nil
		}
	}
	return nil, nil
}
