package ticket

import "time"

// NoticeKind is what a mail that we owe is for. Each is one template.
type NoticeKind string

const (
	// To requesters (and those copied).
	Acknowledgement NoticeKind = "acknowledgement" // reference and tracking code
	Receipt         NoticeKind = "receipt"         // to an unproved sender: short, fixed, echoes nothing, asks for a code
	Answer          NoticeKind = "answer"          // an agent's public article
	ClosedNotice    NoticeKind = "closed"
	ReopenedNotice  NoticeKind = "reopened" // somebody opened it again
	Reminder        NoticeKind = "reminder" // it waits for their answer; About: until when
	LapsedNotice    NoticeKind = "lapsed"   // closed because no answer came

	// About codes, to the stored address save for Asked.
	Validation NoticeKind = "validation"  // what was asked for, and the code that allows it
	CodeFailed NoticeKind = "code-failed" // a code that was wrong, late or missing
	Asked      NoticeKind = "asked"       // to whoever asked from elsewhere: the same words whatever is true
	Done       NoticeKind = "done"        // what the code made happen
	Status     NoticeKind = "status"      // how one's tickets stand
	History    NoticeKind = "history"     // all that is public of one ticket
	Export     NoticeKind = "export"      // one's data, attached

	// To agents.
	AgentNew    NoticeKind = "agent-new"    // a request came in
	AgentReply  NoticeKind = "agent-reply"  // a requester wrote
	AgentAnswer NoticeKind = "agent-answer" // a colleague answered
	AgentNote   NoticeKind = "agent-note"   // a colleague left a note
	AgentEvent  NoticeKind = "agent-event"  // closed, reopened, taken, delivery failed, a machine wrote
	// AnswerFailed tells an agent that their answer did not arrive, and why.
	AnswerFailed NoticeKind = "answer-failed"
	AgentHeld    NoticeKind = "agent-held"  // mail into the ticket that was held
	Escalation   NoticeKind = "escalation"  // a time was missed; to somebody whom the settings name, perhaps not of the team
	HeldDigest   NoticeKind = "held-digest" // each morning: what there is to do in a queue, and what waits for their decision
	Transcript   NoticeKind = "transcript"  // what a command mail did, or why it did nothing
	AgentList    NoticeKind = "agent-list"  // tickets that they asked for, a line each
	AgentShow    NoticeKind = "agent-show"  // a whole ticket that they asked for
	ReportMail   NoticeKind = "report"      // what happened in a time, in numbers; also to others whom the settings name

	// To the site's admin.
	Postmaster NoticeKind = "postmaster"
)

// ForAgents reports whether the kind goes to the team, who may read all.
func (k NoticeKind) ForAgents() bool {
	switch k {
	case AgentNew, AgentReply, AgentAnswer, AgentNote, AgentEvent, AnswerFailed, AgentHeld, Escalation, HeldDigest, Transcript, AgentList, AgentShow, ReportMail:
		return true
	}
	return false
}

// ByPerson reports whether a person wrote what the mail carries. All others
// are Auto-Submitted (RFC 3834 §5).
func (k NoticeKind) ByPerson() bool {
	switch k {
	case Answer, AgentNew, AgentReply, AgentAnswer, AgentNote:
		return true
	}
	return false
}

// Notice is a mail that we owe somebody. It says what to write about and to
// whom; the words are made when it leaves. Its identifiers are fixed when it is
// made, so that a repeat can be known as one.
type Notice struct {
	ID     string     `json:"id"` // random, unique in its site
	Kind   NoticeKind `json:"kind"`
	Site   string     `json:"site"`
	Queue  string     `json:"queue"`
	Ticket ID         `json:"ticket,omitzero"` // zero for a notice without a ticket
	// Article is the number of the article that it brings, or 0.
	Article int `json:"article,omitempty"`
	// To is the participant; 0 where there is no ticket, and then Mailbox says.
	To      uint16  `json:"to,omitempty"`
	Mailbox Mailbox `json:"mailbox,omitzero"`
	Locale  string  `json:"locale"`

	MessageID  string   `json:"message_id"` // without <>
	InReplyTo  string   `json:"in_reply_to,omitempty"`
	References []string `json:"references,omitempty"`

	// Transcript is what a command mail did.
	Transcript *TranscriptBody `json:"transcript,omitempty"`
	// List is what an AgentList lists.
	List *ListBody `json:"list,omitempty"`
	// Undelivered is why the answer did not arrive that it is about.
	Undelivered *Undelivered `json:"undelivered,omitempty"`
	// Report is what a ReportMail tells of.
	Report *ReportBody `json:"report,omitempty"`
	// Held is the held mail that it is about.
	Held string `json:"held,omitempty"`
	// Challenge is what a code that it brings, or that came, is for; replies to
	// it go to the challenge's address.
	Challenge ID `json:"challenge,omitzero"`
	// Code is the validation code that it brings. The store forgets it once the
	// mail has left.
	Code string `json:"code,omitempty"`
	// About is what a mail about codes or one's data tells.
	About *About `json:"about,omitempty"`
	// Brakes are asked when it is about to leave; one that refuses drops it.
	Brakes  []Brake   `json:"brakes,omitempty"`
	Created time.Time `json:"created"`
}

// About is what was asked for, and what came of it.
type About struct {
	Action Action `json:"action"`
	// Address is who is added, or the new address.
	Address Address `json:"address,omitempty"`
	// Problem is why nothing happened: wrong-code, late-code, no-code.
	Problem string `json:"problem,omitempty"`
	// Until is when a code ends, or when an erasure takes place.
	Until time.Time `json:"until,omitzero"`
	// Left is how many tries are left.
	Left int `json:"left,omitempty"`
	// Tickets are those that a status, an export or an erasure is about.
	Tickets []ID `json:"tickets,omitempty"`
	// Further is how many more there are than Tickets.
	Further int `json:"further,omitempty"`
	// Undone is set when an erasure was called off.
	Undone bool `json:"undone,omitempty"`
	// Lines are what is to be done with many tickets of a list.
	Lines []string `json:"lines,omitempty"`
}

// Problems of codes. Each is a text of templates.
const (
	ProblemWrongCode = "wrong-code"
	ProblemLateCode  = "late-code"
	ProblemNoCode    = "no-code"
)

// Material is what the words of a notice are made from. History is the articles
// before the one that the notice brings, oldest first, at most the newest few.
type Material struct {
	Ticket  *Ticket
	Article *Article
	History []Article
	Held    *Held
	// Tickets are those of About or List, in its order; those that are gone are
	// left out.
	Tickets []*Ticket
	// Entries are the articles of each of Tickets, for an Export.
	Entries map[ID][]Article
	// Waiting is the held mail of a HeldDigest's queue that Waits, the oldest
	// first and the first few of them; Further is how many there are beside
	// these, and Aside how many are held that nobody waits for.
	Waiting        []*Held
	Further, Aside int
	// Sight is set when an agent has let the recipient see the whole site, and none
	// has taken that back.
	Sight bool
	// Profile is what the agent chose whom it goes to, or nil.
	Profile *Profile
	// Morning is the rest of what a HeldDigest tells.
	Morning *Morning
	// Report is what a ReportMail tells.
	Report *Report
}
