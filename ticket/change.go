package ticket

import (
	"errors"
	"io"
	"time"
)

// Query is what a decision about one message needs to know of a site, read in
// one round trip.
type Query struct {
	Site string
	// Tickets are those that reply tokens name.
	Tickets []ID
	// MessageIDs are those in In-Reply-To and References, newest first, and the
	// message's own.
	MessageIDs []string
	// References are the numbers that the subject names.
	References []uint64
	// Seen are the deliveries that may have been made before.
	Seen []string
	// Challenges are those whose codes may have come.
	Challenges []ID
	// Held is the mail that waits for one of them, or for a word of an agent.
	Held []string
	// Tracking are the tracking codes that were named, normalized.
	Tracking []string
	// Address asks for the tickets whose requester it is, the newest first and at
	// most MaxOwn, and whether it is enrolled.
	Address Address
	// Whole asks for what is open at the site, the newest first and at most
	// MaxWhole.
	Whole bool
	// IfSighted asks for the same where Address was given sight of the site.
	IfSighted bool
	// Sender asks whether mail of that address was called spam.
	Sender Address
	// Canned asks for the canned answers that agents have saved.
	Canned bool
	// Profiles asks what these agents chose, each by any address of theirs.
	Profiles []Address
	// Newest asks for what the requester of each of Tickets wrote last.
	Newest bool
	// Lists are what a listed agent wants to see.
	Lists []Worklist
}

// MaxOwn is how many tickets of one person a message can be about.
const MaxOwn = 100

// MaxWhole is how many open tickets of a site one mail tells of.
const MaxWhole = 50

// Facts are the answers to a Query. What is not there was not found.
type Facts struct {
	Tickets     map[ID]*Ticket
	ByMessageID map[string]ID
	ByReference map[uint64]ID
	Seen        map[string]bool
	// SeenAs is the held mail that a delivery of Seen was kept as, by its name; it
	// stands in Held while nobody has decided on it.
	SeenAs     map[string]string
	Challenges map[ID]*Challenge
	Held       map[string]*Held
	ByTracking map[string]ID
	// Own are the tickets of the query's Address, in order; all stand in Tickets.
	Own []ID
	// Whole are the open tickets of the site, in order; all stand in Tickets. Open
	// is how many there are.
	Whole []ID
	Open  int
	// Enrolled is set when the Address was enrolled for the site.
	Enrolled bool
	// Canned are the canned answers of the site, where they were asked for.
	Canned Canned
	// Sight is set when an agent has let the Address see the whole site.
	Sight bool
	// Profiles are by the Key of the address that was asked for. Those of who has a
	// ticket that was found are there unasked.
	Profiles map[string]*Profile
	// Newest is, by ticket, the newest public article that no agent wrote.
	Newest map[ID]*Article
	// Spammer is what is remembered of the Sender, or nil.
	Spammer *Spammer
	// Lists are the answers to the query's, by their Key.
	Lists map[string]*Listing
}

// Spammer is a sender whose mail an agent called spam.
type Spammer struct {
	Address Address
	// Proved is set where their domain stood behind that mail. Where it did not,
	// the owner of the address may have had no part in it: what they prove to be
	// theirs is not held for it.
	Proved bool
}

// Sent reports whether mail with that proof is to be taken for the spammer's.
func (s *Spammer) Sent(p Proof) bool { return s != nil && (s.Proved || p < ProofDomain) }

// Change is all that one message, or one act, alters in a site. It is written
// whole or not at all.
type Change struct {
	Site string
	// Operation makes a repeat harmless: the same operation is written once and
	// gives the same result again. It may be one of Seen.
	Operation string
	Tickets   []TicketChange
	Held      []Held
	// Release are held mails that were filed and go; Discard those that are thrown
	// away, which the ledger of what was erased remembers. Nothing that came into a
	// ticket under a legal hold is thrown away.
	Release []string
	Discard []string
	// Notices are those that belong to no ticket.
	Notices []Notice
	// Seen are the deliveries to remember, against repeats; SeenAs the names of
	// the held mail that some of them were kept as.
	Seen   []string
	SeenAs map[string]string
	// Challenges are created (Version 0) or altered at the Version that was read;
	// what expires is gone by itself.
	Challenges []Challenge
	// Spent are challenges that are over, at the Version that was read: of two
	// that want to meet one, only one does.
	Spent []Challenge
	// Enrol are the mailboxes that are known to the site from now on.
	Enrol []Mailbox
	// Leave are the addresses that are known no more.
	Leave []Address
	// Sight are the enrolled addresses that see the whole site from now on; those
	// that are not enrolled are passed over. NoSight see their own alone again.
	Sight   []Address
	NoSight []Address
	// Spammers are remembered, for half a year; Welcome are no longer taken for
	// such.
	Spammers []Spammer
	Welcome  []Address
	// Canned are the canned answers from now on, at the Version that was read; nil
	// leaves them as they are.
	Canned *Canned
	// Profiles are what agents chose, at the Version that was read.
	Profiles []Profile
	// Blobs are the bytes that Tickets and Held name. They are durable before
	// anything that names them is.
	Blobs []Blob
	At    time.Time
}

// TicketChange creates a ticket (Version 0) or alters the one that was read at
// its Version.
type TicketChange struct {
	Ticket   *Ticket
	Articles []Article
	Notices  []Notice
	// MessageIDs lead later answers here.
	MessageIDs []string
	// Publish are the numbers of internal articles that are public from now on:
	// answers that waited.
	Publish []int
}

// Blob is bytes to keep. Open is called once or more while the change is
// committed, and not after.
type Blob struct {
	ID   BlobID
	Size int64 // of all that Open gives; -1 where that is not known before
	Open func() io.Reader
}

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

// Result is what a commit gives back.
type Result struct {
	// References are those of the tickets that were created, in their order.
	References []Reference
	// Repeat is set when the operation had been done before.
	Repeat bool
}

// ErrConflict is what a commit says when what was decided on has changed since,
// or a code that was drawn is taken: read again, decide again.
var ErrConflict = errors.New("changed in the meantime")

// ErrLeaseLost is what a worker is told that took so long that another has the
// notice, or whose notice was erased: there is nothing left to settle.
var ErrLeaseLost = errors.New("lease lost")
