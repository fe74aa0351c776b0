package redis

import (
	"cmp"

	"guichet/store/engine"
)

// A batch names a field or a member a step; Redis sets many of a record at once
// for little more than one, and writes them down as one command. So puts into
// one record, adds to one index, and removals from it, go together where nothing
// between them could tell.

// link is how a step goes with others.
type link struct {
	key  int // position of its record, index or pack
	n    int // how many go together; 0 is one that another takes along
	next int // the step that goes next with it, or -1
	last int // of those that go together
}

// maxLinked bounds how many steps become one: a script can pass on only so many
// arguments.
const maxLinked = 500

// link tells which steps go together, and keeps the order of all others. last is
// the first of those that one more put into the record with that key may go with,
// or -1.
func (c *call) link(steps []engine.Step, record int) (links []link, last int) {
	links = make([]link, len(steps))
	open := make([]int, len(c.keys)+1, len(c.keys)+len(steps)+1) // by key: like last, and 1 more
	for i := range steps {
		s := &steps[i]
		links[i] = link{n: 1, next: -1, last: i}
		if s.Do == engine.DoPutAt {
			clear(open) // which record it is Redis alone knows
			continue
		}
		key := c.key(cmp.Or(s.Record, s.Index, s.Pack))
		if links[i].key = key; key == len(open) {
			open = append(open, 0)
		}
		switch s.Do {
		case engine.DoPut, engine.DoPutNumber, engine.DoAdd, engine.DoRemove:
			removes := s.Do == engine.DoRemove
			if first := open[key] - 1; first >= 0 && links[first].n < maxLinked && removes == (steps[first].Do == engine.DoRemove) {
				links[links[first].last].next = i
				links[first].last, links[i].n = i, 0
				links[first].n++
			} else {
				open[key] = i + 1
			}
		case engine.DoPlace, engine.DoUnplace:
			clear(open) // also of the index where the member stood
		default:
			open[key] = 0
		}
	}
	return links, open[record] - 1
}
