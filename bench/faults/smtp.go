//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"time"
)

// sender is one connection to the daemon, as a mail server keeps it.
type sender struct {
	*textproto.Conn
	raw net.Conn
}

// answerWithin is how long an answer may take. Servers wait longer, but a mail
// that takes as long as this is repeated, which is what is looked at.
const answerWithin = 40 * time.Second

// dial opens a session up to its EHLO.
func dial(address string, patience time.Duration) (*sender, error) {
	raw, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	s := &sender{textproto.NewConn(raw), raw}
	_ = raw.SetDeadline(time.Now().Add(patience))
	if err := errors.Join(s.expect(220, ""), s.expect(250, "EHLO loader.customer.example")); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// expect sends a line, unless it is empty, and reads the answer.
func (s *sender) expect(code int, line string) error {
	if line != "" {
		if err := s.PrintfLine("%s", line); err != nil {
			return err
		}
	}
	_, _, err := s.ReadResponse(code)
	return err
}

// submit sends a mail. The code is that of the answer which settled its fate, 0
// where the connection ended before there was one.
func (s *sender) submit(m *mail) (code int, err error) {
	_ = s.raw.SetDeadline(time.Now().Add(answerWithin))
	for _, step := range []struct {
		line string
		code int
	}{{fmt.Sprintf("MAIL FROM:<%s>", m.sender()), 250}, {fmt.Sprintf("RCPT TO:<%s>", queueAddress), 250}, {"DATA", 354}} {
		if err := s.expect(step.code, step.line); err != nil {
			return codeOf(err), err
		}
	}
	w := s.DotWriter()
	if _, err := bytes.NewReader(m.raw()).WriteTo(w); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	if err := s.expect(250, ""); err != nil {
		return codeOf(err), err
	}
	return 250, nil
}

// codeOf is that of a refusal, or 0.
func codeOf(err error) int {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}
