package doctor

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// selectors are the names under which the usual mail services publish DKIM
// keys; there is no way to ask a domain for its own.
var selectors = []string{"default", "dkim", "dkim1", "email", "fm1", "google", "k1", "mail", "mailjet", "mxvault", "protonmail", "s1", "s2", "selector1", "selector2", "x", "zoho"}

// people looks whether agents of a domain can be proved when they write without
// a reply token: by DKIM, for SPF alone does not count for them.
func (e *exam) people(ctx context.Context, p People) []Finding {
	const check = "agents"
	if p.Provider {
		return []Finding{warning(check, p.Domain, "%s: a mailbox that is not the company's; customers' mail goes there", strings.Join(p.Addresses, ", ")).so("give them addresses of the company")}
	}
	if trial(p.Domain) {
		return []Finding{note(check, p.Domain, "is a name for trials; no DNS knows it")}
	}
	texts, err := e.dns.txt(ctx, p.Domain)
	if err != nil {
		return []Finding{silent(check, p.Domain, err)}
	}
	policy, _, err := e.policyOf(ctx, p.Domain)
	if err != nil {
		return []Finding{silent(check, p.Domain, err)}
	}
	signing := e.selectorsOf(ctx, p.Domain)
	hasSPF := len(beginning(texts, "v=spf1")) > 0
	switch {
	case len(signing) > 0:
		return []Finding{ok(check, p.Domain, "publishes DKIM keys (%s), so its agents can be proved", strings.Join(signing, ", "))}
	case len(e.Networks) > 0:
		return []Finding{ok(check, p.Domain, "is believed where trust.networks names the host that sends for it")}
	case len(policy) > 0:
		return []Finding{note(check, p.Domain, "has DMARC, so most likely DKIM too, under a selector that cannot be guessed").so("look for DKIM-Signature with d=%s in a mail of one of its agents", p.Domain)}
	case hasSPF:
		return []Finding{warning(check, p.Domain, "has SPF and, as far as can be seen, no DKIM; SPF alone proves no agent who starts a mail, so that mail is held").so("let the mail server of %s sign (DKIM), or name it in trust.networks if it authenticates its users", p.Domain)}
	}
	return []Finding{warning(check, p.Domain, "publishes neither SPF nor, as far as can be seen, DKIM, so its agents cannot be proved and their mail is held").so("let the mail server of %s sign (DKIM), or name it in trust.networks if it authenticates its users", p.Domain)}
}

// selectorsOf are the selectors, of the usual ones and ours, under which a
// domain publishes keys.
func (e *exam) selectorsOf(ctx context.Context, domain string) []string {
	try := slices.Clone(selectors)
	for _, s := range e.Senders {
		for _, k := range s.Keys {
			if k.Domain == domain && !slices.Contains(try, k.Selector) {
				try = append(try, k.Selector)
			}
		}
	}
	there := make([]bool, len(try))
	var group sync.WaitGroup
	for i, selector := range try {
		group.Go(func() {
			texts, err := e.dns.txt(ctx, dkimName(selector, domain))
			there[i] = err == nil && slices.ContainsFunc(texts, func(text string) bool {
				p, err := readDKIM(text)
				return err == nil && len(p.key) > 0
			})
		})
	}
	group.Wait()
	var out []string
	for i, selector := range try {
		if there[i] {
			out = append(out, selector)
		}
	}
	return out
}
