package ticket

import (
	"encoding/hex"
	"math/bits"
	"time"
)

// Brake is a limit on what leaves, counted when a notice is about to.
type Brake struct {
	// Counter names what is counted; the store keeps a keyed digest of it.
	Counter string `json:"counter"`
	// Limit is how many may leave in a Window. With Doubling, Limit is unused
	// and only the 1st, 2nd, 4th, 8th … may.
	Limit    int           `json:"limit,omitempty"`
	Window   time.Duration `json:"window"`
	Doubling bool          `json:"doubling,omitempty"`
	// Trips is a further counter that is raised when this brake refuses.
	Trips string `json:"trips,omitempty"`
	// Peek asks the counter without raising it.
	Peek bool `json:"peek,omitempty"`
}

// Allows reports whether the nth (from 1) may leave; for a Peek, n is how many
// were counted.
func (b Brake) Allows(n int) bool {
	if b.Doubling {
		return n > 0 && bits.OnesCount(uint(n)) == 1
	}
	return n <= b.Limit
}

const day = 24 * time.Hour

// AnswerBrakes hold back acknowledgements and receipts, so that no header needs
// to be trusted for two machines to fall silent, or for a stranger not to be
// buried in our mail: one a ticket; 3 an hour and 10 a day for an address; 100
// an hour for a domain, counting only senders below domain proof; between an
// address and a queue the 1st, 2nd, 4th, 8th … of a day; and the same body a
// third time mutes the pair for the day.
func AnswerBrakes(t *Ticket, to Address, proof Proof, body [32]byte) []Brake {
	who := sharer(to, proof)
	pair := who + " " + t.Queue
	muted := "muted " + pair
	brakes := []Brake{
		{Counter: muted, Window: day, Peek: true},
		{Counter: "body " + hex.EncodeToString(body[:16]) + " " + pair, Limit: 2, Window: day, Trips: muted},
		{Counter: "ticket " + t.ID.String(), Limit: 1, Window: day},
		{Counter: "hour " + who, Limit: 3, Window: time.Hour},
		{Counter: "day " + who, Limit: 10, Window: day},
		{Counter: "pair " + pair, Window: day, Doubling: true},
	}
	if proof < ProofDomain {
		brakes = append(brakes, Brake{Counter: "domain " + to.Domain(), Limit: 100, Window: time.Hour})
	}
	return brakes
}

// sharer names whose share is counted. What was asked for with proof and without
// is counted apart: a forger can use up neither the answers nor the codes of the
// person whose address they give.
func sharer(to Address, proof Proof) string {
	if proof < ProofDomain {
		return "unproved " + to.Key()
	}
	return to.Key()
}

// TranscriptBrakes bound the answers that a listed agent can draw in an hour.
func TranscriptBrakes(to Address) []Brake {
	return []Brake{{Counter: "transcript " + to.Key(), Limit: 120, Window: time.Hour}}
}

// ReminderBrakes bound what one person gets of reminders, and of word that their
// tickets were closed without an answer, in a day.
func ReminderBrakes(to Address) []Brake {
	return []Brake{{Counter: "reminder " + to.Key(), Limit: 10, Window: day}}
}
