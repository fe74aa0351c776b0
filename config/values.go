package config

import "log/slog"

// Size is a number of bytes, written as 512B, 64KiB, 25MiB or 1GiB.
type Size int64

// Durability is when a message counts as safe on Redis.
type Durability string

const (
	DurabilityAll   Durability = "all"
	DurabilityLocal Durability = "local"
)

// BareNewline is what happens to a CR or LF that stands alone.
type BareNewline string

const (
	BareNewlineNormalize BareNewline = "normalize"
	BareNewlineReject    BareNewline = "reject"
)

// Unproved is what happens to a request whose sender is not proved.
type Unproved string

const (
	UnprovedOpen    Unproved = "open"
	UnprovedConfirm Unproved = "confirm"
)

// Secret is a value that no log and no message shows.
type Secret string

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret from fmt.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "…"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// RedisKind is how a Redis is reached.
type RedisKind string

const (
	RedisNone     RedisKind = "" // the embedded store
	RedisSingle   RedisKind = "single"
	RedisCluster  RedisKind = "cluster"
	RedisSentinel RedisKind = "sentinel"
)

// Redis is the address of the store of record.
type Redis struct {
	Kind RedisKind
	// Network is "tcp" or "unix".
	Network string
	// Addresses are host:port, or the one path of a socket; with sentinels,
	// theirs.
	Addresses []string
	Username  string
	Password  Secret
	DB        int
	// Master is the name that the sentinels know.
	Master string
	TLS    bool
}

// Embedded reports that the store is a file of this daemon's own.
func (r Redis) Embedded() bool { return r.Kind == RedisNone }

// Blobs is where large contents are kept.
type Blobs struct {
	// Dir is a directory.
	Dir string
	// S3 is the URL of a bucket, when Dir is empty.
	S3 string
}

// Scheme is the way that outgoing mail takes.
type Scheme string

const (
	ViaSMTP    Scheme = "smtp"    // a relay, in clear or with STARTTLS
	ViaSMTPS   Scheme = "smtps"   // a relay, TLS from the first byte (RFC 8314)
	ViaDirect  Scheme = "direct"  // the mail exchangers of each domain
	ViaMaildir Scheme = "maildir" // a directory, for trials
)

// TLSPolicy is how much encryption a way insists on.
type TLSPolicy string

const (
	TLSRequired      TLSPolicy = "required"      // with a certificate that is valid for the host
	TLSOpportunistic TLSPolicy = "opportunistic" // where the host offers it, whatever its certificate
	TLSNone          TLSPolicy = "none"
)

// Route is one way out.
type Route struct {
	Scheme   Scheme
	Host     string // of a relay
	Port     int
	Username string
	Password Secret
	TLS      TLSPolicy
	Path     string // of a Maildir
}
