package outbox

import (
	"context"
	"strings"
	"testing"

	"guichet/ticket"
)

// directory knows everybody, and keeps whom it was asked about.
type directory struct{ asked []ticket.Address }

func (d *directory) Link(_ context.Context, site string, who ticket.Address) string {
	d.asked = append(d.asked, who)
	return "https://my." + site + ".example/requests"
}

// TestOnlyAnAcknowledgementInvitesToAnAccount: it alone goes to a mailbox that is
// proved to be its owner's; a receipt says the same to everybody, and nobody
// else's account is a matter of theirs.
func TestOnlyAnAcknowledgementInvitesToAnAccount(t *testing.T) {
	m := filled(t)
	known := &directory{}
	p := m.parts()
	p.Accounts = known
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []ticket.NoticeKind{ticket.Acknowledgement, ticket.Receipt, ticket.Answer, ticket.Status, ticket.ClosedNotice, ticket.AgentNew} {
		known.asked = nil
		to := uint16(1)
		if kind.ForAgents() {
			to = 2
		}
		l, err := o.compose(t.Context(), m.site, m.of(kind, to), o.current())
		if err != nil {
			t.Fatal(kind, err)
		}
		invites := kind == ticket.Acknowledgement
		if asked := len(known.asked) == 1; asked != invites {
			t.Errorf("%s asks about %q", kind, known.asked)
		}
		for _, part := range parts(t, raw(t, l)) {
			if strings.Contains(part.content, "https://my.acme.example/requests") != invites {
				t.Errorf("%s says\n%s", kind, part.content)
			}
		}
	}
}

// TestADigestOfNothingDoesNotLeave: all may have been decided on since.
func TestADigestOfNothingDoesNotLeave(t *testing.T) {
	m := filled(t)
	clear(m.store.held)
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
	if err != nil {
		t.Fatal(err)
	}
	n := ticket.Notice{ID: "n1", Kind: ticket.HeldDigest, Site: "acme", Queue: "help", Mailbox: ticket.Mailbox{Address: "anna@acme.example"}, MessageID: "x@mx.guichet.test", Locale: "en", Created: opened}
	_, err = o.compose(t.Context(), m.site, n, o.current())
	if reason, gone := isGone(err); !gone {
		t.Errorf("it says %q, %v", reason, err)
	}
}
