// Package config reads guichet.yaml into a Config, and says of everything that
// is wrong with it where it stands and what would be right.
//
// The structs of this file are the one description of the settings. Their tags
// give each key its name, default and bounds; their field comments, which are
// what docs/settings.md says of it, are written for the mail admin.
package config

import (
	"net/netip"
	"time"
)

//go:generate go run ./settingsdoc -o ../docs/settings.md

// Config is a guichet.yaml that was read and found right, or the trial
// settings. Paths in it are those of the file joined to its directory; what the
// file left out has its default; what a site may override is already settled in
// the site, so that readers never look at two places.
//
// Tags: yaml is the key; default is written as in the file; example is what the
// documentation shows; oneof, min and max bound the value; required wants it
// set; inherit takes what is unset from the same field of the enclosing struct;
// path joins a relative value to the directory of the file; check names a form
// that each string must have.
type Config struct {
	// Our name in the banner, in EHLO and in Message-IDs. The default is the name that the machine gives itself.
	Hostname string `yaml:"hostname" check:"domain" example:"mx.example.com"`
	// The directory of the embedded store, the blobs and the keys. Created with mode 0700.
	Data string `yaml:"data" default:"/var/lib/guichet" path:"yes" example:"/srv/guichet"`
	// The file with the key under which everything personal is sealed. Empty is `master.key` in `data`. Keep a copy of it elsewhere: without it the store cannot be read.
	MasterKey string `yaml:"master_key" path:"yes" example:"/etc/guichet/master.key"`
	// The file that names the keys that were erased, so that a backup that is restored forgets them again. Empty is `erased.ledger` in `data`. It has to outlive the store: keep it, or copies of it, elsewhere.
	Ledger string `yaml:"ledger" path:"yes" example:"/srv/elsewhere/erased.ledger"`
	// The directory that `guichet backup` writes to. There the daemon deletes key files that are older than `retention.key_backups`. Empty is none: whoever makes backups elsewhere deletes them.
	Backups string `yaml:"backups" path:"yes" example:"/srv/backups/guichet"`
	// The Redis (7.0 or newer) or Valkey that holds the tickets. Empty is the embedded store, for one daemon. Also `rediss://`, `unix:///run/redis.sock?db=1`, `redis+cluster://host1,host2`, `redis+sentinel://host1,host2/name/0`, and `rediss+…` for TLS to these.
	Redis Redis `yaml:"redis" example:"redis://user:${REDIS_PASSWORD}@redis.example.com:6379/0"`
	// Where raw mails and attachments are kept that take more than 16 KiB when they are packed, and with Redis the texts of tickets that have long been closed. Empty is `blobs` in `data`. Several daemons need a directory that all of them see.
	Blobs Blobs `yaml:"blobs" example:"file:///srv/shared/guichet"`
	// When a message counts as safe on Redis: `all` answers 250 only once its replicas have it too, `local` trusts this Redis alone.
	Durability Durability `yaml:"durability" default:"all" oneof:"all|local" example:"local"`
	// The person who runs this host: mail to postmaster@ and abuse@ of every served domain goes here. The default is the first agent of the first queue.
	Admin string `yaml:"admin" check:"address" example:"hostmaster@example.com"`
	// The address on which `/metrics` (Prometheus), `/healthz` (the process lives) and `/readyz` (the store answers) are served, without any login. Empty serves none.
	Metrics string `yaml:"metrics" check:"listen" example:"127.0.0.1:9025"`
	// The time zone of dates in mails. `Local` is the machine's.
	TimeZone *time.Location `yaml:"time_zone" default:"Local" example:"Europe/Paris"`
	// A directory with templates in place of those shipped. They are checked at start.
	Templates string `yaml:"templates" path:"yes" example:"/etc/guichet/templates"`

	Log       Log       `yaml:"log"`
	SMTP      SMTP      `yaml:"smtp"`
	Trust     Trust     `yaml:"trust"`
	Outgoing  Outgoing  `yaml:"outgoing"`
	Codes     Codes     `yaml:"codes"`
	Retention Retention `yaml:"retention"`

	// The companies or places that are served. They share nothing.
	Sites []Site `yaml:"sites" required:"yes"`

	// File is where the settings were read; empty for the trial settings.
	File string `yaml:"-"`
	// Warnings are what is unsafe about the settings although it is allowed.
	Warnings []Warning `yaml:"-"`

	adminChosen bool // Admin is a default
}

// Log is what the daemon tells, to standard error.
type Log struct {
	// The least that is logged: `debug`, `info`, `warn` or `error`.
	Level string `yaml:"level" default:"info" oneof:"debug|info|warn|error" example:"debug"`
	// One line an event as `text` (key=value), or as `json`.
	Format string `yaml:"format" default:"text" oneof:"text|json" example:"json"`
}

// SMTP is the door.
type SMTP struct {
	// The addresses on which mail is received.
	Listen []string `yaml:"listen" default:":25" check:"listen" example:"[\"127.0.0.1:2525\", \"[::1]:2525\"]"`
	// The largest mail that is taken.
	MaxSize Size `yaml:"max_size" default:"25MiB" min:"64KiB" max:"1GiB" example:"50MiB"`
	// What happens to a CR or LF that stands alone: made a line end (`normalize`), or the mail refused (`reject`). Neither ever ends a mail.
	BareNewline BareNewline `yaml:"bare_newline" default:"normalize" oneof:"normalize|reject" example:"reject"`
	TLS         TLS         `yaml:"tls"`
	// Networks of load balancers that put a PROXY header before each connection. From anybody else it is refused.
	ProxyProtocol []netip.Prefix `yaml:"proxy_protocol" example:"[10.0.0.0/8]"`
	// Connections at once, of which most may be idle. Further ones are answered 421. Never more than half of the files that this process may have open.
	Connections int `yaml:"connections" default:"8000" min:"1" max:"100000" example:"2000"`
	// Connections at once from one address. Hosts of `trust` and `proxy_protocol` are not held to it.
	ConnectionsPerAddress int `yaml:"connections_per_address" default:"20" min:"1" max:"100000" example:"50"`
	// Recipients of one mail. Further ones are answered 452, and the sender repeats the mail for them.
	Recipients int `yaml:"recipients" default:"100" min:"1" max:"1000" example:"200"`
	// Refused commands after which a connection is closed.
	Errors int `yaml:"errors" default:"20" min:"1" max:"1000" example:"10"`
	// The least a second that a client must send of a mail, on average once the first two minutes are over.
	MinSpeed Size `yaml:"min_speed" default:"100B" min:"1B" max:"1MiB" example:"1KiB"`
	// How long a client may take for its next command.
	Timeout time.Duration `yaml:"timeout" default:"5m" min:"10s" max:"1h" example:"3m"`
	// How long a client may stand still in the middle of a mail.
	Stall time.Duration `yaml:"stall" default:"3m" min:"10s" max:"1h" example:"1m"`

	DNSBL    DNSBL    `yaml:"dnsbl"`
	Greylist Greylist `yaml:"greylist"`
	ClamAV   ClamAV   `yaml:"clamav"`
	Rspamd   Rspamd   `yaml:"rspamd"`
}

// DNSBL asks block lists about the hosts that mail comes from, as a score. Hosts of `trust.networks` are not asked about; what came through a relay or an alias is held where it would be refused.
type DNSBL struct {
	// The lists. Each adds its score when the host is on it.
	Lists []BlockList `yaml:"lists"`
	// Mail is held for a person from this sum on. `0` never holds.
	Hold int `yaml:"hold" default:"1" min:"0" max:"1000" example:"3"`
	// Mail is refused from this sum on. `0` never refuses.
	Refuse int `yaml:"refuse" default:"0" min:"0" max:"1000" example:"6"`
	// What happens to mail when a list does not answer and it might matter: `pass` takes the list for silent, `tempfail` has the sender try again.
	OnFault OnFault `yaml:"on_fault" default:"pass" oneof:"pass|tempfail" example:"tempfail"`
}

// BlockList is one list in DNS (RFC 5782). Mind its terms of use, and that many answer no public resolver.
type BlockList struct {
	// The domain under which addresses are asked for.
	Zone string `yaml:"zone" required:"yes" check:"domain" example:"zen.lists.example"`
	// What a listing adds.
	Score int `yaml:"score" default:"1" min:"1" max:"1000" example:"3"`
}

// Greylist has those senders try again whom nothing proves: neither their domain, nor a host of `trust`. What it remembers is this daemon's alone, and lost when it ends.
type Greylist struct {
	// How long they must wait at least. `0` asks nobody to.
	Delay time.Duration `yaml:"delay" default:"0" max:"1h" example:"5m"`
	// How long they may take to try again.
	Window time.Duration `yaml:"window" default:"1d" min:"1h" max:"7d" example:"12h"`
	// How long one that did so is let in at once.
	Keep time.Duration `yaml:"keep" default:"35d" min:"1d" max:"365d" example:"60d"`
}

// ClamAV has clamd look for viruses in all mail.
type ClamAV struct {
	// Where clamd listens: host:port, or the path of its socket. Empty asks nobody.
	Address string `yaml:"address" check:"socket" example:"/run/clamav/clamd.ctl"`
	// What happens to mail with a virus: `refuse` or `hold`.
	Found Found `yaml:"found" default:"refuse" oneof:"refuse|hold" example:"hold"`
	// How long one mail may take.
	Timeout time.Duration `yaml:"timeout" default:"30s" min:"1s" max:"2m" example:"1m"`
	// What happens to mail when clamd does not answer: `pass` lets it in, `tempfail` has the sender try again.
	OnFault OnFault `yaml:"on_fault" default:"tempfail" oneof:"pass|tempfail" example:"pass"`
}

// Rspamd asks rspamd about all mail. What it would reject is refused, what it would mark is held.
type Rspamd struct {
	// Its normal worker. Empty asks nobody.
	URL string `yaml:"url" check:"http" example:"http://127.0.0.1:11333"`
	// How long one mail may take.
	Timeout time.Duration `yaml:"timeout" default:"15s" min:"1s" max:"2m" example:"30s"`
	// What happens to mail when rspamd does not answer: `pass` lets it in, `tempfail` has the sender try again.
	OnFault OnFault `yaml:"on_fault" default:"pass" oneof:"pass|tempfail" example:"tempfail"`
}

// TLS is our certificate for STARTTLS.
type TLS struct {
	// The certificate with its chain, in PEM. Without one there is no STARTTLS.
	Certificate string `yaml:"certificate" path:"yes" example:"/etc/letsencrypt/live/mx.example.com/fullchain.pem"`
	// The private key of the certificate, in PEM.
	Key string `yaml:"key" path:"yes" example:"/etc/letsencrypt/live/mx.example.com/privkey.pem"`
	// Instead of both: the address under which certificates are asked for from Let's Encrypt. Not in this version.
	ACME string `yaml:"acme" check:"address" example:"hostmaster@example.com"`
}

// Enabled reports whether STARTTLS is offered.
func (t TLS) Enabled() bool { return t.Certificate != "" || t.ACME != "" }

// Trust names the hosts whose word counts.
type Trust struct {
	// Hosts that authenticate their senders: what they say a From is, it is. A submission server, never a mail exchanger.
	Networks []netip.Prefix `yaml:"networks" example:"[192.0.2.25/32]"`
	// Mail exchangers in front of this host. SPF is then checked on the client in the Received line that they wrote.
	Relays []Relay `yaml:"relays"`
}

// Relay is a mail exchanger in front of us.
type Relay struct {
	// Its address or network.
	Network netip.Prefix `yaml:"network" example:"192.0.2.10/32"`
	// The name under which it writes Authentication-Results. Those are believed, everybody else's are removed. Empty believes none.
	AuthservID string `yaml:"authserv_id" example:"mail.example.com"`
	// The domain that it seals mail with (ARC, `d=` of ARC-Seal). What it sealed is believed wherever the mail comes from, so a host that is known by its seals alone, such as one that forwards an old address, needs no `network`.
	Seals string `yaml:"seals" check:"domain" example:"forwarder.example"`
}

// Outgoing is how our mails leave.
type Outgoing struct {
	// By which way: `smtp://` or `smtps://` to a relay, `direct:` to each domain's mail exchangers, `maildir:PATH` into a directory for trials. With `?tls=required`, `opportunistic` or `none`; required is the default where there is a password.
	Via Route `yaml:"via" default:"direct:" example:"smtp://user:${RELAY_PASSWORD}@relay.example.com:587?tls=required"`
	// The keys with which mails are signed, one for each domain that mails are sent from.
	DKIM []DKIM `yaml:"dkim"`
	// Keeps every mail back until it is set to false again. Nothing is lost meanwhile.
	Paused bool `yaml:"paused" default:"false" example:"true"`
	// Connections at once to one destination.
	Concurrency int `yaml:"concurrency" default:"4" min:"1" max:"100" example:"2"`
	// How long a mail is tried again before it fails visibly on its ticket.
	GiveUp time.Duration `yaml:"give_up" default:"5d" min:"1h" max:"30d" example:"2d"`
}

// DKIM is one signing key (RFC 6376).
type DKIM struct {
	// The domain of the From lines that it signs, and that of the DNS record.
	Domain string `yaml:"domain" required:"yes" check:"domain" example:"example.com"`
	// The name of the record before `._domainkey`.
	Selector string `yaml:"selector" required:"yes" check:"domain" example:"guichet"`
	// The private key in PEM: RSA of at least 2048 bits, or Ed25519.
	Key string `yaml:"key" required:"yes" path:"yes" example:"/etc/guichet/dkim.pem"`
}

// Codes is how codes are drawn.
type Codes struct {
	Tracking   TrackingCode   `yaml:"tracking"`
	Validation ValidationCode `yaml:"validation"`
}

// TrackingCode is the code that a requester gets for a ticket.
type TrackingCode struct {
	// Characters in it.
	Length int `yaml:"length" default:"12" min:"8" max:"16" example:"10"`
	// Digits are in it.
	Digits bool `yaml:"digits" default:"true" example:"false"`
	// Capitals are in it.
	Uppercase bool `yaml:"uppercase" default:"true" example:"false"`
	// Small letters are in it. With capitals and small letters both, case matters when it is read back.
	Lowercase bool `yaml:"lowercase" default:"false" example:"true"`
	// Special characters are in it.
	Special bool `yaml:"special" default:"false" example:"true"`
	// Characters that are taken for one another (o O 0, 1 l I and their kin) are not in it.
	AvoidAmbiguous bool `yaml:"avoid_ambiguous" default:"true" example:"false"`
}

// ValidationCode is the one-time code that proves a mailbox.
type ValidationCode struct {
	// Characters in it.
	Length int `yaml:"length" default:"8" min:"6" max:"14" example:"10"`
	// Minutes that it is valid.
	ExpiresMinutes int `yaml:"expires_minutes" default:"15" min:"1" max:"1440" example:"30"`
	// The template of the mail that brings it.
	Template string `yaml:"template" default:"validation" check:"name" example:"validation-short"`
}

// Expires is how long the code is valid.
func (v ValidationCode) Expires() time.Duration { return time.Duration(v.ExpiresMinutes) * time.Minute }

// Retention is how long things are kept.
type Retention struct {
	// A ticket after it was closed, with all that belongs to it.
	Closed time.Duration `yaml:"closed" default:"180d" min:"1d" example:"365d"`
	// The mails as they came in; what was read from them stays with the ticket.
	Raw time.Duration `yaml:"raw" default:"14d" min:"1h" example:"30d"`
	// A request whose sender never confirmed it.
	Unconfirmed time.Duration `yaml:"unconfirmed" default:"7d" min:"1h" example:"3d"`
	// An erasure that somebody asked for, so that it can still be called off.
	CallOff time.Duration `yaml:"call_off" default:"3d" max:"30d" inherit:"yes" example:"1d"`
	// The key file of a backup. Afterwards what was erased in the meantime is gone from the backup too.
	KeyBackups time.Duration `yaml:"key_backups" default:"30d" min:"1d" example:"90d"`
}

// Site is one tenant.
type Site struct {
	// Its short name, in commands and the log: small letters, digits, hyphens.
	Name string `yaml:"name" required:"yes" check:"name" example:"acme"`
	// Two to eight capitals and digits before the number in references: `ACM` gives [ACM-1042]. Keep it for ever: old mails carry it.
	Prefix string `yaml:"prefix" required:"yes" example:"ACM"`
	// The company's name as its mails say it. The default is `name`.
	Organisation string `yaml:"organisation" example:"Acme SARL"`
	// A telephone number that mails to requesters name.
	Phone string `yaml:"phone" example:"+33 1 23 45 67 89"`
	// A line at the end of every mail to a requester.
	Footer string `yaml:"footer" example:"Acme SARL, 1 rue des Lilas, Lyon"`
	// With it a stranger enrols for the site. Told to clients, never in a mail of ours; leave it out and nobody enrols.
	ClientNumber string `yaml:"client_number" example:"ACM-7731-Q"`
	// The language of mails where the writer's is not known: `en` or `fr`.
	Locale string `yaml:"locale" default:"en" example:"fr"`
	// All languages that it answers in. The default is `locale` alone.
	Locales []string `yaml:"locales" example:"[fr, en]"`
	// Domains whose senders, once proved, are its staff: who asks at `help+status@…` sees what is open at the whole site. Never a public mail provider's.
	Domains []string `yaml:"domains" check:"domain" example:"[acme.example]"`
	// What happens to a request whose sender is not proved: `open` opens it, marked so; `confirm` keeps it from the agents' mail until confirmed.
	Unproved Unproved `yaml:"unproved" default:"open" oneof:"open|confirm" example:"confirm"`
	// A reply to a ticket closed for longer opens a new one that is linked to it.
	Reopen time.Duration `yaml:"reopen" default:"30d" example:"14d"`
	// The character between a queue's local part and the reply token: `+`, `-` or `=`.
	Separator string `yaml:"separator" default:"+" oneof:"+|-|=" example:"\"-\""`
	// A directory with templates in place of the general ones.
	Templates string `yaml:"templates" path:"yes" inherit:"yes" example:"/etc/guichet/templates/acme"`
	// The time zone of dates in its mails.
	TimeZone *time.Location `yaml:"time_zone" inherit:"yes" example:"Europe/Paris"`

	// A directory of canned answers: files such as `refund.en.txt`, whose text `#send refund` sends. They are read at the start and when the settings are read again.
	Answers string `yaml:"answers" path:"yes" example:"/etc/guichet/answers"`

	// When each of its agents gets a mail that tells what there is to do, if anything is: what is due, new, theirs, waiting long, undelivered, and held for their decision; the hour is that of `time_zone`. Empty sends none.
	Digest string `yaml:"digest" default:"07:00" check:"hour" example:"\"08:30\""`

	// How long an agent's answer waits before it leaves, so that `#undo` still stops it. `0` lets it leave at once.
	AnswerHold time.Duration `yaml:"answer_hold" default:"0" max:"1h" example:"60s"`

	Accounts  Accounts  `yaml:"accounts"`
	Reports   Reports   `yaml:"reports"`
	Calendar  Calendar  `yaml:"calendar"`
	Autoclose Autoclose `yaml:"autoclose"`
	Codes     Codes     `yaml:"codes" inherit:"yes"`
	Retention Retention `yaml:"retention" inherit:"yes"`
	Outgoing  Outgoing  `yaml:"outgoing" inherit:"yes"`

	// The addresses that it is written to. The first is where mail goes that names none.
	Queues []Queue `yaml:"queues" required:"yes"`
}

// Accounts is a directory of those who have an account with the site. The acknowledgement invites them to go on with it, and lets them go on without. Nobody else is told of it; mail is taken from everybody alike.
type Accounts struct {
	// A file with an address, or a whole domain as `@example.com`, on each line. It is read again when it changes.
	File string `yaml:"file" path:"yes" example:"/etc/guichet/accounts.txt"`
	// Instead of a file: a page that is asked for each sender, with `{address}` in the place of theirs. An answer of 2xx knows them, 404 does not, and any other counts as none. Only `https://`, or `http://` on this machine.
	URL string `yaml:"url" check:"lookup" example:"https://intranet.acme.example/lookup?address={address}"`
	// Where they are invited to go on.
	Link string `yaml:"link" check:"link" example:"https://my.acme.example/requests"`
	// How long the page may take. Without an answer the acknowledgement leaves without the invitation.
	Timeout time.Duration `yaml:"timeout" default:"2s" min:"1s" max:"30s" example:"5s"`
}

// Reports are mails with the site's numbers: what was opened, answered and closed since the one before, by queue, agent and tag, with charts and a table for other programs. They hold nothing of any requester. Times are those of `time_zone`.
type Reports struct {
	// Each day at this hour, of the day until then. Empty sends none.
	Day string `yaml:"day" check:"hour" example:"\"18:00\""`
	// Each week at this day and hour, of the seven days until then: `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`.
	Week string `yaml:"week" check:"week hour" example:"\"mon 08:00\""`
	// Each month on this day, `1` to `28`, and hour, of the month until then.
	Month string `yaml:"month" check:"month hour" example:"\"1 08:00\""`
	// Who gets them. They need not be agents; nobody else gets the numbers of the whole site.
	To []string `yaml:"to" check:"address" example:"[chef@acme.example]"`
}

// Calendar is when the site works, in its `time_zone`: business time, in which `service` counts, goes by then alone.
type Calendar struct {
	// The hours of each weekday, parts of the week with commas between them. Empty is round the clock.
	Hours Week `yaml:"hours" example:"\"mon-thu 09:00-12:30 13:30-18:00, fri 09:00-16:00\""`
	// The country (ISO 3166-1) on whose public holidays nobody works: those of the whole country; `GB` is England and Wales. A region's go into `closed`. Empty keeps none.
	Holidays string `yaml:"holidays" oneof:"BE|CH|DE|ES|FR|GB|IT|NL|PT|US" example:"FR"`
	// Further days on which nobody works, each as a date or as the first and last of several.
	Closed []string `yaml:"closed" check:"days" example:"[2026-12-24, 2026-12-28..2026-12-31]"`
}

// Service is what a queue promises its requesters, in business time: `4h` are four hours of `calendar`, `1d` is a day of it (the mean of its weekdays), so that `1d` after Tuesday 10:00 is Wednesday 10:00. Time in which the requester is to answer does not count.
type Service struct {
	// How long the first answer may take. `0` promises none.
	FirstAnswer WorkTime `yaml:"first_answer" default:"0" example:"4h"`
	// How long the solution may take, from the beginning until the ticket is solved or closed. `0` promises none.
	Solution WorkTime `yaml:"solution" default:"0" example:"3d"`
	// The part of either time after which whoever has the ticket, or else the team, is reminded. `0` never reminds.
	Remind Percent `yaml:"remind" default:"80%" max:"99%" example:"50%"`
	// People who are told, beside the team, when a time has been missed.
	Escalate []string `yaml:"escalate" check:"address" example:"[chef@acme.example]"`

	Low    Targets `yaml:"low"`
	High   Targets `yaml:"high"`
	Urgent Targets `yaml:"urgent"`
}

// Targets are the times of tickets of this priority. What is left out is as for the others.
type Targets struct {
	// As that of `service`.
	FirstAnswer WorkTime `yaml:"first_answer" inherit:"yes" example:"1h"`
	// As that of `service`.
	Solution WorkTime `yaml:"solution" inherit:"yes" example:"1d"`
}

// Autoclose is what happens to tickets that wait for their requester.
type Autoclose struct {
	// The requester is reminded after this long. `0` never reminds.
	Remind time.Duration `yaml:"remind" default:"7d" example:"3d"`
	// The ticket is closed after this long. `0` never closes.
	Close time.Duration `yaml:"close" default:"14d" example:"10d"`
}

// Queue is an address and the team behind it.
type Queue struct {
	// Its short name, in commands and the log.
	Name string `yaml:"name" required:"yes" check:"name" example:"help"`
	// The name before its address in From. The default is `name`.
	Title string `yaml:"title" example:"Acme support"`
	// The address that opens a ticket.
	Address string `yaml:"address" required:"yes" check:"address" example:"help@acme.example"`
	// Old addresses that are forwarded here. They count as ours in To and Cc, and mail to them is taken.
	Aliases []string `yaml:"aliases" check:"address" example:"[support@acme.example]"`
	// Group addresses that pass mail on to this queue. What they add to its header does not make it a mailing list's.
	Groups []string `yaml:"groups" check:"address" example:"[team@groups.acme.example]"`
	// Whoever a proved requester puts into To or Cc takes part: they get every answer. Otherwise only agents add people so.
	CopyCc bool `yaml:"copy_cc" default:"false" example:"true"`
	// Addresses from which the site's own web forms write, as lines of `Field: value` or as JSON. A request of theirs is opened for the address in it, who is asked to confirm.
	Forms []string `yaml:"forms" check:"address" example:"[www@acme.example]"`
	// The people who answer. They need no account, only this line.
	Agents []string `yaml:"agents" required:"yes" check:"address" example:"[anna@acme.example, ben@acme.example]"`
	// As that of the site, for this queue alone.
	Separator string `yaml:"separator" oneof:"+|-|=" inherit:"yes" example:"\"=\""`
	// As that of the site, for this queue alone.
	Digest string `yaml:"digest" check:"hour" inherit:"yes" example:"\"17:00\""`
	// As that of the site, for this queue alone.
	AnswerHold time.Duration `yaml:"answer_hold" max:"1h" inherit:"yes" example:"60s"`
	// A domain that is wholly routed here and carries reply tokens, where the mail system in front loses plus-addresses, or the local part is longer than 23 octets.
	ReplyDomain string `yaml:"reply_domain" check:"domain" example:"tickets.acme.example"`

	Service Service `yaml:"service"`
}
