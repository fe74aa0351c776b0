package ticket_test

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"guichet/ticket"
)

// counters is what a store does with brakes: a brake with a limit alone counts
// what passes, one that doubles or trips counts every attempt, one that peeks
// counts nothing; each that refuses raises what it trips; a count begins anew
// when its window is over.
type counters map[string]count

type count struct {
	n     int
	until time.Time
}

func (c counters) get(name string, now time.Time) int {
	if held := c[name]; now.Before(held.until) {
		return held.n
	}
	return 0
}

func (c counters) raise(name string, window time.Duration, now time.Time) {
	held := c[name]
	if !now.Before(held.until) {
		held = count{until: now.Add(window)}
	}
	held.n++
	c[name] = held
}

func (c counters) allows(b ticket.Brake, now time.Time) bool {
	n := c.get(b.Counter, now)
	if !b.Peek {
		n++
	}
	return b.Allows(n)
}

func (c counters) take(brakes []ticket.Brake, now time.Time) bool {
	passes := true
	refuses := make([]bool, len(brakes))
	for i, b := range brakes {
		refuses[i] = !c.allows(b, now)
		passes = passes && !refuses[i]
	}
	for i, b := range brakes {
		if refuses[i] && b.Trips != "" {
			c.raise(b.Trips, b.Window, now)
		}
		if !b.Peek && (passes || b.Doubling || b.Trips != "") {
			c.raise(b.Counter, b.Window, now)
		}
	}
	return passes
}

func acknowledged(n int) (*ticket.Ticket, [32]byte) {
	tk := &ticket.Ticket{ID: ticket.ID{byte(n >> 16), byte(n >> 8), byte(n)}, Site: "acme", Queue: "help"}
	return tk, sha256.Sum256(fmt.Append(nil, n))
}

// Somebody spoofs a victim 10,000 times, each mail another text, as fast as the
// door takes them.
func TestAcknowledgementsDoNotBuryAVictim(t *testing.T) {
	c, out := counters{}, 0
	for i := range 10_000 {
		tk, body := acknowledged(i)
		if c.take(ticket.AnswerBrakes(tk, "victim@customer.example", ticket.ProofNone, body), noon.Add(time.Duration(i)*time.Millisecond)) {
			out++
		}
	}
	if out == 0 || out > 3 {
		t.Errorf("%d mails went to the victim", out)
	}
}

// One who writes in a victim's name, with requests and with wishes that a code
// would allow, draws three mails in all, and leaves the victim's own share.
func TestAForgerUsesUpNobodysShare(t *testing.T) {
	c, out := counters{}, 0
	const victim = ticket.Address("victim@customer.example")
	for i := range 1000 {
		tk, body := acknowledged(i / 4) // the same body several times
		brakes := ticket.AnswerBrakes(tk, victim, ticket.ProofNone, body)
		if i%2 == 1 {
			brakes = ticket.CodeBrakes(victim, ticket.ProofEnvelope, 15*time.Minute)
		}
		if c.take(brakes, noon) {
			out++
		}
	}
	if out != 3 {
		t.Errorf("%d mails went to the victim", out)
	}
	tk, body := acknowledged(0)
	tk.ID = ticket.ID{9}
	if !c.take(ticket.AnswerBrakes(tk, victim, ticket.ProofDomain, body), noon) {
		t.Error("the victim's own request is not acknowledged")
	}
	for i := range 3 {
		if !c.take(ticket.CodeBrakes(victim, ticket.ProofToken, 15*time.Minute), noon) {
			t.Errorf("code %d, which the victim asks for, does not leave", i+1)
		}
	}
}

// Spread over a week and over two queues, no hour sees more than 3 and no day
// more than 10.
func TestAnHourAndADayAreBounded(t *testing.T) {
	c, hours, days := counters{}, map[int]int{}, map[int]int{}
	for i := range 10_000 {
		tk, body := acknowledged(i)
		tk.Queue = []string{"help", "billing", "sales", "press"}[i%4]
		at := time.Duration(i) * time.Minute
		if c.take(ticket.AnswerBrakes(tk, "victim@customer.example", ticket.ProofDomain, body), noon.Add(at)) {
			hours[int(at/time.Hour)]++
			days[int(at/(24*time.Hour))]++
		}
	}
	for h, n := range hours {
		if n > 3 {
			t.Errorf("%d mails in hour %d", n, h)
		}
	}
	for d, n := range days {
		if n > 10 {
			t.Errorf("%d mails on day %d", n, d)
		}
	}
	if len(days) < 6 {
		t.Errorf("mails left on %d days only", len(days))
	}
}

// Many victims of one domain share 100 an hour, unless their domain stands
// behind them.
func TestADomainIsBoundedBelowDomainProof(t *testing.T) {
	for proof, want := range map[ticket.Proof]int{ticket.ProofNone: 100, ticket.ProofEnvelope: 100, ticket.ProofDomain: 1000} {
		c, out := counters{}, 0
		for i := range 1000 {
			tk, body := acknowledged(i)
			to := ticket.Address(fmt.Sprintf("victim%d@customer.example", i))
			if c.take(ticket.AnswerBrakes(tk, to, proof, body), noon) {
				out++
			}
		}
		if out != want {
			t.Errorf("proof %s: %d mails to the domain, want %d", proof, out, want)
		}
	}
}

// Two machines that answer each other, with every header stripped, each answer
// a new matter to the other: of n messages in a day at most log2 n + 1 are
// answered, however slowly they come.
func TestTwoMachinesFallSilent(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		c, out := counters{}, 0
		gap := 24 * time.Hour / time.Duration(n+1)
		for i := range n {
			tk, body := acknowledged(i)
			if c.take(ticket.AnswerBrakes(tk, "robot@machine.example", ticket.ProofDomain, body), noon.Add(time.Duration(i)*gap)) {
				out++
			}
		}
		if most := bits.Len(uint(n)); out > most || out == 0 {
			t.Errorf("%d of %d messages were answered, at most %d should be", out, n, most)
		}
	}
}

// The same body a third time mutes the pair for the day, for other bodies too,
// and for no other pair.
func TestTheSameBodyThreeTimesMutes(t *testing.T) {
	c := counters{}
	same := sha256.Sum256([]byte("I am away"))
	send := func(i int, to ticket.Address, body [32]byte, at time.Duration) bool {
		tk, _ := acknowledged(i)
		return c.take(ticket.AnswerBrakes(tk, to, ticket.ProofDomain, body), noon.Add(at))
	}
	first, second := send(1, "robot@machine.example", same, 0), send(2, "robot@machine.example", same, time.Hour)
	if !first || !second {
		t.Fatalf("the first is answered %v, the second %v", first, second)
	}
	if send(3, "robot@machine.example", same, 2*time.Hour) {
		t.Error("the third is answered")
	}
	_, other := acknowledged(4)
	if send(4, "robot@machine.example", other, 3*time.Hour) { // the fourth: doubling would let it pass
		t.Error("another body is answered though the pair is muted")
	}
	if !send(5, "marie@customer.example", same, 3*time.Hour) {
		t.Error("another pair is muted")
	}
	if !send(6, "robot@machine.example", other, 27*time.Hour) {
		t.Error("the pair is muted on the next day")
	}
}

// One acknowledgement a ticket.
func TestOneATicket(t *testing.T) {
	c := counters{}
	tk, _ := acknowledged(1)
	for i, want := range []bool{true, false} {
		_, body := acknowledged(i)
		if got := c.take(ticket.AnswerBrakes(tk, "marie@customer.example", ticket.ProofDomain, body), noon); got != want {
			t.Errorf("number %d: %v", i+1, got)
		}
	}
}

// Case and plus-addresses of the same pair count together where they are one
// mailbox.
func TestBrakesKnowAMailboxByItsKey(t *testing.T) {
	c, out := counters{}, 0
	for i := range 100 {
		tk, body := acknowledged(i)
		to := ticket.Address([]string{"victim@customer.example", "Victim@customer.example", "VICTIM@customer.example"}[i%3])
		if c.take(ticket.AnswerBrakes(tk, to, ticket.ProofNone, body), noon) {
			out++
		}
	}
	if out > 3 {
		t.Errorf("%d mails to one mailbox", out)
	}
}

func TestTranscriptBrakes(t *testing.T) {
	c, out := counters{}, 0
	for range 500 {
		if c.take(ticket.TranscriptBrakes("anna@acme.example"), noon) {
			out++
		}
	}
	if out != 120 {
		t.Errorf("%d transcripts in an hour", out)
	}
}

func TestBrakeAllows(t *testing.T) {
	doubling := ticket.Brake{Doubling: true}
	for n := range 40 {
		power := n == 1 || n == 2 || n == 4 || n == 8 || n == 16 || n == 32
		if doubling.Allows(n) != power {
			t.Errorf("doubling: number %d is %v", n, !power)
		}
	}
	if limit := (ticket.Brake{Limit: 3}); !limit.Allows(3) || limit.Allows(4) {
		t.Error("a limit of 3 is not 3")
	}
	if peek := (ticket.Brake{Peek: true}); !peek.Allows(0) || peek.Allows(1) {
		t.Error("a peek refuses what was never counted, or passes what was")
	}
}
