package testkit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// RelayedMail is a mail that a Relay took.
type RelayedMail struct {
	From, To string
	Data     string
	// Hello is how the client called itself; TLS whether it spoke encrypted; User
	// as whom it authenticated; Connection counts connections from 1.
	Hello      string
	TLS        bool
	User       string
	Connection int
}

// Relay is a mail host that keeps what it is given, or fails as it is told to.
// Dial connects to it in memory, which also works in a synctest bubble; Listen
// makes it reachable on loopback. Set its fields before the first connection.
type Relay struct {
	// Refuse says no to recipients: address → code and text, "550 5.1.1 no such
	// user". The empty address stands for every other.
	Refuse map[string]string
	// RefuseData says no at the end of data.
	RefuseData string
	// RefuseFirst greets with it instead of with 220.
	RefuseFirst string
	// StallInData never answers to the end of data; CutAfterData closes the
	// connection instead.
	StallInData, CutAfterData bool
	// CutAfterMail closes the connection once a mail was taken and answered to.
	CutAfterMail bool
	// TLS is offered where it is set; BrokenTLS offers it and then fails.
	TLS       *tls.Config
	BrokenTLS bool
	// Password is asked of every user where it is set.
	Password string
	// MaxSize is announced where it is set.
	MaxSize int64

	mu          sync.Mutex
	mails       []RelayedMail
	connections int
	server      *smtp.Server
	pipes       *Pipes
	stop        chan struct{}
}

// NewRelay makes a relay that lives as long as the test.
func NewRelay(t testing.TB) *Relay {
	t.Helper()
	r := &Relay{Refuse: map[string]string{}, stop: make(chan struct{})}
	t.Cleanup(r.close)
	return r
}

// start makes the server when it is first needed, so that fields may be set
// before.
func (r *Relay) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		return
	}
	s := smtp.NewServer(smtp.BackendFunc(r.session))
	s.Domain, s.TLSConfig, s.AllowInsecureAuth, s.EnableSMTPUTF8 = "relay.test", r.TLS, true, true
	s.MaxMessageBytes, s.ErrorLog = r.MaxSize, log.New(io.Discard, "", 0)
	if r.BrokenTLS {
		s.TLSConfig = &tls.Config{} // without a certificate no handshake succeeds
	}
	r.server = s
	r.pipes = NewPipes()
	go func() { _ = s.Serve(r.pipes) }()
}

func (r *Relay) close() {
	close(r.stop)
	r.mu.Lock()
	s, pipes := r.server, r.pipes
	r.mu.Unlock()
	if s != nil {
		_ = pipes.Close()
		_ = s.Close()
	}
}

// Dial gives one end of a connection to the relay, whatever the address.
func (r *Relay) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	r.start()
	ours, theirs := net.Pipe()
	if r.RefuseFirst != "" {
		go func() {
			_, _ = io.WriteString(theirs, r.RefuseFirst+"\r\n")
			_ = theirs.Close()
		}()
		return ours, nil
	}
	if err := r.pipes.Give(ctx, theirs); err != nil {
		return nil, err
	}
	return ours, nil
}

// Listen makes the relay reachable and gives its host and port.
func (r *Relay) Listen(t testing.TB) (host, port string) {
	t.Helper()
	r.start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.server.Serve(l) }()
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// Mails are those taken so far, in their order.
func (r *Relay) Mails() []RelayedMail {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]RelayedMail(nil), r.mails...)
}

func (r *Relay) session(c *smtp.Conn) (smtp.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections++
	return &relaySession{relay: r, conn: c, number: r.connections}, nil
}

// relaySession is one connection.
type relaySession struct {
	relay  *Relay
	conn   *smtp.Conn
	number int
	user   string
	mail   RelayedMail
}

func (s *relaySession) Reset()        { s.mail = RelayedMail{} }
func (s *relaySession) Logout() error { return nil }

func (s *relaySession) AuthMechanisms() []string {
	if s.relay.Password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *relaySession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != s.relay.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *relaySession) Mail(from string, _ *smtp.MailOptions) error {
	if s.relay.Password != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.mail = RelayedMail{From: from, Hello: s.conn.Hostname(), TLS: encrypted, User: s.user, Connection: s.number}
	return nil
}

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	answer, ok := s.relay.Refuse[to]
	if !ok {
		answer = s.relay.Refuse[""]
	}
	s.mail.To = to
	return answerOf(answer)
}

func (s *relaySession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch {
	case s.relay.StallInData:
		<-s.relay.stop
		return errors.New("stopped")
	case s.relay.CutAfterData:
		_ = s.conn.Close()
		return errors.New("cut")
	case s.relay.RefuseData != "":
		return answerOf(s.relay.RefuseData)
	}
	s.mail.Data = string(b)
	s.relay.mu.Lock()
	s.relay.mails = append(s.relay.mails, s.mail)
	s.relay.mu.Unlock()
	if s.relay.CutAfterMail {
		conn := s.conn.Conn()
		time.AfterFunc(time.Millisecond, func() { _ = conn.Close() })
	}
	return nil
}

// answerOf reads "550 5.1.1 text".
func answerOf(text string) error {
	if text == "" {
		return nil
	}
	e := &smtp.SMTPError{EnhancedCode: smtp.NoEnhancedCode}
	code, message, _ := strings.Cut(text, " ")
	for _, c := range code {
		e.Code = e.Code*10 + int(c-'0')
	}
	e.Message = message
	return e
}

// Certificate makes a certificate for a host that only the pool with it trusts.
func Certificate(t testing.TB, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
