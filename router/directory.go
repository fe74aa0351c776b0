package router

import (
	"slices"
	"strings"

	"guichet/ticket"
)

// Directory knows whose each address is. It is made once from the settings and
// never changes; new settings make a new one.
type Directory struct {
	sites   map[string]*ticket.Site
	domains map[string][]place // by domain of a queue's address, alias or reply domain
}

type place struct {
	site  *ticket.Site
	queue *ticket.Queue // nil for our own name, which has a postmaster only
}

// Place is what an address of ours leads to.
type Place struct {
	Site  *ticket.Site
	Queue *ticket.Queue // nil for Postmaster
	// Extension is what stands beyond the queue's address: a token, or a word.
	Extension string
	// Alias is set for an old address that is forwarded here.
	Alias bool
	// Postmaster is set for postmaster@ and abuse@ of a served domain (RFC 5321
	// §4.5.1, RFC 2142 §4, §5).
	Postmaster bool
}

// NewDirectory takes the sites as they are set. The first of them has the
// postmaster of hostname, our own name.
func NewDirectory(hostname string, sites []ticket.Site) *Directory {
	d := &Directory{sites: map[string]*ticket.Site{}, domains: map[string][]place{}}
	for i := range sites {
		site := &sites[i]
		d.sites[site.Name] = site
		for j := range site.Queues {
			queue := &site.Queues[j]
			domains := []string{queue.Address.Domain()}
			for _, alias := range queue.Aliases {
				domains = append(domains, alias.Domain())
			}
			if queue.ReplyDomain != "" {
				domains = append(domains, queue.ReplyDomain)
			}
			slices.Sort(domains)
			for _, domain := range slices.Compact(domains) {
				d.domains[domain] = append(d.domains[domain], place{site, queue})
			}
		}
	}
	if len(sites) > 0 && d.domains[hostname] == nil {
		d.domains[hostname] = []place{{site: &sites[0]}}
	}
	return d
}

// Site gives the site of that name.
func (d *Directory) Site(name string) (*ticket.Site, bool) {
	s, ok := d.sites[name]
	return s, ok
}

// Sites are all of them, by name.
func (d *Directory) Sites() []*ticket.Site {
	var out []*ticket.Site
	for _, s := range d.sites {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *ticket.Site) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Lookup tells what an address leads to; false where nothing of ours does.
func (d *Directory) Lookup(a ticket.Address) (Place, bool) {
	places := d.domains[a.Domain()]
	local := strings.ToLower(a.Local())
	admins := len(places) > 0 && (local == "postmaster" || local == "abuse")
	for _, p := range places {
		if p.queue == nil {
			continue
		}
		extension, alias, ok := p.queue.Match(a)
		if !ok || admins && extension != "" {
			continue // a reply domain takes every local part, save these
		}
		return Place{Site: p.site, Queue: p.queue, Extension: extension, Alias: alias}, true
	}
	if admins {
		return Place{Site: places[0].site, Postmaster: true}, true
	}
	return Place{}, false
}

// Serves reports whether mail for that domain is ours to take at all.
func (d *Directory) Serves(domain string) bool { return len(d.domains[domain]) > 0 }

// Ours reports whether the address is one that we receive or write from.
func (d *Directory) Ours(a ticket.Address) bool {
	p, ok := d.Lookup(a)
	return ok && !p.Postmaster
}
