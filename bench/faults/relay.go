//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// handed is a mail that the daemon gave to the relay, whole.
type handed struct {
	MessageID, To string
	// Taken is set when the relay keeps it, Answered when it said so.
	Taken, Answered bool
	// Failed is set when it was refused for good.
	Failed bool
	At     time.Time
	Life   int
}

// manner is how the relay treats a mail.
type manner int

const (
	takes    manner = iota
	defers          // 4xx, at a moment of its choice
	fails           // 5xx to the end of data
	stalls          // no answer to the end of data
	cuts            // closes in place of the answer; half of the mails it keeps
	hangsUp         // 421 in place of the greeting
	changing        // another manner each time
)

// relay takes what the daemon sends, and writes down what it was given.
type relay struct {
	listener net.Listener
	life     func() int

	mu     sync.Mutex
	manner manner
	random *rand.Rand
	mails  []handed
	conns  map[net.Conn]bool
}

func newRelay(seed uint64, life func() int) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, life: life, random: rand.New(rand.NewPCG(seed, 2)), conns: map[net.Conn]bool{}}
	go r.serve()
	return r, nil
}

func (r *relay) serve() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[c] = true
		r.mu.Unlock()
		go func() {
			r.session(c)
			c.Close()
			r.mu.Lock()
			delete(r.conns, c)
			r.mu.Unlock()
		}()
	}
}

// behave changes the manner. Connections that are open end, and with them what
// stalls.
func (r *relay) behave(m manner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manner = m
	for c := range r.conns {
		c.Close()
	}
}

func (r *relay) close() {
	r.listener.Close()
	r.behave(takes)
}

// now is the manner for the next moment.
func (r *relay) now() manner {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.manner == changing {
		return manner(r.random.IntN(int(changing)))
	}
	return r.manner
}

func (r *relay) draw(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(n)
}

// session speaks as much SMTP as a client needs. Whatever fails ends it. The life
// that the mails come from is the one that connected: what a daemon sent before it
// was killed may be read when the next lives.
func (r *relay) session(c net.Conn) {
	in, to, life := textproto.NewReader(bufio.NewReader(c)), "", r.life()
	if r.now() == hangsUp {
		fmt.Fprint(c, "421 4.3.2 not now\r\n")
		return
	}
	fmt.Fprint(c, "220 relay.example ESMTP\r\n")
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer := "250 2.0.0 so be it"
		switch verb {
		case "EHLO":
			answer = "250-relay.example\r\n250 ENHANCEDSTATUSCODES"
		case "MAIL", "RCPT":
			if verb == "RCPT" {
				to = strings.Trim(line[len("RCPT TO:"):], "<>")
			}
			if r.now() == defers && r.draw(3) == 0 {
				answer = "451 4.3.0 later"
			}
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			text, err := in.ReadDotBytes()
			if err != nil || !r.take(c, text, handed{To: to, Life: life, At: time.Now()}) {
				return
			}
			continue
		case "QUIT":
			fmt.Fprint(c, "221 2.0.0 bye\r\n")
			return
		}
		if _, err := fmt.Fprint(c, answer+"\r\n"); err != nil {
			return
		}
	}
}

// take settles one mail, and reports whether the connection goes on.
func (r *relay) take(c net.Conn, text []byte, h handed) bool {
	if m, err := netmail.ReadMessage(bytes.NewReader(text)); err == nil {
		h.MessageID = strings.Trim(m.Header.Get("Message-ID"), "<>")
	}
	answer := "250 2.0.0 taken"
	switch r.now() {
	case defers:
		answer = "452 4.3.1 no room"
	case fails:
		h.Failed = true
		answer = "554 5.7.1 never"
	case stalls:
		_, _ = c.Read(make([]byte, 1)) // until one of us ends it
		return false
	case cuts:
		h.Taken, answer = r.draw(2) == 0, ""
	default:
		h.Taken = true
	}
	if answer != "" {
		_, err := fmt.Fprint(c, answer+"\r\n")
		h.Answered = err == nil
	}
	if h.Taken || h.Failed {
		r.keep(h)
	}
	return h.Answered
}

func (r *relay) keep(h handed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = append(r.mails, h)
}

// kept are the mails so far.
func (r *relay) kept() []handed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]handed(nil), r.mails...)
}
