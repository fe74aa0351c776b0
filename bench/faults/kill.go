//go:build linux

package main

import "time"

// killsAStage bounds how much is in a store when it is verified, and how much a
// mistake would take with it.
const killsAStage = 50

// playKills kills the daemon at random moments, one time in five before it takes
// mail, and starts it again.
func playKills(s *stage, n int) (int, error) {
	s.lull = 2 * time.Second // hands of killed daemons are dead at once
	if err := s.daemon.start(); err != nil {
		return 0, err
	}
	return n, s.under(func() error {
		for i := range n {
			s.tell("kill %d of %d, %d mails", i+1, n, s.load.length())
			time.Sleep(s.between(10*time.Millisecond, 700*time.Millisecond))
			s.daemon.kill()
			if s.random.IntN(5) == 0 {
				if err := s.daemon.begin(); err != nil {
					return err
				}
				time.Sleep(s.between(0, 150*time.Millisecond))
				s.daemon.kill()
			}
			if err := s.daemon.start(); err != nil {
				return err
			}
		}
		return nil
	})
}
