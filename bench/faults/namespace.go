//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// apartFrom marks the second run of ourselves, in which mounts are our own.
const apartFrom = "GUICHET_FAULTS_APART"

// inOwnNamespace runs the same command once more where what it mounts nobody else
// sees, and what is left of it vanishes with it. Only faults that mount something
// need that, and only root can have it.
func (o options) inOwnNamespace() (code int, done bool) {
	if !slices.ContainsFunc(o.faults, func(f fault) bool { return f.root }) || os.Geteuid() != 0 || os.Getenv(apartFrom) != "" {
		return 0, false
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1, true
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), apartFrom+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	signal.Ignore(os.Interrupt) // it gets the same
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode(), true
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults: mounts of our own are not possible here:", err)
		return 0, false
	}
	return 0, true
}

// mountable keeps what is mounted from now on to ourselves.
func mountable() error {
	if os.Getenv(apartFrom) == "" {
		return errors.New("mounts would be everybody's here")
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}
