package parser

// phraseSet looks for many phrases at once, in one pass over a text: the first
// two bytes at each place tell the few phrases that could begin there.
type phraseSet struct {
	starts  [1 << 16 / 64]uint64 // two bytes → does any phrase begin with them
	byStart map[uint16][]string
}

// newPhraseSet is given phrases of two bytes at least.
func newPhraseSet(phrases ...[]string) *phraseSet {
	s := &phraseSet{byStart: map[uint16][]string{}}
	for _, list := range phrases {
		for _, p := range list {
			key := startKey(p)
			s.starts[key/64] |= 1 << (key % 64)
			s.byStart[key] = append(s.byStart[key], p)
		}
	}
	return s
}

func startKey(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

// startingLike are the phrases that begin with the same two bytes as text.
func (s *phraseSet) startingLike(text string) []string {
	if len(text) < 2 {
		return nil
	}
	key := startKey(text)
	if s.starts[key/64]&(1<<(key%64)) == 0 {
		return nil
	}
	return s.byStart[key]
}

// in reports whether any phrase stands in text.
func (s *phraseSet) in(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		for _, p := range s.startingLike(text[i:]) {
			if len(text)-i >= len(p) && text[i:i+len(p)] == p {
				return true
			}
		}
	}
	return false
}
