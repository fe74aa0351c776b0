//go:build unix

package testkit

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Share has callers at the same time do the b.N pieces of work of a benchmark,
// which count from 1, and ends at the first error of each.
func Share(b *testing.B, callers int, do func(i int) error) {
	b.Helper()
	var n atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				if err := do(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// Processor is how much of the processor this process has used.
func Processor(tb testing.TB) time.Duration {
	tb.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
