package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// BlockLists asks lists of hosts that send spam, by DNS (RFC 5782). Each adds
// its score when the client is on it.
type BlockLists struct {
	Lists []BlockList
	// Hold and Refuse are the sums from which mail is held or refused; 0 never.
	Hold, Refuse int
	TempFail     bool
}

// BlockList is one list.
type BlockList struct {
	Zone  string
	Score int
}

type blockListCheck struct {
	BlockLists
	resolver Resolver
}

// Name is Check's.
func (*blockListCheck) Name() string { return "dnsbl" }

// Check asks all lists at the same time. Hosts that the settings trust, and
// those on private addresses, are on none.
func (c *blockListCheck) Check(ctx context.Context, m *Mail) (Verdict, error) {
	if m.Known || !m.Client.IsGlobalUnicast() || m.Client.IsPrivate() {
		return Verdict{}, nil
	}
	listed, faults := make([]bool, len(c.Lists)), make([]error, len(c.Lists))
	var asked sync.WaitGroup
	for i, list := range c.Lists {
		asked.Go(func() { listed[i], faults[i] = c.lists(ctx, list.Zone, m.Client) })
	}
	asked.Wait()
	score := 0
	var zones []string
	for i, list := range c.Lists {
		if listed[i] {
			score += list.Score
			zones = append(zones, list.Zone)
		}
	}
	v := Verdict{Reason: "its host is on " + strings.Join(zones, ", "), Answer: "Your host is on block lists that are used here"}
	switch {
	case c.Refuse > 0 && score >= c.Refuse:
		v.Action = Refuse
	case c.Hold > 0 && score >= c.Hold:
		v.Action = Hold
	}
	return v, errors.Join(faults...)
}

// codes are the addresses that mean a listing; of them the last network is how
// some lists say that they will not answer us (RFC 5782 §2.1 asks for 127/8).
var (
	codes    = netip.MustParsePrefix("127.0.0.0/8")
	refusals = netip.MustParsePrefix("127.255.255.0/24")
)

// lists reports whether one zone has the client.
func (c *blockListCheck) lists(ctx context.Context, zone string, client netip.Addr) (bool, error) {
	answers, err := c.resolver.LookupIPAddr(ctx, reversed(client)+"."+zone+".")
	if missing := new(net.DNSError); errors.As(err, &missing) && missing.IsNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: no answer", zone)
	}
	listed := false
	for _, a := range answers {
		ip, _ := netip.AddrFromSlice(a.IP)
		switch ip = ip.Unmap(); {
		case refusals.Contains(ip):
			return false, fmt.Errorf("%s: does not answer us (%s)", zone, ip)
		case codes.Contains(ip):
			listed = true
		}
	}
	return listed, nil
}

// reversed is an address as such zones name it: its octets, or the digits of
// IPv6, the last first.
func reversed(a netip.Addr) string {
	var labels []string
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append([]string{fmt.Sprint(b)}, labels...)
		}
		return strings.Join(labels, ".")
	}
	for _, b := range a.As16() {
		labels = append([]string{fmt.Sprintf("%x", b&15), fmt.Sprintf("%x", b>>4)}, labels...)
	}
	return strings.Join(labels, ".")
}
