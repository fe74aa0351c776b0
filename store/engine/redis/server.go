package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Server is a Redis as a URL names it.
type Server struct {
	kind      string // single, cluster, sentinel
	network   string
	addresses []string
	username  string
	password  string
	db        int
	master    string
	tls       bool
}

// Parse reads the URL of a Redis:
//
//	redis://user:password@host:6379/0
//	unix:///run/redis.sock?db=0
//	redis+cluster://host1:6379,host2:6379
//	redis+sentinel://host1:26379,host2:26379/master/0
//
// rediss in place of redis is TLS. What it says of a URL that it cannot read
// does not repeat it: it may hold a password.
func Parse(raw string) (Server, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Server{}, errors.New("store: redis: the URL cannot be read")
	}
	scheme, kind, found := strings.Cut(u.Scheme, "+")
	if !found {
		kind = "single"
	}
	s := Server{kind: kind, network: "tcp", username: u.User.Username(), tls: scheme == "rediss"}
	s.password, _ = u.User.Password()
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	db := u.Query().Get("db")
	switch {
	case scheme == "unix" && !found:
		s.network, s.addresses = "unix", []string{u.Path}
		path = nil
	case scheme != "redis" && scheme != "rediss":
		return Server{}, fmt.Errorf("store: redis: %q is no scheme of a Redis URL", u.Scheme)
	case kind == "sentinel":
		if s.master = path[0]; s.master == "" {
			return Server{}, errors.New("store: redis: the URL names no master for the sentinels")
		}
		s.addresses, path = addresses(u.Host, "26379"), path[1:]
	case kind == "single" || kind == "cluster":
		s.addresses = addresses(u.Host, "6379")
	default:
		return Server{}, fmt.Errorf("store: redis: %q is no scheme of a Redis URL", u.Scheme)
	}
	if len(path) > 0 && path[0] != "" {
		db = path[0]
	}
	if db != "" {
		if s.db, err = strconv.Atoi(db); err != nil || s.db < 0 {
			return Server{}, fmt.Errorf("store: redis: %q is no number of a database", db)
		}
	}
	if kind == "cluster" && s.db != 0 {
		return Server{}, errors.New("store: redis: a cluster has database 0 only")
	}
	if len(s.addresses) == 0 || s.addresses[0] == "" {
		return Server{}, errors.New("store: redis: the URL names no host")
	}
	return s, nil
}

func addresses(hosts, port string) []string {
	var out []string
	for host := range strings.SplitSeq(hosts, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil && host != "" {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		out = append(out, host)
	}
	return out
}

// protocol is RESP2: nothing here needs pushes, and looking for them costs.
const protocol = 2

// connections is the size of the pool: a commit that waits for replicas holds
// one.
const connections = 100

// dials is how often one attempt to connect is made: a Redis that is away should
// soon be a 451, and the sender's queue tries again.
const dials = 2

// secure is nil for connections in clear.
func (s Server) secure() *tls.Config {
	if !s.tls {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

func (s Server) client() goredis.UniversalClient {
	switch s.kind {
	case "cluster":
		return goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: s.addresses, Username: s.username, Password: s.password, TLSConfig: s.secure(),
			ContextTimeoutEnabled: true, ReadTimeout: readTimeout, PoolSize: connections, DisableIdentity: true, Protocol: protocol, DialerRetries: dials,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		})
	case "sentinel":
		return goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: s.master, SentinelAddrs: s.addresses, DB: s.db,
			Username: s.username, Password: s.password, TLSConfig: s.secure(),
			ContextTimeoutEnabled: true, ReadTimeout: readTimeout, PoolSize: connections, DisableIdentity: true, Protocol: protocol, DialerRetries: dials,
		})
	}
	return goredis.NewClient(&goredis.Options{
		Network: s.network, Addr: s.addresses[0], DB: s.db,
		Username: s.username, Password: s.password, TLSConfig: s.secure(),
		ContextTimeoutEnabled: true, ReadTimeout: readTimeout, PoolSize: connections, DisableIdentity: true, Protocol: protocol, DialerRetries: dials,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
