package redis

import "guichet/store/engine"

// A batch names a field or a member a step; Redis sets many of a record at once
// for little more than one, and writes them down as one command. So puts into
// one record, and adds to one index, go together where nothing between them
// could tell.

// joined are the positions of steps that become one.
type joined []int

// maxJoined bounds how many steps become one: a script can pass on only so many
// arguments.
const maxJoined = 500

// merge joins steps, and keeps the order of all that it does not join.
func merge(steps []engine.Step) []joined {
	out, alone := make([]joined, 0, len(steps)), make([]int, len(steps))
	open := map[string]int{} // of records and indexes that the next put or add may join
	for i := range steps {
		s := &steps[i]
		switch s.Do {
		case engine.DoPut, engine.DoPutNumber, engine.DoAdd:
			name := s.Record + s.Index // one of them is empty
			if at, found := open[name]; found && len(out[at]) < maxJoined {
				out[at] = append(out[at], i)
				continue
			}
			open[name] = len(out)
		case engine.DoPutAbsent, engine.DoDelete, engine.DoDrop, engine.DoExpire:
			delete(open, s.Record)
		case engine.DoAddEarlier, engine.DoRemove:
			delete(open, s.Index)
		case engine.DoInclude, engine.DoExclude: // of a pack, which no put or add is about
		default:
			// Which record or index these change is known to the store only.
			clear(open)
		}
		alone[i] = i
		out = append(out, alone[i:i+1:i+1])
	}
	return out
}
