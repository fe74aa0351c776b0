package smtpd

import (
	"errors"
	"fmt"
	"slices"

	"guichet/envelope"
	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
	"guichet/ticket"
)

// judge finds out who the sender is, writes that into the envelope and gives
// the message without what others claim about it. Here a message that arrived
// whole may still be turned away: for a loop, for a look-up that failed, for the
// policy of its From domain, by a check that the operator chose.
func (s *session) judge(m *message, e *envelope.Envelope, data []byte) ([]byte, error) {
	verdict := s.prove(e, data)
	e.Evidence = verdict.Evidence
	switch {
	case verdict.Hops > maxHops:
		return nil, errLoop
	case verdict.Doubt && s.server.doubts.Wait(proof.Digest(data), e.Received):
		return nil, errDNS
	case verdict.Refuses(forwarded(e)):
		return nil, errPolicy
	}
	if err := s.scan(e, verdict, data); err != nil {
		return nil, err
	}
	e.Trace = trace(s, m, e, verdict)
	return verdict.Strip(data), nil
}

func (s *session) prove(e *envelope.Envelope, data []byte) *proof.Verdict {
	defer s.server.timed(StageProof)()
	return proof.Judge(s.ctx, s.server.resolver, s.settings.trust(), proof.Delivery{
		Client: e.Client, Helo: e.Helo, From: e.From, Null: e.Null, Now: e.Received, Patience: s.settings.Judge,
	}, data)
}

// forwarded reports that a recipient is an old address that sends its mail on to
// us: what its host did to the message on the way is nothing that its sender
// could be blamed for.
func forwarded(e *envelope.Envelope) bool {
	return slices.ContainsFunc(e.Recipients, func(r envelope.Recipient) bool { return r.Alias })
}

// scan asks the checks that the settings name.
func (s *session) scan(e *envelope.Envelope, verdict *proof.Verdict, data []byte) error {
	if len(s.settings.checks) == 0 {
		return nil
	}
	defer s.server.timed(StageChecks)()
	m := &scan.Mail{
		ID: e.ID, Client: verdict.Client, Helo: e.Helo, From: e.From, Received: e.Received, Data: data,
		Proved: e.Evidence.Proof >= ticket.ProofDomain, Known: within(s.settings.Networks, e.Client) && !verdict.Relayed(),
		Forwarded: verdict.Relayed() || forwarded(e),
	}
	for _, r := range e.Recipients {
		m.Recipients = append(m.Recipients, r.Address)
	}
	v := scan.Run(s.ctx, s.settings.checks, m, func(name string, err error) {
		s.server.outside.Metrics.Failed(name)
		s.log.Warn("a check failed", "id", e.ID, "check", name, "error", err)
	})
	switch v.Action {
	case scan.Pass:
		return nil
	case scan.Hold:
		e.Evidence.Suspect = v.Reason
		e.Evidence.Reason += "; " + v.Reason
		return nil
	case scan.Defer:
		return fmt.Errorf("%w: %s: %w", errChecked, v.Reason, &envelope.Refusal{Code: 451, Enhanced: [3]int{4, 7, 1}, Text: v.Answer})
	}
	return fmt.Errorf("%w: %s: %w", errChecked, v.Reason, &envelope.Refusal{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: v.Answer})
}

// errChecked marks what a check of the operator's turned away.
var errChecked = errors.New("turned away by a check")
