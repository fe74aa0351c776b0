package router_test

import (
	"context"
	"errors"
	"testing"

	"guichet/envelope"
	"guichet/ticket"
)

func TestRecipient(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		address ticket.Address
		alias   bool
		err     error
	}{
		{"help@acme.example", false, nil},
		{"HELP@acme.example", false, nil},
		{"help+status@acme.example", false, nil},
		{"help+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@acme.example", false, nil}, // no token is judged here
		{"support@old.example", true, nil},
		{"anything@tickets.bolt.example", false, nil},
		{"postmaster@acme.example", false, nil},
		{"abuse@tickets.bolt.example", false, nil},
		{"Postmaster@mx.acme.example", false, nil},
		{"nobody@acme.example", false, envelope.ErrNoSuchRecipient},
		{"helpdesk@acme.example", false, envelope.ErrNoSuchRecipient},
		{"anna@acme.example", false, envelope.ErrNoSuchRecipient},
		{"postmaster+x@acme.example", false, envelope.ErrNoSuchRecipient},
		{"help@mx.acme.example", false, envelope.ErrNoSuchRecipient},
		{"help@elsewhere.example", false, envelope.ErrNoRelay},
		{"postmaster@elsewhere.example", false, envelope.ErrNoRelay},
		{"help@sub.acme.example", false, envelope.ErrNoRelay},
	} {
		got, err := w.router.Recipient(context.Background(), c.address)
		if !errors.Is(err, c.err) || err == nil && (got.Address != c.address || got.Alias != c.alias) {
			t.Errorf("RCPT %s: %+v, %v", c.address, got, err)
		}
	}
}

func TestDirectoryLookup(t *testing.T) {
	w := newWorld(t)
	d := w.router.Directory()
	for _, c := range []struct {
		address    ticket.Address
		site       string
		extension  string
		postmaster bool
		ours       bool
	}{
		{"help@acme.example", "acme", "", false, true},
		{"help+x@acme.example", "acme", "x", false, true},
		{"help@bolt.example", "bolt", "", false, true},
		{"x@tickets.bolt.example", "bolt", "x", false, true},
		{"postmaster@tickets.bolt.example", "bolt", "", true, false},
		{"abuse@bolt.example", "bolt", "", true, false},
		{"postmaster@mx.acme.example", "acme", "", true, false},
		{"marie@customer.example", "", "", false, false},
		{"", "", "", false, false},
	} {
		p, ok := d.Lookup(c.address)
		name := ""
		if ok {
			name = p.Site.Name
		}
		if name != c.site || p.Extension != c.extension || p.Postmaster != c.postmaster || (p.Queue == nil) != (c.postmaster || c.site == "") || d.Ours(c.address) != c.ours {
			t.Errorf("%q leads to %s, %+v; ours: %v", c.address, name, p, d.Ours(c.address))
		}
	}
	if sites := d.Sites(); len(sites) != 2 || sites[0].Name != "acme" || sites[1].Name != "bolt" {
		t.Errorf("sites are %v", sites)
	}
	if _, ok := d.Site("bolt"); !ok {
		t.Error("bolt is not found")
	}
}

// A queue may be called abuse: its own address is its own.
func TestQueueNamedLikeAnAdmin(t *testing.T) {
	w := newWorld(t)
	w.sites[0].Queues = append(w.sites[0].Queues, ticket.Queue{Name: "abuse", Address: "abuse@acme.example"})
	w.reload()
	if p, ok := w.router.Directory().Lookup("abuse@acme.example"); !ok || p.Postmaster || p.Queue.Name != "abuse" {
		t.Errorf("it leads to %+v", p)
	}
}
