// Package envelope holds what SMTP knows of a message (RFC 5321): the words in
// which the door hands it to the router, and the router's answers.
package envelope

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"guichet/ticket"
)

// Envelope is one message that was received whole.
type Envelope struct {
	// ID names this transaction in our 250, in the Received line and in the log.
	ID string
	// Received is when the end of DATA arrived.
	Received time.Time
	// Client is the host that sent it, behind any PROXY header.
	Client netip.Addr
	// Helo is the name that the client gave itself; it proves nothing.
	Helo string
	// TLS is set when the transaction ran encrypted.
	TLS bool
	// From is MAIL FROM; empty for <>, or when it is no usable address.
	From ticket.Address
	// Null is set for MAIL FROM:<>, the sender of bounces (RFC 5321 §4.5.5).
	Null bool
	// Recipients are those that RCPT accepted, in order, each once.
	Recipients []Recipient
	// Trace is the header lines that belong above Data when it is kept:
	// Return-Path, Received and our own Authentication-Results. CRLF ended.
	Trace []byte
	// Data is the message as sent, line ends made CRLF. It may be a memory map
	// of a spool file: read-only, and gone when Deliver returns.
	Data []byte
	// Evidence is what the door found out about the sender.
	Evidence ticket.Evidence
	// Filed is what the Handler tells of the message for the door's line in the
	// log, for each queue that it came to. Nothing in it is personal.
	Filed [][]slog.Attr
}

// Recipient is one accepted RCPT.
type Recipient struct {
	// Address is as the client wrote it, token and all.
	Address ticket.Address
	// Alias is set when it is an old address that is forwarded to us: such mail
	// has lost its envelope on the way, and is never refused for failing DMARC.
	Alias bool
}

// Refusal is an answer that the client may see: a code (RFC 5321 §4.2), an
// enhanced code (RFC 3463) and a fixed text. Any other error becomes
// 451 4.3.0 at the door: a fault of ours never bounces anybody's mail.
type Refusal struct {
	Code     int
	Enhanced [3]int
	Text     string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)
}

// The refusals that more than one place gives.
var (
	ErrNoSuchRecipient = &Refusal{550, [3]int{5, 1, 1}, "No such address here"}
	ErrNoRelay         = &Refusal{550, [3]int{5, 7, 1}, "No mail for that domain is taken here"}
	ErrTryLater        = &Refusal{451, [3]int{4, 3, 0}, "Temporary fault here, please try again"}
)
