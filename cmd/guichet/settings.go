package main

//go:generate go run ../commandsdoc -o ../../docs/agents.md

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"guichet/accounts"
	"guichet/config"
	"guichet/outbox"
	"guichet/router"
	"guichet/smtpd"
	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
	"guichet/store"
	"guichet/templates"
	"guichet/ticket"
)

// This file turns settings into what each package asks for. They do not know
// the settings' file, nor each other's needs.

// sitesOf are the settings' sites as the domain knows them.
func sitesOf(c *config.Config) ([]ticket.Site, error) {
	var sites []ticket.Site
	for _, s := range c.Sites {
		site, err := siteOf(s)
		if err != nil {
			return nil, fmt.Errorf("site %s: %w", s.Name, err)
		}
		if site.Admin, err = adminOf(c, s); err != nil {
			return nil, fmt.Errorf("admin: %w", err)
		}
		sites = append(sites, site)
	}
	return sites, nil
}

func siteOf(s config.Site) (ticket.Site, error) {
	codes := s.Codes.Tracking
	site := ticket.Site{
		Name: s.Name, Prefix: s.Prefix, Organisation: s.Organisation, Phone: s.Phone, Footer: s.Footer,
		ClientNumber: s.ClientNumber, Locales: s.Locales, Domains: s.Domains,
		Confirm: s.Unproved == config.UnprovedConfirm, Reopen: s.Reopen, Zone: s.TimeZone,
		Validation:    ticket.ValidationFormat{Length: s.Codes.Validation.Length, Valid: s.Codes.Validation.Expires(), Template: s.Codes.Validation.Template},
		ConfirmWithin: s.Retention.Unconfirmed, CallOff: s.Retention.CallOff,
		Tracking: ticket.CodeFormat{Length: codes.Length, Digits: codes.Digits, Uppercase: codes.Uppercase,
			Lowercase: codes.Lowercase, Special: codes.Special, AvoidAmbiguous: codes.AvoidAmbiguous},
		Calendar: calendarOf(s.Calendar, s.TimeZone), Autoclose: ticket.Autoclose{Remind: s.Autoclose.Remind, Close: s.Autoclose.Close},
	}
	canned, err := cannedOf(s.Answers, s.Locale)
	if err != nil {
		return site, fmt.Errorf("answers: %w", err)
	}
	site.Canned = canned
	if site.Reports, err = reportsOf(s.Reports); err != nil {
		return site, fmt.Errorf("reports: %w", err)
	}
	for _, q := range s.Queues {
		queue := ticket.Queue{Name: q.Name, Title: q.Title, Separator: q.Separator, ReplyDomain: q.ReplyDomain, Digest: q.Digest, Hold: q.AnswerHold, CopyCc: q.CopyCc}
		if queue.Address, err = ticket.ParseAddress(q.Address); err != nil {
			return site, fmt.Errorf("queue %s: address: %w", q.Name, err)
		}
		if queue.Aliases, err = addresses(q.Aliases); err != nil {
			return site, fmt.Errorf("queue %s: aliases: %w", q.Name, err)
		}
		if queue.Groups, err = addresses(q.Groups); err != nil {
			return site, fmt.Errorf("queue %s: groups: %w", q.Name, err)
		}
		if queue.Forms, err = addresses(q.Forms); err != nil {
			return site, fmt.Errorf("queue %s: forms: %w", q.Name, err)
		}
		if queue.Agents, err = addresses(q.Agents); err != nil {
			return site, fmt.Errorf("queue %s: agents: %w", q.Name, err)
		}
		if queue.Service, err = serviceOf(q.Service, site.Calendar.Day()); err != nil {
			return site, fmt.Errorf("queue %s: escalate: %w", q.Name, err)
		}
		site.Queues = append(site.Queues, queue)
	}
	return site, nil
}

// reportsOf are the times of a site's reports, and whom they go to.
func reportsOf(r config.Reports) (reports ticket.Reports, err error) {
	reports.At = map[ticket.Period]ticket.ReportTime{}
	for period, text := range map[ticket.Period]string{ticket.Day: r.Day, ticket.Week: r.Week, ticket.Month: r.Month} {
		if text == "" {
			continue
		}
		if reports.At[period], err = ticket.ParseReportTime(period, text); err != nil {
			return reports, err
		}
	}
	reports.To, err = addresses(r.To)
	return reports, err
}

// calendarOf is when a site works.
func calendarOf(c config.Calendar, zone *time.Location) ticket.Calendar {
	calendar := ticket.Calendar{Zone: zone, Country: c.Holidays}
	for day, hours := range c.Hours {
		for _, h := range hours {
			calendar.Week[day] = append(calendar.Week[day], ticket.Hours{From: h.From, To: h.To})
		}
	}
	for _, days := range c.Closed {
		from, to, several := strings.Cut(days, "..")
		if !several {
			to = from
		}
		calendar.Closed = append(calendar.Closed, ticket.DateRange{From: from, To: to})
	}
	return calendar
}

// serviceOf is what a queue promises, whose site's business day is that long.
func serviceOf(s config.Service, day time.Duration) (ticket.ServiceLevel, error) {
	work := func(w config.WorkTime) time.Duration { return time.Duration(w.Days)*day + w.Time }
	targets := func(t config.Targets) ticket.Targets {
		return ticket.Targets{FirstAnswer: work(t.FirstAnswer), Solution: work(t.Solution)}
	}
	level := ticket.ServiceLevel{Targets: targets(config.Targets{FirstAnswer: s.FirstAnswer, Solution: s.Solution}), Remind: int(s.Remind),
		Of: map[ticket.Priority]ticket.Targets{ticket.Low: targets(s.Low), ticket.High: targets(s.High), ticket.Urgent: targets(s.Urgent)}}
	var err error
	level.Escalate, err = addresses(s.Escalate)
	return level, err
}

// adminOf is whom the postmaster's mail reaches: the settings' admin, else the
// first agent of the first queue.
func adminOf(c *config.Config, s config.Site) (ticket.Address, error) {
	switch {
	case c.Admin != "":
		return ticket.ParseAddress(c.Admin)
	case len(s.Queues) > 0 && len(s.Queues[0].Agents) > 0:
		return ticket.ParseAddress(s.Queues[0].Agents[0])
	}
	return "", nil
}

func addresses(texts []string) ([]ticket.Address, error) {
	var out []ticket.Address
	for _, text := range texts {
		a, err := ticket.ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// doorOf are the settings of the SMTP server. It reads the certificate, so that
// a reload brings a renewed one.
func doorOf(c *config.Config, spool string) (smtpd.Settings, error) {
	s := smtpd.Settings{
		Hostname: c.Hostname, MaxSize: int64(c.SMTP.MaxSize), MaxRecipients: c.SMTP.Recipients,
		MaxConnections: c.SMTP.Connections, MaxPerAddress: c.SMTP.ConnectionsPerAddress,
		MinimumSpeed: int64(c.SMTP.MinSpeed), MaxErrors: c.SMTP.Errors, Idle: c.SMTP.Timeout, Stall: c.SMTP.Stall,
		ProxyProtocol: c.SMTP.ProxyProtocol, SpoolDir: spool, Networks: c.Trust.Networks,
	}
	if c.SMTP.BareNewline == config.BareNewlineReject {
		s.BareNewline = smtpd.Reject
	}
	s.Relays = relaysOf(c)
	s.Checks = checksOf(c.SMTP)
	var err error
	s.TLS, err = certificateOf(c)
	return s, err
}

// relaysOf are the mail exchangers in front of us.
func relaysOf(c *config.Config) []proof.Relay {
	var relays []proof.Relay
	for _, r := range c.Trust.Relays {
		relays = append(relays, proof.Relay{Network: r.Network, AuthservID: r.AuthservID, Seals: r.Seals})
	}
	return relays
}

// checksOf is whom the door asks about each message, beside DNS about its
// sender.
func checksOf(s config.SMTP) scan.Settings {
	var checks scan.Settings
	if d := s.DNSBL; len(d.Lists) > 0 {
		checks.BlockLists = &scan.BlockLists{Hold: d.Hold, Refuse: d.Refuse, TempFail: d.OnFault == config.OnFaultTempFail}
		for _, l := range d.Lists {
			checks.BlockLists.Lists = append(checks.BlockLists.Lists, scan.BlockList{Zone: l.Zone, Score: l.Score})
		}
	}
	if g := s.Greylist; g.Delay > 0 {
		checks.Greylist = &scan.Greylist{Delay: g.Delay, Window: g.Window, Keep: g.Keep}
	}
	if c := s.ClamAV; c.Address != "" {
		network := "tcp"
		if filepath.IsAbs(c.Address) {
			network = "unix"
		}
		checks.ClamAV = &scan.ClamAV{Network: network, Address: c.Address, Timeout: c.Timeout,
			Hold: c.Found == config.FoundHold, TempFail: c.OnFault == config.OnFaultTempFail}
	}
	if r := s.Rspamd; r.URL != "" {
		checks.Rspamd = &scan.Rspamd{URL: r.URL, Timeout: r.Timeout, TempFail: r.OnFault == config.OnFaultTempFail}
	}
	return checks
}

func certificateOf(c *config.Config) (*tls.Config, error) {
	if c.SMTP.TLS.Certificate == "" {
		return nil, nil
	}
	if err := store.PrivateFile(c.SMTP.TLS.Key); err != nil {
		return nil, fmt.Errorf("key of the certificate: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(c.SMTP.TLS.Certificate, c.SMTP.TLS.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// storeOf says where the store is and whom it serves.
func storeOf(c *config.Config) store.Options {
	o := store.Options{
		Redis: c.Redis.URL.Reveal(), Replicas: -1, Local: c.Durability == config.DurabilityLocal,
		Data: c.Data, Blobs: c.Blobs.Dir, MasterKey: c.MasterKey, Ledger: c.Ledger,
		Backups: c.Backups, KeepBackupKeys: c.Retention.KeyBackups,
	}
	for _, s := range c.Sites {
		o.Sites = append(o.Sites, store.Site{Name: s.Name, Prefix: s.Prefix,
			KeepClosed: s.Retention.Closed, KeepRaw: s.Retention.Raw, KeepUnconfirmed: s.Retention.Unconfirmed})
	}
	return o
}

// outboxOf says how mails leave.
func outboxOf(c *config.Config) (outbox.Settings, error) {
	s := outbox.Settings{Hostname: c.Hostname, Sites: map[string]outbox.Outgoing{}}
	for _, site := range c.Sites {
		o, err := outgoingOf(site.Outgoing)
		if err != nil {
			return s, fmt.Errorf("site %s: %w", site.Name, err)
		}
		s.Sites[site.Name] = o
	}
	return s, nil
}

func outgoingOf(o config.Outgoing) (outbox.Outgoing, error) {
	via := o.Via
	out := outbox.Outgoing{
		Route: outbox.Route{Scheme: string(via.Scheme), Host: via.Host, Port: strconv.Itoa(via.Port),
			Username: via.Username, Password: via.Password.Reveal(), TLS: string(via.TLS), Path: via.Path},
		Paused: o.Paused, Concurrency: o.Concurrency, GiveUp: o.GiveUp,
	}
	for _, k := range o.DKIM {
		if err := store.PrivateFile(k.Key); err != nil {
			return out, fmt.Errorf("dkim key: %w", err)
		}
		text, err := os.ReadFile(k.Key)
		if err != nil {
			return out, fmt.Errorf("dkim key: %w", err)
		}
		signer, err := outbox.ParseKey(text)
		if err != nil {
			return out, fmt.Errorf("dkim key %s: %w", k.Key, err)
		}
		out.Keys = append(out.Keys, outbox.Key{Domain: k.Domain, Selector: k.Selector, Signer: signer})
	}
	return out, nil
}

// accountsOf are the directories of those who have an account with a site.
func accountsOf(c *config.Config) map[string]accounts.Settings {
	out := map[string]accounts.Settings{}
	for _, s := range c.Sites {
		if a := s.Accounts; a.Link != "" {
			out[s.Name] = accounts.Settings{File: a.File, URL: a.URL, Timeout: a.Timeout, Link: a.Link}
		}
	}
	return out
}

// overridesOf are the directories of the sites' own templates.
func overridesOf(c *config.Config) map[string]string {
	out := map[string]string{}
	for _, s := range c.Sites {
		if s.Templates != "" {
			out[s.Name] = s.Templates
		}
	}
	return out
}

// helpOf is the list of commands as templates show it.
func helpOf() []templates.CommandHelp {
	var out []templates.CommandHelp
	for _, c := range router.Help() {
		out = append(out, templates.CommandHelp{Name: c.Name, Usage: c.Usage, Text: c.Text})
	}
	return out
}
