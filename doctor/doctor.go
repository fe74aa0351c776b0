// Package doctor looks up what a mail admin would look up by hand before
// trusting a mail host: names and addresses in DNS, who may send for a domain,
// certificates, ports, the store, the clock, the disk. What it is to look at it
// is told in an Installation; all that it touches besides files is an Outside,
// so that tests bring their own. It changes nothing.
package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// State is how a check went.
type State string

// The states, from good to bad. A note is neither: something optional, or
// something that could not be looked at.
const (
	OK      State = "ok"
	Note    State = "note"
	Warning State = "warning"
	Problem State = "problem"
)

// Finding is what one check says about one thing.
type Finding struct {
	// Heading groups findings for people.
	Heading string `json:"-"`
	// Check is what was looked at, as mx or dkim; Subject is whose.
	Check   string `json:"check"`
	Subject string `json:"subject"`
	State   State  `json:"state"`
	// What is the finding in one line, Remedy what to do about it.
	What   string `json:"what"`
	Remedy string `json:"remedy"`
	// Record is what is to be published or set, ready to paste; it may have
	// several lines.
	Record string `json:"record"`
}

func find(state State, check, subject, format string, args ...any) Finding {
	return Finding{Check: check, Subject: subject, State: state, What: fmt.Sprintf(format, args...)}
}

func ok(check, subject, format string, args ...any) Finding {
	return find(OK, check, subject, format, args...)
}

func note(check, subject, format string, args ...any) Finding {
	return find(Note, check, subject, format, args...)
}

func warning(check, subject, format string, args ...any) Finding {
	return find(Warning, check, subject, format, args...)
}

func problem(check, subject, format string, args ...any) Finding {
	return find(Problem, check, subject, format, args...)
}

// so adds the remedy.
func (f Finding) so(format string, args ...any) Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// publish adds the record.
func (f Finding) publish(record string) Finding {
	f.Record = record
	return f
}

// Outside is all that the examination touches by itself, besides files.
type Outside struct {
	// Resolver is asked for DNS; nil is the machine's own.
	Resolver Resolver
	// Dial connects; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock of this machine.
	Now func() time.Time
	// Roots are the authorities that certificates are checked against; nil is
	// the machine's.
	Roots *x509.CertPool
	// Space tells what is left on the file system of a directory; nil asks it.
	Space func(dir string) (Space, error)
}

// Bounds of the examination.
const (
	lookupTime = 5 * time.Second  // for one look-up, connection or answer
	checkTime  = 25 * time.Second // for one check
	wholeTime  = 28 * time.Second // for all, which run at the same time
)

// exam is one examination under way.
type exam struct {
	Outside
	Installation
	dns *names
	// servers asks every Redis, once.
	servers func(context.Context) ([]Server, error)
}

// step is one check, or a few that build on one another.
type step struct {
	heading string
	check   string
	subject string
	// asksDNS is set where every finding rests on DNS, so that none counts when
	// DNS does not answer.
	asksDNS bool
	run     func(context.Context) []Finding
}

// Examine looks at everything and tells what it found, in an order that does
// not change from one time to the next. It takes at most half a minute.
func Examine(ctx context.Context, out Outside, in Installation) []Finding {
	e := &exam{Outside: out, Installation: in}
	if e.Resolver == nil {
		e.Resolver = net.DefaultResolver
	}
	if e.Dial == nil {
		e.Dial = new(net.Dialer).DialContext
	}
	if e.Space == nil {
		e.Space = spaceOf
	}
	e.dns = newNames(e.Resolver)
	e.servers = e.askServers()
	steps := e.steps()
	results := e.run(ctx, steps)
	return e.withoutDNS(ctx, steps, results)
}

// The headings, in the order in which they are shown.
const (
	headHost     = "This host"
	headIncoming = "Mail comes in"
	headOutgoing = "Mail goes out"
	headPeople   = "People who answer"
	headStore    = "Store"
	headMachine  = "Clock, disk, keys"
)

// steps are the checks that this installation deserves.
func (e *exam) steps() []step {
	var all []step
	add := func(heading, check, subject string, asksDNS bool, run func(context.Context) []Finding) {
		all = append(all, step{heading, check, subject, asksDNS, run})
	}
	add(headHost, "hostname", e.Hostname, false, e.hostname)
	add(headHost, "address", e.Hostname, true, e.addresses)
	for _, d := range e.Domains {
		add(headIncoming, "mx", d.Name, true, func(ctx context.Context) []Finding { return e.mx(ctx, d) })
	}
	for _, d := range e.Domains {
		add(headIncoming, "mta-sts", d.Name, true, func(ctx context.Context) []Finding { return e.transport(ctx, d) })
	}
	add(headIncoming, "tls", e.Hostname, false, e.certificate)
	for _, address := range e.Listen {
		add(headIncoming, "port", address, false, func(ctx context.Context) []Finding { return e.listener(ctx, address) })
	}
	for _, r := range e.Routes {
		add(headOutgoing, "route", r.Name, false, func(ctx context.Context) []Finding { return e.route(ctx, r) })
	}
	for _, s := range e.Senders {
		add(headOutgoing, "sender", s.Domain, true, func(ctx context.Context) []Finding { return e.sender(ctx, s) })
	}
	for _, p := range e.People {
		add(headPeople, "agents", p.Domain, true, func(ctx context.Context) []Finding { return e.people(ctx, p) })
	}
	add(headStore, "store", e.Store.Name, false, e.store)
	add(headMachine, "clock", "", false, e.clock)
	add(headMachine, "disk", "", false, e.disks)
	add(headMachine, "keys", "", false, e.files)
	return all
}

// run does all steps at once. One that does not come back in time, as on a file
// system that hangs, is left behind and said.
func (e *exam) run(ctx context.Context, steps []step) [][]Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	late := time.NewTimer(wholeTime)
	defer late.Stop()
	done := make([]chan []Finding, len(steps))
	for i, s := range steps {
		done[i] = make(chan []Finding, 1)
		go func() { done[i] <- s.run(ctx) }()
	}
	results := make([][]Finding, len(steps))
	over := false
	for i, s := range steps {
		if !over {
			select {
			case results[i] = <-done[i]:
			case <-late.C:
				over = true
			}
		}
		if over {
			select {
			case results[i] = <-done[i]:
			default:
				results[i] = []Finding{warning(s.check, s.subject, "was not finished within %s", wholeTime)}
			}
		}
		for j := range results[i] {
			results[i][j].Heading = s.heading
		}
	}
	return results
}

// withoutDNS puts one finding in the place of all that rest on DNS, if DNS
// answered nothing at all: thirty alarms for one cause hide it. What would have
// to be published is kept.
func (e *exam) withoutDNS(ctx context.Context, steps []step, results [][]Finding) []Finding {
	silence, dead := e.dns.dead(ctx)
	var all, first []Finding
	records, dropped := "", 0
	for i, s := range steps {
		if !dead || !s.asksDNS {
			all = append(all, results[i]...)
			continue
		}
		for _, f := range results[i] {
			dropped++
			records = lines(records, f.Record)
		}
	}
	if dead && dropped > 0 {
		f := problem("dns", "", "%s, so nothing that rests on it was looked at", silence).so("mend this machine's resolver, and ask again; what has to be published, as far as the settings tell:")
		if records == "" {
			f.Remedy = "mend this machine's resolver, and ask again"
		}
		f.Heading, f.Record = headHost, records
		first = append(first, f)
	}
	return append(first, all...)
}

// lines joins two texts of lines, either of which may be empty.
func lines(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// public reports whether strangers can use an address.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a)
}

// shared are the addresses of RFC 6598, between a provider and its customers.
var shared = netip.MustParsePrefix("100.64.0.0/10")
