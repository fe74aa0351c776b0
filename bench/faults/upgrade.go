//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// playUpgrade begins with an older program, which the command line names, and has
// this one take over its store under load: after it where a store has one daemon,
// else beside it, the load spread over both, until the older one is stopped.
func playUpgrade(s *stage, _ int) (int, error) {
	switch {
	case s.older == "":
		return 0, errors.New("it needs an older program: -older FILE")
	case s.redis == nil:
		return 1, s.replaceDaemon()
	}
	return 1, s.rollOver()
}

// replaceDaemon stops the older daemon and starts the newer.
func (s *stage) replaceDaemon() error {
	s.daemon.program = s.older
	if err := s.daemon.start(); err != nil {
		return err
	}
	return s.under(func() error {
		s.endure("the older program", 2)
		if err := s.daemon.stop(); err != nil {
			return err
		}
		s.daemon.program = s.program
		if err := s.daemon.start(); err != nil {
			return err
		}
		s.endure("the newer program", 2)
		return nil
	})
}

// rollOver has both daemons run on one Redis for a while.
func (s *stage) rollOver() error {
	older, err := newDaemon(s.older, s.dir, "older")
	if err != nil {
		return err
	}
	s.also = append(s.also, older.end)
	own := filepath.Join(s.dir, "older")
	if err := os.Mkdir(own, 0o700); err != nil {
		return err
	}
	if err := errors.Join(s.writeSettings(older, own, thisMachine), older.start()); err != nil {
		return err
	}
	s.load.spread(older.address)
	return s.under(func() error {
		s.endure("the older program", 3)
		s.takenOver.from = time.Now()
		if err := s.daemon.start(); err != nil {
			return err
		}
		s.takenOver.to = time.Now()
		s.load.spread(older.address, s.daemon.address)
		s.endure("both programs", 3)
		s.load.spread(s.daemon.address)
		if err := older.stop(); err != nil {
			return err
		}
		s.endure("the newer program", 3)
		return nil
	})
}

// endure lets the load go on for a part of the time that the command line gives.
func (s *stage) endure(who string, parts time.Duration) {
	s.tell("%s, %d mails", who, s.load.length())
	time.Sleep(s.long / parts)
}
