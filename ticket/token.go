package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"sync/atomic"
)

// Purpose is what a token is for; a token for one is worthless for another.
type Purpose byte

const (
	ReplyToken     Purpose = 0 // answers a ticket
	NoteToken      Purpose = 1 // leaves a note, whatever the mail says
	BounceToken    Purpose = 2 // envelope sender: brings bounces home
	ChallengeToken Purpose = 3 // brings a code back; Ticket is the challenge's id
)

// tokenVersion stands in the highest two bits of a token.
const tokenVersion = 0

// A token is 25 bytes: version, purpose and key in one, ticket, participant,
// and 96 bits of MAC; 40 characters, so that help+token@ stays within the 64
// octets of a local part (RFC 5321 §4.5.3.1.1).
const (
	tokenBytes  = 25
	TokenLength = 40
	macBytes    = 12
)

// Token is what an address or a Message-ID of ours says, before it is proved.
type Token struct {
	Purpose     Purpose
	Ticket      ID
	Participant uint16
	key         byte
	mac         [macBytes]byte
}

// Signer makes and proves tokens. Keys are numbered 0 to 15, so that a new one
// can be used while those made with the old still hold.
type Signer struct{ ring atomic.Pointer[keyRing] }

// keyRing is the keys of a signer and the number of the one that signs.
type keyRing struct {
	current byte
	keys    map[byte]purposeKeys
}

// purposeKeys are the keys that one key gives, one for each purpose: whoever
// finds one out knows nothing of the others. They are kept as the HMACs under
// them, since making one takes longer than using it.
type purposeKeys [4]*sync.Pool // of *signing

// signing is an HMAC with room for what it is of.
type signing struct {
	hash.Hash
	text, sum []byte
}

func derive(key []byte) (keys purposeKeys) {
	for purpose := range keys {
		h := hmac.New(sha256.New, key)
		h.Write([]byte("guichet token purpose "))
		h.Write([]byte{byte(purpose)})
		derived := h.Sum(nil)
		keys[purpose] = &sync.Pool{New: func() any { return &signing{Hash: hmac.New(sha256.New, derived)} }}
	}
	return keys
}

// NewSigner takes the keys by number, each of 32 bytes or more, and says which
// one signs.
func NewSigner(current byte, keys map[byte][]byte) (*Signer, error) {
	ring := &keyRing{current: current, keys: map[byte]purposeKeys{}}
	for n, key := range keys {
		if n > 15 {
			return nil, fmt.Errorf("token key number %d is above 15", n)
		}
		if len(key) < 32 {
			return nil, fmt.Errorf("token key %d is shorter than 32 bytes", n)
		}
		ring.keys[n] = derive(key)
	}
	if _, ok := ring.keys[current]; !ok {
		return nil, fmt.Errorf("token key %d is missing", current)
	}
	s := &Signer{}
	s.ring.Store(ring)
	return s, nil
}

// Adopt takes over the keys of another, for whoever uses s from now on.
func (s *Signer) Adopt(other *Signer) { s.ring.Store(other.ring.Load()) }

// Sign makes the token of a participant of a ticket.
func (s *Signer) Sign(purpose Purpose, site string, id ID, p *Participant) string {
	ring := s.ring.Load()
	var b [tokenBytes]byte
	b[0] = tokenVersion<<6 | byte(purpose)<<4 | ring.current
	copy(b[1:11], id[:])
	binary.BigEndian.PutUint16(b[11:13], p.Number)
	mac := s.mac(ring.keys[ring.current][purpose], b[:13], site, p)
	copy(b[13:], mac[:])
	var token [TokenLength]byte
	lower32.Encode(token[:], b[:])
	return string(token[:])
}

// Proves reports whether the token was made by us for that participant of that
// ticket of that site, in their present role and epoch.
func (s *Signer) Proves(t Token, site string, id ID, p *Participant) bool {
	keys, ok := s.ring.Load().keys[t.key]
	if !ok || t.Ticket != id || t.Participant != p.Number {
		return false
	}
	var b [13]byte
	b[0] = tokenVersion<<6 | byte(t.Purpose)<<4 | t.key
	copy(b[1:11], id[:])
	binary.BigEndian.PutUint16(b[11:13], p.Number)
	mac := s.mac(keys[t.Purpose], b[:], site, p)
	return hmac.Equal(mac[:], t.mac[:])
}

// SignChallenge makes the token of the address to which a code is sent back.
func (s *Signer) SignChallenge(site string, id ID) string {
	return s.Sign(ChallengeToken, site, id, &Participant{})
}

// ProvesChallenge reports whether the token was made by us for a challenge of
// the site.
func (s *Signer) ProvesChallenge(t Token, site string) bool {
	return t.Purpose == ChallengeToken && s.Proves(t, site, t.Ticket, &Participant{})
}

func (s *Signer) mac(under *sync.Pool, head []byte, site string, p *Participant) (sum [macBytes]byte) {
	h := under.Get().(*signing)
	defer under.Put(h)
	h.text = appendFields(h.text[:0], "guichet token", string(head), site, string(p.Role), string([]byte{p.Epoch}))
	h.Reset()
	h.Write(h.text)
	h.sum = h.Sum(h.sum[:0])
	copy(sum[:], h.sum)
	return sum
}

// appendFields writes fields, each preceded by its length, so that no two lists of
// them are the same bytes.
func appendFields(b []byte, fields ...string) []byte {
	for _, field := range fields {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(field))), field...)
	}
	return b
}

// ParseToken reads 40 characters of a token, in any case. It proves nothing.
func ParseToken(s string) (Token, bool) {
	if len(s) != TokenLength {
		return Token{}, false
	}
	b, err := lower32.DecodeString(strings.ToLower(s))
	// The decoder skips line ends, and some letters take fewer bytes in lower
	// case: 40 bytes of text may be less than a token.
	if err != nil || len(b) != tokenBytes || b[0]>>6 != tokenVersion {
		return Token{}, false
	}
	t := Token{
		Purpose:     Purpose(b[0] >> 4 & 3),
		key:         b[0] & 15,
		Ticket:      ID(b[1:11]),
		Participant: binary.BigEndian.Uint16(b[11:13]),
	}
	copy(t.mac[:], b[13:])
	return t, true
}

// NewMessageID makes the identifier, without <>, of a mail to one participant.
// It carries their reply token, which so survives programs that drop
// plus-addresses: References and In-Reply-To bring it back.
func (s *Signer) NewMessageID(random io.Reader, site string, id ID, p *Participant, host string) string {
	return s.Sign(ReplyToken, site, id, p) + "." + NewID(random).String() + "@" + host
}

// TokenOfMessageID gives the token in an identifier of ours.
func TokenOfMessageID(messageID string) (Token, bool) {
	left, _, _ := strings.Cut(strings.Trim(messageID, "<> "), "@")
	token, _, found := strings.Cut(left, ".")
	if !found {
		return Token{}, false
	}
	return ParseToken(token)
}

// probes is the place of a site in the tokens of its probes: no site is named so,
// and so they are worthless for all else.
func probes(site string) string { return "\x00probe " + site }

// SignProbe makes the token of a mail that an administrator sends to see whether
// it comes home as it left.
func (s *Signer) SignProbe(site string, id ID) string {
	return s.Sign(ChallengeToken, probes(site), id, &Participant{})
}

// ProvesProbe reports whether the token was made by us for a probe of the site;
// its Ticket is the probe's id.
func (s *Signer) ProvesProbe(t Token, site string) bool {
	return t.Purpose == ChallengeToken && s.Proves(t, probes(site), t.Ticket, &Participant{})
}
