package smtpd

import (
	"crypto/tls"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
)

// BareNewline says what becomes of a CR or LF that stands alone in a message.
type BareNewline int8

const (
	// Normalize makes it CRLF, as content: it never ends the data.
	Normalize BareNewline = iota
	// Reject answers 550 5.5.2 and closes the connection.
	Reject
)

// Settings is all that an operator can choose about the door. A zero limit
// takes the default that its comment names; there is no "unlimited".
type Settings struct {
	// Hostname is our name in the banner, the trace lines and queue ids.
	Hostname string
	// MaxSize is the largest message in bytes, with CRLF line ends and without
	// our trace lines; 25 MiB. A message of exactly this size is accepted.
	MaxSize int64
	// MaxRecipients is for one message; 100 (RFC 5321 §4.5.3.1.8 asks for that).
	MaxRecipients int
	// BareNewline is Normalize unless set.
	BareNewline BareNewline

	// MaxConnections is how many clients are served at a time; 8000, for idle ones
	// cost little and must not keep others out. It is lowered to half of the files
	// that the process may have open.
	MaxConnections int
	// MaxPerAddress is how many of them may come from one address (of IPv6, from
	// one /64); 20. Hosts in Networks, Relays and ProxyProtocol are not held to it.
	MaxPerAddress int
	// MaxErrors is how many commands of one connection may be refused; 20.
	// Five times as many may be idle talk (NOOP, RSET, VRFY, EHLO).
	MaxErrors int
	// MinimumSpeed is the least that a client must send of a message, in bytes a
	// second on average once Grace is over; 100.
	MinimumSpeed int64
	// Grace is how long a message may take, however slow; two minutes.
	Grace time.Duration
	// Idle is how long we wait for the next command; five minutes (RFC 5321
	// §4.5.3.2.7).
	Idle time.Duration
	// Stall is how long we wait for the next bytes of a message; three minutes.
	Stall time.Duration
	// Handshake bounds the TLS handshake and the PROXY header; 30 seconds.
	Handshake time.Duration
	// Reply bounds each write to the client; one minute.
	Reply time.Duration
	// Judge bounds the look-ups that a proof needs, all together; 20 seconds.
	Judge time.Duration
	// Deliver bounds the Handler for one message; two minutes, well below the ten
	// that a client waits (RFC 5321 §4.5.3.2.6).
	Deliver time.Duration

	// TLS offers STARTTLS when set.
	TLS *tls.Config
	// ProxyProtocol names the networks whose connections must begin with a PROXY
	// header (v1 or v2); from all others it is a bad command.
	ProxyProtocol []netip.Prefix
	// Networks and Relays say whom we believe; see package proof.
	Networks []netip.Prefix
	Relays   []proof.Relay

	// Checks are what is asked about each message beside its proof; see package
	// scan. None by default.
	Checks scan.Settings
	checks []scan.Step

	// Patience is how long a message waits for its turn when more come than can be
	// worked on at a time; three minutes.
	Patience time.Duration
	// MinimumFree is how many bytes the disk of SpoolDir keeps free: below that no
	// message is begun; twice MaxSize.
	MinimumFree int64

	// SpoolDir keeps messages of more than 256 KiB while they are received, as
	// files without a name; the system's temporary directory.
	SpoolDir string
	disk     *disk
}

// withDefaults is s with every limit set.
func (s Settings) withDefaults() *Settings {
	or(&s.Hostname, "localhost")
	or(&s.MaxSize, 25<<20)
	or(&s.MaxRecipients, 100)
	or(&s.MaxConnections, 8000)
	s.MaxConnections = min(s.MaxConnections, openFiles()/2)
	or(&s.MaxPerAddress, 20)
	or(&s.MaxErrors, 20)
	or(&s.MinimumSpeed, 100)
	or(&s.Grace, 2*time.Minute)
	or(&s.Idle, 5*time.Minute)
	or(&s.Stall, 3*time.Minute)
	or(&s.Handshake, 30*time.Second)
	or(&s.Reply, time.Minute)
	or(&s.Judge, 20*time.Second)
	or(&s.Deliver, 2*time.Minute)
	or(&s.Patience, 3*time.Minute)
	or(&s.MinimumFree, 2*s.MaxSize)
	or(&s.SpoolDir, os.TempDir())
	s.disk = &disk{}
	return &s
}

// openFiles is how many files this process may have open. A client needs one,
// and its message another.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what is usual where nobody says more
	}
	return int(min(limit.Cur, 1<<30))
}

func or[T comparable](field *T, fallback T) {
	var zero T
	if *field == zero {
		*field = fallback
	}
}

// trust is the part of the settings that proof asks for.
func (s *Settings) trust() proof.Trust {
	return proof.Trust{Networks: s.Networks, Relays: s.Relays}
}

// known reports whether the settings name the host, so that the limit for one
// address is not for it.
func (s *Settings) known(client netip.Addr) bool {
	if within(s.Networks, client) || within(s.ProxyProtocol, client) {
		return true
	}
	for _, relay := range s.Relays {
		if relay.Network.Contains(client) {
			return true
		}
	}
	return false
}

func within(networks []netip.Prefix, client netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(client) {
			return true
		}
	}
	return false
}
