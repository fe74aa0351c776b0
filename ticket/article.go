package ticket

import "time"

// Kind tells who may read an article.
type Kind string

const (
	PublicArticle   Kind = "public"   // everybody on the ticket
	InternalArticle Kind = "internal" // agents only
	EventArticle    Kind = "event"    // what happened; agents only
)

// Article is one entry of a ticket, as agents see it. What goes to requesters
// is a Public, which only a public article gives.
type Article struct {
	Number int    `json:"number"` // from 1
	Kind   Kind   `json:"kind"`
	Author uint16 `json:"author"` // participant; 0 is Guichet itself
	// At is when it was received or done.
	At time.Time `json:"at"`
	// Text is what the author wrote now; Whole the body with its quotes, where
	// that is more.
	Text  string `json:"text"`
	Whole string `json:"whole,omitempty"`
	// Event says what happened, for events; Detail what it was about.
	Event       Event        `json:"event,omitempty"`
	Detail      string       `json:"detail,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// MessageID is that of the mail that it came by, without <>.
	MessageID string `json:"message_id,omitempty"`
	// Proof and Reason are what is known of who wrote it.
	Proof  Proof  `json:"proof"`
	Reason string `json:"reason,omitempty"`
	// Automatic is the parser's word where no person wrote it.
	Automatic string `json:"automatic,omitempty"`
	// Raw is the message as it came, while retention keeps it.
	Raw BlobID `json:"raw,omitempty"`
	// Way is how the mail came here; nil for what came by none, and for the
	// further articles of one mail.
	Way *Way `json:"way,omitempty"`
}

// Public is an article that requesters may read.
type Public struct{ article Article }

// Public gives the article as what requesters may read, if they may: what was
// written now, without what was quoted below it. An agent's mail quotes notes.
func (a Article) Public() (Public, bool) {
	if a.Kind != PublicArticle {
		return Public{}, false
	}
	a.Whole, a.Raw, a.Reason, a.Way = "", "", "", nil
	return Public{a}, true
}

// Article is the public article itself.
func (p Public) Article() Article { return p.article }

// PublicOnly keeps of a history what requesters may read.
func PublicOnly(history []Article) []Public {
	var out []Public
	for _, a := range history {
		if p, ok := a.Public(); ok {
			out = append(out, p)
		}
	}
	return out
}

// Event is something that happened to a ticket other than somebody writing.
type Event string

const (
	EventOpened         Event = "opened"
	EventClosed         Event = "closed"
	EventReopened       Event = "reopened"
	EventTaken          Event = "taken"
	EventSolved         Event = "solved"
	EventAssigned       Event = "assigned"        // Detail: to whom
	EventReleased       Event = "released"        // nobody has it
	EventPriority       Event = "priority"        // Detail: which
	EventTagged         Event = "tagged"          // Detail: the tags it has now
	EventDue            Event = "due"             // Detail: the time (RFC 3339), or "" where none is wanted any more
	EventSnoozed        Event = "snoozed"         // Detail: until when (RFC 3339)
	EventWoken          Event = "woken"           // that time has come
	EventMovedQueue     Event = "moved-queue"     // Detail: to which
	EventAdded          Event = "added"           // Detail: who takes part from now on
	EventLeft           Event = "left"            // Detail: who no longer does
	EventMerged         Event = "merged"          // Detail: into which ticket
	EventMergedHere     Event = "merged-here"     // Detail: which ticket goes on in this one
	EventSplit          Event = "split"           // the requester's last message is a ticket of its own now
	EventLinked         Event = "linked"          // Detail: with which tickets
	EventSpam           Event = "spam"            // it was called spam; nobody is told
	EventPassedOn       Event = "passed-on"       // back to the team; Detail: who is away
	EventLeftTeam       Event = "left-team"       // back to the team; Detail: who is no longer of it
	EventAnswerSoon     Event = "answer-soon"     // the first answer is due before long; Detail: the time (RFC 3339)
	EventAnswerLate     Event = "answer-late"     // it was due; Detail: when (RFC 3339)
	EventSolutionSoon   Event = "solution-soon"   // the solution is due before long; Detail: the time (RFC 3339)
	EventSolutionLate   Event = "solution-late"   // it was due; Detail: when (RFC 3339)
	EventOverdue        Event = "overdue"         // the time is past by which the team wanted it done; Detail: it (RFC 3339)
	EventReminded       Event = "reminded"        // the requester was asked for their answer once more
	EventLapsed         Event = "lapsed"          // closed because the requester did not answer
	EventUndone         Event = "undone"          // the last act was taken back
	EventFollowUp       Event = "follow-up"       // Detail: the reference of the closed ticket before this one
	EventAutomatic      Event = "automatic"       // an automatic mail was filed; Text holds it
	EventDeliveryFailed Event = "delivery-failed" // Detail: reason; Text: whom it was for
	EventWished         Event = "wished"          // a requester asked for something; Detail: the action
	EventConfirmed      Event = "confirmed"       // a code proved the requester
	EventJoined         Event = "joined"          // somebody takes part from now on
	EventMoved          Event = "moved"           // a participant has another address
	EventForgetting     Event = "forgetting"      // the requester wants all erased
	EventKept           Event = "kept"            // and called it off
	EventAsked          Event = "asked"           // an agent's mail that did nothing; Detail: the problem; Text: the mail
	EventLegalHold      Event = "legal-hold"      // nothing of it may be erased; Detail: why; Text: by whom
	EventLegalRelease   Event = "legal-release"   // and that is over; Detail: why; Text: by whom
	EventMuted          Event = "muted"           // a brake silences us for the day; Text: towards whom
)

// BlobID names bytes kept beside the store: a raw message or an attachment.
type BlobID string

// Attachment is a file of an article.
type Attachment struct {
	Name      string `json:"name"` // safe as a file name
	Type      string `json:"type"`
	Size      int64  `json:"size"`
	ContentID string `json:"content_id,omitempty"`
	Inline    bool   `json:"inline,omitempty"`
	Blob      BlobID `json:"blob"`
}
