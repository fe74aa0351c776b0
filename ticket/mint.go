package ticket

import (
	"io"
	"time"
)

// Mint makes notices: what is random or signed about them comes from it.
type Mint struct {
	Signer   *Signer
	Pepper   *Pepper // of codes
	Random   io.Reader
	Hostname string // right side of our Message-IDs
}

// Notice makes a mail to a participant, as the next of their conversation, and
// records it there. article is the number of what it brings, or 0.
func (m Mint) Notice(kind NoticeKind, t *Ticket, p *Participant, article int, now time.Time) Notice {
	n := Notice{
		ID: NewIDAt(m.Random, now).String(), Kind: kind, Site: t.Site, Queue: t.Queue, Ticket: t.ID,
		Article: article, To: p.Number, Locale: p.Locale, Created: now,
		MessageID:  m.Signer.NewMessageID(m.Random, t.Site, t.ID, p, m.Hostname),
		InReplyTo:  p.Thread.Parent(),
		References: p.Thread.References(),
	}
	p.Thread.Add(n.MessageID)
	return n
}

// Letter makes a mail that belongs to no ticket.
func (m Mint) Letter(kind NoticeKind, site, queue string, to Mailbox, locale string, now time.Time) Notice {
	return Notice{
		ID: NewIDAt(m.Random, now).String(), Kind: kind, Site: site, Queue: queue, Mailbox: to, Locale: locale, Created: now,
		MessageID: NewID(m.Random).String() + "@" + m.Hostname,
	}
}

// Challenge draws a code for a parked action, and makes the mail that brings it
// to the stored address. The reply to that mail, to its address or to its
// Message-ID, names the challenge; the code stands in its text alone.
func (m Mint) Challenge(c Challenge, kind NoticeKind, f ValidationFormat, now time.Time) (Challenge, Notice) {
	code := f.Draw(m.Random)
	c.ID = NewID(m.Random)
	c.Digest = m.Pepper.Digest(c.ID, code)
	c.Created, c.Expires = now, now.Add(f.Valid)
	n := m.Letter(kind, c.Site, c.Queue, c.Mailbox, c.Locale, now)
	n.Ticket, n.To = c.Ticket, c.Participant
	n.MessageID = m.Signer.SignChallenge(c.Site, c.ID) + "." + n.MessageID
	n.Challenge, n.Code = c.ID, code
	n.About = &About{Action: c.Action, Address: c.Parked.Address, Until: c.Expires, Left: MaxTries}
	c.MessageID = n.MessageID
	return c, n
}
