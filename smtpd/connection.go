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
	raw      net.Conn   // as it was accepted
	client   netip.Addr // behind any PROXY header
	tls      *tls.ConnectionState
	wire     *wire
}

// converse speaks with the client: in clear, and after STARTTLS once more.
func (c *connection) converse(conn net.Conn) {
	c.talk(conn, false)
	if c.wire.wantTLS {
		if secured := c.handshake(conn); secured != nil {
			c.talk(secured, true)
			_ = secured.Close() // with the alert that nothing was cut off
		}
	}
	if c.wire.why != "" {
		c.linger(conn)
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

// talk lets go-smtp hold one conversation, on a server of its own: so every
// connection keeps the settings that it began with.
func (c *connection) talk(conn net.Conn, secure bool) {
	w := newWire(conn, c.settings)
	w.secure, w.mute = secure, secure
	c.server.watch(c, w)
	library := c.library()
	if !secure {
		library.TLSConfig = c.settings.TLS // only to be announced; see wire.startTLS
	}
	once := &oneConn{conn: w, closed: make(chan struct{})}
	_ = library.Serve(once)
	_ = library.Shutdown(context.Background())
}

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
func (c *connection) handshake(conn net.Conn) net.Conn {
	ctx, cancel := context.WithTimeout(c.ctx, c.settings.Handshake)
	defer cancel()
	secured := tls.Server(conn, c.settings.TLS)
	_ = conn.SetDeadline(time.Now().Add(c.settings.Handshake))
	if err := secured.HandshakeContext(ctx); err != nil {
		c.wire.why = RefusedTLS
		c.log.Info("TLS handshake failed", "err", err)
		return nil
	}
	_ = conn.SetDeadline(time.Time{})
	state := secured.ConnectionState()
	c.tls = &state
	return secured
}

// oneConn is a listener of a single connection: Accept gives it, and the next
// Accept waits until it is over.
type oneConn struct {
	conn   net.Conn
	given  bool
	once   sync.Once
	closed chan struct{}
}

func (o *oneConn) Accept() (net.Conn, error) {
	if o.given {
		<-o.closed
		return nil, net.ErrClosed
	}
	o.given = true
	return onceClosed{o.conn, o}, nil
}

func (o *oneConn) Close() error   { return nil }
func (o *oneConn) Addr() net.Addr { return o.conn.LocalAddr() }

// onceClosed tells the listener when go-smtp is done with the connection.
type onceClosed struct {
	net.Conn
	listener *oneConn
}

func (c onceClosed) Close() error {
	err := c.Conn.Close()
	c.listener.once.Do(func() { close(c.listener.closed) })
	return err
}

// libraryLog takes what go-smtp logs by itself: panics, which it answers 421.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, v ...any) {
	l.log.Error("go-smtp", "says", fmt.Sprintf(format, v...))
}

func (l libraryLog) Println(v ...any) { l.log.Error("go-smtp", "says", fmt.Sprint(v...)) }
