package ticket_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/ticket"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func signer(t testing.TB, current byte, keys map[byte][]byte) *ticket.Signer {
	t.Helper()
	s, err := ticket.NewSigner(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var purposes = []ticket.Purpose{ticket.ReplyToken, ticket.NoteToken, ticket.BounceToken}

func anyID(t *rapid.T) ticket.ID {
	var id ticket.ID
	copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, "id"))
	return id
}

func anyParticipant(t *rapid.T) *ticket.Participant {
	return &ticket.Participant{
		Number: rapid.Uint16Min(1).Draw(t, "number"),
		Role:   rapid.SampledFrom([]ticket.Role{ticket.Requester, ticket.AgentRole, ticket.Copied, ticket.Approver}).Draw(t, "role"),
		Epoch:  rapid.Byte().Draw(t, "epoch"),
	}
}

func TestTokenRoundTrip(t *testing.T) {
	s := signer(t, 3, map[byte][]byte{3: key(3)})
	rapid.Check(t, func(t *rapid.T) {
		id, p := anyID(t), anyParticipant(t)
		purpose := rapid.SampledFrom(purposes).Draw(t, "purpose")
		token := s.Sign(purpose, "acme", id, p)
		if len(token) != ticket.TokenLength || token != strings.ToLower(token) {
			t.Fatalf("token %q is not 40 small characters", token)
		}
		for _, written := range []string{token, strings.ToUpper(token)} {
			read, ok := ticket.ParseToken(written)
			if !ok || read.Purpose != purpose || read.Ticket != id || read.Participant != p.Number {
				t.Fatalf("%q is read as %+v, %v", written, read, ok)
			}
			if !s.Proves(read, "acme", id, p) {
				t.Fatalf("%q is not proved", written)
			}
		}
	})
}

// A token on a queue's address fits the local part (RFC 5321 §4.5.3.1.1), and
// the address is one that ParseAddress takes and Match takes apart again.
func TestTokenFitsAnAddress(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1)})
	queue := ticket.Queue{Name: "help", Address: ticket.MustAddress("customer-care-and-help@acme.example")}
	p := &ticket.Participant{Number: 65535, Role: ticket.Requester, Epoch: 255}
	address := queue.With(s.Sign(ticket.ReplyToken, "acme", ticket.NewID(rand.Reader), p))
	if len(address.Local()) > 64 {
		t.Errorf("local part %q has %d octets", address.Local(), len(address.Local()))
	}
	parsed, err := ticket.ParseAddress(string(address))
	if err != nil {
		t.Fatal(err)
	}
	extension, _, ok := queue.Match(parsed)
	if _, isToken := ticket.ParseToken(extension); !ok || !isToken {
		t.Errorf("%s gives extension %q, %v", parsed, extension, ok)
	}
}

func TestEveryBitOfATokenCounts(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1), 1: key(2)})
	id, p := ticket.NewID(rand.Reader), &ticket.Participant{Number: 2, Role: ticket.Requester, Epoch: 1}
	token := s.Sign(ticket.ReplyToken, "acme", id, p)
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	flips := 0
	for i := range token {
		value := strings.IndexByte(alphabet, token[i])
		for bit := range 5 {
			flipped := token[:i] + string(alphabet[value^1<<bit]) + token[i+1:]
			flips++
			// Proved against its own words, as somebody who forges would have it.
			read, ok := ticket.ParseToken(flipped)
			if !ok {
				continue // the version
			}
			own := *p
			own.Number = read.Participant
			if s.Proves(read, "acme", read.Ticket, &own) || s.Proves(read, "acme", id, p) {
				t.Errorf("bit %d of character %d may be flipped", bit, i)
			}
		}
	}
	if flips != 200 {
		t.Errorf("%d bits were flipped, not 200", flips)
	}
}

// A token is worth nothing for anything but what it was made for.
func TestTokenIsBound(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1)})
	id := ticket.NewID(rand.Reader)
	p := ticket.Participant{Number: 2, Role: ticket.Requester, Epoch: 1}
	read, _ := ticket.ParseToken(s.Sign(ticket.ReplyToken, "acme", id, &p))
	if !s.Proves(read, "acme", id, &p) {
		t.Fatal("a good token is not proved")
	}
	other := ticket.NewID(rand.Reader)
	changed := func(change func(*ticket.Participant)) *ticket.Participant {
		q := p
		change(&q)
		return &q
	}
	forTicket := func(t ticket.Token, id ticket.ID) ticket.Token { t.Ticket = id; return t }
	forNumber := func(t ticket.Token, n uint16) ticket.Token { t.Participant = n; return t }
	forPurpose := func(t ticket.Token, p ticket.Purpose) ticket.Token { t.Purpose = p; return t }
	three := changed(func(p *ticket.Participant) { p.Number = 3 })
	for _, c := range []struct {
		why         string
		token       ticket.Token
		site        string
		id          ticket.ID
		participant *ticket.Participant
	}{
		{"another site", read, "bolt", id, &p},
		{"a site whose name begins alike", read, "acm", id, &p},
		{"another ticket", read, "acme", other, &p},
		{"its ticket written over", forTicket(read, other), "acme", other, &p},
		{"another participant", read, "acme", id, three},
		{"its participant written over", forNumber(read, 3), "acme", id, three},
		{"an agent", read, "acme", id, changed(func(p *ticket.Participant) { p.Role = ticket.AgentRole })},
		{"a later epoch", read, "acme", id, changed(func(p *ticket.Participant) { p.Epoch = 2 })},
		{"an earlier epoch", read, "acme", id, changed(func(p *ticket.Participant) { p.Epoch = 0 })},
		{"as a note", forPurpose(read, ticket.NoteToken), "acme", id, &p},
		{"as a bounce", forPurpose(read, ticket.BounceToken), "acme", id, &p},
	} {
		if s.Proves(c.token, c.site, c.id, c.participant) {
			t.Errorf("proved for %s", c.why)
		}
	}
}

// Site and role follow each other in what is sealed: no shift of a letter from
// one to the other makes the same token.
func TestTokenFieldsDoNotRunTogether(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1)})
	id := ticket.NewID(rand.Reader)
	a := s.Sign(ticket.ReplyToken, "acme", id, &ticket.Participant{Number: 1, Role: "requester"})
	b := s.Sign(ticket.ReplyToken, "acmer", id, &ticket.Participant{Number: 1, Role: "equester"})
	if a == b {
		t.Error("two sites share a token")
	}
}

func TestTokenKeysRotate(t *testing.T) {
	id, p := ticket.NewID(rand.Reader), &ticket.Participant{Number: 1, Role: ticket.Requester}
	before := signer(t, 0, map[byte][]byte{0: key(1)})
	during := signer(t, 1, map[byte][]byte{0: key(1), 1: key(2)})
	after := signer(t, 1, map[byte][]byte{1: key(2)})
	old, _ := ticket.ParseToken(before.Sign(ticket.ReplyToken, "acme", id, p))
	fresh, _ := ticket.ParseToken(during.Sign(ticket.ReplyToken, "acme", id, p))
	for _, c := range []struct {
		why    string
		signer *ticket.Signer
		token  ticket.Token
		want   bool
	}{
		{"an old token while both keys are known", during, old, true},
		{"a new token while both keys are known", during, fresh, true},
		{"an old token once its key is gone", after, old, false},
		{"a new token once the old key is gone", after, fresh, true},
		{"a new token before its key is known", before, fresh, false},
	} {
		if got := c.signer.Proves(c.token, "acme", id, p); got != c.want {
			t.Errorf("%s: proved is %v", c.why, got)
		}
	}
	reused := signer(t, 0, map[byte][]byte{0: key(9)})
	if reused.Proves(old, "acme", id, p) {
		t.Error("another key of the same number proves an old token")
	}
}

func TestNewSignerRefuses(t *testing.T) {
	for why, c := range map[string]struct {
		current byte
		keys    map[byte][]byte
	}{
		"no keys":             {0, nil},
		"the current missing": {1, map[byte][]byte{0: key(1)}},
		"the current short":   {0, map[byte][]byte{0: key(1)[:31]}},
		"an old one short":    {1, map[byte][]byte{0: key(1)[:1], 1: key(2)}},
		"an old one empty":    {1, map[byte][]byte{0: nil, 1: key(2)}},
		"a number above 15":   {0, map[byte][]byte{0: key(1), 16: key(2)}},
		"the current above":   {16, map[byte][]byte{16: key(2)}},
	} {
		if _, err := ticket.NewSigner(c.current, c.keys); err == nil {
			t.Errorf("%s: taken", why)
		}
	}
}

// What somebody does later to the map that they handed over changes no signer.
func TestSignerKeepsItsOwnKeys(t *testing.T) {
	keys := map[byte][]byte{0: key(1)}
	s := signer(t, 0, keys)
	id, p := ticket.NewID(rand.Reader), &ticket.Participant{Number: 1, Role: ticket.Requester}
	token := s.Sign(ticket.ReplyToken, "acme", id, p)
	clear(keys[0])
	delete(keys, 0)
	if s.Sign(ticket.ReplyToken, "acme", id, p) != token {
		t.Error("the signer uses the caller's map")
	}
}

func TestParseTokenRefuses(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1)})
	good := s.Sign(ticket.ReplyToken, "acme", ticket.NewID(rand.Reader), &ticket.Participant{Number: 1})
	for why, written := range map[string]string{
		"empty":                           "",
		"39 characters":                   good[:39],
		"41 characters":                   good + "a",
		"a digit that is none of base32":  "1" + good[1:],
		"padding":                         good[:39] + "=",
		"a space":                         good[:39] + " ",
		"line ends, which decoders skip":  good[:38] + "\r\n",
		"nothing but line ends":           strings.Repeat("\n", 40),
		"letters that shrink in low case": strings.Repeat("\u212a", 13) + "a",
		"another version":                 "z" + good[1:],
	} {
		if token, ok := ticket.ParseToken(written); ok {
			t.Errorf("%s: %q is read as %+v", why, written, token)
		}
	}
}

func TestMessageIDsCarryTheReplyToken(t *testing.T) {
	s := signer(t, 0, map[byte][]byte{0: key(1)})
	id, p := ticket.NewID(rand.Reader), &ticket.Participant{Number: 7, Role: ticket.AgentRole, Epoch: 4}
	messageID := s.NewMessageID(rand.Reader, "acme", id, p, "mx.acme.example")
	if again := s.NewMessageID(rand.Reader, "acme", id, p, "mx.acme.example"); again == messageID {
		t.Error("two mails have one Message-ID")
	}
	if !strings.HasSuffix(messageID, "@mx.acme.example") || strings.ContainsAny(messageID, "<> ") || len(messageID) > 250 {
		t.Errorf("Message-ID is %q", messageID)
	}
	for _, written := range []string{messageID, "<" + messageID + ">", " <" + messageID + "> ", strings.ToUpper(messageID)} {
		token, ok := ticket.TokenOfMessageID(written)
		if !ok || !s.Proves(token, "acme", id, p) || token.Purpose != ticket.ReplyToken {
			t.Errorf("%q gives %+v, %v", written, token, ok)
		}
	}
	for _, foreign := range []string{"", "@", ".", "<>", "abc.def@customer.example", strings.Repeat("a", 40) + "@customer.example", "CAF+x=y@mail.customer.example"} {
		if token, ok := ticket.TokenOfMessageID(foreign); ok {
			t.Errorf("%q gives %+v", foreign, token)
		}
	}
}

// FuzzToken: nothing that stands in an address or an identifier does more than
// not being a token, and nobody guesses one.
func FuzzToken(f *testing.F) {
	s := signer(f, 0, map[byte][]byte{0: key(1)})
	id, p := ticket.ID{1, 2, 3}, &ticket.Participant{Number: 1, Role: ticket.Requester}
	good := s.Sign(ticket.ReplyToken, "acme", id, p)
	f.Add(good)
	f.Add(strings.ToUpper(good) + ".x@mx.acme.example")
	f.Add(strings.Repeat("\u212a", 13) + "a")
	f.Add(strings.Repeat("\n", 40))
	f.Fuzz(func(t *testing.T, written string) {
		for _, parse := range []func(string) (ticket.Token, bool){ticket.ParseToken, ticket.TokenOfMessageID} {
			token, ok := parse(written)
			if !ok {
				continue
			}
			proved := s.Proves(token, "acme", id, p)
			if known := strings.Contains(strings.ToLower(written), good); proved && !known {
				t.Errorf("%q proves itself", written)
			}
		}
		if parsed, err := ticket.ParseID(written); err == nil && !strings.EqualFold(parsed.String(), written) {
			t.Errorf("%q is read as %s", written, parsed)
		}
	})
}

// A probe's token opens nothing: it is no challenge's, and of its own site alone.
func TestProbeTokens(t *testing.T) {
	m := mint(t)
	id := ticket.NewID(m.Random)
	token, ok := ticket.ParseToken(m.Signer.SignProbe("acme", id))
	if !ok || !m.Signer.ProvesProbe(token, "acme") || token.Ticket != id {
		t.Fatal("a probe's token is not known as one")
	}
	if m.Signer.ProvesProbe(token, "globex") || m.Signer.ProvesChallenge(token, "acme") {
		t.Error("a probe's token is good for something else")
	}
	challenge, _ := ticket.ParseToken(m.Signer.SignChallenge("acme", id))
	if m.Signer.ProvesProbe(challenge, "acme") {
		t.Error("a challenge's token is good for a probe")
	}
}
