package store

import (
	"slices"

	"guichet/store/engine"
)

// packsAtOnce is about how many packs of a search one round trip reads: each gives
// what leads from one word to the tickets of one block.
const packsAtOnce = 64

// calledBy are the names of a word.
func calledBy(names []digest) (c called) {
	for _, d := range names {
		c = append(c, wordOf(d))
	}
	return c
}

const (
	// sampled is how many blocks tell which word is the rarest, the newest: one of
	// them is full. enough is to how many tickets of each that has to be seen.
	sampled = 2
	enough  = 64
	// few is how many tickets of a block that have that word are looked at without a
	// look where the other words lead: that may be everywhere.
	few = 8
)

// wordSearch is a search for words, from the newest block to the oldest: so it can
// end when more is found than is looked at.
type wordSearch struct {
	*listing
	listed int      // how many tickets stand in the lists
	found  []uint64 // numbers of tickets that may have all words, the newest first
	looked int      // at blocks
}

// byWords begins with the words, unless fewer tickets stand in the lists.
func (x *listing) byWords(last uint64, listed int) {
	s := &wordSearch{listing: x, listed: listed}
	newest := blockOf(last)
	if listed <= s.names()*int(newest+1) { // no more tickets than packs
		s.scan(s.any, nil, candidates)
		return
	}
	var sample []block
	if len(s.words) > 1 {
		sample = s.before(newest+1, sampled)
	}
	s.ask(s.words, sample, enough, func(have [][]places) {
		s.rarestFirst(have)
		s.older(s.before(newest+1, 1))
	})
}

// names is how many names the words have, each a pack in every block.
func (s *wordSearch) names() (n int) {
	for _, c := range s.words {
		n += len(c)
	}
	return n
}

// before are the n blocks before one, as far as there are so many.
func (s *wordSearch) before(b block, n int) (blocks []block) {
	for ; b > 0 && len(blocks) < n; b-- {
		blocks = append(blocks, b-1)
	}
	return blocks
}

// places are those of some tickets in their block, sorted.
type places []uint32

// ask asks where words lead in blocks, and gives for each block the places of each
// word: at most n under each name, or with 0 all.
func (s *wordSearch) ask(words []called, blocks []block, n int, then func(have [][]places)) {
	have := make([][]places, len(blocks))
	if len(blocks) == 0 {
		then(have)
	}
	for i, b := range blocks {
		have[i] = make([]places, len(words))
		for j, c := range words {
			for k, w := range c {
				ask := w.ask(b)
				ask.Pack.N = n
				s.askPage(ask, func(a engine.Answer) error {
					for _, n := range a.Numbers {
						have[i][j] = append(have[i][j], n&(fullBlock-1))
					}
					if k == len(c)-1 && k > 0 { // under one name they are sorted, and each once
						slices.Sort(have[i][j])
						have[i][j] = slices.Compact(have[i][j])
					}
					if k == len(c)-1 && j == len(words)-1 && i == len(blocks)-1 {
						then(have)
					}
					return nil
				})
			}
		}
	}
}

// rarestFirst puts the word first that led to the fewest tickets.
func (s *wordSearch) rarestFirst(have [][]places) {
	led := make([]int, len(s.words))
	for _, block := range have {
		for i, p := range block {
			led[i] += len(p)
		}
	}
	rarest := slices.Index(led, slices.Min(led))
	s.words[0], s.words[rarest] = s.words[rarest], s.words[0]
}

// inAll are the places that all have.
func inAll(have []places) (all places) {
	for _, place := range have[0] {
		lacks := func(p places) bool { _, found := slices.BinarySearch(p, place); return !found }
		if !slices.ContainsFunc(have[1:], lacks) {
			all = append(all, place)
		}
	}
	return all
}

func (s *wordSearch) take(b block, p places) {
	s.looked++
	for _, place := range slices.Backward(p) {
		s.found = append(s.found, b.first()+uint64(place))
	}
}

// next goes on to the blocks before one, or to what was found.
func (s *wordSearch) next(oldest block) {
	switch {
	case len(s.found) > s.listed, len(s.found) > candidates && !s.w.Newest():
		s.scan(s.any, nil, candidates) // in the order of the lists
	case len(s.found) > candidates:
		s.beyond = true
		s.judge(s.found[:candidates])
	case oldest > 0:
		s.older(s.before(oldest, s.blocksAtOnce()))
	default:
		s.judge(s.found)
	}
}

// blocksAtOnce is how many blocks are looked at next: not more than it takes to
// find enough, if the others are like those before.
func (s *wordSearch) blocksAtOnce() int {
	wanted := 1 + s.looked*(candidates-len(s.found))/max(1, len(s.found))
	return max(1, min(wanted, packsAtOnce/s.names()))
}

// older looks where the rarest word leads, and then, where that is to many tickets,
// at the other words.
func (s *wordSearch) older(blocks []block) {
	s.ask(s.words[:1], blocks, 0, func(have [][]places) {
		var many []block
		for i, b := range blocks {
			if len(have[i][0]) > few && len(s.words) > 1 {
				many = append(many, b)
			}
		}
		s.ask(s.words[1:], many, 0, func(others [][]places) {
			for i, b := range blocks {
				p := have[i][0]
				if at := slices.Index(many, b); at >= 0 {
					p = inAll(append(have[i], others[at]...))
				}
				s.take(b, p)
			}
			s.next(blocks[len(blocks)-1])
		})
	})
}

// judge looks at tickets, some at a time, whether they are listed.
func (s *wordSearch) judge(numbers []uint64) {
	if len(numbers) == 0 {
		s.finish()
		return
	}
	some := numbers[:min(len(numbers), candidatesAtOnce)]
	var ids []string
	for i, n := range some {
		s.askRow(postingOfNumber(n).ask(), func(row engine.Row) error {
			if row.Reached != "" {
				ids = append(ids, row.Reached)
			}
			if i == len(some)-1 {
				s.candidates(ids, func() { s.judge(numbers[len(some):]) })
			}
			return nil
		})
	}
}

// candidates looks at tickets, and then does what comes after them.
func (s *wordSearch) candidates(ids []string, after func()) {
	if len(ids) == 0 {
		after()
		return
	}
	for i, id := range ids {
		s.askRow(engine.Ask{Record: prefixTicket + id, Fields: s.candidateFields()}, func(row engine.Row) error {
			s.candidate(id, row.Fields)
			if i == len(ids)-1 {
				after()
			}
			return nil
		})
	}
}
