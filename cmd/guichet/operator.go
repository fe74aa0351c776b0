package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
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
