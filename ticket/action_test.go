package ticket_test

import (
	"fmt"
	"slices"
	"testing"

	"guichet/ticket"
)

// who is a claim taken apart into the words of the trust page, so that the table
// below reads as that page does.
type who struct {
	token, code bool // at least
	domain      bool // at least, by whatever method
	bySPF       bool // domain, and by SPF alone
	proved      bool // the domain stands behind it, whatever came on top

	participant, agent, tracking, client, staff, admin, seconded bool
}

// allowed is the table of the trust page, written down a second time.
var allowed = map[ticket.Action]func(who) bool{
	ticket.OpenTicket:     func(who) bool { return true },
	ticket.AddArticle:     func(w who) bool { return w.domain && w.participant },
	ticket.AskStatus:      func(w who) bool { return w.participant && (w.token || w.domain && w.tracking) },
	ticket.ReadHistory:    func(w who) bool { return w.code && w.participant },
	ticket.AddParticipant: func(w who) bool { return w.code && w.participant },
	ticket.ChangeAddress:  func(w who) bool { return w.code && w.participant },
	ticket.CloseOwn:       func(w who) bool { return w.token && w.participant },
	ticket.ReopenOwn:      func(w who) bool { return w.token && w.participant },
	ticket.ApproveStep:    func(w who) bool { return w.code && w.participant },
	ticket.ExportOwn:      func(w who) bool { return w.code },
	ticket.EraseOwn:       func(w who) bool { return w.code },
	// Two that the page implies: what a receipt asks for is a code, and an erasure
	// is called off by whoever may add to the ticket.
	ticket.ConfirmOwn: func(w who) bool { return w.code },
	ticket.KeepOwn:    func(w who) bool { return w.domain && w.participant },
	ticket.Enrol:      func(w who) bool { return w.code && w.proved && w.client },
	// The same as an agent who reads, for those whom the site's domains name.
	ticket.SeeSite:      func(w who) bool { return w.staff && (w.token || w.domain && !w.bySPF) },
	ticket.AgentWrite:   func(w who) bool { return w.agent && (w.token || w.domain && !w.bySPF) },
	ticket.AgentRead:    func(w who) bool { return w.agent && (w.token || w.domain && !w.bySPF) },
	ticket.AgentMany:    func(w who) bool { return w.code && w.agent },
	ticket.AgentForward: func(w who) bool { return w.code && w.agent },
	// The page asks a code of many commands at once; one of an agent's addresses is
	// the door to all of them.
	ticket.AgentAlias:   func(w who) bool { return w.code && w.agent },
	ticket.SiteSettings: func(w who) bool { return w.code && w.admin && w.seconded },
}

var methods = []ticket.Method{ticket.ByNothing, ticket.ByNetwork, ticket.ByRelay, ticket.ByDKIM, ticket.BySPF}

// everyClaim gives all proofs and methods with all combinations of the rest.
func everyClaim(visit func(ticket.Claim)) {
	for proof := ticket.ProofNone; proof <= ticket.ProofKey; proof++ {
		for _, method := range methods {
			for flags := range 1 << 7 {
				is := func(bit int) bool { return flags>>bit&1 == 1 }
				visit(ticket.Claim{Proof: proof, Method: method, Participant: is(0), ListedAgent: is(1),
					TrackingCode: is(2), ClientNumber: is(3), Administrator: is(4), Seconded: is(5), Staff: is(6)})
			}
		}
	}
}

func TestActionTable(t *testing.T) {
	if len(ticket.Actions()) != len(allowed) {
		t.Errorf("the table names %d actions, this test %d", len(ticket.Actions()), len(allowed))
	}
	for _, action := range ticket.Actions() {
		want := allowed[action]
		if want == nil {
			t.Errorf("%s is not on the trust page", action)
			continue
		}
		everyClaim(func(c ticket.Claim) {
			w := who{
				domain: c.Proof >= ticket.ProofDomain, token: c.Proof >= ticket.ProofToken, code: c.Proof >= ticket.ProofCode,
				bySPF: c.Method == ticket.BySPF, proved: c.Method != ticket.ByNothing,
				participant: c.Participant, agent: c.ListedAgent, tracking: c.TrackingCode, client: c.ClientNumber, staff: c.Staff,
				admin: c.Administrator, seconded: c.Seconded,
			}
			if got := action.Permits(c); got != want(w) {
				t.Errorf("%s: permitted is %v for %+v", action, got, c)
			}
		})
	}
}

// More proof, or more that is known in somebody's favour, never takes away.
func TestMoreProofNeverPermitsLess(t *testing.T) {
	for _, action := range ticket.Actions() {
		everyClaim(func(c ticket.Claim) {
			if !action.Permits(c) {
				return
			}
			more := []ticket.Claim{c, c, c, c, c, c, c, c}
			more[0].Proof++
			more[1].Participant, more[2].ListedAgent, more[3].TrackingCode = true, true, true
			more[4].ClientNumber, more[5].Administrator, more[6].Seconded = true, true, true
			more[7].Staff = true
			for _, m := range more {
				if !action.Permits(m) {
					t.Fatalf("%s: permitted for %+v, not for %+v", action, c, m)
				}
			}
		})
	}
}

func TestUnknownActionIsNeverPermitted(t *testing.T) {
	everyClaim(func(c ticket.Claim) {
		for _, action := range []ticket.Action{"", "delete-everything"} {
			if action.Permits(c) {
				t.Fatalf("%q is permitted for %+v", action, c)
			}
		}
	})
}

// A token raises domain proof and nothing below it, and never lowers anything.
func TestProve(t *testing.T) {
	for _, c := range []struct {
		found     ticket.Proof
		tokenFits bool
		want      ticket.Proof
	}{
		{ticket.ProofNone, false, ticket.ProofNone},
		{ticket.ProofNone, true, ticket.ProofNone},
		{ticket.ProofEnvelope, false, ticket.ProofEnvelope},
		{ticket.ProofEnvelope, true, ticket.ProofEnvelope},
		{ticket.ProofDomain, false, ticket.ProofDomain},
		{ticket.ProofDomain, true, ticket.ProofToken},
		{ticket.ProofCode, true, ticket.ProofCode},
		{ticket.ProofKey, true, ticket.ProofKey},
	} {
		if got := ticket.Prove(ticket.Evidence{Proof: c.found}, c.tokenFits); got != c.want {
			t.Errorf("Prove(%s, %v) = %s, want %s", c.found, c.tokenFits, got, c.want)
		}
	}
}

func TestProofNames(t *testing.T) {
	var names []string
	for p := ticket.ProofNone; p <= ticket.ProofKey; p++ {
		names = append(names, p.String())
	}
	if want := []string{"none", "envelope", "domain", "token", "code", "key"}; !slices.Equal(names, want) {
		t.Errorf("proofs are called %v", names)
	}
	for _, unknown := range []ticket.Proof{-1, ticket.ProofKey + 1} {
		if unknown.String() != "none" {
			t.Errorf("proof %d is called %s", unknown, fmt.Sprint(unknown))
		}
	}
}
