package main

import (
	"context"
	"net"
	"sync"
	"time"
)

// doors are the listeners of a daemon whose clients can be left waiting until
// their time is over, without anybody waiting for that: deadlines are the
// kernel's, and no test's clock moves it.
type doors struct {
	mu    sync.Mutex
	conns []*hurried
}

func (d *doors) listen(ctx context.Context, network, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, address)
	return listening{l, d}, err
}

// expire lets the time of all who are connected now be over.
func (d *doors) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.expire()
	}
	d.conns = nil
}

type listening struct {
	net.Listener
	doors *doors
}

func (l listening) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.doors.mu.Lock()
	defer l.doors.mu.Unlock()
	c := &hurried{TCPConn: conn.(*net.TCPConn)}
	l.doors.conns = append(l.doors.conns, c)
	return c, nil
}

// hurried is a connection whose reads time out as soon as its time is over,
// whatever deadline the server gives them.
type hurried struct {
	*net.TCPConn
	mu   sync.Mutex
	over bool
}

var longAgo = time.Unix(1, 0)

func (c *hurried) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	_ = c.TCPConn.SetReadDeadline(longAgo)
}

func (c *hurried) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		t = longAgo
	}
	return c.TCPConn.SetReadDeadline(t)
}

func (c *hurried) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}
