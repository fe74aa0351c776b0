package ticket

import (
	"errors"
	"io"
	"time"
)

// Change is all that one message, or one act, alters in a site. It is written
// whole or not at all.
type Change struct {
	Site string
	// Operation makes a repeat harmless: the same operation is written once and
	// gives the same result again. It may be one of Seen.
	Operation string
	// Unknown is set where the change was decided on without asking: where any of it
	// is known after all, the commit is ErrConflict.
	Unknown *Unknown
	Tickets []TicketChange
	Held    []Held
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
