package redis_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/store/engine"
	"guichet/store/engine/redis"
)

// BenchmarkMail is what a mail of 4 KiB costs here and on Redis, one after the
// other and fifty at once: one read of what its decision needs, one commit. It
// tells the processor that each used.
func BenchmarkMail(b *testing.B) {
	for _, sessions := range []int{1, 50} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			server := testkit.RedisFor(b, "--auto-aof-rewrite-min-size", "4gb")
			e := open(b, redis.Options{URL: server.URL(), Replicas: -1})
			here, there := testkit.Processor(b), processorOf(b, server)
			b.ResetTimer()
			testkit.Share(b, sessions, func(i int) error { return deliver(e, i) })
			b.ReportMetric(float64((testkit.Processor(b)-here).Microseconds())/float64(b.N), "µs-here/op")
			b.ReportMetric(float64((processorOf(b, server)-there).Microseconds())/float64(b.N), "µs-redis/op")
		})
	}
}

func deliver(e *redis.Engine, i int) error {
	id := fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15)
	_, err := e.Read(ctx, "acme",
		engine.Ask{Record: "message:" + id, Follow: &engine.Follow{Field: "ticket", Record: "ticket:", Fields: []string{"version", "sealed"}}},
		engine.Ask{Record: "seen:" + id, Fields: []string{"seen"}},
		engine.Ask{Record: "spam:marie", Fields: []string{"spam"}},
		engine.Ask{Record: "in-use", Fields: []string{"look"}})
	if err != nil {
		return err
	}
	_, err = e.Commit(ctx, "acme", mail(id, i))
	return err
}

// mail is a batch like that of a new ticket.
func mail(id string, i int) engine.Batch {
	record, at := "ticket:"+id, engine.Score(1772442000000000+i)
	batch := engine.Batch{
		Operation: "operation:" + id, Remember: 48 * time.Hour,
		Checks: []engine.Check{
			engine.Absent("in-use", "wrap"), engine.Absent(record, "version"), engine.Absent("tracking:"+id, "ticket"),
			engine.Absent("schema", "version:4"), engine.Absent("in-use", "look"),
		},
		Draws: []engine.Counter{{Record: "numbers", Field: "tickets"}},
		Steps: []engine.Step{
			engine.PutAt("by-number:", 0, 64, []byte(id)), engine.PutNumber(record, "number", 0), engine.Put(record, "key", make([]byte, 73)),
			engine.Put("tracking:"+id, "ticket", []byte(id)), engine.Put(record, "tracking", make([]byte, 22)),
			engine.Put(record, "sealed", make([]byte, 700)), engine.Put(record, "version", []byte("1")),
			engine.Put(record, "in-state", []byte("tickets:new")), engine.Add("tickets:new", id, at),
			engine.Put(record, "in-queue", []byte("tickets:new:help")), engine.Add("tickets:new:help", id, at),
			engine.Put(record, "article:1", make([]byte, 2000)), engine.Add("timers", "raw:"+id+":kNj9o2y7cAhR9u-tldAF4A", at),
			engine.PutAbsent("message:"+id, "ticket", []byte(id)), engine.Put(record, "message:uYPz3lfp_iJW_-LFKES9jg", nil),
		},
	}
	for n := range 3 {
		notice := fmt.Sprint(id, n)
		batch.Steps = append(batch.Steps, engine.Put("notice:"+notice, "ticket", []byte(id)), engine.Put(record, "notice:"+notice, nil),
			engine.Put("notice:"+notice, "sealed", make([]byte, 300)), engine.Put("notice:"+notice, "in-outbox", []byte("outbox:due")),
			engine.Add("outbox:due", notice, at))
	}
	batch.Steps = append(batch.Steps, engine.Put(record, "in-own", []byte("own:marie")), engine.Add("own:marie", id, at), engine.Add("unindexed", id, at),
		engine.Put("seen:"+id, "seen", []byte("1")), engine.Expire("seen:"+id, 30*24*time.Hour),
		engine.Put(record, "blob:kNj9o2y7cAhR9u-tldAF4A", make([]byte, 3000)))
	return batch
}

// processorOf asks a Redis for the time that it used.
func processorOf(b *testing.B, server *testkit.Redis) (used time.Duration) {
	said, err := server.Do("INFO", "cpu")
	must(b, err)
	for line := range strings.Lines(fmt.Sprint(said)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			seconds, err := strconv.ParseFloat(value, 64)
			must(b, err)
			used += time.Duration(seconds * float64(time.Second))
		}
	}
	return used
}
