package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"guichet/config"
	"guichet/doctor"
	"guichet/outbox"
	"guichet/store"
)

// installation is what the settings are to the doctor.
func (p *program) installation(c *config.Config) doctor.Installation {
	in := doctor.Installation{
		Hostname: c.Hostname, Own: interfaceAddresses(), Listen: c.SMTP.Listen, Proxied: c.SMTP.ProxyProtocol,
		Networks: c.Trust.Networks, Certificate: c.SMTP.TLS.Certificate, Key: c.SMTP.TLS.Key,
		Admin: c.Admin, MaxSize: int64(c.SMTP.MaxSize),
		Domains: servedDomains(c), People: peopleOf(c), Store: p.storeToExamine(c),
		Data: c.Data, MasterKey: c.MasterKey,
		Dirs: []doctor.Dir{{What: "data", Path: c.Data}, {What: "blobs", Path: c.Blobs.Dir}, {What: "mails under way", Path: filepath.Join(c.Data, "spool")}},
	}
	for _, r := range c.Trust.Relays {
		in.Relays = append(in.Relays, r.Network)
	}
	in.Routes, in.Senders = waysOut(c)
	in.Secrets = secretsOf(c)
	return in
}

func interfaceAddresses() []netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, each := range found {
		if prefix, err := netip.ParsePrefix(each.String()); err == nil {
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out
}

// servedDomains are the domains that mail comes in for, each once.
func servedDomains(c *config.Config) []doctor.Domain {
	var all []doctor.Domain
	add := func(d doctor.Domain) {
		i := slices.IndexFunc(all, func(each doctor.Domain) bool { return each.Name == d.Name })
		switch {
		case i < 0:
			all = append(all, d)
		case all[i].Alias && !d.Alias:
			all[i] = d
		default:
			all[i].Plus = all[i].Plus || d.Plus
		}
	}
	for _, s := range c.Sites {
		for _, q := range s.Queues {
			add(doctor.Domain{Name: domainOf(q.Address), Address: q.Address, Separator: q.Separator, Plus: q.ReplyDomain == ""})
			if q.ReplyDomain != "" {
				add(doctor.Domain{Name: q.ReplyDomain, Address: "ANYTHING@" + q.ReplyDomain, Replies: true})
			}
		}
	}
	for _, s := range c.Sites {
		for _, q := range s.Queues {
			for _, alias := range q.Aliases {
				add(doctor.Domain{Name: domainOf(alias), Address: alias, Separator: q.Separator, Alias: true})
			}
		}
	}
	return all
}

// waysOut are the routes of all sites and the domains that are sent from by
// each, each once.
func waysOut(c *config.Config) (routes []doctor.Route, senders []doctor.Sender) {
	for _, s := range c.Sites {
		r := routeOf(c.Hostname, s.Outgoing)
		if !slices.ContainsFunc(routes, func(each doctor.Route) bool { return each.Name == r.Name }) {
			routes = append(routes, r)
		}
		for _, q := range s.Queues {
			sender := doctor.Sender{Domain: domainOf(q.Address), Return: cmp.Or(q.ReplyDomain, domainOf(q.Address)), Route: r}
			if slices.ContainsFunc(senders, func(each doctor.Sender) bool {
				return each.Domain == sender.Domain && each.Return == sender.Return && each.Route.Name == r.Name
			}) {
				continue
			}
			for _, k := range s.Outgoing.DKIM {
				if sender.Domain == k.Domain || strings.HasSuffix(sender.Domain, "."+k.Domain) {
					sender.Keys = append(sender.Keys, signingKeyOf(k))
				}
			}
			senders = append(senders, sender)
		}
	}
	return routes, senders
}

func routeOf(hostname string, o config.Outgoing) doctor.Route {
	via := o.Via
	r := doctor.Route{Name: via.String(), Direct: via.Scheme == config.ViaDirect, Maildir: via.Scheme == config.ViaMaildir, Host: via.Host}
	if r.Direct || r.Maildir {
		return r
	}
	r.Try = func(ctx context.Context) (bool, error) {
		return outbox.Try(ctx, outbox.Route{Scheme: string(via.Scheme), Host: via.Host, Port: strconv.Itoa(via.Port),
			Username: via.Username, Password: via.Password.Reveal(), TLS: string(via.TLS)}, hostname, nil)
	}
	return r
}

func signingKeyOf(k config.DKIM) doctor.Key {
	key := doctor.Key{Domain: k.Domain, Selector: k.Selector, File: k.Key}
	text, err := os.ReadFile(k.Key)
	if err == nil {
		signer, parseErr := outbox.ParseKey(text)
		if err = parseErr; err == nil {
			key.Public = signer.Public()
		}
	}
	key.Err = err
	return key
}

// peopleOf are the agents, by domain.
func peopleOf(c *config.Config) []doctor.People {
	var all []doctor.People
	for _, s := range c.Sites {
		for _, q := range s.Queues {
			for _, agent := range q.Agents {
				domain := domainOf(agent)
				i := slices.IndexFunc(all, func(p doctor.People) bool { return p.Domain == domain })
				if i < 0 {
					i = len(all)
					all = append(all, doctor.People{Domain: domain, Provider: config.PublicProvider(domain)})
				}
				if !slices.Contains(all[i].Addresses, agent) {
					all[i].Addresses = append(all[i].Addresses, agent)
				}
			}
		}
	}
	return all
}

// storeToExamine opens nothing that is not there yet: a store that the
// administrator made would not be the daemon's to write.
func (p *program) storeToExamine(c *config.Config) doctor.Store {
	if c.Redis.Embedded() {
		return doctor.Store{Name: c.Data, Founded: founded(c), Open: func(ctx context.Context) error { return p.readStore(ctx, c) }}
	}
	return doctor.Store{Name: c.Redis.String(), Redis: true, Local: c.Durability == config.DurabilityLocal,
		Servers: func(ctx context.Context) ([]doctor.Server, error) { return p.redisServers(ctx, c) }}
}

// readStore opens the embedded store as any tool does, and reads a little.
func (p *program) readStore(ctx context.Context, c *config.Config) error {
	if _, err := os.Stat(c.MasterKey); err != nil {
		return fmt.Errorf("master key: %w", err) // opening would make another
	}
	s, err := p.openStore(ctx, c, newLogger(p.Stderr, config.Log{Level: "error"}), besideDaemon)
	if err != nil {
		return err
	}
	for _, site := range c.Sites {
		if _, err := s.Counts(ctx, site.Name); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

func (p *program) redisServers(ctx context.Context, c *config.Config) ([]doctor.Server, error) {
	found, err := store.Inspect(ctx, c.Redis.URL.Reveal())
	var all []doctor.Server
	for _, s := range found {
		all = append(all, doctor.Server{Name: s.Address, Version: s.Version, AppendOnly: s.AppendOnly, AppendFsync: s.AppendFsync,
			MaxMemoryPolicy: s.MaxMemoryPolicy, Replicas: s.Replicas, Clock: s.Clock, Asked: p.Now()})
	}
	return all, err
}

// secretsOf are the keys that the settings name, but the master key.
func secretsOf(c *config.Config) []doctor.Secret {
	var all []doctor.Secret
	add := func(s doctor.Secret) {
		if s.Path != "" && !slices.ContainsFunc(all, func(each doctor.Secret) bool { return each.Path == s.Path }) {
			all = append(all, s)
		}
	}
	add(doctor.Secret{What: "the key of the certificate", Path: c.SMTP.TLS.Key, Group: true})
	for _, s := range c.Sites {
		for _, k := range s.Outgoing.DKIM {
			add(doctor.Secret{What: "the DKIM key of " + k.Domain, Path: k.Key, Group: true})
		}
	}
	return all
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
