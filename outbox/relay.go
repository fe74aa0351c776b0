package outbox

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// relay gives everything to one host.
type relay struct {
	pool  *pool
	route Route
}

func (r relay) send(ctx context.Context, m *outgoing) error {
	m.host = r.route.Host
	return r.pool.send(ctx, peerOf(r.route, m.hostname), m)
}

// peer is a host and how it is spoken to: what connections are shared by.
type peer struct {
	address, name      string
	hostname           string // ours
	implicit           bool   // TLS from the first byte
	tls                string
	username, password string
}

// peerOf is the relay of a route.
func peerOf(r Route, hostname string) peer {
	return peer{
		address: net.JoinHostPort(r.Host, r.Port), name: r.Host, hostname: hostname,
		implicit: r.Scheme == "smtps", tls: r.TLS, username: r.Username, password: r.Password,
	}
}

// pool keeps connections for a while after use. The client is that of the
// standard library: go-smtp's begins STARTTLS only after greeting as localhost,
// which strict hosts refuse.
type pool struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool
	mu    sync.Mutex
	idle  map[peer][]*connection
}

func newPool(dial func(context.Context, string, string) (net.Conn, error), roots *x509.CertPool) *pool {
	return &pool{dial: dial, roots: roots, idle: map[peer][]*connection{}}
}

const (
	connectTimeout = 30 * time.Second
	commandTimeout = 5 * time.Minute  // RFC 5321 §4.5.3.2
	acceptTimeout  = 10 * time.Minute // after the end of data
	contentAtOnce  = 32 << 10
	idleTime       = 20 * time.Second
	mailsEach      = 50
	// mostAnswer bounds what a host may say for one mail.
	mostAnswer = 256 << 10
)

// connection is one to a peer, greeted and ready for a mail.
type connection struct {
	*smtp.Client
	line *line
	// content is written through it, so that most mails are one write.
	content *bufio.Writer
	mails   int
	timer   *time.Timer
}

// send gives a letter to the peer. A kept connection that turns out to have
// been closed meanwhile is replaced, once.
func (p *pool) send(ctx context.Context, to peer, m *outgoing) error {
	for {
		c, kept, err := p.get(ctx, to)
		if err != nil {
			f := refused(err)
			// What a host says before it hears of the mail, about us or our
			// password, is no verdict on the mail.
			f.permanent, f.before = false, true
			return f
		}
		began, err := c.transact(ctx, m)
		if err == nil {
			p.put(to, c)
			return nil
		}
		if ctx.Err() != nil { // the connection was closed under it
			err = context.Cause(ctx)
		}
		if c.reset(err) {
			p.put(to, c)
		}
		if kept && !began && !answered(err) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// answered reports whether the host said no, rather than nothing.
func answered(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer) && answer.Code != 421
}

// transact runs one mail transaction (RFC 5321 §3.3). began tells that the host
// has answered to MAIL.
func (c *connection) transact(ctx context.Context, m *outgoing) (began bool, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.line.Close() })
	defer stop()
	c.mails++
	c.line.begin()
	if ok, limit := c.Extension("SIZE"); ok {
		if n, err := strconv.ParseInt(limit, 10, 64); err == nil && n > 0 && m.size > n {
			return false, &failure{permanent: true, code: 552, tooLarge: true, limit: n, reason: fmt.Sprintf("552 5.3.4 the host takes no mail above %d bytes", n)}
		}
	}
	if strings.ContainsAny(string(m.to+m.from), "\r\n") {
		return false, errors.New("an address holds a line end")
	}
	if !ascii(string(m.to + m.from)) {
		if ok, _ := c.Extension("SMTPUTF8"); !ok {
			return false, &failure{permanent: true, code: 553, reason: "553 5.6.7 the host does not know addresses beyond ASCII"}
		}
	}
	if began, err = c.offer(m); err != nil {
		return began, err
	}
	w := &dots{w: c.content}
	if err := m.writeTo(ctx, w); err != nil {
		// Ended here, it would be a mail. It must not become one.
		_ = c.line.Close()
		return true, err
	}
	c.line.wait(acceptTimeout)
	if err := w.Close(); err != nil {
		return true, err
	}
	if err := c.Text.W.Flush(); err != nil {
		return true, err
	}
	_, text, err := c.Text.ReadResponse(250)
	m.answer = anonymous(text)
	return true, err
}

// offer says from whom a mail comes and to whom it goes, and begins its content. A
// host that takes commands one behind the other is given all three at once (RFC
// 2920). began tells that it has answered to the first. The client's own Data would
// keep what the host says to the content from us: the name by which its log knows
// the mail.
func (c *connection) offer(m *outgoing) (began bool, err error) {
	type command struct {
		line string
		code int // of the answer that lets us go on
	}
	commands := []command{{"MAIL FROM:<" + string(m.from) + ">" + c.parameters(), 250}, {"RCPT TO:<" + string(m.to) + ">", 25}, {"DATA", beginContent}}
	atOnce := 1
	if ok, _ := c.Extension("PIPELINING"); ok {
		atOnce = len(commands)
	}
	for group := range slices.Chunk(commands, atOnce) {
		for _, each := range group {
			_, _ = c.Text.W.WriteString(each.line + "\r\n") // Flush gives its error
		}
		if err := c.Text.W.Flush(); err != nil {
			return began, err
		}
		for _, each := range group {
			_, _, no := c.Text.ReadResponse(each.code)
			if err == nil {
				err = no
			}
			if no != nil && !answered(no) {
				return began, err // it is gone, or about to go
			}
			if began = true; no == nil && err != nil && each.code == beginContent {
				c.endEmpty()
			}
		}
		if err != nil {
			return began, err
		}
	}
	return began, nil
}

// beginContent is what lets content begin.
const beginContent = 354

// endEmpty ends the content of a mail that is none: a host may begin it though it
// refused the recipient (RFC 2920 §3.1).
func (c *connection) endEmpty() {
	if c.Text.PrintfLine(".") == nil {
		_, _, _ = c.Text.ReadResponse(250)
	}
}

// parameters are those of MAIL, where the host knows them.
func (c *connection) parameters() (all string) {
	for _, each := range [...]struct{ extension, parameter string }{{"8BITMIME", " BODY=8BITMIME"}, {"SMTPUTF8", " SMTPUTF8"}} {
		if ok, _ := c.Extension(each.extension); ok {
			all += each.parameter
		}
	}
	return all
}

// reset makes the connection ready after a refusal, and reports whether it is.
// What came of the mail is settled already.
func (c *connection) reset(err error) bool {
	if !answered(err) {
		var f *failure
		if !errors.As(err, &f) {
			_ = c.line.Close()
			return false
		}
	}
	if c.Reset() != nil {
		_ = c.line.Close()
		return false
	}
	return true
}

// get takes a kept connection or makes one.
func (p *pool) get(ctx context.Context, to peer) (c *connection, kept bool, err error) {
	p.mu.Lock()
	for n := len(p.idle[to]); n > 0; n-- {
		c = p.idle[to][n-1]
		p.idle[to] = p.idle[to][:n-1]
		if c.timer.Stop() {
			p.mu.Unlock()
			return c, true, nil
		}
	}
	p.mu.Unlock()
	c, err = p.connect(ctx, to, to.tls)
	var tlsFault *handshakeError
	if errors.As(err, &tlsFault) && to.tls == "opportunistic" {
		// Whoever offers encryption that does not work still gets the mail, as
		// one does that offers none.
		c, err = p.connect(ctx, to, "none")
	}
	return c, false, err
}

// put keeps a connection for the next mail.
func (p *pool) put(to peer, c *connection) {
	if c.mails >= mailsEach {
		c.quit()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.timer = time.AfterFunc(idleTime, func() {
		p.drop(to, c)
		c.quit()
	})
	p.idle[to] = append(p.idle[to], c)
}

func (p *pool) drop(to peer, c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, each := range p.idle[to] {
		if each == c {
			p.idle[to] = append(p.idle[to][:i], p.idle[to][i+1:]...)
			break
		}
	}
	if len(p.idle[to]) == 0 {
		delete(p.idle, to)
	}
}

// closeIdle ends all kept connections.
func (p *pool) closeIdle() {
	p.mu.Lock()
	var all []*connection
	for _, each := range p.idle {
		for _, c := range each {
			if c.timer.Stop() {
				all = append(all, c)
			}
		}
	}
	p.idle = map[peer][]*connection{}
	p.mu.Unlock()
	for _, c := range all {
		c.quit()
	}
}

// quit takes leave. Whether the host answers is its own affair.
func (c *connection) quit() {
	c.line.wait(2 * time.Second)
	_ = c.Quit()
	_ = c.line.Close()
}

// handshakeError is a failure of STARTTLS, not of what it was for.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

// connect opens a connection and brings it to where mail can be given.
func (p *pool) connect(ctx context.Context, to peer, policy string) (*connection, error) {
	dialing, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := p.dial(dialing, "tcp", to.address)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: raw}
	l.begin()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	c, err := p.greet(l, to, policy)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return c, nil
}

func (p *pool) greet(l *line, to peer, policy string) (*connection, error) {
	conn := net.Conn(l)
	if to.implicit {
		conn = tls.Client(l, &tls.Config{ServerName: to.name, RootCAs: p.roots})
	}
	client, err := smtp.NewClient(conn, to.name)
	if err != nil {
		return nil, err
	}
	c := &connection{Client: client, line: l}
	if err := c.Hello(to.hostname); err != nil {
		return nil, err
	}
	offered, _ := c.Extension("STARTTLS")
	switch {
	case to.implicit || policy == "none":
	case offered:
		// Where encryption is a courtesy, so is the certificate (RFC 7435).
		verify := policy == "required"
		if err := c.StartTLS(&tls.Config{ServerName: to.name, RootCAs: p.roots, InsecureSkipVerify: !verify}); err != nil {
			return nil, &handshakeError{fmt.Errorf("STARTTLS: %w", err)}
		}
	case policy == "required":
		return nil, errors.New("the host offers no encryption, and the settings require it")
	}
	if to.username != "" {
		if err := c.Auth(&credentials{to.username, to.password, policy == "none", ""}); err != nil {
			return nil, fmt.Errorf("authentication: %w", err)
		}
	}
	c.content = bufio.NewWriterSize(c.Text.W, contentAtOnce)
	return c, nil
}

// credentials answer AUTH PLAIN (RFC 4616) or LOGIN, whichever is offered.
type credentials struct {
	username, password string
	inClear            bool // the settings say so
	mechanism          string
}

func (a *credentials) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !a.inClear {
		return "", nil, errors.New("a password is not sent in clear")
	}
	for _, offered := range server.Auth {
		switch strings.ToUpper(offered) {
		case "PLAIN":
			return "PLAIN", []byte("\x00" + a.username + "\x00" + a.password), nil
		case "LOGIN":
			a.mechanism = "LOGIN"
		}
	}
	if a.mechanism == "LOGIN" {
		return "LOGIN", nil, nil
	}
	return "", nil, errors.New("the host offers neither PLAIN nor LOGIN")
}

func (a *credentials) Next(challenge []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case a.mechanism == "LOGIN" && strings.Contains(strings.ToLower(string(challenge)), "user"):
		return []byte(a.username), nil
	case a.mechanism == "LOGIN":
		return []byte(a.password), nil
	}
	return nil, errors.New("the host asks what PLAIN does not answer")
}

// line is a connection on which nothing takes for ever, and on which a host
// that never stops talking is not listened to for ever.
type line struct {
	net.Conn
	mu   sync.Mutex
	read int
	next time.Duration // the next answer may take so long
}

// begin gives a mail its own measure.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read, l.next = 0, commandTimeout
}

// wait sets how long the next answer may take.
func (l *line) wait(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = d
}

func (l *line) Read(p []byte) (int, error) {
	l.mu.Lock()
	next, read := l.next, l.read
	l.mu.Unlock()
	if read > mostAnswer {
		return 0, errors.New("the host does not stop talking")
	}
	if err := l.SetReadDeadline(time.Now().Add(next)); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	l.mu.Lock()
	l.read += n
	l.mu.Unlock()
	return n, err
}

func (l *line) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(commandTimeout)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7e }) < 0
}
