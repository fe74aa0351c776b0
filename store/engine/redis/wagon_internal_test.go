package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"guichet/internal/testkit"
	"guichet/store/engine"
)

// TestWagon: calls that are one command each get what they would get alone, also
// behind one that changes nothing, one that fails, and one of another space.
func TestWagon(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"redis":     func(t *testing.T) string { return testkit.RedisFor(t).URL() },
		"miniredis": func(t *testing.T) string { return "redis://" + miniredis.RunT(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Open(t.Context(), Options{URL: url(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if err := e.client.Set(t.Context(), prefixOf("acme")+"broken", "no record", 0).Err(); err != nil {
				t.Fatal(err)
			}
			number := engine.Counter{Record: "numbers", Field: "n"}
			group := []*passenger{
				passengerOf(t, "acme", engine.Batch{Operation: "op", Remember: 1e9, Draws: []engine.Counter{number, number}, Steps: []engine.Step{
					engine.PutNumber("one", "n", 1), engine.Put("one", "v", []byte("1")), engine.PutNumber("one", "m", 0)}}),
				passengerOf(t, "globex", engine.Batch{Draws: []engine.Counter{number}, Steps: []engine.Step{engine.PutAt("n:", 0, 9, nil)}}),
				passengerOf(t, "acme", engine.Batch{Checks: []engine.Check{engine.Absent("one", "v")}, Steps: []engine.Step{engine.Put("one", "v", []byte("2"))}}),
				passengerOf(t, "acme", engine.Batch{Steps: []engine.Step{engine.Put("broken", "v", nil)}}),
				passengerOf(t, "acme", engine.Batch{Operation: "op", Remember: 1e9, Steps: []engine.Step{engine.Put("one", "v", []byte("3"))}}),
				passengerOf(t, "acme", engine.Batch{Draws: []engine.Counter{number}, Steps: []engine.Step{engine.Put("two", "v", []byte("4"))}}),
			}
			e.convoyTo(e.client, true).send(t.Context(), group)
			for i, want := range []string{"[done 1 2]", "[done 1]", "[conflict 0]", "WRONGTYPE", "[repeat 1 2]", "[done 3]"} {
				got := fmt.Sprint(group[i].reply)
				if group[i].err != nil {
					got = group[i].err.Error()
				}
				if !strings.Contains(got, want) {
					t.Errorf("call %d gives %s, want %s", i, got, want)
				}
			}
			if one := e.client.HGetAll(t.Context(), prefixOf("acme")+"one").Val(); fmt.Sprint(one) != "map[m:1 n:2 v:1]" {
				t.Errorf("the record is %v", one)
			}
		})
	}
}

func passengerOf(t *testing.T, space engine.Space, b engine.Batch) *passenger {
	p := &passenger{ctx: t.Context(), script: commitScript, call: newCall(space)}
	p.call.batch(b)
	return p
}

// TestCouple: a wagon takes calls of one script and one space, as long as their
// contents are not large.
func TestCouple(t *testing.T) {
	large := &call{prefix: "acme", size: maxWagon}
	small, other := &call{prefix: "acme", size: 1}, &call{prefix: "globex"}
	wagons := couple([]*passenger{
		{script: commitScript, call: large}, {script: commitScript, call: small}, {script: leaseScript, call: small},
		{script: commitScript, call: other}, {script: commitScript, call: small}, {script: commitScript, call: large},
	})
	var sizes []int
	for _, w := range wagons {
		sizes = append(sizes, len(w.calls))
	}
	if fmt.Sprint(sizes) != "[1 2 1 1 1]" {
		t.Errorf("wagons take %v calls", sizes)
	}
}
