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
	// tooLarge is set where the host takes no mail of that size; limit is the most
	// that it takes, or 0 where it did not say. Both are in bytes.
	tooLarge    bool
	size, limit int64
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
		return &failure{permanent: answer.Code >= 500, code: answer.Code, reason: anonymous(fmt.Sprintf("%d %s", answer.Code, answer.Msg)), tooLarge: overSize(answer)}
	}
	return &failure{reason: anonymous(fault(err))}
}

// overSize reports whether a refusal is for the size of the mail: 552 is said of
// full mailboxes too (RFC 5321 §4.2.3), which the enhanced code tells apart
// (RFC 3463 §3.3, §3.4).
func overSize(answer *textproto.Error) bool {
	enhanced, _, _ := strings.Cut(answer.Msg, " ")
	switch {
	case enhanced == "5.3.4", enhanced == "5.2.3":
		return true
	case strings.HasPrefix(enhanced, "5.") && enhanced != "5.0.0":
		return false
	}
	return answer.Code == 552 && !strings.Contains(strings.ToLower(answer.Msg), "quota")
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
