package ticket

import "time"

// Held is mail that was kept aside for a person's decision.
type Held struct {
	ID     string `json:"id"` // random
	Site   string `json:"site"`
	Queue  string `json:"queue"`
	Ticket ID     `json:"ticket,omitzero"` // where it would go, if anywhere
	Why    Why    `json:"why"`
	From   Mailbox
	// Subject, Text and Attachments are what an agent needs to decide.
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments,omitempty"`
	MessageID   string       `json:"message_id"`
	Proof       Proof        `json:"proof"`
	Reason      string       `json:"reason"`
	Automatic   string       `json:"automatic,omitempty"`
	Raw         BlobID       `json:"raw"`
	At          time.Time    `json:"at"`
	Way         *Way         `json:"way,omitempty"`
}

// Why tells why mail was held.
type Why string

const (
	HeldStranger    Why = "stranger"    // into a ticket, from nobody on it
	HeldAlias       Why = "alias"       // with the token of an agent, from an address that is not known as theirs
	HeldUnproved    Why = "unproved"    // claims to be a participant or an agent, and nothing proves it
	HeldUnconfirmed Why = "unconfirmed" // a request where the site wants confirmation first
	HeldBounce      Why = "bounce"      // a bounce of nothing that we sent
	HeldAutoReply   Why = "auto-reply"  // an automatic answer to nothing that we know
	HeldCommand     Why = "command"     // an agent's commands that came to no ticket
	HeldWish        Why = "wish"        // a wish that came to no ticket, with words besides
	HeldSight       Why = "sight"       // somebody who is enrolled wishes to see the whole site
	HeldRemoved     Why = "removed"     // from somebody who was taken off the ticket or the team
	HeldPostmaster  Why = "postmaster"  // for the admin
	HeldNoSender    Why = "no-sender"   // no author, or several, or one that cannot be written to
	HeldPolicy      Why = "policy"      // its From domain does not stand behind it, and wants such mail set aside or refused
	HeldSuspect     Why = "suspect"     // a block list or a scanner at the door is against it
	HeldOwn         Why = "own"         // from an address of ours: a loop, or a forgery
	HeldProbe       Why = "probe"       // a probe of the administrator's that came home
	HeldSpam        Why = "spam"        // from a sender whose mail an agent called spam
)

// Waits reports whether somebody may be waiting for a word about the mail, so
// that agents are asked about it. The rest is kept for who looks for it.
func (w Why) Waits() bool {
	switch w {
	case HeldStranger, HeldAlias, HeldUnproved, HeldUnconfirmed, HeldWish, HeldSight, HeldRemoved, HeldNoSender, HeldPolicy, HeldSuspect:
		return true
	}
	return false
}

// WantsProof reports whether the mail was held because nothing proved who wrote
// it: the same mail with proof is taken.
func (w Why) WantsProof() bool {
	switch w {
	case HeldUnproved, HeldUnconfirmed, HeldPolicy, HeldSpam:
		return true
	}
	return false
}
