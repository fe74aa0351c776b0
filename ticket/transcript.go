package ticket

// Problems are why the commands of a mail did nothing, and nothing left. Each
// is a text of templates.
const (
	ProblemUnknown    = "unknown-command" // Line, Nearest
	ProblemStray      = "stray-command"   // a command below other text; Line
	ProblemArgument   = "bad-argument"    // Line, Nearest: how it is written
	ProblemNotAllowed = "not-allowed"     // Line
	ProblemUnreadable = "unreadable"      // encrypted, broken, or no text
	ProblemEmpty      = "empty"           // neither text nor command nor file
	ProblemQuoteOnly  = "quote-only"      // nothing but what we had written
	ProblemNoTicket   = "no-ticket"       // a command that needs one; Line
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
	ResultNoHeld        = "no-held"       // nothing is held under that name
	ResultLegalHold     = "legal-hold"    // nothing is thrown away; Detail: the ticket's reference
	ResultHelp          = "help"
	ResultSent          = "sent" // the text beside the commands went to the requester
)
