package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

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
	// URL is the whole address as it was written.
	URL Secret
}

// Embedded reports that the store is a file of this daemon's own.
func (r Redis) Embedded() bool { return r.Kind == RedisNone }

// String is the address without user and password.
func (r Redis) String() string {
	scheme := map[RedisKind]string{RedisSingle: "redis", RedisCluster: "redis+cluster", RedisSentinel: "redis+sentinel"}[r.Kind]
	switch {
	case r.Embedded():
		return "embedded"
	case r.Network == "unix":
		return "unix://" + r.Addresses[0]
	case r.TLS:
		scheme = strings.Replace(scheme, "redis", "rediss", 1)
	}
	text := scheme + "://" + strings.Join(r.Addresses, ",")
	if r.Master != "" {
		text += "/" + r.Master
	}
	if r.DB != 0 {
		text += "/" + strconv.Itoa(r.DB)
	}
	return text
}

// Blobs is where large contents are kept: a directory, or the URL of a bucket.
type Blobs struct {
	Dir string
	S3  string
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

// String is the way as the settings write it, without user and password.
func (r Route) String() string {
	switch r.Scheme {
	case ViaDirect:
		return "direct:"
	case ViaMaildir:
		return "maildir:" + r.Path
	case "":
		return ""
	}
	return string(r.Scheme) + "://" + net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
}

// location is a URL taken apart. A password may hold any character: what stands
// before the last @ is user and password, percent-encoded or not.
type location struct {
	scheme, user, password, host, path string
	query                              url.Values
}

func splitURL(text string) (location, *problem) {
	var l location
	var ok bool
	l.scheme, text, ok = strings.Cut(text, "://")
	if !ok {
		return l, &problem{"no address with a scheme", "write it as scheme://host"}
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		user, password, _ := strings.Cut(text[:at], ":")
		l.user, l.password, text = unescape(user), unescape(password), text[at+1:]
	}
	text, query, _ := strings.Cut(text, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return l, &problem{"what follows ? cannot be read", "write it as ?key=value"}
	}
	l.query = values
	l.host = text
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		l.host, l.path = text[:slash], unescape(text[slash:])
	}
	return l, nil
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// only refuses parameters of a query that nobody reads.
func (l location) only(known ...string) *problem {
	for key := range l.query {
		if !slices.Contains(known, key) {
			remedy := "remove it"
			if len(known) > 0 {
				remedy = "known here is " + orList(known)
			}
			return &problem{"the parameter " + key + " is not known", remedy}
		}
	}
	return nil
}

// withPort is host:port, with a port where none is written.
func withPort(host, port string) (string, *problem) {
	wrong := &problem{"not a host", "write it as host.example.com or host.example.com:" + port}
	bare := host
	if h, p, err := net.SplitHostPort(host); err == nil {
		bare, port = h, p
	} else {
		bare = strings.TrimSuffix(strings.TrimPrefix(bare, "["), "]")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", &problem{"the port is no number from 1 to 65535", wrong.remedy}
	}
	if _, err := netip.ParseAddr(bare); err == nil {
		return net.JoinHostPort(bare, port), nil
	}
	if _, p := domainForm(bare); p != nil {
		return "", wrong
	}
	return net.JoinHostPort(bare, port), nil
}

// parseRedis reads the forms that the field's comment names; "" is the embedded
// store.
func parseRedis(text string) (Redis, *problem) {
	if text == "" {
		return Redis{}, nil
	}
	l, p := splitURL(text)
	if p != nil {
		return Redis{}, &problem{p.what, "write it as redis://host:6379/0, or leave it empty for the embedded store"}
	}
	if p := l.only("db"); p != nil {
		return Redis{}, p
	}
	r := Redis{Network: "tcp", Username: l.user, Password: Secret(l.password), URL: Secret(text)}
	if r.Password == "" && r.Username != "" {
		r.Username, r.Password = "", Secret(l.user)
	}
	if l.scheme == "unix" {
		r.Kind, r.Network, r.Addresses = RedisSingle, "unix", []string{l.path}
		if l.host != "" || !filepath.IsAbs(l.path) {
			return r, &problem{"no path of a socket", "write it as unix:///run/redis/redis.sock"}
		}
		return r, r.setDB(l.query.Get("db"))
	}
	kinds := map[string]RedisKind{"": RedisSingle, "+cluster": RedisCluster, "+sentinel": RedisSentinel}
	base, kind, _ := strings.Cut(l.scheme, "+")
	if kind != "" {
		kind = "+" + kind
	}
	r.Kind, r.TLS = kinds[kind], base == "rediss"
	if r.Kind == "" || base != "redis" && base != "rediss" {
		return r, &problem{"the scheme " + l.scheme + " is not known", "write redis://, rediss://, unix://, redis+cluster:// or redis+sentinel://"}
	}
	return r, r.fill(l)
}

// fill sets hosts, master and database from a URL of a Redis over TCP.
func (r *Redis) fill(l location) *problem {
	port := "6379"
	if r.Kind == RedisSentinel {
		port = "26379"
	}
	for host := range strings.SplitSeq(l.host, ",") {
		address, p := withPort(host, port)
		if p != nil {
			return p
		}
		r.Addresses = append(r.Addresses, address)
	}
	if r.Kind == RedisSingle && len(r.Addresses) > 1 {
		return &problem{"several hosts", "write redis+cluster:// or redis+sentinel:// before them"}
	}
	path := strings.Trim(l.path, "/")
	if r.Kind == RedisSentinel {
		r.Master, path, _ = strings.Cut(path, "/")
		if r.Master == "" {
			return &problem{"the name of the master is missing", "write it after the hosts: redis+sentinel://host1,host2/mymaster"}
		}
	}
	if path != "" && l.query.Has("db") {
		return &problem{"the database stands here twice", "write it once, as /1"}
	}
	if path == "" {
		path = l.query.Get("db")
	}
	if r.Kind == RedisCluster && path != "" && path != "0" {
		return &problem{"a cluster has no databases", "remove /" + path}
	}
	return r.setDB(path)
}

func (r *Redis) setDB(text string) *problem {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return &problem{"the database is no number", "write it as /0"}
	}
	r.DB = n
	return nil
}

// parseBlobs reads file:///path, a path, or s3://; "" is under data.
func parseBlobs(text, dir string) (Blobs, *problem) {
	if strings.HasPrefix(text, "s3://") {
		return Blobs{S3: text}, nil
	}
	if scheme, path, ok := strings.Cut(text, "://"); ok {
		if scheme != "file" || !filepath.IsAbs(path) {
			return Blobs{}, &problem{"no place that blobs can be kept in", "write it as file:///srv/guichet/blobs"}
		}
		return Blobs{Dir: filepath.Clean(path)}, nil
	}
	if text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(dir, text)
	}
	return Blobs{Dir: text}, nil
}

// parseRoute reads the ways out that the field's comment names.
func parseRoute(text, dir string) (Route, *problem) {
	if path, ok := strings.CutPrefix(text, "maildir:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return Route{}, &problem{"no path of a Maildir", "write it as maildir:/srv/guichet/outgoing"}
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return Route{Scheme: ViaMaildir, Path: path, TLS: TLSNone}, nil
	}
	if rest, ok := strings.CutPrefix(text, "direct:"); ok {
		rest, query, _ := strings.Cut(rest, "?")
		values, err := url.ParseQuery(query)
		if rest = strings.Trim(rest, "/"); rest != "" || err != nil {
			return Route{}, &problem{"nothing stands after direct:", "write direct: alone, or smtp://HOST for a relay"}
		}
		r := Route{Scheme: ViaDirect, TLS: TLSOpportunistic}
		return r, r.setTLS(location{query: values})
	}
	l, p := splitURL(text)
	if p != nil || l.scheme != "smtp" && l.scheme != "smtps" {
		return Route{}, &problem{"no way out that is known", "write smtp://HOST, smtps://HOST, direct: or maildir:PATH"}
	}
	if strings.Trim(l.path, "/") != "" {
		return Route{}, &problem{"a path stands after the host", "remove it"}
	}
	r := Route{Scheme: Scheme(l.scheme), Username: l.user, Password: Secret(l.password), TLS: TLSOpportunistic}
	port := "25"
	switch {
	case r.Scheme == ViaSMTPS:
		port, r.TLS = "465", TLSRequired
	case r.Username != "":
		port, r.TLS = "587", TLSRequired
	}
	if (r.Username == "") != (r.Password == "") {
		return r, &problem{"a user without a password, or the other way round", "write both, as smtp://user:password@host"}
	}
	address, p := withPort(l.host, port)
	if p != nil {
		return r, p
	}
	host, port, _ := net.SplitHostPort(address)
	r.Host = host
	r.Port, _ = strconv.Atoi(port)
	return r, r.setTLS(l)
}

func (r *Route) setTLS(l location) *problem {
	if p := l.only("tls"); p != nil {
		return p
	}
	policy := TLSPolicy(l.query.Get("tls"))
	switch policy {
	case "":
		return nil
	case TLSRequired, TLSOpportunistic, TLSNone:
	default:
		return &problem{"tls=" + string(policy) + " is not known", "write tls=required, tls=opportunistic or tls=none"}
	}
	if r.Scheme == ViaSMTPS && policy != TLSRequired {
		return &problem{"smtps is always encrypted", "write smtp:// or remove ?tls="}
	}
	r.TLS = policy
	return nil
}
