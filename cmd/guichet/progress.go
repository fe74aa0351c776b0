package main

import (
	"fmt"
	"strings"
	"time"

	"guichet/store"
)

// progress shows how far something has come: on a terminal as a bar that grows,
// elsewhere as a line each ten percent.
func (p *program) progress() func(done, total int) {
	shown := -1
	return func(done, total int) {
		percent := 100
		if total > 0 {
			percent = 100 * done / total
		}
		if !p.Terminal {
			percent -= percent % 10
		}
		if percent <= shown {
			return
		}
		shown = percent
		if !p.Terminal {
			fmt.Fprintf(p.Stdout, "%3d %%\n", percent)
			return
		}
		const width = 40
		full := width * percent / 100
		fmt.Fprintf(p.Stdout, "\r%s%s %3d %%", strings.Repeat("█", full), strings.Repeat("░", width-full), percent)
		if percent == 100 {
			fmt.Fprintln(p.Stdout)
		}
	}
}

// quietly is a progress bar, or where that would be in the way, a line each few
// seconds on standard error: none for what is done before.
func (p *program) quietly(asJSON bool) store.Progress {
	if !asJSON && p.Terminal {
		return p.progress()
	}
	told := p.Now()
	return func(done, total int) {
		if now := p.Now(); total > 0 && now.Sub(told) >= lineEvery {
			told = now
			fmt.Fprintf(p.Stderr, "%3d %%\n", 100*int64(done)/int64(total))
		}
	}
}

// lineEvery is how long who waits is left without a word.
const lineEvery = 5 * time.Second
