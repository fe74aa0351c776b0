package ticket

import (
	"io"
	"time"
)

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

// TranscriptBody is the answer to a mail with commands.
type TranscriptBody struct {
	// Problem is why nothing ran; "" when all did.
	Problem string `json:"problem,omitempty"`
	// Line is the line that the problem is about, as written.
	Line string `json:"line,omitempty"`
	// Nearest is the command that was perhaps meant.
	Nearest string `json:"nearest,omitempty"`
	// Done are the commands in the order in which they ran.
	Done []TranscriptLine `json:"done,omitempty"`
	// Written is the text that was not sent, given back to its writer.
	Written string `json:"written,omitempty"`
	// Help asks for the list of commands below.
	Help bool `json:"help,omitempty"`
	// Draft is a canned answer that its writer wants to change and send.
	Draft string `json:"draft,omitempty"`
	// Undo is set when what was done can be taken back.
	Undo bool `json:"undo,omitempty"`
	// Listed is set when what was done was done by the numbers of a list.
	Listed bool `json:"listed,omitempty"`
}

// TranscriptLine is one command and what it did.
type TranscriptLine struct {
	Line   string `json:"line"` // as written
	Result string `json:"result"`
	// Ticket is the reference of the one of several tickets that it was done to.
	Ticket string `json:"ticket,omitempty"`
	Detail string `json:"detail,omitempty"`
}

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
		ID: NewID(m.Random).String(), Kind: kind, Site: t.Site, Queue: t.Queue, Ticket: t.ID,
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
		ID: NewID(m.Random).String(), Kind: kind, Site: site, Queue: queue, Mailbox: to, Locale: locale, Created: now,
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

// Undelivered is why a mail did not arrive.
type Undelivered struct {
	// To is whom it was for.
	To Address `json:"to,omitempty"`
	// Reason is what the host said, or what kept us from its answer.
	Reason string `json:"reason"`
	// TooLarge is set where the host takes no mail of its Size, in bytes. Limit is
	// the most that it takes, where it said so.
	TooLarge bool  `json:"too_large,omitempty"`
	Size     int64 `json:"size,omitempty"`
	Limit    int64 `json:"limit,omitempty"`
}

// DeliveryFailed is what a ticket keeps of a notice that was given up: an event,
// and word of it to the agents. Whoever wrote the answer that it brought is told
// more, whatever they chose to hear of; answer is nil for other notices. A failed
// word to an agent is an event only, or it would make another that fails.
func (m Mint) DeliveryFailed(t *Ticket, n Notice, answer *Article, u Undelivered, now time.Time) TicketChange {
	t = t.Clone()
	t.Articles++
	t.Changed = now
	event := Article{Number: t.Articles, Kind: EventArticle, At: now, Event: EventDeliveryFailed, Detail: u.Reason}
	to, ok := t.Participant(n.To)
	if ok {
		u.To, event.Text = to.Address, string(to.Address)
	}
	if n.Kind != Answer {
		answer = nil
	}
	if answer != nil && ok && to.Role == Requester && t.State == Waiting {
		t.SetState(Open, now) // nobody can be waited for who was not asked
	}
	c := TicketChange{Ticket: t, Articles: []Article{event}}
	if n.Kind.ForAgents() {
		return c
	}
	for _, agent := range t.Active(AgentRole) {
		if answer == nil || answer.Author != agent.Number {
			c.Notices = append(c.Notices, m.Notice(AgentEvent, t, agent, event.Number, now))
			continue
		}
		failed := m.Notice(AnswerFailed, t, agent, answer.Number, now)
		failed.Undelivered = &u
		c.Notices = append(c.Notices, failed)
	}
	return c
}

// Delivery is a notice on its way out.
type Delivery struct {
	Notice   Notice        `json:"notice"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	Due      time.Time     `json:"due"`
	// Error is what the last attempt met, without addresses.
	Error string `json:"error,omitempty"`
	// Tries are the newest of its attempts, oldest first.
	Tries []Try `json:"tries,omitempty"`
	// Lease is the worker's right to it; the store checks it when it is settled.
	Lease string `json:"-"`
}

// DeliveryState is where a notice stands.
type DeliveryState string

const (
	Queued    DeliveryState = "queued"
	OnHold    DeliveryState = "hold" // until somebody releases it
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed"  // given up
	Braked    DeliveryState = "braked"  // a brake kept it from leaving
	Dropped   DeliveryState = "dropped" // by somebody
)

// Outcome settles a leased delivery: its new state, when it is due again if
// still Queued, the attempt where there was one, and a change to commit with it,
// or nil.
type Outcome struct {
	State  DeliveryState
	Try    *Try
	Due    time.Time
	Error  string
	Change *Change
}

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
