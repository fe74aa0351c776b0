package main

import (
	"bytes"
	"testing"
	"time"
)

// What takes long says so each few seconds; what does not, says nothing.
func TestWhoWaitsIsTold(t *testing.T) {
	var said bytes.Buffer
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	p := &program{environment: environment{Stderr: &said, Now: func() time.Time { return now }}}
	tell := p.quietly(true)
	for done := range 100 {
		tell(done, 100)
		now = now.Add(200 * time.Millisecond)
	}
	if want := " 25 %\n 50 %\n 75 %\n"; said.String() != want {
		t.Errorf("it says %q, want %q", said.String(), want)
	}
}
