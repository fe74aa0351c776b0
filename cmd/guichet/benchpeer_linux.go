package main

import (
	"errors"
	"net"
	"syscall"
)

// peerProcess is who listens at a Unix socket (unix(7), SO_PEERCRED).
func peerProcess(path string) (pid int, err error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var asked error
	err = raw.Control(func(fd uintptr) {
		var peer *syscall.Ucred
		if peer, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); asked == nil {
			pid = int(peer.Pid)
		}
	})
	return pid, errors.Join(err, asked)
}
