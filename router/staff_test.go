package router_test

import (
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// What is open at a site is told to its staff alone, at the address that asked:
// at once with their domain's word, by SPF or without proof after a code.
func TestSiteStatus(t *testing.T) {
	for _, c := range []struct {
		name, from string
		method     ticket.Method
		unproved   bool
		kind       ticket.NoticeKind
		action     ticket.Action
	}{
		{"signed", "sam@acme.example", ticket.ByDKIM, false, ticket.Status, ticket.SeeSite},
		{"from a host that the settings name", "sam@acme.example", ticket.ByNetwork, false, ticket.Status, ticket.SeeSite},
		{"by SPF alone", "sam@acme.example", ticket.BySPF, false, ticket.Validation, ticket.SeeSite},
		{"unproved", "sam@acme.example", ticket.ByNothing, true, ticket.Validation, ticket.SeeSite},
		{"of a domain below", "sam@shop.acme.example", ticket.ByDKIM, false, ticket.Asked, ticket.AskStatus},
		{"of a domain that ends like it", "sam@notacme.example", ticket.ByDKIM, false, ticket.Asked, ticket.AskStatus},
		{"of another site", "sam@bolt.example", ticket.ByDKIM, false, ticket.Asked, ticket.AskStatus},
		{"a client's own", "marie@customer.example", ticket.ByDKIM, false, ticket.Validation, ticket.AskStatus},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.sites[0].Domains, w.sites[1].Domains = []string{"acme.example"}, []string{"bolt.example"}
			w.reload()
			open := w.opened().ticket()
			got := w.send(mail{from: c.from, to: []string{"help+status@acme.example"}, method: c.method, unproved: c.unproved, text: "Subject: x\n\nPlease\n"}).
				did(router.Challenged).owes(string(c.kind) + " " + c.from)
			n := got.notice(c.kind, ticket.MustAddress(c.from))
			if n.About.Action != c.action || len(n.Brakes) == 0 {
				t.Fatalf("it is about %+v", n.About)
			}
			if c.action != ticket.SeeSite {
				return
			}
			if c.kind == ticket.Validation {
				reply := w.challengeReply(n, c.from, n.Code+"\n")
				reply.unproved, reply.method = true, ticket.ByNothing
				n = w.send(reply).did(router.Redeemed).notice(ticket.Status, ticket.MustAddress(c.from))
			}
			if len(n.About.Tickets) != 1 || n.About.Tickets[0] != open.ID || n.About.Further != 0 {
				t.Errorf("it tells of %+v", n.About)
			}
		})
	}
}

// Whoever is no staff any more when their code comes sees nothing.
func TestSiteStatusOfFormerStaff(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Domains = []string{"acme.example"}
	w.reload()
	w.opened()
	n := w.send(mail{from: "sam@acme.example", to: []string{"help+status@acme.example"}, unproved: true, text: "Subject: x\n\nPlease\n"}).
		notice(ticket.Validation, "sam@acme.example")
	w.sites[0].Domains = nil
	w.reload()
	w.send(w.challengeReply(n, "sam@acme.example", n.Code+"\n")).did(router.Refused).owes()
}

// An administrator grants sight of the whole site as an agent does: no ticket
// comes of the wish, and it is told how to ask.
func TestSightIsGrantedByRelease(t *testing.T) {
	w := newWorld(t)
	asked := mail{from: "lea@customer.example", to: []string{"help@acme.example"}, text: "Subject: x\n\n#site\nI look after all shops.\n"}
	w.send(asked).did(router.Challenged).owes("asked lea@customer.example") // a stranger: the team is not asked
	enrol := w.send(mail{from: "lea@customer.example", to: []string{"help+enrol@acme.example"}, text: "Subject: x\n\nACM-7731-Q\n"}).notice(ticket.Validation, "lea@customer.example")
	w.send(w.challengeReply(enrol, "lea@customer.example", enrol.Code+"\n")).did(router.Redeemed)
	asked.text += "Again.\n"
	wish := w.send(asked).did(router.Challenged).owes("asked lea@customer.example")
	if h := wish.change.Held; len(h) != 1 || h[0].Why != ticket.HeldSight {
		t.Fatalf("held %+v", h)
	}
	got := w.released(wish).owes("done lea@customer.example")
	if len(got.change.Sight) != 1 || len(got.change.Tickets) != 0 || got.notices()[0].About.Address != "help+site@acme.example" {
		t.Errorf("%+v", got.change)
	}
	// Who only says that it is she, or is known by SPF alone, is not told at once.
	asked.text, asked.unproved = asked.text+"Once more.\n", true
	if h := w.send(asked).change.Held; len(h) != 1 || h[0].Why == ticket.HeldSight {
		t.Errorf("held %+v", h)
	}
}
