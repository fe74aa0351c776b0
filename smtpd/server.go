package smtpd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"

	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
)

// ErrClosed is what Serve says once Shutdown was called.
var ErrClosed = errors.New("smtpd: server is shut down")

// Outside is what the door needs from the rest of the program.
type Outside struct {
	Handler  Handler
	Resolver proof.Resolver   // net.DefaultResolver when nil
	Log      *slog.Logger     // slog.Default() when nil
	Metrics  Metrics          // nobody is told when nil
	Greylist scan.Memory      // of this process alone when nil
	Now      func() time.Time // time.Now when nil; the time of trace lines, signatures and look-ups
}

// Server is the door. It may serve several listeners.
type Server struct {
	outside  Outside
	resolver *proof.Cache
	doubts   *proof.Doubts
	memory   *allowance
	work     *workload
	settings atomic.Pointer[Settings]

	mu         sync.Mutex
	listeners  map[net.Listener]struct{}
	clients    map[net.Conn]*client
	perAddress map[netip.Addr]int
	draining   bool
	running    sync.WaitGroup
	dropped    context.Context // ends when clients are no longer waited for
	dropAll    context.CancelFunc
}

// client is a connection as Shutdown knows it; wire is nil before its banner.
type client struct {
	wire    *wire
	counted netip.Addr // under which perAddress counts it
}

// New makes a Server; it does nothing before Serve.
func New(settings Settings, outside Outside) *Server {
	if outside.Resolver == nil {
		outside.Resolver = net.DefaultResolver
	}
	if outside.Log == nil {
		outside.Log = slog.Default()
	}
	if outside.Metrics == nil {
		outside.Metrics = noMetrics{}
	}
	if outside.Greylist == nil {
		outside.Greylist = scan.NewMemoryHere()
	}
	if outside.Now == nil {
		outside.Now = time.Now
	}
	s := &Server{
		outside:    outside,
		resolver:   proof.NewCache(outside.Resolver, outside.Now),
		doubts:     proof.NewDoubts(),
		memory:     newAllowance(allMemory),
		work:       newWorkload(),
		listeners:  map[net.Listener]struct{}{},
		clients:    map[net.Conn]*client{},
		perAddress: map[netip.Addr]int{},
	}
	s.dropped, s.dropAll = context.WithCancel(context.Background())
	s.Update(settings)
	return s
}

// Update puts new settings, and certificates, in force for the connections
// that come from now on. Those that are open keep theirs.
func (s *Server) Update(settings Settings) {
	next := settings.withDefaults()
	next.checks = next.Checks.Steps(s.resolver, s.outside.Greylist)
	s.settings.Store(next)
}

// Serve accepts clients from l until Shutdown (then it returns ErrClosed), or
// until ctx ends, which drops every client at once. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.listen(l) {
		l.Close()
		return ErrClosed
	}
	defer s.unlisten(l)
	defer context.AfterFunc(ctx, s.drop)()
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.accept(conn)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return ErrClosed
		default:
			// Out of file descriptors, most likely. It passes as clients leave.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.outside.Log.Error("cannot accept", "error", err, "pause", pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) unlisten(l net.Listener) {
	l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// accept counts a client and begins to serve it. Only a client that must be
// waited for gets a goroutine already here.
func (s *Server) accept(conn net.Conn) {
	settings := s.settings.Load()
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		conn.Close()
		return
	}
	full := len(s.clients) >= settings.MaxConnections
	if !full {
		s.clients[conn] = &client{}
	}
	s.running.Add(1)
	s.mu.Unlock()
	switch peer := addressOf(conn.RemoteAddr()); {
	case full:
		go func() {
			defer s.running.Done()
			defer conn.Close()
			s.turnAway(conn, peer, RefusedBusy, "421 4.3.2 Too many connections, please try again later")
		}()
	case within(settings.ProxyProtocol, peer):
		go s.receive(conn, peer, settings)
	default:
		s.receive(conn, peer, settings)
	}
}

// receive finds out who the client is, and lets it in or not.
func (s *Server) receive(conn net.Conn, peer netip.Addr, settings *Settings) {
	s.outside.Metrics.Connected(+1)
	ctx, cancel := context.WithCancel(s.dropped)
	over := s.timed(StageSession)
	left := func() {
		cancel()
		over()
		s.outside.Metrics.Connected(-1)
		s.leave(conn)
		conn.Close()
		s.running.Done()
	}
	inner, address, err := unproxy(conn, peer, settings)
	if err != nil {
		s.outside.Metrics.Refused(RefusedProxy)
		s.outside.Log.Info("connection refused", "client", peer, "reason", RefusedProxy, "error", err)
		left()
		return
	}
	c := &connection{server: s, settings: settings, ctx: ctx, inner: inner, client: address, id: strings.ToLower(rand.Text()[:12]), left: left}
	c.log = s.outside.Log.With("session", c.id, "client", address)
	if !s.enter(c, conn) {
		go func() {
			defer left()
			s.turnAway(conn, address, RefusedAddress, "421 4.7.0 Too many connections from your address")
		}()
		return
	}
	c.converse(inner)
}

// timed begins a stage; what it gives ends it.
func (s *Server) timed(stage string) (end func()) {
	began := time.Now()
	return func() { s.outside.Metrics.Stage(stage, time.Since(began)) }
}

// unproxy reads the PROXY header where the settings say that there must be
// one. The address is then the client's, not the proxy's.
func unproxy(conn net.Conn, peer netip.Addr, settings *Settings) (net.Conn, netip.Addr, error) {
	if !within(settings.ProxyProtocol, peer) {
		return conn, peer, nil
	}
	proxied := proxyproto.NewConn(conn, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(settings.Handshake))
	header := proxied.ProxyHeader()
	if header == nil {
		return nil, peer, errors.New("no PROXY header")
	}
	if header.Command.IsLocal() {
		return proxied, peer, nil // the proxy itself, to see that we live
	}
	client := addressOf(header.SourceAddr)
	if !client.IsValid() {
		return nil, peer, errors.New("PROXY header without an address")
	}
	return proxied, client, nil
}

// enter counts the client under its address; false when there are too many.
func (s *Server) enter(c *connection, conn net.Conn) bool {
	address, known := c.client, c.settings.known(c.client)
	s.mu.Lock()
	defer s.mu.Unlock()
	if address.Is6() {
		// One host can use any address of its network.
		address = netip.PrefixFrom(address, 64).Masked().Addr()
	}
	if s.perAddress[address] >= c.settings.MaxPerAddress && !known {
		return false
	}
	s.perAddress[address]++
	c.entry = s.clients[conn]
	c.entry.counted = address
	return true
}

func (s *Server) leave(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if address := s.clients[conn].counted; address.IsValid() {
		if s.perAddress[address]--; s.perAddress[address] == 0 {
			delete(s.perAddress, address)
		}
	}
	delete(s.clients, conn)
}

// watch makes the wire known to Shutdown.
func (s *Server) watch(c *connection, w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.wire, c.entry.wire = w, w
	if s.draining {
		w.drain()
	}
}

func (s *Server) turnAway(conn net.Conn, client netip.Addr, reason, line string) {
	s.outside.Metrics.Refused(reason)
	s.outside.Log.Info("connection refused", "client", client, "reason", reason)
	farewell(conn, line)
}

// farewell is said instead of a banner. Who does not listen is not waited for.
func farewell(conn net.Conn, line string) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(conn, "%s\r\n", line)
}

// Shutdown stops accepting, tells idle clients 421 at once and the others after
// their message, and returns when all are gone. When ctx ends first, those that
// are left are dropped, their Handler's context with them, and ctx's error is
// returned. After it, no call to the Handler is under way.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for l := range s.listeners {
		l.Close()
	}
	for conn, client := range s.clients {
		if client.wire != nil {
			client.wire.drain()
		} else {
			conn.Close()
		}
	}
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		s.drop()
		<-gone
		return ctx.Err()
	}
}

// drop closes everything at once, and calls the Handler back.
func (s *Server) drop() {
	s.dropAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for l := range s.listeners {
		l.Close()
	}
	for conn := range s.clients {
		conn.Close()
	}
}

// addressOf is the IP address of a peer, IPv4 always as such.
func addressOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
