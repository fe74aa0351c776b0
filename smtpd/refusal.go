package smtpd

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"guichet/envelope"
)

// The answers that the door gives by itself (RFC 5321 §4.2, RFC 3463).
var (
	errNested     = &envelope.Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "A message is already under way; RSET first"}
	errTooLarge   = &envelope.Refusal{Code: 552, Enhanced: [3]int{5, 3, 4}, Text: "Message is larger than we take"}
	errLongLine   = &envelope.Refusal{Code: 554, Enhanced: [3]int{5, 6, 0}, Text: "A line of the message is longer than 65536 bytes"}
	errLoop       = &envelope.Refusal{Code: 554, Enhanced: [3]int{5, 4, 6}, Text: "Too many hops; this message is in a loop"}
	errAddress    = &envelope.Refusal{Code: 553, Enhanced: [3]int{5, 1, 3}, Text: "This address cannot be used"}
	errDNS        = &envelope.Refusal{Code: 451, Enhanced: [3]int{4, 4, 3}, Text: "A look-up about the sender failed, please try again"}
	errPolicy     = &envelope.Refusal{Code: 550, Enhanced: [3]int{5, 7, 26}, Text: "The From domain does not stand behind this message and wants such mail refused (DMARC)"}
	errIncomplete = &envelope.Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: "The message did not arrive whole"}
)

// answer is the one place where an error becomes an SMTP reply. Only a Refusal
// speaks to the client in its own words. Anything else is a fault of ours, and
// a fault of ours is temporary and says nothing of its cause.
func answer(err error) *smtp.SMTPError {
	var refusal *envelope.Refusal
	if errors.Is(err, smtp.ErrDataTooLarge) {
		refusal = errTooLarge
	} else if full(err) {
		refusal = errFull
	} else if !errors.As(err, &refusal) || refusal == nil || refusal.Code < 400 || refusal.Code > 599 {
		refusal = envelope.ErrTryLater
	}
	return &smtp.SMTPError{
		Code:         refusal.Code,
		EnhancedCode: smtp.EnhancedCode(refusal.Enhanced),
		Message:      oneLine(refusal.Text),
	}
}

// oneLine keeps a reply from becoming two.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// reasonOf names for Metrics and the log why a message was not taken.
func reasonOf(err error) string {
	var refusal *envelope.Refusal
	switch {
	case errors.Is(err, errIncomplete):
		return RefusedCut
	case errors.Is(err, errTooLarge), errors.Is(err, smtp.ErrDataTooLarge):
		return RefusedSize
	case errors.Is(err, errFull), full(err):
		return RefusedFull
	case errors.Is(err, errDNS):
		return RefusedDNS
	case errors.Is(err, errPolicy):
		return RefusedPolicy
	case errors.Is(err, errChecked):
		return RefusedCheck
	case errors.Is(err, errLongLine), errors.Is(err, errLoop):
		return RefusedProtocol
	case errors.As(err, &refusal):
		return RefusedMessage
	}
	return RefusedFault
}
