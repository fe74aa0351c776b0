package outbox

import (
	"testing"
	"time"

	"guichet/ticket"
)

// An attempt is told with what the host said, also when it said yes: that names
// the mail in the host's own log.
func TestAnAttemptIsToldWithTheAnswer(t *testing.T) {
	for refusal, want := range map[string]ticket.Try{
		"":                                     {Code: 250, Answer: "2.0.0 OK: queued"},
		"451 4.7.1 later, <anna@acme.example>": {Code: 451, Answer: "451 4.7.1 later, <…>"},
	} {
		inBubble(t, func(t *testing.T, o *office) {
			o.relay.RefuseData = refusal
			o.store.queue(o.notice(ticket.AgentNew, 2, 1))
			o.runFor(t, time.Second)
			all := o.store.outcomes()
			if len(all) != 1 || all[0].Try == nil {
				t.Fatalf("%q: %+v", refusal, all)
			}
			got := all[0].Try
			if got.Code != want.Code || got.Answer != want.Answer || got.Host == "" || got.At.IsZero() {
				t.Errorf("%q: %+v", refusal, got)
			}
		})
	}
}

func TestWhatIsPutOffIsNoAttempt(t *testing.T) {
	for _, r := range []result{later("busy", time.Now()), later("paused", time.Now()), {Outcome: ticket.Outcome{State: ticket.Braked}}, {Outcome: ticket.Outcome{State: ticket.Dropped}}} {
		if r.tried() {
			t.Errorf("%+v is told as an attempt", r)
		}
	}
}
