package ticket_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/ticket"
)

func TestQueueMatch(t *testing.T) {
	plus := ticket.Queue{Address: "help@acme.example", Aliases: []ticket.Address{"support@old.example", "Hotline@acme.example"}}
	dash := ticket.Queue{Address: "help-desk@acme.example", Separator: "-"}
	reply := ticket.Queue{Address: "help@acme.example", ReplyDomain: "tickets.acme.example"}
	for _, c := range []struct {
		why       string
		queue     ticket.Queue
		address   ticket.Address
		extension string
		alias, ok bool
	}{
		{"bare", plus, "help@acme.example", "", false, true},
		{"with an extension", plus, "help+status@acme.example", "status", false, true},
		{"in capitals", plus, "HELP+Status@acme.example", "Status", false, true},
		{"an extension with the separator in it", plus, "help+a+b@acme.example", "a+b", false, true},
		{"an empty extension", plus, "help+@acme.example", "", false, true},
		{"another separator", plus, "help-status@acme.example", "", false, false},
		{"a longer name", plus, "helpdesk@acme.example", "", false, false},
		{"a shorter name", plus, "hel@acme.example", "", false, false},
		{"another domain", plus, "help@bolt.example", "", false, false},
		{"a domain below", plus, "help@mail.acme.example", "", false, false},
		{"an alias", plus, "support@old.example", "", true, true},
		{"an alias with an extension", plus, "support+status@old.example", "status", true, true},
		{"an alias that is set in capitals", plus, "hotline+x@acme.example", "x", true, true},
		{"the queue's name at the alias's domain", plus, "help@old.example", "", false, false},
		{"no address", plus, "", "", false, false},
		{"a letter that folds to the name's", plus, "he\u017fp@acme.example", "", false, false},

		{"the separator in the queue's own name", dash, "help-desk@acme.example", "", false, true},
		{"and again before the extension", dash, "help-desk-status@acme.example", "status", false, true},
		{"the part before it is another's", dash, "help@acme.example", "", false, false},
		{"and so is that with an extension", dash, "help-status@acme.example", "", false, false},

		{"the reply domain", reply, "status@tickets.acme.example", "status", false, true},
		{"and the queue itself", reply, "help@acme.example", "", false, true},
		{"whose plus-addresses are still read", reply, "help+status@acme.example", "status", false, true},
	} {
		extension, alias, ok := c.queue.Match(c.address)
		if extension != c.extension || alias != c.alias || ok != c.ok {
			t.Errorf("%s: Match(%q) = %q, %v, %v", c.why, c.address, extension, alias, ok)
		}
		if c.queue.Ours(c.address) != c.ok {
			t.Errorf("%s: Ours(%q) is %v", c.why, c.address, !c.ok)
		}
	}
}

// What With writes, Match reads, whatever the separator and the name.
func TestQueueWithAndMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := ticket.Queue{
			Address:     ticket.MustAddress(rapid.StringMatching(`[a-z]([a-z.\-_+]{0,6}[a-z])?`).Filter(func(s string) bool { return !strings.Contains(s, "..") }).Draw(t, "name") + "@acme.example"),
			Separator:   rapid.SampledFrom([]string{"", "+", "-", "=", "--"}).Draw(t, "separator"),
			ReplyDomain: rapid.SampledFrom([]string{"", "tickets.acme.example"}).Draw(t, "reply domain"),
		}
		want := rapid.StringMatching(`[a-z2-7]{1,40}`).Draw(t, "extension")
		extension, alias, ok := q.Match(q.With(want))
		if extension != want || alias || !ok {
			t.Fatalf("%s gives %q, %v, %v", q.With(want), extension, alias, ok)
		}
	})
}

func TestSiteLocale(t *testing.T) {
	french := ticket.Site{Locales: []string{"fr", "en", "es"}}
	for _, c := range []struct {
		wanted []string
		want   string
	}{
		{nil, "fr"},
		{[]string{""}, "fr"},
		{[]string{"en"}, "en"},
		{[]string{"EN"}, "en"},
		{[]string{"en-GB"}, "en"},
		{[]string{"es_MX"}, "es"},
		{[]string{"de", "en"}, "en"},
		{[]string{"", "es", "en"}, "es"},
		{[]string{"de", "nl"}, "fr"},
		{[]string{"english"}, "fr"},
		{[]string{"*"}, "fr"},
	} {
		if got := french.Locale(c.wanted...); got != c.want {
			t.Errorf("Locale(%q) = %q, want %q", c.wanted, got, c.want)
		}
	}
	if got := (&ticket.Site{}).Locale("fr"); got != "en" {
		t.Errorf("a site without languages answers in %q", got)
	}
}

func TestSiteQueueAndAgents(t *testing.T) {
	site := ticket.Site{Queues: []ticket.Queue{{Name: "help", Agents: []ticket.Address{"anna@acme.example"}}, {Name: "billing"}}}
	help, ok := site.Queue("help")
	if !ok || help != &site.Queues[0] {
		t.Error("help is not found")
	}
	if _, ok := site.Queue("Help"); ok {
		t.Error("a queue that is not set is found")
	}
	if !help.Agent("Anna@acme.example") || help.Agent("ben@acme.example") || help.Agent("") {
		t.Error("the list of agents is misread")
	}
	if site.Queues[1].Agent("anna@acme.example") {
		t.Error("an agent of help is one of billing")
	}
	titled := ticket.Queue{Title: "Acme support", Address: "help@acme.example"}
	if box := titled.Mailbox(); box.Name != "Acme support" || box.Address != titled.Address {
		t.Errorf("the queue writes as %+v", box)
	}
}
