// Command sink is a mail server that throws away what it takes: what Guichet's
// door would cost if nothing stood behind it. It is there to measure against,
// and answers 250 to everything.
package main

import (
	"flag"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

func main() {
	address := flag.String("listen", "127.0.0.1:2600", "where to listen; loopback is wise")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	server := newServer()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		server.Close()
	}()
	if err := server.Serve(l); err != nil && err != smtp.ErrServerClosed {
		log.Fatal(err)
	}
}

func newServer() *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{}, nil }))
	server.Domain = "sink.example"
	server.MaxMessageBytes = 64 << 20
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	return server
}

// session takes everything.
type session struct{}

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

// Data reads a message to its end.
func (session) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
