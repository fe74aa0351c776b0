package ticket

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ID names a ticket inside the program: 80 bits, at least 48 of them random, so
// that ids do not tell how many tickets there are.
type ID [10]byte

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID draws an id from random.
func NewID(random io.Reader) ID {
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		panic("ticket: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return id
}

// NewIDAt draws an id that begins with the second of a time, 32 bits of it. What
// is of one time is written and goes together: in a store that sorts by name it
// lies together.
func NewIDAt(random io.Reader, at time.Time) ID {
	id := NewID(random)
	binary.BigEndian.PutUint32(id[:], uint32(at.Unix()))
	return id
}

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	b, err := lower32.DecodeString(strings.ToLower(s))
	if err != nil || len(b) != len(ID{}) || !strings.EqualFold(ID(b).String(), s) {
		return ID{}, errors.New("not a ticket id") // the decoder alone would skip line ends
	}
	return ID(b), nil
}

func (id ID) String() string {
	var text [16]byte
	lower32.Encode(text[:], id[:])
	return string(text[:])
}

// IsZero is true of no ticket.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText and UnmarshalText give JSON the form of String; no ticket is "".
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	return lower32.AppendEncode(nil, id[:]), nil
}

func (id *ID) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*id = ID{}
		return nil
	}
	*id, err = ParseID(string(b))
	return err
}

// Reference is a ticket's public name, ACM-1042: for people, in the subject and
// over the phone. It routes; it proves nothing.
type Reference struct {
	Prefix string
	Number uint64
}

func (r Reference) String() string { return fmt.Sprintf("%s-%d", r.Prefix, r.Number) }

// Tag is the reference as it stands in subjects.
func (r Reference) Tag() string { return "[" + r.String() + "]" }

// ParseReference reads ACM-1042, in any case, with or without brackets.
func ParseReference(s string) (Reference, error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "["), "]")
	prefix, number, _ := strings.Cut(strings.ToUpper(bare), "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n == 0 || !validPrefix(prefix) {
		return Reference{}, fmt.Errorf("%q is no reference such as ACM-1042", s)
	}
	return Reference{prefix, n}, nil
}

// validPrefix holds prefixes to what the settings allow: 2 to 8 capitals and
// digits, a capital first.
func validPrefix(s string) bool {
	for i, c := range []byte(s) {
		if !(c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return len(s) >= 2 && len(s) <= 8
}

// State is where a ticket stands.
type State string

const (
	New     State = "new"     // nobody of the team has answered yet
	Open    State = "open"    // the team is to act
	Waiting State = "waiting" // the requester is to answer
	Solved  State = "solved"  // answered for good, as the team believes
	Closed  State = "closed"
)

// States are all of them, in the order of a ticket's life.
var States = []State{New, Open, Waiting, Solved, Closed}

// Priority is how much a ticket presses.
type Priority string

const (
	Low    Priority = "low"
	Normal Priority = ""
	High   Priority = "high"
	Urgent Priority = "urgent"
)

// Done reports whether the team has nothing more to do.
func (s State) Done() bool { return s == Solved || s == Closed }

// Role is what a participant is on one ticket.
type Role string

const (
	Requester Role = "requester"
	AgentRole Role = "agent"
	Copied    Role = "copied"
	Approver  Role = "approver"
)

// Participant is a person on one ticket; who they are for this ticket only.
type Participant struct {
	// Number is theirs on this ticket, from 1, and never another's.
	Number  uint16 `json:"number"`
	Role    Role   `json:"role"`
	Mailbox `json:"mailbox"`
	// Other are further addresses that were accepted as theirs for this ticket.
	Other  []Address `json:"other,omitempty"`
	Locale string    `json:"locale"`
	// Epoch is part of what their reply tokens are sealed over: a new one voids
	// those that are about.
	Epoch uint8 `json:"epoch"`
	// Removed participants keep their number and get no more mail.
	Removed bool `json:"removed,omitempty"`
	// Thread is what their mail program has seen of this ticket, so that the
	// next mail lands in the same conversation.
	Thread Thread `json:"thread"`
	// Chat is set while a program shows them mail as a chat, by the last mail of
	// theirs; an agent's stands in their profile.
	Chat bool `json:"chat,omitempty"`
	// Watch is, for an agent, what they want to hear of the ticket.
	Watch Watch `json:"watch,omitempty"`
	// Overtaken is, for an agent, the colleague's answer that they heard of last.
	Overtaken Overtaken `json:"overtaken,omitzero"`
}

// Overtaken is a colleague's answer and the mail that told an agent of it: what
// they reply to an earlier one, they wrote without knowing it.
type Overtaken struct {
	Article   int    `json:"article"`
	MessageID string `json:"message_id"`
}

// Is reports whether the address is one of theirs.
func (p *Participant) Is(a Address) bool {
	return p.Address.Same(a) || slices.ContainsFunc(p.Other, a.Same)
}

// Thread is a conversation as one participant's mail program knows it:
// Message-IDs without <>, their own and those that we sent to them alone.
// Another's never stand here, because ours carry reply tokens.
type Thread struct {
	Root string   `json:"root,omitempty"` // the first message
	Last []string `json:"last,omitempty"` // the newest few, oldest first
}

// threadLength bounds References: the root and this many more keep every known
// program's conversation whole (RFC 5322 §3.6.4 lets the middle go).
const threadLength = 8

// Add records one more message of the conversation. What could not stand in a
// References field is left out: it comes from anybody's mail.
func (t *Thread) Add(messageID string) {
	if !identifier(messageID) || messageID == t.Root || slices.Contains(t.Last, messageID) {
		return
	}
	if t.Root == "" {
		t.Root = messageID
		return
	}
	t.Last = append(t.Last, messageID)
	if extra := len(t.Last) - threadLength; extra > 0 {
		t.Last = slices.Delete(t.Last, 0, extra)
	}
}

// identifier reports whether a Message-ID can be written again as it is: at
// most 250 printable ASCII characters without angle brackets (RFC 5322 §3.6.4).
func identifier(id string) bool {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }
	return id != "" && len(id) <= 250 && !strings.ContainsFunc(id, bad)
}

// References are the identifiers for the field of that name, oldest first.
func (t Thread) References() []string {
	if t.Root == "" {
		return nil
	}
	return append([]string{t.Root}, t.Last...)
}

// Parent is the newest message: what In-Reply-To names.
func (t Thread) Parent() string {
	if len(t.Last) > 0 {
		return t.Last[len(t.Last)-1]
	}
	return t.Root
}

// Ticket is one matter.
type Ticket struct {
	ID    ID     `json:"id"`
	Site  string `json:"site"`
	Queue string `json:"queue"`
	// Reference is drawn by the commit that creates the ticket: its number is 0
	// until then.
	Reference Reference `json:"-"`
	Subject   string    `json:"subject"`
	State     State     `json:"state"`
	Locale    string    `json:"locale"`
	// Tracking is the tracking code as drawn, unique in the site.
	Tracking string `json:"tracking"`
	// Unproved is set while nothing proved that the requester wrote the request.
	Unproved bool `json:"unproved,omitempty"`
	// Assignee is the participant who has taken the ticket, or 0.
	Assignee uint16 `json:"assignee,omitempty"`
	// Previous is the ticket that this one follows up.
	Previous     ID            `json:"previous,omitzero"`
	Participants []Participant `json:"participants"`
	// Articles is how many there are; they are numbered from 1.
	Articles int       `json:"articles"`
	Opened   time.Time `json:"opened"`
	Changed  time.Time `json:"changed"`
	Closed   time.Time `json:"closed,omitzero"`
	// Course is what reports count of it.
	Course Course `json:"course,omitzero"`
	// Since is when it was last put into its state.
	Since time.Time `json:"since,omitzero"`
	// Challenges are those that are about this ticket and may still be met.
	Challenges []ID     `json:"challenges,omitempty"`
	Priority   Priority `json:"priority,omitempty"`
	// Tags are words that the team puts on it, in small letters, sorted.
	Tags []string `json:"tags,omitempty"`
	// Due is when the team wants it done; zero where nobody said.
	Due time.Time `json:"due,omitzero"`
	// Overdue is the Due of which the team was told that it is past.
	Overdue time.Time `json:"overdue,omitzero"`
	// Service is what was promised, and what is due by the settings.
	Service Service `json:"service,omitzero"`
	// Reminded is when the requester was last reminded to answer.
	Reminded time.Time `json:"reminded,omitzero"`
	// Snoozed keeps it out of the worklists until then, or until somebody writes.
	Snoozed time.Time `json:"snoozed,omitzero"`
	// Merged is the ticket that goes on with this one, which is closed: what comes
	// to this one is the other's.
	Merged ID `json:"merged,omitzero"`
	// Linked are tickets that have to do with it.
	Linked []ID `json:"linked,omitempty"`
	// Pending are answers that have not left yet.
	Pending []Pending `json:"pending,omitempty"`
	// Undo is what takes an agent's last act back, while it may be.
	Undo *Undo `json:"undo,omitempty"`
	// EraseAt is when the requester's wish to be forgotten is carried out, unless
	// it is called off; zero without one.
	EraseAt time.Time `json:"erase_at,omitzero"`
	// LegalHold stops retention and erasure, visibly.
	LegalHold bool `json:"legal_hold,omitempty"`
	// Version counts commits. A change names the version that it was decided
	// on, 0 to create.
	Version uint64 `json:"-"`
}

// Participant gives the participant of that number.
func (t *Ticket) Participant(number uint16) (*Participant, bool) {
	i := slices.IndexFunc(t.Participants, func(p Participant) bool { return p.Number == number })
	if i < 0 {
		return nil, false
	}
	return &t.Participants[i], true
}

// Who gives the active participant whose address that is.
func (t *Ticket) Who(a Address) (*Participant, bool) {
	i := slices.IndexFunc(t.Participants, func(p Participant) bool { return !p.Removed && p.Is(a) })
	if a == "" || i < 0 {
		return nil, false
	}
	return &t.Participants[i], true
}

// Requester is whose matter it is; every ticket has one.
func (t *Ticket) Requester() *Participant {
	i := slices.IndexFunc(t.Participants, func(p Participant) bool { return p.Role == Requester })
	if i < 0 {
		return &Participant{Role: Requester}
	}
	return &t.Participants[i]
}

// Join adds a participant and gives them a number.
func (t *Ticket) Join(p Participant) *Participant {
	p.Number = 1
	for _, other := range t.Participants {
		p.Number = max(p.Number, other.Number+1)
	}
	t.Participants = append(t.Participants, p)
	return &t.Participants[len(t.Participants)-1]
}

// Active are the participants of a role who still get mail.
func (t *Ticket) Active(role Role) []*Participant {
	var out []*Participant
	for i := range t.Participants {
		if p := &t.Participants[i]; p.Role == role && !p.Removed {
			out = append(out, p)
		}
	}
	return out
}

// SetState moves the ticket and keeps the time of that, and of its closing.
func (t *Ticket) SetState(s State, now time.Time) {
	t.Course.moves(t.State, s, now)
	if s == Closed && t.State != Closed {
		t.Closed = now
	}
	if s != Closed {
		t.Closed = time.Time{}
	}
	t.State, t.Since = s, now
}

// Clone is a copy that shares nothing, to decide on without touching what was
// read.
func (t *Ticket) Clone() *Ticket {
	c := *t
	c.Participants = slices.Clone(t.Participants)
	c.Challenges = slices.Clone(t.Challenges)
	c.Tags = slices.Clone(t.Tags)
	c.Linked = slices.Clone(t.Linked)
	c.Pending = slices.Clone(t.Pending)
	for i := range c.Participants {
		p := &c.Participants[i]
		p.Other = slices.Clone(p.Other)
		p.Thread.Last = slices.Clone(p.Thread.Last)
	}
	return &c
}
