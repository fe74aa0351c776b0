//go:build linux

package main

import "time"

// playRelay has the relay behave in a manner for some seconds at a time. The door
// must not notice.
func playRelay(m manner) func(*stage, int) (int, error) {
	return func(s *stage, _ int) (int, error) {
		return s.repeatedly(func(int) error {
			s.relay.behave(m)
			time.Sleep(s.between(time.Second, 4*time.Second))
			s.relay.behave(takes)
			return nil
		})
	}
}
