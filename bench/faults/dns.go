//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// nameServer knows no name at all, fails, or is silent.
type nameServer struct {
	conn net.PacketConn
	mode atomic.Int32
}

const (
	knowsNothing int32 = iota
	failsToLook
	isSilent
)

// startNameServer listens on an address of loopback that nobody else has: DNS has
// but one port.
func startNameServer(address string) (*nameServer, error) {
	conn, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		return nil, err
	}
	n := &nameServer{conn: conn}
	go n.serve()
	return n, nil
}

func (n *nameServer) serve() {
	packet := make([]byte, 4096)
	for {
		size, from, err := n.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if answer := n.answer(packet[:size]); answer != nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

func (n *nameServer) answer(query []byte) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil || n.mode.Load() == isSilent {
		return nil
	}
	question, err := p.Question()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: head.ID, Response: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError},
		Questions: []dnsmessage.Question{question},
	}
	if n.mode.Load() == failsToLook {
		m.RCode = dnsmessage.RCodeServerFailure
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// playDNS takes DNS away from a daemon that trusts no network, so that it asks
// about every sender: the server is silent, or says that it fails.
func playDNS(s *stage, _ int) (int, error) {
	address := fmt.Sprintf("127.77.%d.%d", s.random.IntN(256), 1+s.random.IntN(254))
	n, err := startNameServer(address)
	if err != nil {
		return 0, err
	}
	s.also = append(s.also, func() { n.conn.Close() })
	resolver := filepath.Join(s.dir, "resolv.conf")
	if err := os.WriteFile(resolver, fmt.Appendf(nil, "nameserver %s\noptions timeout:1 attempts:1\n", address), 0o600); err != nil {
		return 0, err
	}
	if err := mountable(); err != nil {
		return 0, err
	}
	if err := unix.Mount(resolver, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return 0, fmt.Errorf("mounting resolv.conf: %w", err)
	}
	s.also = append(s.also, func() { _ = unix.Unmount("/etc/resolv.conf", unix.MNT_DETACH) })
	if err := s.configure("192.0.2.1/32"); err != nil {
		return 0, err
	}
	return s.repeatedly(func(k int) error {
		n.mode.Store([]int32{isSilent, failsToLook}[k%2])
		time.Sleep(s.between(2*time.Second, 6*time.Second))
		n.mode.Store(knowsNothing)
		return nil
	})
}
