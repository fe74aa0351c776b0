package ticket

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

// Problems are why the commands of a mail did nothing, and nothing left. Each
// is a text of templates.
const (
	ProblemUnknown        = "unknown-command"  // Line, Nearest
	ProblemStray          = "stray-command"    // a command below other text; Line
	ProblemArgument       = "bad-argument"     // Line, Nearest: how it is written
	ProblemNotAllowed     = "not-allowed"      // Line
	ProblemUnreadable     = "unreadable"       // encrypted, broken, or no text
	ProblemEmpty          = "empty"            // neither text nor command nor file
	ProblemQuoteOnly      = "quote-only"       // nothing but what we had written
	ProblemNoTicket       = "no-ticket"        // a command that needs one; Line
	ProblemNobody         = "nobody"           // no such colleague, or nobody of that address takes part; Line
	ProblemAddress        = "bad-address"      // no address that could take part; Line
	ProblemWhen           = "bad-time"         // no time that is to come; Line
	ProblemNoQueue        = "no-queue"         // no queue of that name; Line
	ProblemNoSuchTicket   = "no-such-ticket"   // no other ticket of that reference in a queue of the writer's; Line
	ProblemNothingToSplit = "nothing-to-split" // nothing of the requester's that could be a matter of its own; Line
	ProblemHasTicket      = "has-ticket"       // a command that opens one, in the thread of another; Line
	ProblemNoCanned       = "no-canned"        // no canned answer of that name; Line
	ProblemField          = "bad-field"        // a canned answer names a field that there is not; Line
	ProblemFull           = "too-many-canned"  // Line
	ProblemAnswered       = "answered"         // a colleague has answered meanwhile, and a canned answer was to be sent
	ProblemOvertaken      = "overtaken"        // a colleague has answered meanwhile; the notice brings their answer
	ProblemNoWords        = "no-words"         // nothing that could be searched for; Line
	ProblemNoLine         = "no-line"          // a number that the list does not have; Line
	ProblemNotInList      = "not-in-list"      // a command that is not for tickets of a list; Line, Nearest
	ProblemListText       = "list-text"        // words that are neither numbers nor a command, in the answer to a list; Line
	ProblemListGone       = "list-gone"        // the list is too old to be answered
)

// Results are what a command did. Each is a text of templates.
const (
	ResultNoted         = "noted"
	ResultClosed        = "closed"
	ResultAlreadyClosed = "already-closed"
	ResultReopened      = "reopened"
	ResultAlreadyOpen   = "already-open"
	ResultTaken         = "taken"
	ResultAlreadyTaken  = "already-taken" // Detail: by whom
	ResultVerified      = "verified"      // Detail: the action that the code allowed
	ResultNotVerified   = "not-verified"  // no code of this ticket that is still good
	ResultAccepted      = "accepted"      // Detail: who wrote
	ResultRejected      = "rejected"      // Detail: who wrote
	ResultSpam          = "spam"          // Detail: who wrote
	ResultSight         = "sight"         // Detail: who sees the whole site from now on
	ResultNoSight       = "no-sight"      // Detail: the address that no longer does
	ResultNoHeld        = "no-held"       // nothing is held under that name
	ResultLegalHold     = "legal-hold"    // nothing is thrown away; Detail: the ticket's reference
	ResultHelp          = "help"
	ResultSent          = "sent" // the text beside the commands, or one that waited, went to the requester

	ResultSolved         = "solved"
	ResultAlreadySolved  = "already-solved"
	ResultAssigned       = "assigned" // Detail: to whom
	ResultReleased       = "released"
	ResultAlreadyFree    = "already-free"
	ResultPriority       = "priority" // Detail: a ticket.Priority
	ResultTagged         = "tagged"   // Detail: the tags it has now
	ResultDue            = "due"      // Detail: the time (RFC 3339)
	ResultNotDue         = "not-due"
	ResultSnoozed        = "snoozed" // Detail: the time (RFC 3339)
	ResultMoved          = "moved"   // Detail: the queue
	ResultMerged         = "merged"  // Detail: into which
	ResultSplit          = "split"   // Detail: the subject of the new one
	ResultLinked         = "linked"
	ResultSpamTicket     = "spam-ticket" // Detail: who wrote
	ResultOpenedFor      = "opened-for"  // Detail: whom
	ResultCanned         = "canned"      // Detail: the name
	ResultDraft          = "draft"       // Detail: the name; the body brings its text
	ResultSaved          = "saved"       // Detail: the name
	ResultUnsaved        = "unsaved"     // Detail: the name
	ResultNoCanned       = "no-canned"
	ResultCannedNames    = "canned-names" // Detail: the names
	ResultFollowed       = "followed"
	ResultUnfollowed     = "unfollowed"
	ResultNotify         = "notify" // Detail: the words of the command
	ResultAway           = "away"   // Detail: until when (RFC 3339)
	ResultBack           = "back"
	ResultPeople         = "people"
	ResultQuiet          = "quiet"
	ResultNothingPending = "nothing-pending"
	ResultDropped        = "dropped"
	ResultUndone         = "undone"
	ResultUndoneLate     = "undone-late" // but an answer or a note was written already
	ResultNothingToUndo  = "nothing-to-undo"
	ResultListed         = "listed" // comes in a mail of its own
)
