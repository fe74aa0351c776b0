package main

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
)

// arrival is what a stored message still shows of how it came.
type arrival struct {
	client     netip.Addr // of the top Received line
	helo       string
	received   bool
	returnPath *string // nil when there is none
	// rest is the message without the trace lines of ours above it, as it was
	// when it came.
	rest []byte
}

// A Received line says who connected, in ways of which each MTA has its own: a
// name after "from", the address in the last brackets before "by", save what a
// greeting of the client's own words is marked as.
var (
	fromClause = regexp.MustCompile(`(?i)^from\s+(\S+)`)
	byClause   = regexp.MustCompile(`(?i)\sby\s+([^\s;()]+)`)
	greeting   = regexp.MustCompile(`(?i)helo=[^\s)]+`)
	literal    = regexp.MustCompile(`\[(?:IPv6:)?([0-9a-fA-F.:]+)\]`)
)

// readArrival reads the trace lines of a message (RFC 5321 §4.4). Where the top
// Received line is our own, the lines down to it and our results below it were
// put there by us, and are taken off.
func readArrival(raw []byte, hostname string) arrival {
	a := arrival{rest: raw}
	traced := 0 // where our own trace lines end
	for at := 0; ; {
		field, after := nextField(raw, at)
		name, value, _ := strings.Cut(field, ":")
		value = strings.Join(strings.Fields(value), " ")
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case field == "":
			return a
		case name == "return-path" && a.returnPath == nil:
			a.returnPath = &value
		case name == "received" && !a.received:
			a.received = true
			if by := a.connected(value); strings.EqualFold(by, hostname) {
				a.rest, traced = raw[after:], after
			}
		case name == "authentication-results" && traced == at && traced > 0 && ofHost(value, hostname):
			a.rest = raw[after:]
		}
		at = after
	}
}

// connected reads a Received line, and gives the host that wrote it.
func (a *arrival) connected(value string) (by string) {
	from := value
	if m := byClause.FindStringSubmatchIndex(value); m != nil {
		from, by = value[:m[0]], value[m[2]:m[3]]
	}
	name := fromClause.FindStringSubmatch(from)
	literals := literal.FindAllStringSubmatch(greeting.ReplaceAllString(from, ""), -1)
	if name == nil || len(literals) == 0 {
		return by
	}
	if client, err := netip.ParseAddr(literals[len(literals)-1][1]); err == nil {
		a.client, a.helo = client.Unmap(), name[1]
	}
	return by
}

// ofHost reports whether an Authentication-Results field is that host's.
func ofHost(value, hostname string) bool {
	id, _, _ := strings.Cut(value, ";")
	return strings.EqualFold(strings.TrimSpace(id), hostname)
}

// nextField gives the header field that begins at an offset, unfolded, and
// where the next begins; "" at the end of the header.
func nextField(raw []byte, at int) (field string, after int) {
	after = at
	for {
		i := bytes.IndexByte(raw[after:], '\n')
		if i < 0 {
			after = len(raw)
			break
		}
		after += i + 1
		if after >= len(raw) || raw[after] != ' ' && raw[after] != '\t' {
			break
		}
	}
	return strings.TrimRight(string(raw[at:after]), "\r\n"), after
}
