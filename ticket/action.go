package ticket

// Action is something that a mail may ask for. Each needs proof.
type Action string

const (
	OpenTicket     Action = "open"
	AddArticle     Action = "add"          // a requester, to their own ticket
	AskStatus      Action = "status"       // answered to the stored address only
	ReadHistory    Action = "read-history" // the whole of it
	AddParticipant Action = "add-participant"
	ChangeAddress  Action = "change-address"
	CloseOwn       Action = "close-own"
	ReopenOwn      Action = "reopen-own"
	ApproveStep    Action = "approve"
	ExportOwn      Action = "export"
	EraseOwn       Action = "erase"
	Enrol          Action = "enrol"
	ConfirmOwn     Action = "confirm" // that one wrote a request oneself
	KeepOwn        Action = "keep"    // call an erasure off

	// SeeSite is how all that is open at a site stands, for its staff and for those
	// whom an agent let see it; answered to the address of theirs that asked.
	SeeSite Action = "see-site"

	AgentWrite   Action = "agent-write"   // answer, note, command on one ticket, add a participant
	AgentRead    Action = "agent-read"    // answered to the listed address only
	AgentMany    Action = "agent-many"    // many tickets at once
	AgentForward Action = "agent-forward" // a ticket, outside
	AgentAlias   Action = "agent-alias"   // that a further address is theirs
	SiteSettings Action = "site-settings" // and a second administrator
)

// Claim is what is known of who asks.
type Claim struct {
	Proof  Proof
	Method Method
	// Participant: the From address is a participant of the ticket.
	Participant bool
	// ListedAgent: the From address stands in the queue's list at this moment.
	ListedAgent bool
	// TrackingCode: they named the ticket's.
	TrackingCode bool
	// ClientNumber: they named the site's.
	ClientNumber bool
	// Staff: the From address is of one of the site's domains, or an agent let it
	// see the whole site.
	Staff bool
	// Administrator: the From address is an administrator of the site.
	Administrator bool
	// Seconded: a second administrator asked for the same.
	Seconded bool
}

// need is one way to be allowed: a proof and what must hold beside it.
type need struct {
	proof Proof
	with  func(Claim) bool
}

func always(Claim) bool         { return true }
func participant(c Claim) bool  { return c.Participant }
func trackingCode(c Claim) bool { return c.Participant && c.TrackingCode }
func listed(c Claim) bool       { return c.ListedAgent }
func staff(c Claim) bool        { return c.Staff }
func seconded(c Claim) bool     { return c.Administrator && c.Seconded }

// clientNumber asks for the domain's word beside the code: a code is above it
// in the order of proofs, yet comes back from mailboxes whose domain says
// nothing.
func clientNumber(c Claim) bool { return c.ClientNumber && c.Method != ByNothing }

// listedNotBySPF is for agents without a token: a host that SPF names may be
// shared, and sends for all its customers.
func listedNotBySPF(c Claim) bool { return c.ListedAgent && c.Method != BySPF }

// staffNotBySPF is for the same reason.
func staffNotBySPF(c Claim) bool { return c.Staff && c.Method != BySPF }

// needs is the whole of who may do what: any one way is enough.
var needs = map[Action][]need{
	OpenTicket:     {{ProofNone, always}},
	AddArticle:     {{ProofToken, participant}, {ProofDomain, participant}},
	AskStatus:      {{ProofToken, participant}, {ProofDomain, trackingCode}},
	ReadHistory:    {{ProofCode, participant}},
	AddParticipant: {{ProofCode, participant}},
	ChangeAddress:  {{ProofCode, participant}},
	CloseOwn:       {{ProofToken, participant}},
	ReopenOwn:      {{ProofToken, participant}},
	ApproveStep:    {{ProofCode, participant}},
	ExportOwn:      {{ProofCode, always}},
	EraseOwn:       {{ProofCode, always}},
	ConfirmOwn:     {{ProofCode, always}},
	KeepOwn:        {{ProofToken, participant}, {ProofDomain, participant}},
	Enrol:          {{ProofCode, clientNumber}},
	SeeSite:        {{ProofToken, staff}, {ProofDomain, staffNotBySPF}},

	AgentWrite:   {{ProofToken, listed}, {ProofDomain, listedNotBySPF}},
	AgentRead:    {{ProofToken, listed}, {ProofDomain, listedNotBySPF}},
	AgentMany:    {{ProofCode, listed}},
	AgentForward: {{ProofCode, listed}},
	AgentAlias:   {{ProofCode, listed}},
	SiteSettings: {{ProofCode, seconded}},
}

// Permits reports whether the claim is enough for the action. An action that
// the table does not name is never permitted.
func (a Action) Permits(c Claim) bool {
	for _, n := range needs[a] {
		if c.Proof >= n.proof && n.with(c) {
			return true
		}
	}
	return false
}

// Actions are all that the table names, in no order.
func Actions() []Action {
	var all []Action
	for a := range needs {
		all = append(all, a)
	}
	return all
}

// Prove is the one place where a message's level is settled: what the door
// found, raised to ProofToken where a reply token that is ours names the very
// participant who is From. A token on less than domain proof raises nothing.
func Prove(e Evidence, tokenFits bool) Proof {
	if tokenFits && e.Proof >= ProofDomain {
		return max(e.Proof, ProofToken)
	}
	return e.Proof
}
