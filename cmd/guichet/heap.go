package main

import (
	"runtime"
	"runtime/debug"
	measures "runtime/metrics"
)

// The collector begins anew when the heap has grown by a part of what is alive.
// What a daemon keeps alive is little, so that by its default it would collect
// after every few dozen mails; what thousands of slow clients hold is much, and
// should not be doubled.
const (
	// leastGrowth is what the heap may always grow by, in bytes.
	leastGrowth = 64 << 20
	// leanPercent is what it may grow by when that is more.
	leanPercent = 50
)

// paceCollector sets how far the heap may grow, after each collection anew.
// GOGC in the environment says otherwise; GOMEMLIMIT holds all the same.
func (p *program) paceCollector() {
	if _, set := p.Getenv("GOGC"); !set {
		paceNext(growthPercent(liveHeap()))
	}
}

// growthPercent is GOGC for a heap of which so many bytes are alive.
func growthPercent(live uint64) int {
	return max(leanPercent, int(leastGrowth*100/max(live, 1<<20)))
}

// paceNext leaves garbage behind that tells of the next collection.
func paceNext(percent int) {
	debug.SetGCPercent(percent)
	runtime.AddCleanup(new([16]byte), func(int) { paceNext(growthPercent(liveHeap())) }, 0)
}

// liveHeap is how many bytes the last collection found alive.
func liveHeap() uint64 {
	sample := []measures.Sample{{Name: "/gc/heap/live:bytes"}}
	measures.Read(sample)
	return sample[0].Value.Uint64()
}
