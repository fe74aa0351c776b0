// Package proof finds out, once for each message, how surely it was written by
// the owner of its From address: from the host that sent it, from SPF
// (RFC 7208), from DKIM signatures (RFC 6376) and from what a relay that the
// settings name says about it (RFC 8601) or has sealed (ARC, RFC 8617); and where
// it was not, what its domain wants done with it (DMARC, RFC 7489). It gives at
// most domain proof; what a reply token or a code adds is not for the door to
// know.
//
// Whatever is ambiguous proves nothing: two programs that read one message
// differently is how owners are impersonated.
package proof

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"guichet/ticket"
)

// Trust is whom the operator believes.
type Trust struct {
	// Networks are hosts that authenticate their senders: what they say a From
	// is, it is.
	Networks []netip.Prefix
	// Relays are front MXs. A host in both lists counts as a relay.
	Relays []Relay
}

// Relay is a front MX: a host that takes mail from anybody and passes it on to
// us. By itself it proves nothing about a From; it is believed about who
// connected to it, and about what it checked.
type Relay struct {
	Network netip.Prefix
	// AuthservID is how it signs its Authentication-Results (RFC 8601 §2.5). The
	// relay must remove those that come in under its name, as its §5 asks.
	AuthservID string
	// Seals is the domain that it seals with (ARC, RFC 8617), which tells it from
	// others wherever the message comes from: a relay that is far from us, such as
	// one that forwards an old address, may be named by that alone, without a
	// Network.
	Seals string
}

// Delivery is what SMTP knew of a message.
type Delivery struct {
	Client netip.Addr
	Helo   string
	From   ticket.Address // MAIL FROM; empty if none or no usable address
	Null   bool           // MAIL FROM:<>
	Now    time.Time
	// Patience bounds the look-ups, all together; 0 is no bound.
	Patience time.Duration
}

// Verdict is all that was found out.
type Verdict struct {
	Evidence ticket.Evidence
	// Doubt is set when a look-up failed and its answer might have given domain
	// proof, which nothing else gave, or have told what to do with mail without it.
	Doubt bool
	// SPF and DKIM are what was found on the way, aligned with From or not. DKIM
	// is in the order of the signatures in the header, at most five.
	SPF  SPF
	DKIM []Signature
	// ARC is what became of a chain of seals that a named relay closed; None when
	// there is none that could matter.
	ARC Result
	// Hops is how many hosts left a Received field.
	Hops int
	// Client is who handed the message in: behind a relay, by its account. It is
	// not valid when the relay does not say.
	Client netip.Addr

	checked bool   // SPF and DKIM were asked at all
	relayed bool   // by a relay
	direct  bool   // by the client itself: no relay, no network
	huge    string // why signatures were not looked at, where the header is too large
	vouched bool   // the proof is a relay's word
	policy  dmarc
	cut     []span // Authentication-Results that are not to be believed
}

// maxLookups bounds the DNS questions that one message may cost.
const maxLookups = 100

// Judge finds out who stands behind data, a whole message with CRLF line ends.
// It asks the resolver only where an answer can matter, and never fails: what
// cannot be found out is a lower proof, with Doubt where it is DNS's fault.
func Judge(ctx context.Context, resolver Resolver, trust Trust, d Delivery, data []byte) *Verdict {
	h := readHeader(data)
	relay := trust.relay(d.Client)
	v := &Verdict{Hops: h.hops, ARC: None, Client: d.Client, cut: h.results}
	v.relayed, v.huge = relay != nil, h.huge
	v.direct = relay == nil && !contains(trust.Networks, d.Client)
	var vouched vouching
	author, problem := h.author()
	if relay != nil {
		hop, ok := h.relayHop(relay, d.Helo)
		v.Client, d.Client, d.Helo = hop.client, hop.client, hop.helo
		if ok && problem == "" && v.huge == "" {
			vouched = v.believe(h, relay, author, d)
		}
	}
	if problem != "" {
		v.Evidence.Reason = problem
		return v
	}
	v.Evidence.From = author
	if relay == nil && !v.direct {
		v.Evidence.Proof, v.Evidence.Method, v.Evidence.Domain = ticket.ProofDomain, ticket.ByNetwork, author.Domain()
		v.Evidence.Reason = "sent by a host that authenticates its senders"
		return v
	}
	v.checked = true
	if d.Patience > 0 {
		patient, cancel := context.WithTimeout(ctx, d.Patience)
		defer cancel()
		ctx = patient
	}
	dns := &lookups{ctx: ctx, resolver: resolver, left: maxLookups}
	v.ask(dns, h, d, author)
	v.weigh(author, vouched)
	if v.Evidence.Proof < ticket.ProofDomain && v.huge == "" {
		v.weighSeals(dns, h, trust, author, d.Now)
	}
	if v.Evidence.Proof < ticket.ProofDomain {
		v.apply(author)
	}
	return v
}

// ask puts the three questions at the same time: SPF, DKIM, and the policy of
// the author's domain.
func (v *Verdict) ask(dns *lookups, h *header, d Delivery, author ticket.Address) {
	var asked sync.WaitGroup
	asked.Go(func() { v.SPF = checkSPF(dns, d) })
	asked.Go(func() { v.policy = findPolicy(dns, author.Domain()) })
	if v.huge == "" {
		v.DKIM = verify(dns, h, d.Now)
	}
	asked.Wait()
}

// weigh decides what all that was found amounts to.
func (v *Verdict) weigh(author ticket.Address, vouched vouching) {
	e := &v.Evidence
	for _, s := range v.DKIM {
		if s.Result == Pass && v.policy.signs(s.Domain, author) {
			v.prove(ticket.ByDKIM, s.Domain, "signed by "+s.Domain)
			return
		}
	}
	signed, sent := vouched.standing(v.policy, author)
	v.vouched = signed != ""
	switch {
	case signed != "":
		v.prove(ticket.ByRelay, signed, "the relay in front of us found it signed by "+signed)
		return
	case v.SPF.Result == Pass && v.policy.sends(v.SPF.Domain, author):
		v.prove(ticket.BySPF, v.SPF.Domain, "sent by a host that "+v.SPF.Domain+" names (SPF)")
		return
	case sent != "":
		v.vouched = true
		v.prove(ticket.BySPF, sent, "the relay in front of us found that "+sent+" stands behind it")
		return
	case v.SPF.Result == Pass:
		e.Proof, e.Domain = ticket.ProofEnvelope, v.SPF.Domain
		e.Reason = "sent by a host that " + v.SPF.Domain + " names (SPF), which is not the From domain"
	case v.huge != "":
		e.Reason = v.huge
	default:
		e.Reason = v.nothing(author)
	}
	v.Doubt = v.doubtful(author)
}

func (v *Verdict) prove(method ticket.Method, domain, reason string) {
	e := &v.Evidence
	e.Proof, e.Method, e.Domain, e.Reason = ticket.ProofDomain, method, domain, reason
	v.Doubt = false
}

// doubtful reports that a look-up failed on which the outcome may hang: one
// that might have given domain proof, or the policy, which says whether mail
// without it is taken at all.
func (v *Verdict) doubtful(author ticket.Address) bool {
	if v.policy.result == TempError || v.SPF.Result == TempError && v.policy.sends(v.SPF.Domain, author) {
		return true
	}
	return slices.ContainsFunc(v.DKIM, func(s Signature) bool {
		return s.Result == TempError && v.policy.signs(s.Domain, author)
	})
}

// nothing is the sentence for a message that nobody stands behind: about the
// From domain's own signature if there is one.
func (v *Verdict) nothing(author ticket.Address) string {
	for _, s := range v.DKIM {
		if aligned(s.Domain, author.Domain()) {
			return s.Reason
		}
	}
	for _, s := range v.DKIM {
		if s.Result == Pass {
			return "signed by " + s.Domain + ", which is not the From domain"
		}
	}
	return "not signed by the From domain, and SPF says " + string(v.SPF.Result)
}

// Result is what a check came to (RFC 8601 §2.7).
type Result string

// The results that the checks give.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	Policy    Result = "policy" // good, but not by our rules
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// aligned reports whether two domains belong to one organisation (RFC 7489
// §3.1, relaxed), by the public suffix list.
func aligned(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a != "" && (a == b || organisation(a) != "" && organisation(a) == organisation(b))
}

// organisation is the organisational domain; "" for a public suffix, under
// which everybody may have a name.
func organisation(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return ""
	}
	return org
}

func contains(networks []netip.Prefix, client netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(client) {
			return true
		}
	}
	return false
}

func (t Trust) relay(client netip.Addr) *Relay {
	for i := range t.Relays {
		if t.Relays[i].Network.Contains(client) {
			return &t.Relays[i]
		}
	}
	return nil
}
