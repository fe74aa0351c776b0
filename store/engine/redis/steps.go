package redis

import "guichet/store/engine"

// A batch names a field or a member a step; Redis sets many of a record at once
// for little more than one, and writes them down as one command. So puts into
// one record, and adds to one index, go together where nothing between them
// could tell.

// merged is a step, with those that joined it.
type merged struct {
	engine.Step
	more []engine.Step
}

// maxJoined bounds how many steps become one: a script can pass on only so many
// arguments.
const maxJoined = 500

// merge joins steps, and keeps the order of all that it does not join.
func merge(steps []engine.Step) []merged {
	out := make([]merged, 0, len(steps))
	open := map[string]int{} // of records and indexes that the next put or add may join
	for _, s := range steps {
		name := s.Record
		if s.Do == engine.DoAdd {
			name = s.Index
		}
		switch s.Do {
		case engine.DoPut, engine.DoAdd:
			if i, found := open[name]; found && len(out[i].more) < maxJoined {
				out[i].more = append(out[i].more, s)
				continue
			}
			open[name] = len(out)
		case engine.DoPutAbsent, engine.DoPutNumber, engine.DoDelete, engine.DoDrop, engine.DoExpire:
			delete(open, s.Record)
		case engine.DoAddEarlier, engine.DoRemove:
			delete(open, s.Index)
		default:
			// Which record or index these change is known to the store only.
			clear(open)
		}
		out = append(out, merged{Step: s})
	}
	return out
}
