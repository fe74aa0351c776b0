// Package enginetest is what every engine of the store must do. An engine's own
// test calls Run.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store/engine"
	"guichet/ticket"
)

// Clock is a time that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock is a clock at an arbitrary time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

// Now is its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Subject is an empty engine under test.
type Subject struct {
	engine.Engine
	Now func() time.Time
	// Advance moves the engine's clock and lets expire what then has expired.
	Advance func(time.Duration)
}

// suite is one subject with what tests need around it.
type suite struct {
	*testing.T
	Subject
}

const space engine.Space = "acme"

var ctx = context.Background()

// Run runs the suite. open gives an empty engine for each test, and closes it
// when the test is over.
func Run(t *testing.T, open func(*testing.T) Subject) {
	for name, test := range map[string]func(suite){
		"put and read":                  putAndRead,
		"values of any bytes":           anyBytes,
		"put where nothing is":          putAbsent,
		"steps keep their order":        stepsKeepTheirOrder,
		"many steps":                    manySteps,
		"checks":                        checks,
		"conflict leaves no trace":      conflictLeavesNoTrace,
		"repeat by operation":           repeatByOperation,
		"operation is forgotten":        operationIsForgotten,
		"drawn numbers":                 drawnNumbers,
		"concurrent draws":              concurrentDraws,
		"each version is won once":      eachVersionIsWonOnce,
		"a conflict disturbs nobody":    aConflictDisturbsNobody,
		"spaces share nothing":          spacesShareNothing,
		"record without fields is gone": recordWithoutFieldsIsGone,
		"pages forward and back":        pagesForwardAndBack,
		"page behind a lost entry":      pageBehindALostEntry,
		"entries move":                  entriesMove,
		"place":                         place,
		"one member":                    oneMember,
		"packs":                         packs,
		"packs are sets":                packsAreSets,
		"a pack empties":                packEmpties,
		"follow":                        follow,
		"names":                         names,
		"expiry":                        expiry,
		"expired record begins anew":    expiredRecordBeginsAnew,
		"lease":                         lease,
		"lease is stolen":               leaseIsStolen,
		"concurrent leases":             concurrentLeases,
		"take counts what passes":       takeCountsWhatPasses,
		"take is idempotent":            takeIsIdempotent,
		"take doubles":                  takeDoubles,
		"take trips":                    takeTrips,
		"take begins a new window":      takeBeginsANewWindow,
		"take is atomic":                takeIsAtomic,
		"scan gives everything":         scanGivesEverything,
		"dump is of whole records":      dumpIsOfWholeRecords,
		"sync":                          syncReturns,
		"volatile space":                volatileSpace,
		"invalid batch":                 invalidBatch,
		"ended context":                 endedContext,
	} {
		t.Run(name, func(t *testing.T) { test(suite{t, open(t)}) })
	}
}

func (s suite) commit(b engine.Batch) engine.Committed {
	s.Helper()
	done, err := s.Commit(ctx, space, b)
	if err != nil {
		s.Fatal(err)
	}
	return done
}

func (s suite) do(steps ...engine.Step) {
	s.Helper()
	s.commit(engine.Batch{Steps: steps})
}

func (s suite) read(asks ...engine.Ask) []engine.Answer {
	s.Helper()
	answers, err := s.Read(ctx, space, asks...)
	if err != nil {
		s.Fatal(err)
	}
	return answers
}

// get gives a field, or nil.
func (s suite) get(record, field string) []byte {
	s.Helper()
	return s.read(engine.Ask{Record: record, Fields: []string{field}})[0].Rows[0].Fields[field]
}

// members gives a page of an index, members only.
func (s suite) members(page engine.Page) []string {
	s.Helper()
	var out []string
	for _, row := range s.read(engine.Ask{Page: &page})[0].Rows {
		out = append(out, row.Member)
	}
	return out
}

func (s suite) equal(what string, got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (s suite) conflict(b engine.Batch, check int) {
	s.Helper()
	_, err := s.Commit(ctx, space, b)
	var c *engine.Conflict
	if !errors.Is(err, engine.ErrConflict) || !errors.As(err, &c) {
		s.Fatalf("error is %v, want a conflict", err)
	}
	s.equal("check", c.Check, check)
}

func putAndRead(s suite) {
	s.do(engine.Put("a", "x", []byte("1")), engine.Put("a", "y", []byte("2")), engine.Put("b", "x", []byte("3")))
	answers := s.read(
		engine.Ask{Record: "a", Fields: []string{"x", "y", "z"}},
		engine.Ask{Record: "none", Fields: []string{"x"}},
		engine.Ask{Record: "b", Fields: []string{"x"}})
	s.equal("a", answers[0].Rows[0].Fields, map[string][]byte{"x": []byte("1"), "y": []byte("2")})
	s.equal("none", len(answers[1].Rows[0].Fields), 0)
	s.equal("b", answers[2].Rows[0].Fields, map[string][]byte{"x": []byte("3")})
	s.do(engine.Delete("a", "x"), engine.Put("a", "y", []byte("4")), engine.Drop("b"))
	s.equal("a.x", s.get("a", "x"), []byte(nil))
	s.equal("a.y", s.get("a", "y"), []byte("4"))
	s.equal("b.x", s.get("b", "x"), []byte(nil))
}

// stepsKeepTheirOrder has steps undo one another within a batch: however an
// engine gathers them, the last one counts.
func stepsKeepTheirOrder(s suite) {
	s.commit(engine.Batch{
		Draws: []engine.Counter{{Record: "counter", Field: "n"}},
		Steps: []engine.Step{
			engine.Put("a", "x", []byte("1")), engine.Put("a", "y", []byte("1")),
			engine.Put("a", "x", []byte("2")),
			engine.Put("b", "x", []byte("1")), engine.Drop("b"), engine.Put("b", "y", []byte("1")),
			engine.Put("c", "x", []byte("1")), engine.Delete("c", "x"), engine.Put("c", "y", []byte("1")),
			engine.Put("d", "x", []byte("9")), engine.PutNumber("d", "x", 0), engine.Put("d", "y", []byte("1")),
			engine.PutNumber("e", "x", 0), engine.Put("e", "x", []byte("9")),
			engine.Put("f0", "1", []byte("1")), engine.PutAt("f", 0, 9, []byte("2")), engine.Put("f0", "1", []byte("3")),
			engine.PutAbsent("g", "x", []byte("1")), engine.Put("g", "x", []byte("2")), engine.PutAbsent("g", "x", []byte("3")),
			engine.Place("h", "in", "i", "m", 5), engine.Put("h", "in", []byte("j")), engine.Add("i", "m", 7),
			engine.Add("k", "m", 1), engine.Add("k", "n", 2), engine.Remove("k", "m"), engine.Add("k", "o", 3),
			engine.Add("k", "n", 4), engine.AddEarlier("k", "n", 9), engine.AddEarlier("k", "o", 1), engine.Add("k", "p", 2),
		},
	})
	for record, want := range map[string]map[string][]byte{
		"a": {"x": []byte("2"), "y": []byte("1")}, "b": {"y": []byte("1")}, "c": {"y": []byte("1")},
		"d": {"x": []byte("1"), "y": []byte("1")}, "e": {"x": []byte("9")}, "f0": {"1": []byte("3")},
		"g": {"x": []byte("2")}, "h": {"in": []byte("j")},
	} {
		s.equal(record, s.read(engine.Ask{Record: record, Fields: []string{"x", "y", "in", "1"}})[0].Rows[0].Fields, want)
	}
	s.equal("k", s.members(engine.Page{Index: "k", N: 9}), []string{"o", "p", "n"})
	s.equal("i", s.members(engine.Page{Index: "i", N: 9}), []string{"m"})
}

// manySteps puts more into one record and one index than fits a step.
func manySteps(s suite) {
	var steps []engine.Step
	for i := range 1_700 {
		steps = append(steps, engine.Put("a", strconv.Itoa(i), []byte("v")), engine.Add("i", strconv.Itoa(i), engine.Score(i)))
	}
	s.do(steps...)
	beginning := "16"
	s.equal("names", len(s.read(engine.Ask{Record: "a", Names: &beginning})[0].Names), 111)
	s.equal("last", string(s.get("a", "1699")), "v")
	s.equal("entries", s.read(engine.Ask{Page: &engine.Page{Index: "i", N: 1}})[0].Total, 1_700)
}

func anyBytes(s suite) {
	all := make([]byte, 70_000)
	for i := range all {
		all[i] = byte(i)
	}
	s.do(engine.Put("a", "all", all), engine.Put("a", "empty", nil))
	s.equal("all", s.get("a", "all"), all)
	s.equal("empty", s.get("a", "empty"), []byte{})
}

func putAbsent(s suite) {
	s.do(engine.PutAbsent("a", "x", []byte("1")), engine.PutAbsent("a", "x", []byte("2")), engine.Put("a", "empty", nil))
	s.do(engine.PutAbsent("a", "x", []byte("3")), engine.PutAbsent("a", "empty", []byte("4")))
	s.equal("a.x", s.get("a", "x"), []byte("1"))
	s.equal("a.empty", s.get("a", "empty"), []byte{})
	s.do(engine.Put("gone", "x", []byte("1")), engine.Expire("gone", time.Minute))
	s.Advance(2 * time.Minute)
	s.do(engine.Drop("a"), engine.PutAbsent("a", "x", []byte("5")), engine.PutAbsent("gone", "x", []byte("6")))
	s.equal("a.x once a was dropped", s.get("a", "x"), []byte("5"))
	s.equal("gone.x once gone had expired", s.get("gone", "x"), []byte("6"))
}

func checks(s suite) {
	s.do(engine.Put("a", "v", []byte("1")), engine.Put("a", "empty", nil), engine.Add("i", "m", 5))
	good := []engine.Check{
		engine.Equal("a", "v", []byte("1")), engine.Equal("a", "empty", nil), engine.Absent("a", "w"), engine.Absent("b", "v"),
		engine.Leased("i", engine.Entry{Member: "m", Score: 5}),
	}
	s.commit(engine.Batch{Checks: good, Steps: []engine.Step{engine.Put("a", "done", []byte("yes"))}})
	s.equal("done", s.get("a", "done"), []byte("yes"))
	for _, bad := range []engine.Check{
		engine.Equal("a", "v", []byte("2")), engine.Equal("a", "w", []byte("1")), engine.Equal("a", "w", nil),
		engine.Absent("a", "v"), engine.Absent("a", "empty"),
		engine.Leased("i", engine.Entry{Member: "m", Score: 6}), engine.Leased("i", engine.Entry{Member: "n", Score: 5}),
		engine.Leased("j", engine.Entry{Member: "m", Score: 5}),
	} {
		s.conflict(engine.Batch{Checks: append(slices.Clone(good), bad)}, len(good))
	}
}

func conflictLeavesNoTrace(s suite) {
	s.do(engine.Put("a", "v", []byte("1")))
	s.conflict(engine.Batch{
		Operation: "op", Remember: time.Hour,
		Checks: []engine.Check{engine.Equal("a", "v", []byte("2"))},
		Draws:  []engine.Counter{{Record: "numbers", Field: "n"}},
		Steps:  []engine.Step{engine.Put("a", "v", []byte("3")), engine.Add("i", "m", 1), engine.PutAt("at:", 0, 1, nil)},
	}, 0)
	s.equal("a.v", s.get("a", "v"), []byte("1"))
	s.equal("index", s.members(engine.Page{Index: "i", N: 10}), []string(nil))
	// The operation was not done, so it still can be; no number was used up.
	done := s.commit(engine.Batch{Operation: "op", Remember: time.Hour, Draws: []engine.Counter{{Record: "numbers", Field: "n"}}})
	s.equal("done", done, engine.Committed{Numbers: []uint64{1}})
}

func repeatByOperation(s suite) {
	b := engine.Batch{
		Operation: "op", Remember: time.Hour,
		Checks: []engine.Check{engine.Absent("a", "v")},
		Draws:  []engine.Counter{{Record: "numbers", Field: "n"}, {Record: "numbers", Field: "n"}},
		Steps:  []engine.Step{engine.Put("a", "v", []byte("1")), engine.Add("i", "m", 1)},
	}
	s.equal("first", s.commit(b), engine.Committed{Numbers: []uint64{1, 2}})
	s.do(engine.Put("a", "v", []byte("2")))
	s.equal("repeat", s.commit(b), engine.Committed{Numbers: []uint64{1, 2}, Repeat: true})
	s.equal("a.v", s.get("a", "v"), []byte("2"))

	none := engine.Batch{Operation: "without numbers", Remember: time.Hour}
	s.equal("first", s.commit(none), engine.Committed{})
	s.equal("repeat", s.commit(none), engine.Committed{Repeat: true})
}

func operationIsForgotten(s suite) {
	b := engine.Batch{Operation: "op", Remember: time.Hour, Draws: []engine.Counter{{Record: "numbers", Field: "n"}},
		Steps: []engine.Step{engine.Put("op", "beside", []byte("1"))}}
	s.commit(b)
	s.equal("what was put beside it", s.get("op", "beside"), []byte("1"))
	s.equal("at once", s.commit(b), engine.Committed{Numbers: []uint64{1}, Repeat: true})
	s.Advance(time.Hour + time.Second)
	s.equal("that is forgotten too", s.get("op", "beside"), []byte(nil))
	s.equal("later", s.commit(b), engine.Committed{Numbers: []uint64{2}})
}

func drawnNumbers(s suite) {
	b := engine.Batch{
		Draws: []engine.Counter{{Record: "numbers", Field: "n"}, {Record: "numbers", Field: "n"}},
		Steps: []engine.Step{
			engine.PutNumber("a", "number", 0), engine.PutAt("at:", 0, 2, []byte("a")),
			engine.PutNumber("b", "number", 1), engine.PutAt("at:", 1, 2, []byte("b")),
		},
	}
	s.commit(b)
	s.equal("a", s.get("a", "number"), []byte("1"))
	s.equal("b", s.get("b", "number"), []byte("2"))
	s.equal("next", s.commit(b).Numbers, []uint64{3, 4})
	for record, want := range map[string]map[string][]byte{
		"at:0": {"1": []byte("a")}, "at:1": {"2": []byte("b"), "3": []byte("a")}, "at:2": {"4": []byte("b")},
	} {
		s.equal(record, s.read(engine.Ask{Record: record, Fields: []string{"1", "2", "3", "4"}})[0].Rows[0].Fields, want)
	}
	large := engine.Batch{Draws: b.Draws[:1], Steps: []engine.Step{engine.PutAt("large:", 0, 100, []byte("c"))}}
	s.do(engine.Put("numbers", "n", []byte("2000000000000000")))
	s.equal("large", s.commit(large).Numbers, []uint64{2000000000000001})
	s.equal("its record", s.get("large:20000000000000", "2000000000000001"), []byte("c"))
}

func concurrentDraws(s suite) {
	const workers, each = 8, 10
	var mu sync.Mutex
	var all []uint64
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range each {
				done, err := s.Commit(ctx, space, engine.Batch{
					Operation: fmt.Sprintf("op:%d:%d", w, i), Remember: time.Hour, Draws: []engine.Counter{{Record: "numbers", Field: "n"}},
				})
				if err != nil {
					s.Error(err)
					return
				}
				mu.Lock()
				all = append(all, done.Numbers...)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(all)
	for i, n := range all {
		if n != uint64(i+1) {
			s.Fatalf("numbers are %v", all)
		}
	}
	s.equal("drawn", len(all), workers*each)
}

// eachVersionIsWonOnce lets workers race for each next version of a record.
func eachVersionIsWonOnce(s suite) {
	const workers, versions = 6, 20
	s.do(engine.Put("a", "v", []byte("0")))
	wins := make([][]bool, workers)
	var group sync.WaitGroup
	for w := range workers {
		wins[w] = make([]bool, versions)
		group.Go(func() {
			for v := range versions {
				_, err := s.Commit(ctx, space, engine.Batch{
					Checks: []engine.Check{engine.Equal("a", "v", fmt.Append(nil, v))},
					Steps:  []engine.Step{engine.Put("a", "v", fmt.Append(nil, v+1)), engine.Put("wins", fmt.Sprintf("%d:%d", v, w), nil)},
				})
				if err != nil && !errors.Is(err, engine.ErrConflict) {
					s.Error(err)
				}
				wins[w][v] = err == nil
			}
		})
	}
	group.Wait()
	prefix, total := "", 0
	for v := range versions {
		n := 0
		for w := range workers {
			if wins[w][v] {
				n++
			}
		}
		if n > 1 {
			s.Errorf("version %d was won %d times", v, n)
		}
		total += n
	}
	s.equal("last", s.get("a", "v"), fmt.Append(nil, total))
	s.equal("written", len(s.read(engine.Ask{Record: "wins", Names: &prefix})[0].Names), total)
}

// aConflictDisturbsNobody commits what can be done beside what cannot.
func aConflictDisturbsNobody(s suite) {
	s.do(engine.Put("a", "v", []byte("1")))
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := range 20 {
				b := engine.Batch{Steps: []engine.Step{engine.Put("b", fmt.Sprint(w, ":", i), nil)}}
				if w%2 == 1 {
					b.Checks = []engine.Check{engine.Absent("a", "v")}
				}
				_, err := s.Commit(ctx, space, b)
				if w%2 == 0 && err != nil || w%2 == 1 && !errors.Is(err, engine.ErrConflict) {
					s.Errorf("worker %d: %v", w, err)
				}
			}
		})
	}
	group.Wait()
	prefix := ""
	s.equal("written", len(s.read(engine.Ask{Record: "b", Names: &prefix})[0].Names), 4*20)
}

func spacesShareNothing(s suite) {
	s.do(engine.Put("a", "v", []byte("1")), engine.Add("i", "m", 1))
	for _, other := range []engine.Space{"acme2", "acm", "*"} {
		answers, err := s.Read(ctx, other, engine.Ask{Record: "a", Fields: []string{"v"}}, engine.Ask{Page: &engine.Page{Index: "i", N: 5}})
		if err != nil {
			s.Fatal(err)
		}
		s.equal("fields", len(answers[0].Rows[0].Fields), 0)
		s.equal("rows", len(answers[1].Rows)+answers[1].Total, 0)
	}
}

func recordWithoutFieldsIsGone(s suite) {
	s.do(engine.Put("a", "v", []byte("1")), engine.Expire("a", time.Hour))
	s.do(engine.Delete("a", "v"))
	s.do(engine.Put("a", "v", []byte("2")))
	// The record is a new one, which was never told to expire.
	s.Advance(2 * time.Hour)
	s.equal("a.v", s.get("a", "v"), []byte("2"))
}

func pagesForwardAndBack(s suite) {
	// Scores that are equal sort by member, bytewise, whatever the locale.
	want := []engine.Entry{
		{Member: "b", Score: -3}, {Member: "A", Score: 1}, {Member: "a", Score: 1}, {Member: "a:1", Score: 1}, {Member: "aa", Score: 1},
		{Member: "b:", Score: 1}, {Member: "c", Score: 1_700_000_000_000_000}, {Member: "d", Score: 1_700_000_000_000_001},
	}
	var steps []engine.Step
	for _, e := range want {
		steps = append(steps, engine.Add("i", e.Member, e.Score), engine.Put("r:"+e.Member, "of", []byte(e.Member)))
	}
	// Neighbours by name must not be seen.
	steps = append(steps, engine.Add("h", "x", 9), engine.Add("i:1", "x", 0), engine.Add("j", "x", 0))
	slices.Reverse(steps)
	s.do(steps...)
	for _, reverse := range []bool{false, true} {
		expected := slices.Clone(want)
		if reverse {
			slices.Reverse(expected)
		}
		for n := 1; n <= len(want)+1; n++ {
			var got []engine.Entry
			var after *engine.Entry
			for {
				answer := s.read(engine.Ask{Fields: []string{"of"}, Page: &engine.Page{Index: "i", After: after, Reverse: reverse, N: n, Record: "r:"}})[0]
				s.equal("total", answer.Total, len(want))
				for _, row := range answer.Rows {
					got = append(got, row.Entry)
					s.equal("record", string(row.Fields["of"]), row.Member)
					after = &row.Entry
				}
				if len(answer.Rows) < n {
					break
				}
			}
			s.equal(fmt.Sprintf("pages of %d, reverse %v", n, reverse), got, expected)
		}
	}
}

func pageBehindALostEntry(s suite) {
	s.do(engine.Add("i", "a", 1), engine.Add("i", "b", 1), engine.Add("i", "c", 1), engine.Add("i", "d", 2))
	s.do(engine.Remove("i", "b"))
	after := &engine.Entry{Member: "b", Score: 1}
	s.equal("forward", s.members(engine.Page{Index: "i", After: after, N: 1}), []string{"c"})
	s.equal("back", s.members(engine.Page{Index: "i", After: after, N: 1, Reverse: true}), []string{"a"})
	s.equal("none", s.members(engine.Page{Index: "i", N: 0}), []string(nil))
}

func entriesMove(s suite) {
	s.do(engine.Add("i", "a", 5), engine.Add("i", "b", 5), engine.AddEarlier("i", "c", 5))
	s.do(engine.Add("i", "a", 9), engine.AddEarlier("i", "b", 9), engine.AddEarlier("i", "c", 1), engine.Remove("i", "none"))
	answer := s.read(engine.Ask{Page: &engine.Page{Index: "i", N: 9}})[0]
	s.equal("total", answer.Total, 3)
	s.equal("rows", answer.Rows, []engine.Row{
		{Entry: engine.Entry{Member: "c", Score: 1}}, {Entry: engine.Entry{Member: "b", Score: 5}}, {Entry: engine.Entry{Member: "a", Score: 9}},
	})
	s.do(engine.Remove("i", "a"), engine.Remove("i", "b"), engine.Remove("i", "c"))
	s.equal("total", s.read(engine.Ask{Page: &engine.Page{Index: "i", N: 9}})[0].Total, 0)
}

func place(s suite) {
	s.do(engine.Place("r", "in", "new", "m", 1))
	s.do(engine.Place("r", "in", "open", "m", 2))
	s.equal("new", s.members(engine.Page{Index: "new", N: 9}), []string(nil))
	s.equal("open", s.members(engine.Page{Index: "open", N: 9}), []string{"m"})
	s.do(engine.Place("r", "in", "open", "m", 3))
	s.equal("still open", s.read(engine.Ask{Page: &engine.Page{Index: "open", N: 9}})[0].Rows[0].Score, engine.Score(3))
	s.equal("in", s.get("r", "in"), []byte("open"))
	s.do(engine.Unplace("r", "in", "m"))
	s.equal("open", s.members(engine.Page{Index: "open", N: 9}), []string(nil))
	s.equal("in", s.get("r", "in"), []byte(nil))
	s.do(engine.Unplace("r", "in", "m"))
}

func follow(s suite) {
	s.do(engine.Put("p:1", "to", []byte("x")), engine.Put("p:2", "to", []byte("x")), engine.Put("p:3", "to", []byte("gone")),
		engine.Put("t:x", "name", []byte("X")), engine.Add("i", "1", 1), engine.Add("i", "2", 2), engine.Add("i", "4", 4))
	onward := &engine.Follow{Field: "to", Record: "t:", Fields: []string{"name", "none"}}
	answers := s.read(
		engine.Ask{Record: "p:3", Follow: onward}, engine.Ask{Record: "p:1", Follow: onward}, engine.Ask{Record: "p:9", Follow: onward},
		engine.Ask{Page: &engine.Page{Index: "i", N: 9, Record: "p:"}, Fields: []string{"to"}, Follow: onward})
	s.equal("to nothing", answers[0].Rows[0].Reached, "gone")
	s.equal("nothing there", len(answers[0].Rows[0].Followed), 0)
	s.equal("to x", answers[1].Rows[0].Followed, map[string][]byte{"name": []byte("X")})
	s.equal("no posting", answers[2].Rows[0].Reached, "")
	rows := answers[3].Rows
	s.equal("rows", len(rows), 3)
	for i, to := range []string{"x", "x", ""} {
		s.equal("reached", rows[i].Reached, to)
		if rows[i].Followed != nil {
			s.Errorf("row %d brings again what an earlier row brought", i)
		}
	}
}

func names(s suite) {
	prefix := "n:"
	s.do(engine.Put("a", "n:1", nil), engine.Put("a", "n:2", []byte("x")), engine.Put("a", "m:1", nil), engine.Put("ab", "n:3", nil))
	found := s.read(engine.Ask{Record: "a", Names: &prefix})[0].Names
	slices.Sort(found)
	s.equal("names", found, []string{"n:1", "n:2"})
	s.equal("none", len(s.read(engine.Ask{Record: "none", Names: &prefix})[0].Names), 0)
}

func expiry(s suite) {
	s.do(engine.Put("a", "v", []byte("1")), engine.Put("b", "v", []byte("1")), engine.Put("keep", "v", []byte("1")),
		engine.Expire("a", time.Minute), engine.Expire("b", time.Hour), engine.Expire("none", time.Minute))
	s.do(engine.Put("a", "w", []byte("2"))) // does not make it live longer
	s.Advance(time.Minute + time.Second)
	prefix := ""
	s.equal("a", s.get("a", "v"), []byte(nil))
	s.equal("a's names", len(s.read(engine.Ask{Record: "a", Names: &prefix})[0].Names), 0)
	s.equal("b", s.get("b", "v"), []byte("1"))
	s.do(engine.Expire("b", 2*time.Hour)) // once more, later
	s.Advance(time.Hour)
	s.equal("b", s.get("b", "v"), []byte("1"))
	s.Advance(2 * time.Hour)
	s.equal("b", s.get("b", "v"), []byte(nil))
	s.equal("keep", s.get("keep", "v"), []byte("1"))
}

func expiredRecordBeginsAnew(s suite) {
	s.do(engine.Put("a", "old", []byte("1")), engine.Expire("a", time.Minute))
	s.Advance(time.Hour)
	s.commit(engine.Batch{
		Checks: []engine.Check{engine.Absent("a", "old")}, Steps: []engine.Step{engine.Put("a", "new", []byte("2"))},
	})
	s.equal("old", s.get("a", "old"), []byte(nil))
	s.Advance(100 * time.Hour)
	s.equal("new", s.get("a", "new"), []byte("2"))
}

func (s suite) lease(n int, d time.Duration) []engine.Entry {
	s.Helper()
	entries, err := s.Lease(ctx, space, "due", n, d)
	if err != nil {
		s.Fatal(err)
	}
	return entries
}

func lease(s suite) {
	now := engine.At(s.Now())
	s.do(engine.Add("due", "b", now-1), engine.Add("due", "a", now-2), engine.Add("due", "later", now+engine.Score(time.Hour.Microseconds())))
	until := now + engine.Score(time.Minute.Microseconds())
	s.equal("first", s.lease(1, time.Minute), []engine.Entry{{Member: "a", Score: until}})
	s.equal("second", s.lease(9, time.Minute), []engine.Entry{{Member: "b", Score: until}})
	s.equal("none", len(s.lease(9, time.Minute)), 0)
	// Who has the lease can settle, once.
	settle := engine.Batch{
		Checks: []engine.Check{engine.Leased("due", engine.Entry{Member: "a", Score: until})},
		Steps:  []engine.Step{engine.Remove("due", "a")},
	}
	s.commit(settle)
	s.conflict(settle, 0)
}

func leaseIsStolen(s suite) {
	s.do(engine.Add("due", "a", engine.At(s.Now())))
	first := s.lease(1, time.Minute)
	s.Advance(time.Minute + time.Millisecond)
	second := s.lease(1, time.Minute)
	s.equal("leases", len(first)+len(second), 2)
	s.conflict(engine.Batch{Checks: []engine.Check{engine.Leased("due", first[0])}}, 0)
	s.commit(engine.Batch{Checks: []engine.Check{engine.Leased("due", second[0])}, Steps: []engine.Step{engine.Remove("due", "a")}})
}

func concurrentLeases(s suite) {
	const workers, entries = 8, 60
	var steps []engine.Step
	for i := range entries {
		steps = append(steps, engine.Add("due", fmt.Sprint("m", i), engine.At(s.Now())))
	}
	s.do(steps...)
	var mu sync.Mutex
	taken := map[string]int{}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				got, err := s.Lease(ctx, space, "due", 3, time.Hour)
				if err != nil {
					s.Error(err)
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, e := range got {
					taken[e.Member]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	s.equal("taken", len(taken), entries)
	for member, n := range taken {
		if n != 1 {
			s.Errorf("%s was leased %d times", member, n)
		}
	}
}

func (s suite) take(record string, brakes ...ticket.Brake) int {
	s.Helper()
	refused, err := s.Take(ctx, space, record, time.Hour, brakes)
	if err != nil {
		s.Fatal(err)
	}
	return refused
}

func takeCountsWhatPasses(s suite) {
	wide, narrow := ticket.Brake{Counter: "wide", Limit: 3, Window: time.Hour}, ticket.Brake{Counter: "narrow", Limit: 1, Window: time.Hour}
	s.equal("1", s.take("n1", wide, narrow), -1)
	for i := range 5 {
		// What the narrow one refuses, the wide one does not count.
		s.equal("refused", s.take(fmt.Sprint("r", i), wide, narrow), 1)
	}
	s.equal("2", s.take("n2", wide), -1)
	s.equal("3", s.take("n3", wide), -1)
	s.equal("4", s.take("n4", wide), 0)
	s.equal("peek", s.take("n5", ticket.Brake{Counter: "wide", Limit: 3, Window: time.Hour, Peek: true}), -1)
	s.equal("peek", s.take("n6", ticket.Brake{Counter: "wide", Limit: 2, Window: time.Hour, Peek: true}), 0)
	s.equal("no brakes", s.take("n7"), -1)
}

func takeIsIdempotent(s suite) {
	b := ticket.Brake{Counter: "c", Limit: 1, Window: 100 * time.Hour}
	for range 3 {
		s.equal("allowed", s.take("n1", b), -1)
	}
	for range 3 {
		s.equal("refused", s.take("n2", b), 0)
	}
	s.Advance(2 * time.Hour) // the answers are forgotten, the count is not
	s.equal("forgotten", s.take("n1", b), 0)
}

// takeDoubles holds the engine to the rule as the domain has it.
func takeDoubles(s suite) {
	b := ticket.Brake{Counter: "c", Doubling: true, Window: time.Hour}
	for n := 1; n <= 40; n++ {
		want := 0
		if b.Allows(n) {
			want = -1
		}
		s.equal(fmt.Sprint("attempt ", n), s.take(fmt.Sprint("n", n), b), want)
	}
}

func takeTrips(s suite) {
	brakes := []ticket.Brake{
		{Counter: "muted", Window: time.Hour, Peek: true},
		{Counter: "body", Limit: 2, Window: time.Hour, Trips: "muted"},
		{Counter: "other", Limit: 100, Window: time.Hour},
	}
	var got []int
	for i := range 5 {
		got = append(got, s.take(fmt.Sprint("n", i), brakes...))
	}
	// The third refuses and trips; from the fourth, the trip itself refuses.
	s.equal("refusals", got, []int{-1, -1, 1, 0, 0})
	s.equal("another body", s.take("n9", brakes[0], brakes[2]), 0)
	s.Advance(2 * time.Hour)
	s.equal("a new window", s.take("n10", brakes...), -1)
}

func takeBeginsANewWindow(s suite) {
	b := ticket.Brake{Counter: "c", Limit: 1, Window: 10 * time.Minute}
	s.equal("1", s.take("n1", b), -1)
	s.Advance(6 * time.Minute)
	s.equal("2", s.take("n2", b), 0)
	s.Advance(6 * time.Minute) // the window began with the first, not with the second
	s.equal("3", s.take("n3", b), -1)
}

func takeIsAtomic(s suite) {
	const workers, limit = 8, 10
	b := ticket.Brake{Counter: "c", Limit: limit, Window: time.Hour}
	var mu sync.Mutex
	passed := 0
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range limit {
				refused, err := s.Take(ctx, space, fmt.Sprintf("n%d:%d", w, i), time.Hour, []ticket.Brake{b})
				if err != nil {
					s.Error(err)
				}
				mu.Lock()
				if refused < 0 {
					passed++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	s.equal("passed", passed, limit)
}

func scanGivesEverything(s suite) {
	want := map[string]engine.Item{}
	add := func(item engine.Item) {
		want[fmt.Sprint(item.Space, item.Record, item.Index, item.Pack, item.Name)] = item
	}
	var steps []engine.Step
	for i := range 1200 {
		name := fmt.Sprint("f", i)
		steps = append(steps, engine.Put("big", name, []byte(name)), engine.Add("index", name, engine.Score(i)))
		add(engine.Item{Space: space, Record: "big", Name: name, Value: []byte(name)})
		add(engine.Item{Space: space, Index: "index", Name: name, Score: engine.Score(i)})
	}
	s.do(append(steps, engine.Put("short:lived", "v", []byte("1")), engine.Expire("short:lived", time.Hour))...)
	add(engine.Item{Space: space, Record: "short:lived", Name: "v", Value: []byte("1"), Left: time.Hour})
	for _, other := range []engine.Space{"*", "globex", engine.Volatile(1)} {
		if _, err := s.Commit(ctx, other, engine.Batch{Steps: []engine.Step{engine.Put("a", "v", []byte("x")), engine.Include("p", 2, 1)}}); err != nil {
			s.Fatal(err)
		}
		if !other.Volatile() {
			add(engine.Item{Space: other, Record: "a", Name: "v", Value: []byte("x")})
			add(engine.Item{Space: other, Pack: "p", Value: engine.PackBytes([]uint32{1, 2})})
		}
	}
	for i := range 70 { // more than one part of a dump
		var numbers []uint32
		for n := range 100 {
			numbers = append(numbers, uint32(i*n+1)<<8)
		}
		s.do(engine.Include(fmt.Sprint("pack", i), numbers...))
		add(engine.Item{Space: space, Pack: fmt.Sprint("pack", i), Value: engine.PackBytes(slices.Compact(numbers))})
	}
	for what, scan := range map[string]iter.Seq2[engine.Item, error]{"scanned": s.Scan(ctx), "dumped": s.Dump(ctx)} {
		got := map[string]engine.Item{}
		for item, err := range scan {
			if err != nil {
				s.Fatal(err)
			}
			item.Left = item.Left.Round(time.Minute)
			got[fmt.Sprint(item.Space, item.Record, item.Index, item.Pack, item.Name)] = item
		}
		s.equal(what, got, want)
		for range scan {
			break // it may be left at any time
		}
	}
}

// dumpIsOfWholeRecords writes to records while they are read: of each, all
// fields were written by one commit.
func dumpIsOfWholeRecords(s suite) {
	const records, fields = 200, 30
	write := func(round int) {
		for r := range records {
			var steps []engine.Step
			for f := range fields {
				steps = append(steps, engine.Put(fmt.Sprint("r", r), fmt.Sprint("f", f), fmt.Append(nil, round)))
			}
			if _, err := s.Commit(ctx, space, engine.Batch{Steps: steps}); err != nil {
				s.Error(err)
			}
		}
	}
	write(0)
	var group sync.WaitGroup
	group.Go(func() {
		for round := 1; round < 4; round++ {
			write(round)
		}
	})
	defer group.Wait()
	for range 3 {
		seen, is, n := map[string]string{}, "", 0
		for item, err := range s.Dump(ctx) {
			if err != nil {
				s.Fatal(err)
			}
			if item.Record != is {
				if is != "" && n != fields {
					s.Errorf("%d fields of %s", n, is)
				}
				is, n = item.Record, 0
			}
			n++
			if was, found := seen[item.Record]; found && was != string(item.Value) {
				s.Errorf("%s is of two moments", item.Record)
			}
			seen[item.Record] = string(item.Value)
		}
		s.equal("records", len(seen), records)
	}
}

func syncReturns(s suite) {
	s.do(engine.Put("a", "v", nil))
	if err := s.Sync(ctx, space); err != nil {
		s.Error(err)
	}
}

func volatileSpace(s suite) {
	v := engine.Volatile(3)
	if _, err := s.Commit(ctx, v, engine.Batch{Steps: []engine.Step{engine.AddEarlier("due", "acme", engine.At(s.Now()))}}); err != nil {
		s.Fatal(err)
	}
	got, err := s.Lease(ctx, v, "due", 5, time.Minute)
	if err != nil || len(got) != 1 {
		s.Errorf("leased %v, %v", got, err)
	}
	s.equal("another space", len(s.lease(5, time.Minute)), 0)
}

func invalidBatch(s suite) {
	for _, b := range []engine.Batch{
		{Steps: []engine.Step{engine.Put("a\x00b", "v", nil)}},
		{Steps: []engine.Step{engine.Put("", "v", nil)}},
		{Steps: []engine.Step{engine.PutNumber("a", "v", 0)}},
		{Steps: []engine.Step{engine.Expire("a", 0)}},
		{Operation: "op"},
	} {
		if _, err := s.Commit(ctx, space, b); err == nil || errors.Is(err, engine.ErrConflict) {
			s.Errorf("%+v gives %v", b, err)
		}
	}
}

func endedContext(s suite) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Commit(ended, space, engine.Batch{Steps: []engine.Step{engine.Put("a", "v", nil)}}); !errors.Is(err, context.Canceled) {
		s.Errorf("commit gives %v", err)
	}
	if _, err := s.Read(ended, space, engine.Ask{Record: "a"}); !errors.Is(err, context.Canceled) {
		s.Errorf("read gives %v", err)
	}
}
