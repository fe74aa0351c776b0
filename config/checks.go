package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Locales are the languages that are shipped.
var Locales = []string{"en", "fr"}

// longestLocal is how many octets the local part of a queue may have before a
// separator and a reply token of 40 characters no longer fit into 64 (RFC 5321
// §4.5.3.1.1).
const longestLocal = 64 - 1 - 40

// publicProviders give a mailbox to anybody who asks, so their domains name
// nobody's staff.
var publicProviders = strings.Fields(`
	126.com 163.com aim.com aliyun.com aol.com bluewin.ch bol.com.br comcast.net duck.com fastmail.com fastmail.fm
	foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net googlemail.com hey.com
	hotmail.be hotmail.ca hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com
	laposte.net libero.it live.ca live.co.uk live.com live.de live.fr live.it live.nl mac.com mail.com mail.ru mailbox.org
	me.com msn.com naver.com neuf.fr numericable.fr orange.fr outlook.be outlook.com outlook.de outlook.es outlook.fr
	outlook.it pm.me posteo.de posteo.net proton.me protonmail.ch protonmail.com qq.com rediffmail.com riseup.net
	rocketmail.com sfr.fr sina.com skynet.be t-online.de telenet.be tuta.com tuta.io tutanota.com tutanota.de uol.com.br
	verizon.net virgilio.it wanadoo.fr web.de yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de
	yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com`)

// check looks at what the settings mean together, once each value is read.
func check(d *decoder, c *Config) {
	unavailable(d, c)
	checkTLS(d, c.SMTP.TLS)
	checkTrust(d, c)
	checkDoor(d, c)
	checkCodes(d, "codes.tracking", c.Codes.Tracking)
	checkDKIM(d, "outgoing.dkim", c.Outgoing.DKIM)
	checkTemplates(d, "templates", c.Templates)
	for i, s := range c.Sites {
		checkSite(d, fmt.Sprintf("sites[%d]", i), s, c)
	}
	checkUnique(d, c)
	checkOurOwn(d, c)
}

// unavailable tells of what the format names and this version does not do.
func unavailable(d *decoder, c *Config) {
	if c.Blobs.S3 != "" {
		d.blame("blobs", "blobs in S3 are not in this version", "name a directory, as file:///srv/guichet/blobs")
	}
	if c.SMTP.TLS.ACME != "" {
		d.blame("smtp.tls.acme", "fetching certificates is not in this version", "name the files: {certificate: …, key: …}")
	}
}

func checkTLS(d *decoder, t TLS) {
	switch {
	case t.Certificate == "" && t.Key == "":
	case t.Key == "":
		d.blame("smtp.tls.certificate", "a certificate without its key", "add key: with the file of the private key")
	case t.Certificate == "":
		d.blame("smtp.tls.key", "a key without its certificate", "add certificate: with the file of the chain")
	default:
		missing := unreadable(d, "smtp.tls.certificate", t.Certificate)
		if unreadable(d, "smtp.tls.key", t.Key) || missing {
			return
		}
		if _, err := tls.LoadX509KeyPair(t.Certificate, t.Key); err != nil {
			d.blame("smtp.tls.certificate", "the certificate cannot be used: "+strings.TrimPrefix(err.Error(), "tls: "), "name a PEM chain and the PEM key that belongs to it")
		}
	}
}

// unreadable tells of a file that is not there.
func unreadable(d *decoder, path, file string) bool {
	f, err := openRegular(file)
	if err != nil {
		d.blame(path, fmt.Sprintf("%s cannot be read (%s)", file, reason(err)), "name a file that this user can read")
		return true
	}
	f.Close()
	return false
}

func checkTrust(d *decoder, c *Config) {
	everybody := func(path string, n netip.Prefix) {
		if n.IsValid() && n.Bits() == 0 {
			d.blame(path, n.String()+" is the whole internet", "name the hosts that are meant")
		}
	}
	for i, n := range c.Trust.Networks {
		everybody(fmt.Sprintf("trust.networks[%d]", i), n)
	}
	for i, n := range c.SMTP.ProxyProtocol {
		everybody(fmt.Sprintf("smtp.proxy_protocol[%d]", i), n)
	}
	for i, r := range c.Trust.Relays {
		at := fmt.Sprintf("trust.relays[%d].network", i)
		everybody(at, r.Network)
		for _, n := range c.Trust.Networks {
			if r.Network.Overlaps(n) {
				d.blame(at, fmt.Sprintf("%s is in trust.networks too (%s)", r.Network, n), "leave it in one: networks for hosts that authenticate senders, relays for mail exchangers")
			}
		}
	}
}

func checkCodes(d *decoder, path string, t TrackingCode) {
	if !t.Digits && !t.Uppercase && !t.Lowercase && !t.Special {
		d.blame(path, "no class of characters is left for tracking codes", "set digits, uppercase, lowercase or special to true")
	}
}

func checkDKIM(d *decoder, path string, keys []DKIM) {
	seen := map[string]bool{}
	for i, k := range keys {
		at := fmt.Sprintf("%s[%d]", path, i)
		if k.Domain != "" && seen[k.Domain] {
			d.blame(at+".domain", k.Domain+" has a key already", "keep one key for each domain")
		}
		seen[k.Domain] = true
		if k.Key == "" || unreadable(d, at+".key", k.Key) {
			continue
		}
		if what := keyFault(k.Key); what != "" {
			d.blame(at+".key", fmt.Sprintf("%s is %s", k.Key, what), "name an RSA key of 2048 bits or an Ed25519 key, in PEM; guichet init --domain makes one")
		}
	}
}

// keyFault is what is wrong with a signing key; "" is nothing.
func keyFault(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return reason(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return "no PEM file"
	}
	var key crypto.PrivateKey
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return "no private key"
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if n := key.N.BitLen(); n < 2048 {
			return fmt.Sprintf("an RSA key of %d bits, which receivers take for too short", n)
		}
	case ed25519.PrivateKey:
	default:
		return "a key of a kind that DKIM does not know"
	}
	return ""
}

func checkTemplates(d *decoder, path, dir string) {
	if dir == "" {
		return
	}
	if info, err := os.Stat(dir); err != nil {
		d.blame(path, fmt.Sprintf("%s cannot be read (%s)", dir, reason(err)), "name a directory, or remove the key for the templates that are shipped")
	} else if !info.IsDir() {
		d.blame(path, dir+" is a file", "name the directory that the templates lie in")
	}
}

// checkSite looks at one site by itself.
func checkSite(d *decoder, at string, s Site, c *Config) {
	checkPrefix(d, at+".prefix", s.Prefix)
	checkClientNumber(d, at+".client_number", s)
	for i, l := range s.Locales {
		if !slices.Contains(Locales, l) {
			path := at + ".locale"
			if i > 0 {
				path = at + ".locales"
			}
			d.blame(path, fmt.Sprintf("the language %q is not shipped", l), "write "+orList(Locales))
		}
	}
	for i, domain := range s.Domains {
		if slices.Contains(publicProviders, domain) {
			d.blame(fmt.Sprintf("%s.domains[%d]", at, i), domain+" gives mailboxes to anybody, so its senders are nobody's staff", "name domains of the company alone")
		}
	}
	checkAccounts(d, at+".accounts", s.Accounts)
	if r := s.Reports; len(r.To) == 0 && r.Day+r.Week+r.Month != "" {
		d.blame(at+".reports", "nobody gets the reports", "add to: with the addresses of those who do, or remove the times")
	}
	if a := s.Autoclose; a.Remind > 0 && a.Close > 0 && a.Remind >= a.Close {
		d.blame(at+".autoclose", "the reminder comes when the ticket is closed already", "write remind shorter than close, or one of them as 0")
	}
	// What a site takes over is told once, where it is written.
	if s.Codes.Tracking != c.Codes.Tracking {
		checkCodes(d, at+".codes.tracking", s.Codes.Tracking)
	}
	if !slices.Equal(s.Outgoing.DKIM, c.Outgoing.DKIM) {
		checkDKIM(d, at+".outgoing.dkim", s.Outgoing.DKIM)
	}
	if s.Templates != c.Templates {
		checkTemplates(d, at+".templates", s.Templates)
	}
	names := map[string]bool{}
	for i, q := range s.Queues {
		path := fmt.Sprintf("%s.queues[%d]", at, i)
		if q.Name != "" && names[q.Name] {
			d.blame(path+".name", fmt.Sprintf("the site has a queue %q already", q.Name), "give each queue a name of its own")
		}
		names[q.Name] = true
		if local, _ := splitAddress(q.Address); len(local) > longestLocal && q.ReplyDomain == "" {
			d.blame(path+".address", fmt.Sprintf("the part before @ has %d octets, and with a reply token it would have more than 64", len(local)), fmt.Sprintf("use at most %d, or set reply_domain", longestLocal))
		}
	}
}

// checkAccounts wants one directory, and somewhere to invite those to that it
// knows.
func checkAccounts(d *decoder, at string, a Accounts) {
	switch {
	case a.File != "" && a.URL != "":
		d.blame(at+".url", "a file is named too", "keep one of file and url")
	case a.File == "" && a.URL == "":
		if a.Link != "" {
			d.blame(at+".link", "nobody is known who could be invited", "add file: or url:, or remove the link")
		}
		return
	case a.Link == "":
		d.blame(at, "known senders are looked up and invited nowhere", "add link: with the page where they go on")
	}
	if a.File != "" {
		unreadable(d, at+".file", a.File)
	}
}

func checkPrefix(d *decoder, at, prefix string) {
	if prefix == "" {
		return
	}
	right := len(prefix) >= 2 && len(prefix) <= 8 && prefix[0] >= 'A' && prefix[0] <= 'Z' &&
		strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	if !right {
		d.blame(at, fmt.Sprintf("prefix is %q", prefix), "write 2 to 8 capitals and digits, a capital first, as ACM")
	}
}

// checkClientNumber wants something that nobody guesses from a mail of ours.
func checkClientNumber(d *decoder, at string, s Site) {
	if s.ClientNumber == "" {
		return
	}
	number := plainNumber(s.ClientNumber)
	tail := strings.TrimPrefix(number, strings.ToUpper(s.Prefix))
	switch {
	case len(number) < 6 || len(s.ClientNumber) > 32 || strings.Trim(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "":
		d.blame(at, fmt.Sprintf("client_number is %q", s.ClientNumber), "write at least 6 letters and digits, with hyphens between them, as ACM-7731-Q")
	case len(tail) < 4:
		d.blame(at, "client_number can be guessed from the prefix", "add at least 4 characters that no mail shows")
	case tail != number && strings.Trim(tail, "0123456789") == "":
		d.blame(at, "client_number looks like a reference of a ticket", "add letters after the prefix, as "+s.Prefix+"-7731-Q")
	}
}

// plainNumber is a client number as it is compared.
func plainNumber(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(s))
}

// checkUnique tells of what two sites or queues both claim.
func checkUnique(d *decoder, c *Config) {
	seen := map[string]int{}
	claim := func(kind, value, path, remedy string) {
		if value == "" {
			return
		}
		key := kind + " " + strings.ToLower(value)
		if line, taken := seen[key]; taken {
			d.blame(path, fmt.Sprintf("the %s %s is taken on line %d already", kind, value, line), remedy)
			return
		}
		seen[key] = d.at(path).line
	}
	for i, s := range c.Sites {
		at := fmt.Sprintf("sites[%d]", i)
		claim("name", s.Name, at+".name", "give each site a name of its own")
		claim("prefix", s.Prefix, at+".prefix", "give each site a prefix of its own")
		claim("client number", plainNumber(s.ClientNumber), at+".client_number", "give each site a number of its own")
		replyDomains := map[string]bool{}
		for j, q := range s.Queues {
			path := fmt.Sprintf("%s.queues[%d]", at, j)
			claim("address", q.Address, path+".address", "a mail can open a ticket in one queue only")
			for k, alias := range q.Aliases {
				claim("address", alias, fmt.Sprintf("%s.aliases[%d]", path, k), "a mail can open a ticket in one queue only")
			}
			if !replyDomains[q.ReplyDomain] {
				claim("reply domain", q.ReplyDomain, path+".reply_domain", "give each site a reply domain of its own")
			}
			replyDomains[q.ReplyDomain] = true
		}
	}
}

// checkOurOwn tells of addresses of ours where a person's is wanted, for mail
// would go in a circle, and of queues that read as reply addresses of others.
func checkOurOwn(d *decoder, c *Config) {
	ours := map[string]bool{}
	domains := map[string][]Queue{}
	for _, s := range c.Sites {
		for _, q := range s.Queues {
			for _, address := range append([]string{q.Address}, q.Aliases...) {
				ours[strings.ToLower(address)] = true
			}
			_, domain := splitAddress(q.Address)
			domains[domain] = append(domains[domain], q)
		}
	}
	circle := func(path, address string) {
		if address != "" && ours[strings.ToLower(address)] {
			d.blame(path, address+" is an address of a queue, so mail would go in a circle", "name the mailbox of a person")
		}
	}
	if !c.adminChosen {
		circle("admin", c.Admin)
	}
	for i, s := range c.Sites {
		for j, q := range s.Queues {
			path := fmt.Sprintf("sites[%d].queues[%d]", i, j)
			for k, agent := range q.Agents {
				circle(fmt.Sprintf("%s.agents[%d]", path, k), agent)
			}
			for k, person := range q.Service.Escalate {
				circle(fmt.Sprintf("%s.service.escalate[%d]", path, k), person)
			}
			_, domain := splitAddress(q.Address)
			if other := readsAs(q.Address, domains[domain]); other != "" {
				d.blame(path+".address", fmt.Sprintf("%s reads as a reply address of %s", q.Address, other), "choose another address, or another separator for that queue")
			}
		}
	}
}

// readsAs is the address among queues of one domain that, with its separator,
// begins this one.
func readsAs(address string, queues []Queue) string {
	local, _ := splitAddress(address)
	for _, q := range queues {
		if l, _ := splitAddress(q.Address); l != "" && q.Separator != "" && strings.HasPrefix(local, l+q.Separator) {
			return q.Address
		}
	}
	return ""
}

// splitAddress is local part and domain in lower case.
func splitAddress(address string) (local, domain string) {
	address = strings.ToLower(address)
	at := strings.LastIndexByte(address, '@')
	return address[:max(0, at)], address[at+1:]
}
