package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// figures are what a measurement says, as programs get them. Times are
// milliseconds.
type figures struct {
	Address    string  `json:"address"`
	Own        bool    `json:"own"`
	Connection string  `json:"connection"` // "message" or "session": what has one of its own
	Sessions   int     `json:"sessions"`
	Size       int     `json:"size"`
	Wanted     float64 `json:"wanted_rate"` // 0 is no limit

	Messages int            `json:"messages"`
	Accepted int            `json:"accepted"`
	Failed   map[string]int `json:"failed"` // by code
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"rate"` // accepted in a second

	Latency map[string]latency `json:"latency_ms"`
	Daemon  *daemonFigures     `json:"daemon"` // null where it cannot be seen
}

// latency is how long one part of the accepted mails took.
type latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// daemonFigures is what the load cost the daemon.
type daemonFigures struct {
	CPUMicros  float64 `json:"cpu_us_per_message"`
	Memory     int64   `json:"memory_bytes"`
	MemoryMost int64   `json:"memory_most_bytes"`
}

// sum adds a measurement up.
func (m measurement) sum(l *load, own bool) figures {
	f := figures{Address: l.address, Own: own, Connection: "message", Sessions: l.sessions, Size: l.size, Wanted: l.rate,
		Messages: len(m.samples), Failed: map[string]int{}, Seconds: m.took.Seconds(), Latency: map[string]latency{}}
	if l.keep {
		f.Connection = "session"
	}
	var took [benchStages][]time.Duration
	for _, s := range m.samples {
		if s.failed != "" {
			f.Failed[s.failed]++
			continue
		}
		f.Accepted++
		for stage, d := range s.took {
			if d >= 0 {
				took[stage] = append(took[stage], d)
			}
		}
	}
	if m.took > 0 {
		f.Rate = float64(f.Accepted) / m.took.Seconds()
	}
	for stage, all := range took {
		if len(all) > 0 {
			slices.Sort(all)
			f.Latency[benchStageNames[stage]] = latency{P50: percentile(all, 50), P90: percentile(all, 90), P99: percentile(all, 99), Max: millis(all[len(all)-1])}
		}
	}
	return f
}

// percentile is the time that p of a hundred do not exceed, by nearest rank.
func percentile(sorted []time.Duration, p float64) float64 {
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return millis(sorted[max(rank, 1)-1])
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// spent is what a load cost, from what the daemon had used before and after.
func spent(before, after usage, messages int) *daemonFigures {
	if messages == 0 {
		return nil
	}
	return &daemonFigures{CPUMicros: float64((after.cpu - before.cpu).Microseconds()) / float64(messages), Memory: after.memory, MemoryMost: after.most}
}

// print writes figures for people.
func (f figures) print(p *program) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s a second: %d of %d messages taken in %.2f s\n", p.style.bold(fmt.Sprintf("%.0f", f.Rate)), f.Accepted, f.Messages, f.Seconds)
	codes := make([]string, 0, len(f.Failed))
	for code := range f.Failed {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Or(cmp.Compare(f.Failed[b], f.Failed[a]), cmp.Compare(a, b)) })
	for _, code := range codes {
		fmt.Fprintf(&b, "%s %s: %d\n", p.style.wary("not taken"), code, f.Failed[code])
	}
	if d := f.Daemon; d != nil {
		fmt.Fprintf(&b, "the daemon used %.2f ms of processor a message, and has %s of memory", d.CPUMicros/1000, size(d.Memory))
		if d.MemoryMost > 0 {
			fmt.Fprintf(&b, " (%s at most)", size(d.MemoryMost))
		}
		b.WriteString("\n")
	}
	if err := p.write(b.String() + "\n"); err != nil {
		return err
	}
	table := p.table(column{title: "MILLISECONDS"}, column{title: "P50", right: true}, column{title: "P90", right: true},
		column{title: "P99", right: true}, column{title: "MAX", right: true})
	for _, stage := range benchStageNames {
		if l, ok := f.Latency[stage]; ok {
			if err := table.add(nil, stage, short(l.P50), short(l.P90), short(l.P99), short(l.Max)); err != nil {
				return err
			}
		}
	}
	return table.flush()
}

func short(ms float64) string { return fmt.Sprintf("%.2f", ms) }
