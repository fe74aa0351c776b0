package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strconv"
	"sync"
	"time"
)

// load is mail that is sent by several sessions at once, and how fast.
type load struct {
	address  string
	to       string
	run      string // tells the mails of one run from those of another
	messages int
	sessions int
	size     int
	// rate is how many messages begin in a second; 0 is as many as can.
	rate float64
	// keep sends all mails of a session over one connection.
	keep bool

	dial func(ctx context.Context, address string) (net.Conn, error)
	text []byte // what bodies are cut from
}

// The parts of a mail's time, as the client sees them.
const (
	benchConnect = iota // to the banner
	benchHello
	benchMail
	benchRcpt
	benchData // to 354
	benchDot  // the content, and our 250
	benchTotal
	benchStages
)

var benchStageNames = [benchStages]string{"connect", "ehlo", "mail", "rcpt", "data", "250", "total"}

// sample is one mail that was tried.
type sample struct {
	// took is the time of each part, -1 for one that there was not.
	took [benchStages]time.Duration
	// failed is "" for a mail that was taken, else the code that refused it, or
	// what kept us from an answer.
	failed string
}

// measurement is what a load came to.
type measurement struct {
	took    time.Duration
	samples []sample
}

// send sends all messages, and returns when the last is answered or ctx ended.
// done is told how many were answered; from one goroutine at a time.
func (l *load) send(ctx context.Context, done func(n int)) measurement {
	began := time.Now()
	due := l.pace(ctx, began)
	var m measurement
	var mu sync.Mutex
	var sessions sync.WaitGroup
	for range l.sessions {
		sessions.Go(func() {
			c := &courier{load: l}
			defer c.quit()
			for mail := range due {
				s := c.deliver(ctx, mail)
				mu.Lock()
				m.samples = append(m.samples, s)
				done(len(m.samples))
				mu.Unlock()
			}
		})
	}
	sessions.Wait()
	m.took = time.Since(began)
	return m
}

// dueMail is a mail and when it was to begin: one that waits for a free session
// has waited, whoever kept it.
type dueMail struct {
	number int
	at     time.Time
}

// pace hands out mails, at their times where there is a rate.
func (l *load) pace(ctx context.Context, began time.Time) <-chan dueMail {
	due := make(chan dueMail)
	go func() {
		defer close(due)
		for i := range l.messages {
			mail := dueMail{number: i}
			if l.rate > 0 {
				mail.at = began.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
				if wait := time.Until(mail.at); wait > 0 {
					select {
					case <-time.After(wait):
					case <-ctx.Done():
						return
					}
				}
			}
			select {
			case due <- mail:
			case <-ctx.Done():
				return
			}
		}
	}()
	return due
}

// courier is one session.
type courier struct {
	*load
	raw  net.Conn
	conn *textproto.Conn
	stop func() bool // closing when the load is called off
}

// answerTime is how long an answer is waited for.
const answerTime = 2 * time.Minute

// deliver sends one mail.
func (c *courier) deliver(ctx context.Context, mail dueMail) sample {
	s := sample{}
	for i := range s.took {
		s.took[i] = -1
	}
	began := time.Now()
	if !mail.at.IsZero() {
		began = mail.at
	}
	if err := c.transact(ctx, mail, &s); err != nil {
		s.failed = failureName(err)
		c.drop() // after a refusal too: the next mail has a session of its own
		return s
	}
	s.took[benchTotal] = time.Since(began)
	if !c.keep {
		c.quit()
	}
	return s
}

func (c *courier) transact(ctx context.Context, mail dueMail, s *sample) error {
	if c.conn == nil {
		if err := c.connect(ctx, s); err != nil {
			return err
		}
	}
	_ = c.raw.SetDeadline(time.Now().Add(answerTime))
	steps := []struct {
		stage, code int
		line        string
	}{
		{benchMail, 250, fmt.Sprintf("MAIL FROM:<%s>", c.sender(mail.number))},
		{benchRcpt, 250, fmt.Sprintf("RCPT TO:<%s>", c.to)},
		{benchData, 354, "DATA"},
	}
	for _, step := range steps {
		if err := c.say(step.stage, step.code, step.line, s); err != nil {
			return err
		}
	}
	return timed(s, benchDot, func() error {
		if _, err := c.conn.W.Write(c.message(mail.number)); err != nil {
			return err
		}
		return c.hear(250, c.conn.W.Flush())
	})
}

func (c *courier) connect(ctx context.Context, s *sample) error {
	err := timed(s, benchConnect, func() error {
		raw, err := c.dial(ctx, c.address)
		if err != nil {
			return err
		}
		_ = raw.SetDeadline(time.Now().Add(answerTime))
		c.raw, c.conn = raw, textproto.NewConn(raw)
		c.stop = context.AfterFunc(ctx, func() { raw.Close() })
		return c.hear(220, nil)
	})
	if err != nil {
		return err
	}
	return c.say(benchHello, 250, "EHLO bench.invalid", s)
}

// say sends a command and waits for its answer.
func (c *courier) say(stage, code int, line string, s *sample) error {
	return timed(s, stage, func() error { return c.hear(code, c.conn.PrintfLine("%s", line)) })
}

func (c *courier) hear(code int, err error) error {
	if err == nil {
		_, _, err = c.conn.ReadResponse(code)
	}
	return err
}

func timed(s *sample, stage int, do func() error) error {
	began := time.Now()
	err := do()
	if err == nil {
		s.took[stage] = time.Since(began)
	}
	return err
}

// quit takes leave as a mail server does, outside of what is measured.
func (c *courier) quit() {
	if c.conn == nil {
		return
	}
	if c.conn.PrintfLine("QUIT") == nil {
		_, _, _ = c.conn.ReadResponse(221)
	}
	c.drop()
}

func (c *courier) drop() {
	if c.conn != nil {
		c.stop()
		c.conn.Close()
		c.conn = nil
	}
}

// failureName is the code of a refusal, or what came instead of an answer.
func failureName(err error) string {
	var answer *textproto.Error
	var network net.Error
	switch {
	case errors.As(err, &answer):
		return strconv.Itoa(answer.Code)
	case errors.As(err, &network) && network.Timeout():
		return "no answer"
	}
	return "no connection"
}

// sender is somebody who never wrote before, at a name that no mail ever reaches
// (RFC 2606).
func (l *load) sender(n int) string { return fmt.Sprintf("bench-%s-%d@guichet.invalid", l.run, n) }

// message is a mail of the size, with the final dot.
func (l *load) message(n int) []byte {
	var b bytes.Buffer
	b.Grow(l.size + 256)
	fmt.Fprintf(&b, "From: Bench <%s>\r\nTo: <%s>\r\nSubject: Load %d of run %s\r\nMessage-ID: <%s.%d@guichet.invalid>\r\nDate: %s\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
		l.sender(n), l.to, n, l.run, l.run, n, time.Now().Format(time.RFC1123Z))
	b.Write(l.text[:max(2, l.size-b.Len()-2)])
	b.WriteString("\r\n.\r\n")
	return b.Bytes()
}

// benchText is text of at least that many bytes, whose words come in no order:
// what packs to nothing would flatter a store. The same seed gives the same.
func benchText(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for line := 0; b.Len() < size+2; {
		word := make([]byte, 2+random.IntN(8))
		for i := range word {
			word[i] = byte('a' + random.IntN(26))
		}
		b.Write(word)
		if line += len(word) + 1; line < 70 {
			b.WriteByte(' ')
			continue
		}
		b.WriteString("\r\n")
		line = 0
	}
	return b.Bytes()
}
