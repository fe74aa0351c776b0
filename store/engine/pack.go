package engine

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A pack is a set of numbers of 32 bits, none of them 0. It costs an engine
// little more than the 4 bytes of each, so it is for what there is very much of.

// PackRange is the numbers of a pack from From to To, both of them too.
type PackRange struct {
	Pack string `json:"pack"`
	From uint32 `json:"from,omitempty"`
	To   uint32 `json:"to"`
	// N is how many at most, the lowest; 0 is all.
	N int `json:"n,omitempty"`
}

// Read gives what is asked for of numbers that PackBytes wrote, in any order and
// perhaps more than once.
func (r PackRange) Read(held []byte) []uint32 {
	numbers := PackNumbers(held, r.From, r.To)
	if r.N > 0 && len(numbers) > r.N {
		return numbers[:r.N]
	}
	return numbers
}

// Include puts numbers into a pack. Those that are there already stay.
func Include(pack string, numbers ...uint32) Step {
	return Step{Do: DoInclude, Pack: pack, Value: PackBytes(numbers)}
}

// Exclude takes numbers out of a pack. A pack without any is none.
func Exclude(pack string, numbers ...uint32) Step {
	return Step{Do: DoExclude, Pack: pack, Value: PackBytes(numbers)}
}

// PackWidth is how many bytes a number has.
const PackWidth = 4

// PackBytes writes numbers one after the other, big-endian, so that bytes sort
// as they do.
func PackBytes(numbers []uint32) []byte {
	b := make([]byte, 0, PackWidth*len(numbers))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// PackNumbers reads what PackBytes wrote, sorts it, and leaves out what comes
// twice, is 0, or lies outside of the range.
func PackNumbers(b []byte, from, to uint32) []uint32 {
	var numbers []uint32
	for ; len(b) >= PackWidth; b = b[PackWidth:] {
		n := binary.BigEndian.Uint32(b)
		if n != 0 && n >= from && n <= to {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// validPack reports a step that names no numbers.
func validPack(b []byte) error {
	if len(b) == 0 || len(b)%PackWidth != 0 {
		return fmt.Errorf("%d bytes are no numbers", len(b))
	}
	for ; len(b) > 0; b = b[PackWidth:] {
		if binary.BigEndian.Uint32(b) == 0 {
			return fmt.Errorf("names the number 0")
		}
	}
	return nil
}
