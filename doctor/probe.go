package doctor

import (
	"strings"
	"time"
)

// Probed is a mail that was sent out as all are, and how it came home.
type Probed struct {
	// Address is the queue's.
	Address string
	// Refused is why it did not even leave, and Lost that it did not come home
	// within Took.
	Refused string
	Lost    bool
	Took    time.Duration
	// Bounced is what was said where a bounce came in its place.
	Bounced string
	// Signed is set where it left signed.
	Signed bool
	Sent   Seen
	Came   Seen
	// Whole is set when it came to the very address that it was sent to, Holds
	// when its signature did.
	Whole, Holds bool
}

// Seen is what a probe looked like, at its start or at its end.
type Seen struct{ MessageID, From, Return, Text string }

const headProbe = "A mail sent out and home"

// Findings say what the way made of the probe.
func (p Probed) Findings() []Finding {
	all := p.findings()
	for i := range all {
		all[i].Heading = headProbe
	}
	return all
}

func (p Probed) findings() []Finding {
	const check = "probe"
	a := p.Address
	switch {
	case p.Refused != "":
		return []Finding{problem(check, a, "it could not be sent: %s", p.Refused)}
	case p.Bounced != "":
		return []Finding{problem(check, a, "it came back as undeliverable: %s", p.Bounced).
			so("the relay, or the mail system in front of us, must pass mail for %s on to this host, plus-addresses too", a)}
	case p.Lost:
		return []Finding{problem(check, a, "it did not come back within %d s", int(p.Took.Seconds())).
			so("is the daemon running, and do MX or transport map lead %s here, plus-addresses too? guichet trace and the relay's log tell how far it came", a)}
	}
	var out []Finding
	if p.Came.MessageID != p.Sent.MessageID {
		out = append(out, warning(check, a, "the Message-ID was rewritten on the way").
			so("let the relay leave it alone: an answer whose program drops the plus-address is then known by its subject alone, and held"))
	}
	if !p.Whole {
		out = append(out, problem(check, a, "the plus-address was lost on the way: answers come to the bare %s", a).
			so("let the mail system in front keep it (Postfix: recipient_delimiter = +), or give the queue a reply_domain"))
	}
	if !strings.EqualFold(p.Came.From, p.Sent.From) {
		out = append(out, problem(check, a, "From was rewritten on the way, to %s", p.Came.From).
			so("let the relay send as %s: customers would see, and write to, another address", a))
	}
	if !strings.EqualFold(p.Came.Return, p.Sent.Return) {
		out = append(out, warning(check, a, "the envelope sender was rewritten on the way").
			so("let the relay keep it, or undo it on the way back (SRS): else bounces do not find their tickets"))
	}
	if p.Came.Text != p.Sent.Text {
		out = append(out, warning(check, a, "the text was changed on the way; a banner, perhaps").
			so("exempt mail of this host from banners and disclaimers: they stand in every answer, and break signatures"))
	}
	switch {
	case p.Signed && !p.Holds:
		out = append(out, problem(check, a, "its DKIM signature did not survive").
			so("let nothing between us and the receivers alter the mail, or let the last host sign"))
	case !p.Signed && len(out) == 0:
		out = append(out, note(check, a, "it came back whole after %s; it was not signed (outgoing.dkim)", p.Took.Round(time.Millisecond)))
	case len(out) == 0:
		out = append(out, ok(check, a, "it came back whole after %s: Message-ID, addresses, text and signature as they were", p.Took.Round(time.Millisecond)))
	}
	return out
}
