package doctor

import (
	"context"
	"crypto"
	"net"
	"net/netip"
	"time"
)

// Installation is what the examination is about: the settings, as far as the
// world outside has to agree with them.
type Installation struct {
	// Hostname is our name.
	Hostname string
	// Own are the addresses of this machine's interfaces.
	Own []netip.Addr
	// Listen are the addresses on which mail is taken; Proxied the networks that
	// put a PROXY header before each connection.
	Listen  []string
	Proxied []netip.Prefix
	// Relays are the mail exchangers in front of us, Networks the hosts whose
	// word about a From is believed.
	Relays, Networks []netip.Prefix
	// Certificate and Key are files; empty where there is no STARTTLS.
	Certificate, Key string
	// Admin is whom reports can go to.
	Admin string
	// MaxSize is the largest mail that is taken.
	MaxSize int64

	Domains []Domain
	Routes  []Route
	Senders []Sender
	People  []People
	Store   Store
	Dirs    []Dir
	Secrets []Secret
	// Data is the directory of the daemon, and MasterKey the key of the store.
	Data, MasterKey string
}

// Domain is one that mail comes in for.
type Domain struct {
	Name string
	// Address is one of ours in it, and Separator what stands before a token
	// there.
	Address, Separator string
	// Alias is set where all addresses in it are old ones that are forwarded.
	Alias bool
	// Replies is set for a domain that is wholly ours and carries reply tokens.
	Replies bool
	// Plus is set where replies come to the address with a token behind the
	// separator.
	Plus bool
}

// Route is a way out.
type Route struct {
	// Name is as the settings write it, without a password.
	Name string
	// Direct is set for delivery to each domain's exchangers; Maildir for a
	// directory; else Host is a relay.
	Direct, Maildir bool
	Host            string
	// Try goes to where a mail could be given to the relay, and says how far it
	// is encrypted; nil where there is no relay.
	Try func(ctx context.Context) (encrypted bool, err error)
}

// Sender is a domain that mails are sent from.
type Sender struct {
	Domain string
	// Return is the domain of envelope senders, to which bounces come.
	Return string
	Route  Route
	// Keys are those that sign for it.
	Keys []Key
}

// Key is a DKIM key.
type Key struct {
	Domain, Selector, File string
	// Public is nil where the file cannot be read, which Err then says.
	Public crypto.PublicKey
	Err    error
}

// People are the agents of one domain.
type People struct {
	Domain    string
	Addresses []string
	// Provider is set where the domain gives mailboxes to anybody.
	Provider bool
}

// Store is where the tickets are.
type Store struct {
	// Name is as the settings write it, without a password.
	Name  string
	Redis bool
	// Local is set where nothing waits for replicas.
	Local bool
	// Servers asks each Redis that takes writes how it is.
	Servers func(ctx context.Context) ([]Server, error)
	// Founded is set where the embedded store was made; Open opens and reads it.
	Founded bool
	Open    func(ctx context.Context) error
}

// Server is what one Redis says of itself; what it does not say is empty.
type Server struct {
	Name, Version           string
	AppendOnly, AppendFsync string // as its settings write them
	MaxMemoryPolicy         string
	Replicas                int
	// Clock is its time, Asked when it was asked.
	Clock, Asked time.Time
}

// Dir is a directory that fills up.
type Dir struct{ What, Path string }

// Secret is a file that others may not read.
type Secret struct {
	What, Path string
	// Group is set where the group of the file may read it.
	Group bool
}

// outward reports that mail comes from other machines.
func (in *Installation) outward() bool {
	for _, l := range in.Listen {
		if !loopback(l) {
			return true
		}
	}
	return false
}

// direct reports that some mail goes straight to its recipients' exchangers.
func (in *Installation) direct() bool {
	for _, r := range in.Routes {
		if r.Direct {
			return true
		}
	}
	return false
}

// ownPublic are the addresses of this machine that strangers can use.
func (in *Installation) ownPublic() []netip.Addr {
	var out []netip.Addr
	for _, a := range in.Own {
		if public(a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	return out
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// loopback reports whether a host:port is this machine's own.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
