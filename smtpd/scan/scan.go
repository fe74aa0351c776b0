// Package scan is what an operator may add to the proof of a sender: block
// lists, greylisting, a virus scanner, a spam filter. Each is a Check with a
// file of its own; none is asked unless the settings name it.
//
// A check can only speak against a message. Whatever it says, it proves nothing.
package scan

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"guichet/ticket"
)

// Mail is what the checks are told of a message.
type Mail struct {
	ID string
	// Client is who handed the message in, behind our relays; not valid when
	// that is not known.
	Client     netip.Addr
	Helo       string
	From       ticket.Address // MAIL FROM; empty for <> and what is no address
	Recipients []ticket.Address
	Received   time.Time
	// Data is the message as it came. It must not be changed.
	Data []byte
	// Proved is set when its From domain stands behind it.
	Proved bool
	// Known is set when its host authenticates its senders.
	Known bool
	// Forwarded is set when it came through a relay or an old address that is
	// forwarded to us. Whoever handed it over would have to bounce what we refuse,
	// perhaps to somebody who never wrote: so it is held instead.
	Forwarded bool
}

// Action is what a check wants done, the more of it the higher.
type Action int8

const (
	Pass   Action = iota
	Hold          // kept aside for a person
	Defer         // 451: the sender's queue is to try again
	Refuse        // 550
)

// Verdict is what a check says.
type Verdict struct {
	Action Action
	// Reason is for our own people, in plain words, without addresses.
	Reason string
	// Answer is what the client hears of Refuse and Defer: a fixed text.
	Answer string
}

// Check is one of them.
type Check interface {
	// Name is the check's in the log.
	Name() string
	// Check judges a message. An error is a fault of the check itself; the
	// verdict is then what it can say in spite of it.
	Check(ctx context.Context, m *Mail) (Verdict, error)
}

// Step is a check, and what its faults mean.
type Step struct {
	Check
	// TempFail makes the sender try again when the check fails. Else the message
	// passes it, and the fault is logged.
	TempFail bool
}

// Resolver is what block lists ask of DNS.
type Resolver interface {
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Settings are all checks that there are; nil ones are not asked.
type Settings struct {
	BlockLists *BlockLists
	Greylist   *Greylist
	ClamAV     *ClamAV
	Rspamd     *Rspamd
}

// Steps is the checks in the order in which they are asked: what costs little
// first, and what sends a message away before what looks into it.
func (s Settings) Steps(resolver Resolver, memory Memory) []Step {
	var steps []Step
	if s.BlockLists != nil && len(s.BlockLists.Lists) > 0 {
		steps = append(steps, Step{&blockListCheck{*s.BlockLists, resolver}, s.BlockLists.TempFail})
	}
	if s.Greylist != nil && s.Greylist.Delay > 0 {
		steps = append(steps, Step{&greylistCheck{*s.Greylist, memory}, s.Greylist.TempFail})
	}
	if s.ClamAV != nil {
		steps = append(steps, Step{s.ClamAV, s.ClamAV.TempFail})
	}
	if s.Rspamd != nil {
		steps = append(steps, Step{s.Rspamd, s.Rspamd.TempFail})
	}
	return steps
}

// faultAnswer is what the client hears when a check fails that must not.
const faultAnswer = "A check of the message failed here, please try again"

// Run asks one check after the other. The first that sends the message away
// ends it; of those that hold it, all reasons are told. fault is called for
// each check that failed.
func Run(ctx context.Context, steps []Step, m *Mail, fault func(name string, err error)) Verdict {
	var all Verdict
	var reasons []string
	for _, step := range steps {
		v, err := step.Check.Check(ctx, m)
		if err != nil {
			fault(step.Name(), err)
			if step.TempFail && v.Action != Refuse {
				return Verdict{Defer, step.Name() + " failed", faultAnswer}
			}
		}
		if v.Action == Refuse && m.Forwarded {
			v.Action = Hold
		}
		if v.Action > Hold {
			return v
		}
		if v.Action == Hold {
			all.Action = Hold
			reasons = append(reasons, v.Reason)
		}
	}
	all.Reason = strings.Join(reasons, "; ")
	return all
}

// word makes what a scanner calls something fit for a reason: a name, and no
// text that somebody else chose.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 80)]
}
