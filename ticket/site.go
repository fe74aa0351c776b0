// Package ticket is the matter itself: sites, queues, tickets, articles,
// participants, codes and what may be done with which proof. It does no I/O
// and reads no clock; whoever calls it brings the time and the randomness.
//
// Where to look:
//
//   - site.go: tenants, queues and agents
//   - ticket.go, article.go, address.go: a ticket, its entries, its people
//   - proof.go, action.go: how surely somebody wrote, and what that permits
//   - token.go, code.go, challenge.go: reply addresses; tracking and validation codes; what waits for one
//   - facts.go, change.go: what a decision asks of the store, and what it gives it
//   - notice.go, mint.go, marker.go, delivery.go, brake.go: mails that we owe
//   - transcript.go, undo.go, pending.go, profile.go, canned.go: an agent's commands, and what they may take back, hold, choose and save
//   - worklist.go, search.go, morning.go: lists, what a ticket is found by, what there is to do today
//   - service.go, calendar.go, holiday.go: promises, in business time
//   - report.go, reportcsv.go, course.go: numbers
//   - held.go, hold.go, way.go: mail kept aside, legal holds, how a mail came
package ticket

import (
	"slices"
	"strings"
	"time"
)

// Site is a tenant. Sites share nothing.
type Site struct {
	Name   string
	Prefix string // of references: ACM in ACM-1042
	// Organisation is the company's name as mails say it; Phone a number that
	// they name, or "".
	Organisation string
	Phone        string
	// ClientNumber lets a stranger enrol; it stands in no mail of ours.
	ClientNumber string
	// Locales are the languages that the site answers in, the default first.
	Locales []string
	// Domains are those whose senders are the site's staff, with domain proof.
	Domains []string
	// Confirm keeps requests without domain proof from the agents until their
	// sender has confirmed them; otherwise they open marked as not proved.
	Confirm bool
	// Tracking is the form of the site's tracking codes.
	Tracking CodeFormat
	// Validation is the form of its validation codes.
	Validation ValidationFormat
	// ConfirmWithin is how long a request waits for its sender to confirm it.
	ConfirmWithin time.Duration
	// CallOff is how long an erasure that somebody asked for waits, so that it
	// can be called off.
	CallOff time.Duration
	// Reopen is how long after its closing a ticket is opened again by an
	// answer; later, an answer opens a new ticket linked to it.
	Reopen time.Duration
	Queues []Queue
	// Canned are the canned answers that stand beside the settings.
	Canned Texts
	// Calendar is when the site works; Autoclose what becomes of tickets that wait
	// for their requester.
	Calendar  Calendar
	Autoclose Autoclose
	// Admin is whom mail to postmaster@ and abuse@ of the site's domains reaches.
	Admin Address
	// Footer is a line of the site's own under each mail to requesters.
	Footer string
	// Reports leave by themselves.
	Reports Reports
	// Zone is where times in mails are told.
	Zone *time.Location
}

// Queue is an address and the team behind it.
type Queue struct {
	Name    string
	Title   string // what people read before the address: Acme support
	Address Address
	// Aliases are old addresses that are forwarded here.
	Aliases []Address
	// Groups are addresses of groups that pass mail on to the queue: what they add
	// to a header makes it no mailing list's.
	Groups []Address
	// Agents are the team: listed now, asked again at each act.
	Agents []Address
	// Separator stands between local part and token; usually +.
	Separator string
	// ReplyDomain carries reply tokens as whole local parts, for mail systems
	// that lose plus-addresses; empty where they work.
	ReplyDomain string
	// Digest is the hour, as 07:30 in the site's zone, at which its agents are
	// told what is held for their decision; "" is never.
	Digest string
	// CopyCc lets those take part whom a proved requester put into Cc; agents' Cc
	// always counts.
	CopyCc bool
	// Forms are the addresses from which the site's own web forms write: what comes
	// from there is a request of the address in it.
	Forms []Address
	// Hold is how long an agent's answer waits before it leaves, so that it can be
	// taken back; 0 lets it leave at once.
	Hold time.Duration
	// Service is what the queue promises.
	Service ServiceLevel
}

// Queue gives the queue of that name.
func (s *Site) Queue(name string) (*Queue, bool) {
	i := slices.IndexFunc(s.Queues, func(q Queue) bool { return q.Name == name })
	if i < 0 {
		return nil, false
	}
	return &s.Queues[i], true
}

// Staff reports whether an address is of one of the site's own domains.
func (s *Site) Staff(a Address) bool {
	return a != "" && slices.ContainsFunc(s.Domains, func(domain string) bool { return strings.EqualFold(domain, a.Domain()) })
}

// Agent reports whether that address is listed as an agent of any queue.
func (s *Site) Agent(a Address) bool {
	return slices.ContainsFunc(s.Queues, func(q Queue) bool { return q.Agent(a) })
}

// Locale picks the first of wanted that the site offers, else its default.
// Tags are compared by their language alone: fr-CA is answered in fr.
func (s *Site) Locale(wanted ...string) string {
	for _, w := range wanted {
		lang, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(w, "_", "-")), "-")
		if slices.Contains(s.Locales, lang) {
			return lang
		}
	}
	if len(s.Locales) == 0 {
		return "en"
	}
	return s.Locales[0]
}

// Agent reports whether that address is listed as an agent of the queue.
func (q *Queue) Agent(a Address) bool { return slices.ContainsFunc(q.Agents, a.Same) }

// Group reports whether that address is of a group that passes mail on to the
// queue.
func (q *Queue) Group(a Address) bool { return slices.ContainsFunc(q.Groups, a.Same) }

// Match takes an address of the queue apart: its own or an alias, bare or with
// an extension (a reply token, or a word such as status). On the reply domain
// the whole local part is the extension. ok is false for anybody else's address.
func (q *Queue) Match(a Address) (extension string, alias, ok bool) {
	if q.ReplyDomain != "" && a.Domain() == q.ReplyDomain {
		return a.Local(), false, true
	}
	if extension, ok := q.after(q.Address, a); ok {
		return extension, false, true
	}
	for _, old := range q.Aliases {
		if extension, ok := q.after(old, a); ok {
			return extension, true, true
		}
	}
	return "", false, false
}

// after gives what a has beyond base. It looks for base rather than for the
// separator, which may stand in a queue's own name: help-desk with "-".
func (q *Queue) after(base, a Address) (extension string, ok bool) {
	if base.Domain() != a.Domain() || len(a.Local()) < len(base.Local()) {
		return "", false
	}
	head, tail := a.Local()[:len(base.Local())], a.Local()[len(base.Local()):]
	if !strings.EqualFold(head, base.Local()) {
		return "", false
	}
	if tail == "" {
		return "", true
	}
	return strings.CutPrefix(tail, q.separator())
}

// Ours reports whether a is an address of the queue, in any form.
func (q *Queue) Ours(a Address) bool {
	_, _, ok := q.Match(a)
	return ok
}

// With puts an extension (a token, or a word such as status) on the queue's
// address.
func (q *Queue) With(extension string) Address {
	if q.ReplyDomain != "" {
		return Address(extension + "@" + q.ReplyDomain)
	}
	return Address(q.Address.Local() + q.separator() + extension + "@" + q.Address.Domain())
}

func (q *Queue) separator() string {
	if q.Separator == "" {
		return "+"
	}
	return q.Separator
}

// Mailbox is the queue as a sender.
func (q *Queue) Mailbox() Mailbox { return Mailbox{Name: q.Title, Address: q.Address} }
