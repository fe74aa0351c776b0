package bolt

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// resultField is where the record of an operation keeps its numbers.
const resultField = "numbers"

// commit does a valid batch. Checks come before anything is written, so a
// conflict leaves the transaction as it was.
func (p *page) commit(space engine.Space, b engine.Batch) (engine.Committed, error) {
	if b.Operation != "" {
		if was := p.get(name(string(space), b.Operation), resultField); was != nil {
			return engine.Committed{Numbers: parseNumbers(string(was)), Repeat: true}, nil
		}
	}
	for i, c := range b.Checks {
		if !p.holds(space, c) {
			return engine.Committed{}, &engine.Conflict{Check: i}
		}
	}
	numbers, err := p.draw(space, b.Draws)
	if err != nil {
		return engine.Committed{}, err
	}
	for i := range b.Steps {
		if err := p.step(space, &b.Steps[i], numbers); err != nil {
			return engine.Committed{}, fmt.Errorf("%s: %w", b.Steps[i].Do, err)
		}
	}
	return engine.Committed{Numbers: numbers}, p.remember(space, b, numbers)
}

func (p *page) remember(space engine.Space, b engine.Batch, numbers []uint64) error {
	if b.Operation == "" {
		return nil
	}
	record := name(string(space), b.Operation)
	if err := p.put(record, resultField, []byte(formatNumbers(numbers))); err != nil {
		return err
	}
	return p.expire(record, b.Remember)
}

func (p *page) holds(space engine.Space, c engine.Check) bool {
	if c.Index != "" {
		score, found := p.score(name(string(space), c.Index), c.Entry.Member)
		return found && score == c.Entry.Score
	}
	is := p.get(name(string(space), c.Record), c.Field)
	return (is == nil) == (c.Want == nil) && bytes.Equal(is, c.Want)
}

func (p *page) draw(space engine.Space, draws []engine.Counter) ([]uint64, error) {
	var numbers []uint64
	for _, d := range draws {
		n, err := p.increment(name(string(space), d.Record), d.Field)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, uint64(n))
	}
	return numbers, nil
}

func (p *page) increment(record []byte, field string) (int, error) {
	n, _ := strconv.Atoi(string(p.get(record, field)))
	n++
	return n, p.put(record, field, []byte(strconv.Itoa(n)))
}

func (p *page) step(space engine.Space, s *engine.Step, numbers []uint64) error {
	var record, index []byte
	if s.Record != "" {
		record = name(string(space), s.Record)
	}
	if s.Index != "" {
		index = name(string(space), s.Index)
	}
	switch s.Do {
	case engine.DoPut:
		return p.put(record, s.Name, s.Value)
	case engine.DoPutAbsent:
		if p.get(record, s.Name) != nil {
			return nil
		}
		return p.put(record, s.Name, s.Value)
	case engine.DoPutNumber:
		return p.put(record, s.Name, strconv.AppendUint(nil, numbers[s.Draw], 10))
	case engine.DoPutAt:
		n := numbers[s.Draw]
		shared := s.Record + strconv.FormatUint(n/uint64(s.Share), 10)
		return p.put(name(string(space), shared), strconv.FormatUint(n, 10), s.Value)
	case engine.DoDelete:
		return p.delete(record, s.Name)
	case engine.DoDrop:
		return p.drop(record)
	case engine.DoExpire:
		return p.expire(record, s.For)
	case engine.DoAdd:
		return p.add(index, s.Name, s.Score)
	case engine.DoAddEarlier:
		if old, found := p.score(index, s.Name); found && old <= s.Score {
			return nil
		}
		return p.add(index, s.Name, s.Score)
	case engine.DoRemove:
		return p.remove(index, s.Name)
	case engine.DoPlace:
		if err := p.unplace(space, s); err != nil {
			return err
		}
		if err := p.put(record, s.Field, []byte(s.Index)); err != nil {
			return err
		}
		return p.add(index, s.Name, s.Score)
	case engine.DoUnplace:
		if err := p.unplace(space, s); err != nil {
			return err
		}
		return p.delete(record, s.Field)
	case engine.DoInclude:
		return p.include(name(string(space), s.Pack), s.Value)
	case engine.DoRepack:
		return nil // fields lie each for itself
	case engine.DoExclude:
		return p.exclude(name(string(space), s.Pack), s.Value)
	}
	return fmt.Errorf("no such step")
}

// unplace takes the member of a step out of the index that its record names.
func (p *page) unplace(space engine.Space, s *engine.Step) error {
	was := p.get(name(string(space), s.Record), s.Field)
	if was == nil || string(was) == s.Index {
		return nil
	}
	return p.remove(name(string(space), string(was)), s.Name)
}

func (p *page) lease(space engine.Space, index string, n int, d time.Duration) ([]engine.Entry, error) {
	taken := p.due(space, index, n)
	until := p.now + engine.Score(d.Microseconds())
	for i := range taken {
		// Never the score that it had, or an older lease would hold again.
		taken[i].Score = max(until, taken[i].Score+1)
		if err := p.add(name(string(space), index), taken[i].Member, taken[i].Score); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

const (
	takenField = "refused" // of the record that remembers a Take
	countField = "count"   // of a counter
)

func (p *page) take(space engine.Space, record string, remember time.Duration, brakes []ticket.Brake) (int, error) {
	own := name(string(space), record)
	if was := p.get(own, takenField); was != nil {
		return strconv.Atoi(string(was))
	}
	refused := p.firstRefusal(space, brakes)
	if err := p.countAttempt(space, brakes, refused < 0); err != nil {
		return 0, err
	}
	if err := p.put(own, takenField, []byte(strconv.Itoa(refused))); err != nil {
		return 0, err
	}
	return refused, p.expire(own, remember)
}

func (p *page) firstRefusal(space engine.Space, brakes []ticket.Brake) int {
	for i, b := range brakes {
		if !p.allows(space, b) {
			return i
		}
	}
	return -1
}

func (p *page) allows(space engine.Space, b ticket.Brake) bool {
	n, _ := strconv.Atoi(string(p.get(name(string(space), b.Counter), countField)))
	if !b.Peek {
		n++
	}
	return b.Allows(n)
}

// countAttempt raises the counters. Which brakes refuse is settled before any
// of them moves: one may count what another looks at.
func (p *page) countAttempt(space engine.Space, brakes []ticket.Brake, passes bool) error {
	var raise []ticket.Brake
	for _, b := range brakes {
		if b.Trips != "" && !p.allows(space, b) {
			raise = append(raise, ticket.Brake{Counter: b.Trips, Window: b.Window})
		}
		if !b.Peek && (passes || b.Doubling || b.Trips != "") {
			raise = append(raise, b)
		}
	}
	for _, b := range raise {
		counter := name(string(space), b.Counter)
		n, err := p.increment(counter, countField)
		if err != nil {
			return err
		}
		if n == 1 {
			if err := p.expire(counter, b.Window); err != nil {
				return err
			}
		}
	}
	return nil
}

func formatNumbers(numbers []uint64) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatUint(n, 10))
	}
	return b.String()
}

func parseNumbers(s string) []uint64 {
	var out []uint64
	for f := range strings.FieldsSeq(s) {
		if n, err := strconv.ParseUint(f, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}
