package testkit

import (
	"context"
	"net"
	"sync"
)

// Pipes is a listener in memory, which also works in a synctest bubble: what it
// accepts are the ends of net.Pipe that Give was given.
type Pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes makes a listener that is open.
func NewPipes() *Pipes {
	return &Pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Give waits until the end is accepted. It gives net.ErrClosed when it never will
// be, or the context's error.
func (p *Pipes) Give(ctx context.Context, end net.Conn) error {
	select {
	case p.conns <- end:
		return nil
	case <-p.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Accept waits for the next end.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Give, once and for all.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is that of a mail server of this machine.
func (p *Pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }
