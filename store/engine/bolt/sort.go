package bolt

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sorter puts pairs of key and value in the order of their keys, however many
// they are: some at a time are sorted in memory and written into a file, and in
// the end these runs are merged. The file has no name, so that nothing is left
// of it however the program ends.
type sorter struct {
	file *os.File
	out  *bufio.Writer
	size int64 // of the file
	runs []int64
	pairs
	spare    pairs
	spilling chan error // holds the outcome of the run that is being written
	atOnce   int        // bytes of a run
	n        int        // pairs
}

// sortedAtOnce is how many bytes of pairs a run has; two of them are in memory.
// mergedAtOnce is how many bytes merging reads ahead in all.
const (
	sortedAtOnce = 32 << 20
	mergedAtOnce = 32 << 20
)

// pairs lie one behind the other in bytes.
type pairs struct {
	bytes []byte
	at    []place
}

// place is where a pair lies: its key, and then its value.
type place struct{ from, key, value uint32 }

func (p *pairs) key(at place) []byte { return p.bytes[at.from:][:at.key] }

// sort puts them in order, of one key the last one first.
func (p *pairs) sort() {
	slices.SortFunc(p.at, func(a, b place) int {
		return cmp.Or(bytes.Compare(p.key(a), p.key(b)), cmp.Compare(b.from, a.from))
	})
}

func newSorter(dir string, atOnce int) (*sorter, error) {
	file, err := os.CreateTemp(dir, "guichet-sort-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s := &sorter{file: file, out: bufio.NewWriterSize(file, 1<<18), atOnce: atOnce, spilling: make(chan error, 1)}
	s.spilling <- nil
	return s, nil
}

// close gives up the file and what lies in it.
func (s *sorter) close() error {
	<-s.spilling
	return s.file.Close()
}

// add takes a pair, whose key begins with first. Of those with one key, the last
// counts.
func (s *sorter) add(first byte, key, value []byte) error {
	if len(s.bytes) > 0 && len(s.bytes)+1+len(key)+len(value) > s.atOnce {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.at = append(s.at, place{uint32(len(s.bytes)), uint32(1 + len(key)), uint32(len(value))})
	s.bytes = append(append(append(s.bytes, first), key...), value...)
	s.n++
	return nil
}

// spill makes a run of what was gathered, while the next gathers.
func (s *sorter) spill() error {
	if err := <-s.spilling; err != nil {
		s.spilling <- err
		return err
	}
	run := s.pairs
	s.pairs, s.spare = pairs{s.spare.bytes[:0], s.spare.at[:0]}, run
	go func() {
		run.sort()
		s.spilling <- s.write(run)
	}()
	return nil
}

func (s *sorter) write(run pairs) error {
	var head [2 * binary.MaxVarintLen32]byte
	for _, at := range run.at {
		lengths := binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(at.key)), uint64(at.value))
		if _, err := s.out.Write(lengths); err != nil {
			return err
		}
		if _, err := s.out.Write(run.bytes[at.from:][:at.key+at.value]); err != nil {
			return err
		}
		s.size += int64(len(lengths)) + int64(at.key) + int64(at.value)
	}
	s.runs = append(s.runs, s.size)
	return s.out.Flush()
}

// each gives all pairs in the order of their keys, each key once. They are valid
// until give returns.
func (s *sorter) each(give func(key, value []byte) error) error {
	if err := s.spill(); err != nil {
		return err
	}
	err := <-s.spilling
	s.spilling <- err
	if err != nil {
		return err
	}
	s.pairs, s.spare = pairs{}, pairs{}
	m, err := s.merge()
	var last []byte
	for first := true; err == nil && len(m) > 0; first = false {
		next := m[0]
		if first || !bytes.Equal(last, next.key) {
			last = append(last[:0], next.key...)
			if err := give(next.key, next.value); err != nil {
				return err
			}
		}
		err = m.advance()
	}
	return err
}

// run is a part of the file that is in order, at its next pair.
type run struct {
	in         *bufio.Reader
	number     int
	both       []byte
	key, value []byte
}

// next goes to the next pair, or gives io.EOF.
func (r *run) next() error {
	key, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	value, err := binary.ReadUvarint(r.in)
	if err != nil {
		return fmt.Errorf("sorting: %w", noEOF(err))
	}
	r.both = slices.Grow(r.both[:0], int(key+value))[:key+value]
	r.key, r.value = r.both[:key], r.both[key:]
	if _, err := io.ReadFull(r.in, r.both); err != nil {
		return fmt.Errorf("sorting: %w", noEOF(err))
	}
	return nil
}

// noEOF tells the end of a file that comes too early from the one that is due.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// before says which pair comes first: of one key, that of the later run.
func (r *run) before(other *run) bool {
	if c := bytes.Compare(r.key, other.key); c != 0 {
		return c < 0
	}
	return r.number > other.number
}

// merging is a heap of runs: the first has the pair that is next.
type merging []*run

func (s *sorter) merge() (merging, error) {
	var m merging
	from := int64(0)
	for number, to := range s.runs {
		ahead := max(mergedAtOnce/len(s.runs), 4<<10)
		r := &run{number: number, in: bufio.NewReaderSize(io.NewSectionReader(s.file, from, to-from), ahead)}
		from = to
		if err := r.next(); err == nil {
			m = append(m, r)
		} else if err != io.EOF {
			return nil, err
		}
	}
	for i := len(m)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

// advance takes the next pair away.
func (m *merging) advance() error {
	h := *m
	switch err := h[0].next(); err {
	case nil:
	case io.EOF:
		h[0] = h[len(h)-1]
		*m = h[:len(h)-1]
	default:
		return err
	}
	m.sink(0)
	return nil
}

// sink lets a run go down to where it belongs.
func (m merging) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m); child++ {
			if m[child].before(m[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m[i], m[least] = m[least], m[i]
		i = least
	}
}
