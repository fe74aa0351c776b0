package ticket

// Proof says how surely a message was written by the owner of its From
// address. Levels are ordered; each action names the least that it needs
// (Action.Permits). The door computes up to ProofDomain from the connection, the
// signatures and DNS; Prove raises it where a reply token fits.
type Proof int8

const (
	ProofNone     Proof = iota // nothing, or something ambiguous
	ProofEnvelope              // SPF passes for MAIL FROM, not aligned with From
	ProofDomain                // the From domain stands behind it
	ProofToken                 // domain, and a reply token whose participant is the From address
	ProofCode                  // a one-time code sent back from the mailbox it went to
	ProofKey                   // a pinned OpenPGP or S/MIME key over our nonce
)

var proofNames = [...]string{"none", "envelope", "domain", "token", "code", "key"}

func (p Proof) String() string {
	if p < 0 || int(p) >= len(proofNames) {
		return "none"
	}
	return proofNames[p]
}

// Method is what gave domain proof.
type Method string

const (
	ByNothing Method = ""
	ByNetwork Method = "network" // a host of trust.networks says so
	ByRelay   Method = "relay"   // a front MX's own Authentication-Results say so
	ByDKIM    Method = "dkim"    // an aligned signature (RFC 6376, RFC 7489 §3.1.1)
	BySPF     Method = "spf"     // aligned SPF alone (RFC 7208, RFC 7489 §3.1.2)
)

// Policy is what a domain wants done with mail under its name that it does not
// stand behind (DMARC, RFC 7489 §6.3).
type Policy string

const (
	NoPolicy   Policy = ""
	Quarantine Policy = "quarantine"
	Reject     Policy = "reject"
)

// Evidence is what the door found out about a sender, once for each message.
type Evidence struct {
	// From is the one unambiguous author address; empty when there is none, and
	// then Proof is ProofNone.
	From Address
	// Proof is at most ProofDomain.
	Proof Proof
	// Method is what gave ProofDomain. BySPF does not count for agents without a
	// token: shared hosts send for their neighbours.
	Method Method
	// Domain is the domain that was proved (of the signature, or of MAIL FROM).
	Domain string
	// Reason is a short plain sentence without addresses, for the article, the
	// log and explain: "signed by example.com".
	Reason string
	// Policy is set when the From domain does not stand behind the message and
	// wants such mail set aside or refused. It is then held: where the door could
	// refuse it without harm, it did.
	Policy Policy
	// Suspect says in plain words why a check that the operator chose (block
	// lists, scanners) wants a person to see the message first; "" when none does.
	Suspect string
}
