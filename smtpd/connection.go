package smtpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// connection is one client, from its banner to its end.
type connection struct {
	server   *Server
	settings *Settings
	ctx      context.Context
	log      *slog.Logger
	id       string
	inner    net.Conn   // behind any PROXY header
	client   netip.Addr // behind any PROXY header
	secured  *tls.Conn  // above inner, after STARTTLS
	tls      *tls.ConnectionState
	wire     *wire
	entry    *client // among the server's
	left     func()  // gives all back that the client took
}

// converse lets go-smtp hold one conversation, on a server of its own: so every
// connection keeps the settings that it began with. It returns at once. The
// goroutine that go-smtp begins is the only one of a client, since waking a
// second takes as long as a command does; what follows is done there, as the
// conversation ends.
func (c *connection) converse(conn net.Conn) {
	w := newWire(conn, c.settings)
	w.secure, w.mute = c.secured != nil, c.secured != nil
	c.server.watch(c, w)
	library := c.library()
	if c.secured == nil {
		library.TLSConfig = c.settings.TLS // only to be announced; see wire.startTLS
	}
	_ = library.Serve(&oneConn{conn: w, over: c.ended})
}

// ended follows a conversation: with another after STARTTLS, else with goodbye.
func (c *connection) ended() {
	if c.wire.wantTLS && c.handshake() {
		c.converse(c.secured)
		return
	}
	defer c.left()
	if c.secured != nil {
		_ = c.secured.Close() // with the alert that nothing was cut off
	}
	if c.wire.why != "" {
		c.linger(c.inner)
		c.server.outside.Metrics.Refused(c.wire.why)
		c.log.Info("disconnected", "reason", c.wire.why)
	}
}

// linger lets the client hear our last word. A connection that is closed while
// more comes in is reset, and a reset makes the other side forget what it has
// not yet read: it would try again for days what was refused for good.
func (c *connection) linger(conn net.Conn) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || c.wire.why == RefusedCut || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.CopyN(io.Discard, conn, c.wire.tooMuch())
}

const lingering = 5 * time.Second

// library is a go-smtp server with its limits set; time limits and line
// lengths are the wire's.
func (c *connection) library() *smtp.Server {
	var library *smtp.Server
	library = smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{connection: c, library: library, helo: conn.Hostname()}, nil
	}))
	library.Domain = c.settings.Hostname
	library.MaxMessageBytes = c.settings.MaxSize
	library.MaxRecipients = c.settings.MaxRecipients
	library.MaxLineLength = 0
	library.EnableSMTPUTF8 = true
	library.ErrorLog = libraryLog{c.log}
	return library
}

// handshake makes the connection a TLS one. If it fails the connection ends:
// who was promised TLS is not talked to in clear.
func (c *connection) handshake() bool {
	ctx, cancel := context.WithTimeout(c.ctx, c.settings.Handshake)
	defer cancel()
	secured := tls.Server(c.inner, c.settings.TLS)
	_ = c.inner.SetDeadline(time.Now().Add(c.settings.Handshake))
	if err := secured.HandshakeContext(ctx); err != nil {
		c.wire.why = RefusedTLS
		c.log.Info("TLS handshake failed", "error", err)
		return false
	}
	_ = c.inner.SetDeadline(time.Time{})
	state := secured.ConnectionState()
	c.secured, c.tls = secured, &state
	return true
}

// oneConn is a listener of a single connection.
type oneConn struct {
	conn  net.Conn
	given bool
	over  func() // called when go-smtp is done with the connection
}

func (o *oneConn) Accept() (net.Conn, error) {
	if o.given {
		return nil, net.ErrClosed
	}
	o.given = true
	return &onceClosed{Conn: o.conn, over: o.over}, nil
}

func (o *oneConn) Close() error   { return nil }
func (o *oneConn) Addr() net.Addr { return o.conn.LocalAddr() }

// onceClosed tells when go-smtp is done with a connection. (It closes each
// twice.)
type onceClosed struct {
	net.Conn
	once sync.Once
	over func()
}

func (c *onceClosed) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.over)
	return err
}

// libraryLog takes what go-smtp logs by itself: panics, which it answers 421.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, v ...any) {
	l.log.Error("go-smtp", "says", fmt.Sprintf(format, v...))
}

func (l libraryLog) Println(v ...any) { l.log.Error("go-smtp", "says", fmt.Sprint(v...)) }
