package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"

	"guichet/templates"
)

// failure is why a mail did not leave.
type failure struct {
	// Permanent failures are not tried again (RFC 5321 §4.2.1).
	permanent bool
	// before is set when the host refused before it heard of this mail: the next
	// host may take it.
	before bool
	code   int // the host's, or 0
	reason string
}

func (f *failure) Error() string { return f.reason }

// refused reads what a host answered, or what kept us from its answer. An error
// that is no answer is of the moment.
func refused(err error) *failure {
	if err == nil {
		return nil
	}
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return &failure{permanent: answer.Code >= 500, code: answer.Code, reason: anonymous(fmt.Sprintf("%d %s", answer.Code, answer.Msg))}
	}
	return &failure{reason: anonymous(fault(err))}
}

// fault words an error of the network without naming more than is needed.
func fault(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "took too long"
	case errors.Is(err, context.Canceled):
		return "cut short because we stop"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return "the host closed the connection"
	case errors.As(err, &dns):
		return "look-up of " + dns.Name + ": " + dns.Err
	case errors.As(err, &op) && op.Timeout():
		return "took too long"
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

var anAddress = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// anonymous is a host's words as they may stand in a log and on a ticket: one
// line, without addresses.
func anonymous(s string) string {
	return templates.Line(strings.TrimSpace(anAddress.ReplaceAllString(s, "…")), 300)
}
