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
