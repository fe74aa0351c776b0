package testkit

import "syscall"

// endsWithUs has the kernel end a server when its test dies without a word.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
