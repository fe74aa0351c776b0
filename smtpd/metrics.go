package smtpd

import (
	"time"

	"guichet/ticket"
)

// Metrics is told what happens at the door. Its methods are called from many
// goroutines and must not block.
type Metrics interface {
	// Connected is called with +1 and -1 as clients come and go.
	Connected(change int)
	// Refused counts what was turned away, by one of the Refused… words.
	Refused(reason string)
	// Failed counts the faults of a check of package scan, by its name.
	Failed(check string)
	// Accepted counts a message that was answered 250.
	Accepted(evidence ticket.Evidence, size int64)
	// Transaction is called after every message, whatever became of it, with the
	// time from its first byte to our answer.
	Transaction(outcome string, took time.Duration)
	// Stage tells how long one of the Stage… parts took.
	Stage(name string, took time.Duration)
}

// The parts of the time that a client spends with us.
const (
	StageSession = "session" // a connection, from before its banner to its end
	StageReceive = "receive" // a message on the wire, until it lies whole before us
	StageProof   = "proof"   // who the sender is, DNS included
	StageChecks  = "checks"  // block lists, greylisting, scanners
)

// Why something was turned away, as Metrics and the log name it.
const (
	RefusedBusy      = "busy"      // too many connections in all
	RefusedFull      = "full"      // 452: no room on disk, or too much at a time
	RefusedAddress   = "address"   // too many connections from one address
	RefusedProxy     = "proxy"     // no good PROXY header where one must be
	RefusedTLS       = "tls"       // a handshake failed
	RefusedErrors    = "errors"    // too many refused commands
	RefusedProtocol  = "protocol"  // what is no SMTP, or tries to smuggle
	RefusedSlow      = "slow"      // too slow, or silent
	RefusedRecipient = "recipient" // the Handler, or the address itself
	RefusedSize      = "size"      // larger than MaxSize
	RefusedDNS       = "dns"       // 451 4.4.3
	RefusedPolicy    = "policy"    // 550 5.7.26: DMARC
	RefusedCheck     = "check"     // by a check of package scan, for good or to try again
	RefusedMessage   = "message"   // by the Handler
	RefusedFault     = "fault"     // 451: our fault
	RefusedCut       = "cut"       // the connection ended inside a message
	outcomeAccepted  = "accepted"  // for Transaction
)

type noMetrics struct{}

func (noMetrics) Connected(int)                     {}
func (noMetrics) Refused(string)                    {}
func (noMetrics) Failed(string)                     {}
func (noMetrics) Accepted(ticket.Evidence, int64)   {}
func (noMetrics) Transaction(string, time.Duration) {}
func (noMetrics) Stage(string, time.Duration)       {}
