package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// Challenge is an action that was asked for with too little proof. It is parked
// whole, and runs when the code that was mailed to the stored address comes
// back from there: whatever else that mail says, what runs is what was parked.
type Challenge struct {
	ID    ID     `json:"id"`
	Site  string `json:"site"`
	Queue string `json:"queue"`
	// Action is what runs, with Parked as its parameters.
	Action Action `json:"action"`
	Parked Parked `json:"parked,omitzero"`
	// Ticket and Participant are what it is about; zero where there is none yet.
	Ticket      ID     `json:"ticket,omitzero"`
	Participant uint16 `json:"participant,omitempty"`
	// Mailbox is the stored one, to which the code went: only mail from it counts.
	Mailbox Mailbox `json:"mailbox"`
	Locale  string  `json:"locale"`
	// Digest is that of the code; the code itself is kept nowhere.
	Digest [32]byte `json:"digest"`
	// Tries counts wrong codes.
	Tries   int       `json:"tries"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// MessageID is that of the mail that brought the code.
	MessageID string `json:"message_id"`
	// Version is that of the record: 0 creates.
	Version uint64 `json:"-"`
}

// Parked are the parameters of a parked action.
type Parked struct {
	// Address and Name are those of whom it is about: who is added, or the new
	// address.
	Address Address `json:"address,omitempty"`
	Name    string  `json:"name,omitempty"`
	// Held is the mail that waits for it.
	Held string `json:"held,omitempty"`
	// Other is a challenge to another mailbox that must be met too.
	Other ID `json:"other,omitzero"`
	// Tickets are those of a list, in its order, and Lines what is to be done with
	// them, each with its number: a list is answered without a code, save where it
	// is many.
	Tickets []ID     `json:"tickets,omitempty"`
	Lines   []string `json:"lines,omitempty"`
	// Met is set on a challenge whose code came, while Other's has not.
	Met bool `json:"met,omitempty"`
}

// MaxTries is how many wrong codes end a challenge.
const MaxTries = 5

// Live reports whether the challenge can still be met.
func (c *Challenge) Live(now time.Time) bool {
	return c.Tries < MaxTries && !c.Parked.Met && now.Before(c.Expires)
}

// ValidationFormat is the form of a site's validation codes.
type ValidationFormat struct {
	Length int // 6 to 14
	// Valid is how long a code can be sent back.
	Valid time.Duration
	// Template is the text of the mail that brings it.
	Template string
}

// validationAlphabet has no vowels, so that no code is a word, and none of what
// is read as something else.
const validationAlphabet = "34679CDFGHJKMNPRTWXY"

// Draw makes a code from random.
func (f ValidationFormat) Draw(random io.Reader) string {
	return draw(random, validationAlphabet, f.Length)
}

// Find gives what may be a code on a line, as it was typed or as the button
// wrote it: alone or among other words, in groups or not, in any case. It gives
// at most three, and each is a try: a line full of guesses gains nothing.
func (f ValidationFormat) Find(line string) []string {
	var found []string
	words := strings.Fields(strings.ToUpper(line))
	for i := range words {
		code := ""
		for _, word := range words[i:] { // groups that were separated by spaces
			group, ok := codeGroup(word)
			if !ok || len(code)+len(group) > f.Length {
				break
			}
			if code += group; len(code) == f.Length {
				found = append(found, code)
				break
			}
		}
		if len(found) == 3 {
			break
		}
	}
	return found
}

// codeGroup gives the characters of a word that holds nothing but those of a
// code, hyphens, and what stands around words.
func codeGroup(word string) (string, bool) {
	word = strings.Trim(word, ".,:;!?\"'()[]<>*«»“”’")
	var b strings.Builder
	for _, r := range word {
		switch {
		case strings.ContainsRune(validationAlphabet, r):
			b.WriteRune(r)
		case !unicode.Is(unicode.Pd, r):
			return "", false
		}
	}
	return b.String(), b.Len() > 0
}

// Pepper is the secret that codes are digested with, so that who reads the
// store cannot try all of them. A new one can be used while codes that were
// digested with the one before still hold.
type Pepper struct{ keys atomic.Pointer[[][]byte] }

// NewPepper takes the key that digests, and others whose codes hold too.
func NewPepper(key []byte, others ...[]byte) *Pepper {
	p := &Pepper{}
	all := append([][]byte{key}, others...)
	p.keys.Store(&all)
	return p
}

// Adopt takes over the keys of another, for whoever uses p from now on.
func (p *Pepper) Adopt(other *Pepper) { p.keys.Store(other.keys.Load()) }

// Digest is what is kept of a code.
func (p *Pepper) Digest(challenge ID, code string) [32]byte {
	return digestCode((*p.keys.Load())[0], challenge, code)
}

func digestCode(key []byte, challenge ID, code string) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	for _, field := range [][]byte{[]byte("guichet code"), challenge[:], []byte(code)} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(field)))
		h.Write(field)
	}
	h.Sum(sum[:0])
	return sum
}

// Meets reports whether one of the codes is the challenge's.
func (p *Pepper) Meets(c *Challenge, codes []string) bool {
	met := false
	for _, key := range *p.keys.Load() {
		for _, code := range codes {
			sum := digestCode(key, c.ID, code)
			met = hmac.Equal(sum[:], c.Digest[:]) || met
		}
	}
	return met
}

// CodeBrakes bound the codes that go to an address: three that live at once, 5
// an hour, 10 a day. Below domain proof they count together with the answers
// that AnswerBrakes bound: one person is not sent three of each in an hour
// because somebody gives their address.
func CodeBrakes(to Address, proof Proof, valid time.Duration) []Brake {
	who, anHour := "code "+to.Key(), 5
	if proof < ProofDomain {
		who, anHour = sharer(to, proof), 3
	}
	return []Brake{
		{Counter: "live " + who, Limit: 3, Window: valid},
		{Counter: "hour " + who, Limit: anHour, Window: time.Hour},
		{Counter: "day " + who, Limit: 10, Window: day},
	}
}
