package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"guichet/store/engine"
)

func pack(name string, from, to uint32) engine.Ask {
	return engine.Ask{Pack: &engine.PackRange{Pack: name, From: from, To: to}}
}

func (s suite) numbers(name string) []uint32 {
	s.Helper()
	return s.read(pack(name, 0, math.MaxUint32))[0].Numbers
}

func packs(s suite) {
	s.equal("none", s.numbers("p"), []uint32(nil))
	s.do(engine.Include("p", 7, 0x01000000, 256, math.MaxUint32, 7), engine.Include("p:2", 1), engine.Include("p", 9))
	s.do(engine.Include("p", 9, 10)) // some of them again
	s.equal("p", s.numbers("p"), []uint32{7, 9, 10, 256, 0x01000000, math.MaxUint32})
	answers := s.read(pack("p", 8, 256), pack("p:2", 0, 1), pack("p", 11, 255), pack("p", math.MaxUint32, math.MaxUint32))
	for i, want := range [][]uint32{{9, 10, 256}, {1}, nil, {math.MaxUint32}} {
		s.equal(fmt.Sprint("range ", i), answers[i].Numbers, want)
	}
	some := engine.Ask{Pack: &engine.PackRange{Pack: "p", From: 8, To: math.MaxUint32, N: 2}}
	s.equal("the first", s.read(some)[0].Numbers, []uint32{9, 10})
	s.do(engine.Exclude("p", 9, 8), engine.Exclude("none", 1), engine.Exclude("p:2", 1))
	s.equal("p", s.numbers("p"), []uint32{7, 10, 256, 0x01000000, math.MaxUint32})
	s.equal("p:2", s.numbers("p:2"), []uint32(nil))
	// The last of a batch counts, and nothing of it where a check does not hold.
	s.do(engine.Include("q", 1, 2), engine.Exclude("q", 1), engine.Include("q", 3), engine.Exclude("q", 3, 2), engine.Include("q", 2))
	s.equal("q", s.numbers("q"), []uint32{2})
	s.conflict(engine.Batch{Checks: []engine.Check{engine.Equal("a", "x", nil)}, Steps: []engine.Step{engine.Include("q", 5), engine.Exclude("q", 2)}}, 0)
	s.equal("q", s.numbers("q"), []uint32{2})
	for _, bad := range []engine.Step{engine.Include("q"), engine.Exclude("q", 1, 0), engine.Include("", 1), {Do: engine.DoInclude, Pack: "q", Value: []byte("12345")}} {
		if _, err := s.Commit(ctx, space, engine.Batch{Steps: []engine.Step{bad}}); err == nil {
			s.Errorf("%+v is done", bad)
		}
	}
}

// packsAreSets puts numbers in and takes them out in any order, and holds what is
// there to a set. Few numbers, of bytes that are much alike, so that they meet.
func packsAreSets(s suite) {
	random := rand.New(rand.NewPCG(3, 9))
	number := func() uint32 {
		return max(1, uint32(random.IntN(3))<<24|uint32(random.IntN(2))<<16|uint32(random.IntN(2))<<8|uint32(random.IntN(6)))
	}
	want := map[string]map[uint32]bool{"p": {}, "q": {}, "r": {}}
	for round := range 300 {
		var steps []engine.Step
		for range 1 + random.IntN(5) {
			name := string("pqr"[random.IntN(3)])
			some := make([]uint32, 1+random.IntN(4))
			// Some rounds take out more than they put in: packs shrink, and vanish.
			into := random.IntN(8) < 2+round/30%5
			for i := range some {
				some[i] = number()
				if want[name][some[i]] = true; !into {
					delete(want[name], some[i])
				}
			}
			if into {
				steps = append(steps, engine.Include(name, some...))
			} else {
				steps = append(steps, engine.Exclude(name, some...))
			}
		}
		s.do(steps...)
		for name, set := range want {
			var all []uint32
			for n := range set {
				all = append(all, n)
			}
			slices.Sort(all)
			s.equal(fmt.Sprint(name, " after round ", round), s.numbers(name), all)
		}
		if round%100 == 99 {
			s.compact()
		}
		if s.Failed() {
			return
		}
	}
}

// compact has an engine that can write itself anew.
func (s suite) compact() {
	s.Helper()
	if c, ok := s.Engine.(engine.Compacter); ok {
		if err := c.Compact(ctx); err != nil {
			s.Error(err)
		}
	}
}

// packEmpties takes much out of a large pack, until nothing is left to scan.
func packEmpties(s suite) {
	var all []uint32
	for n := range uint32(3000) {
		all = append(all, n<<13+n%7+1)
	}
	s.do(engine.Include("p", all...))
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for len(all) > 0 {
		n := min(70, len(all))
		s.do(engine.Exclude("p", all[:n]...))
		all = all[n:]
		left := slices.Sorted(slices.Values(all))
		if got := s.numbers("p"); !slices.Equal(got, left) {
			s.Fatalf("%d of %d are left", len(got), len(left))
		}
	}
	for item, err := range s.Scan(ctx) {
		s.Errorf("%+v is left, %v", item, err)
	}
	s.do(engine.Include("p", 5))
	s.equal("begun anew", s.numbers("p"), []uint32{5})
}

// oneMember asks where a member stands.
func oneMember(s suite) {
	s.do(engine.Add("i", "m", -5), engine.Add("i", "n", 5), engine.Put("of:n", "x", []byte("1")))
	answers := s.read(
		engine.Ask{Page: &engine.Page{Index: "i", Member: "n", Record: "of:"}, Fields: []string{"x"}},
		engine.Ask{Page: &engine.Page{Index: "i", Member: "m"}},
		engine.Ask{Page: &engine.Page{Index: "i", Member: "o"}},
		engine.Ask{Page: &engine.Page{Index: "j", Member: "m"}})
	s.equal("n", answers[0].Rows, []engine.Row{{Entry: engine.Entry{Member: "n", Score: 5}, Fields: map[string][]byte{"x": []byte("1")}}})
	s.equal("m", answers[1].Rows, []engine.Row{{Entry: engine.Entry{Member: "m", Score: -5}}})
	s.equal("o", len(answers[2].Rows)+len(answers[3].Rows), 0)
}
