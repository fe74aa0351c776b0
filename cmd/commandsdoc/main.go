// Commandsdoc writes the table of commands into the page for agents, from the
// table that the router reads them by.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"guichet/router"
	"guichet/ticket"
)

// The table stands between these two lines of the page.
const (
	begin = "<!-- commands -->\n"
	end   = "<!-- end of commands -->\n"
)

func main() {
	log.SetFlags(0)
	page := flag.String("o", "docs/agents.md", "the page that the table stands in")
	flag.Parse()
	old, err := os.ReadFile(*page)
	if err != nil {
		log.Fatal(err)
	}
	before, rest, found := bytes.Cut(old, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		log.Fatalf("%s has no lines %q and %q", *page, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	text := slices.Concat(before, []byte(begin), table(router.Help()), []byte(end), after)
	if err := os.WriteFile(*page, text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// table is a row for each command: how it is written in English and in French,
// what it does, and an example.
func table(commands []router.CommandHelp) []byte {
	var b bytes.Buffer
	b.WriteString("| command | in French | what it does | example |\n|---|---|---|---|\n")
	for _, c := range commands {
		example := ""
		if c.Example != "" {
			example = "`" + cell(c.Example) + "`"
		}
		text := c.Text["en"]
		if c.Anywhere {
			text += " Needs no ticket."
		}
		if c.Action == ticket.AgentMany {
			text += " Asks for a code."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", cell(c.Usage), names(c.Names["fr"]), cell(text), example)
	}
	return b.Bytes()
}

func names(all []string) string {
	var out []string
	for _, n := range all {
		out = append(out, "`#"+n+"`")
	}
	return strings.Join(out, " ")
}

// cell is words that do not end the cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
