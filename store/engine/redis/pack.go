package redis

import "guichet/store/engine"

// turned has the lowest byte of each number come first, or the highest again. In
// Redis the lowest does: many numbers of a pack begin alike, and looking for one in
// a string goes from one that has its first byte to the next.
func turned(numbers []byte) []byte {
	out := make([]byte, 0, len(numbers))
	for ; len(numbers) >= engine.PackWidth; numbers = numbers[engine.PackWidth:] {
		out = append(out, numbers[3], numbers[2], numbers[1], numbers[0])
	}
	return out
}

// packRead gives what is asked for of a pack as Redis holds it.
func packRead(held string, asked engine.PackRange) []uint32 {
	return asked.Read(turned([]byte(held)))
}
