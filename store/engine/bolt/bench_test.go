package bolt_test

import (
	"fmt"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/store/engine"
	"guichet/store/engine/bolt"
)

// BenchmarkCommit is what a mail of 4 KiB costs the engine: time, and processor.
func BenchmarkCommit(b *testing.B) {
	for _, sessions := range []int{1, 50} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			e, err := bolt.Open(bolt.Options{Dir: b.TempDir(), Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			before := testkit.Processor(b)
			b.ResetTimer()
			testkit.Share(b, sessions, func(i int) error {
				_, err := e.Commit(ctx, "acme", mail(i))
				return err
			})
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((testkit.Processor(b)-before).Microseconds())/float64(b.N), "µs-cpu/op")
		})
	}
}

// mail is a batch like that of a new ticket.
func mail(i int) engine.Batch {
	id := fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15)
	batch := engine.Batch{
		Operation: "op:" + id, Remember: 24 * time.Hour,
		Checks: []engine.Check{engine.Absent("ticket:"+id, "version")},
		Draws:  []engine.Counter{{Record: "counters", Field: "reference"}},
		Steps: []engine.Step{
			engine.Put("ticket:"+id, "blob", make([]byte, 6000)), engine.PutAt("reference:", 0, 64, []byte(id)),
			engine.Put("message:"+id, "ticket", []byte(id)), engine.Expire("message:"+id, 90*24*time.Hour),
		},
	}
	for f := range 10 {
		batch.Steps = append(batch.Steps, engine.Put("ticket:"+id, fmt.Sprint("field", f), make([]byte, 300)))
	}
	for n := range 3 {
		notice := fmt.Sprint(id, n)
		batch.Steps = append(batch.Steps, engine.Put("notice:"+notice, "data", make([]byte, 400)), engine.Add("due", notice, engine.Score(i)))
	}
	for list := range 5 {
		batch.Steps = append(batch.Steps, engine.Add(fmt.Sprint("list", list), id, engine.Score(i)))
	}
	return batch
}
