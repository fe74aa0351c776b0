package router

import (
	"slices"
	"strings"

	"guichet/envelope"
	"guichet/ticket"
)

// What is remembered of the address at which a probe came home.
const (
	ProbeWhole = "a probe of ours, at the address that it was sent to"
	ProbeBare  = "a probe of ours, at an address that lost its token"
)

// probe keeps a mail that an administrator sent to see what the way home makes
// of it. Whoever sent it looks for it by its id. It is no ticket, and is answered
// by nobody.
func (d *decider) probe(t Target, token ticket.Token) Outcome {
	d.held(t.Queue, nil, ticket.HeldProbe)
	h := &d.change.Held[len(d.change.Held)-1]
	h.ID, h.Reason = token.Ticket.String(), ProbeBare
	if slices.ContainsFunc(d.in.Envelope.Recipients, func(r envelope.Recipient) bool {
		extension, _, ok := t.Queue.Match(r.Address)
		named, is := ticket.ParseToken(extension)
		return ok && is && named == token
	}) {
		h.Reason = ProbeWhole
	}
	return Outcome{Did: HeldBack, Why: h.Reason, Proof: d.in.Envelope.Evidence.Proof}
}

// probed finds the token of a probe, where the way left one: in an address, in
// the Message-ID, in the subject, or in what a bounce brings back.
func (d *decider) probed(t Target) (ticket.Token, bool) {
	if t.Queue == nil {
		return ticket.Token{}, false
	}
	tokens, m := slices.Clone(t.Tokens), d.in.Message
	named := []string{m.MessageID}
	if m.Bounce != nil {
		named = append(named, m.Bounce.OriginalMessageID)
	}
	for _, id := range named {
		if token, ok := ticket.TokenOfMessageID(id); ok {
			tokens = append(tokens, token)
		}
	}
	for _, word := range strings.Fields(m.Subject) {
		if token, ok := ticket.ParseToken(word); ok {
			tokens = append(tokens, token)
		}
	}
	i := slices.IndexFunc(tokens, func(token ticket.Token) bool { return d.mint.Signer.ProvesProbe(token, d.in.Site.Name) })
	if i < 0 {
		return ticket.Token{}, false
	}
	return tokens[i], true
}
