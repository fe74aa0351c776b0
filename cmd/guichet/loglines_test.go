package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// logLines is a log that can be waited on. It is written to a file too, for
// scripts to look into.
type logLines struct {
	file    string
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{}
}

func newLogLines(file string) *logLines {
	return &logLines{file: file, written: make(chan struct{}, 1)}
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.written <- struct{}{}:
	default:
	}
	f, err := os.OpenFile(l.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logLines) count(words string) int { return strings.Count(l.String(), words) }

// wait returns when the words stand in the log so many times.
func (l *logLines) wait(words string, times int) error {
	late := time.After(patience)
	for l.count(words) < times {
		select {
		case <-l.written:
		case <-late:
			return fmt.Errorf("%q did not come in the log: %s", words, l)
		}
	}
	return nil
}
