package store

import (
	"cmp"
	"encoding/base64"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"guichet/store/engine"
)

// A ticket has a hundred words, people and tags among them, so what leads from a
// word to its tickets must be small. Tickets lie in blocks by their number, and each
// block has packs, over which the digests of words spread. A number of a pack is 19
// bits of the digest of a word and, in the 13 lowest, the place of a ticket within
// the block: all tickets of a word stand next to one another. With the bits that
// choose the pack, one ticket in some millions is found by a word that it does not
// have; its field, which names more bits of each, then decides.
//
// Blocks grow: the first has 256 tickets and 32 packs, each that follows has twice
// as many, up to 8,192 and 1,024. So a pack holds some 800 numbers, be the site
// small or large, and a search reads few of them.

// word is what a word is called: 48 bits of its digest.
type word uint64

const wordBytes = 6

// wordOf cuts the name of a word from its digest.
func wordOf(d digest) word {
	var b [wordBytes]byte
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(d[:wordBytes*4/3])); err != nil || n != wordBytes {
		panic("store: no digest: " + string(d))
	}
	var w word
	for _, c := range b {
		w = w<<8 | word(c)
	}
	return w
}

const (
	placeBits  = 13
	firstBlock = 256            // tickets of the first block
	fullBlock  = 1 << placeBits // of those that grow no more
	perPack    = 8              // tickets of a block for each of its packs
)

// doublings is how many blocks are smaller than those that grow no more, and
// doubled how many tickets lie in them.
var (
	doublings = bits.TrailingZeros(fullBlock / firstBlock)
	doubled   = uint64(fullBlock - firstBlock)
)

// block is tickets of neighbouring numbers; they count from 0.
type block int

func blockOf(number uint64) block {
	if number < doubled {
		return block(bits.Len64(number/firstBlock+1) - 1)
	}
	return block(doublings) + block((number-doubled)/fullBlock)
}

// first is the lowest number of the block.
func (b block) first() uint64 {
	if n := int(b) - doublings; n > 0 {
		return doubled + uint64(n)*fullBlock
	}
	return firstBlock<<b - firstBlock
}

// size is how many numbers it has.
func (b block) size() uint64 { return (b + 1).first() - b.first() }

// packs is how many packs it has.
func (b block) packs() int { return int(b.size() / perPack) }

// pack names the pack of a word.
func (b block) pack(w word) pack { return pack{b, int(w>>32) & (b.packs() - 1)} }

// pack is one of the packs of a block.
type pack struct {
	block block
	n     int
}

func (p pack) name() string {
	return prefixWords + strconv.Itoa(int(p.block)) + "." + strconv.Itoa(p.n)
}

// parsePack reads the name of a pack back.
func parsePack(name string) (p pack, ok bool) {
	name, ours := strings.CutPrefix(name, prefixWords)
	of, n, _ := strings.Cut(name, ".")
	b, err := strconv.ParseUint(of, 10, 32)
	m, nErr := strconv.ParseUint(n, 10, 32)
	p = pack{block(b), int(m)}
	return p, ours && err == nil && nErr == nil && p.n < p.block.packs()
}

// mark is what a word's numbers begin with. It is never 0, and so is no number.
func (w word) mark() uint32 { return max(1, uint32(w)>>placeBits) << placeBits }

// ask asks for the tickets of a block that have a word.
func (w word) ask(b block) engine.Ask {
	return engine.Ask{Pack: &engine.PackRange{Pack: b.pack(w).name(), From: w.mark(), To: w.mark() | (fullBlock - 1)}}
}

// lead is a number of a pack: it leads from a word to a ticket.
type lead struct {
	pack   pack
	number uint32
}

func (l lead) compare(m lead) int {
	return cmp.Or(cmp.Compare(l.pack.block, m.pack.block), cmp.Compare(l.pack.n, m.pack.n), cmp.Compare(l.number, m.number))
}

// ticket is the number of the ticket.
func (l lead) ticket() uint64 { return l.pack.block.first() + uint64(l.number&(fullBlock-1)) }

// leadsTo are the numbers of packs that lead from words to the ticket of a number,
// sorted. Two words may share one.
func leadsTo(ticket uint64, words []word) []lead {
	b := blockOf(ticket)
	all := make([]lead, len(words))
	for i, w := range words {
		all[i] = lead{b.pack(w), w.mark() | uint32(ticket-b.first())}
	}
	slices.SortFunc(all, lead.compare)
	return slices.Compact(all)
}

// packing gathers what goes into packs, and what is taken out: one step for each,
// however many tickets it is of.
type packing struct {
	in, out map[pack][]uint32
}

func newPacking() packing { return packing{map[pack][]uint32{}, map[pack][]uint32{}} }

// turn adds what makes the words of a ticket lead to it as they should.
func (p packing) turn(was, now []lead) {
	for _, l := range now {
		if _, stood := slices.BinarySearchFunc(was, l, lead.compare); !stood {
			p.in[l.pack] = append(p.in[l.pack], l.number)
		}
	}
	for _, l := range was {
		if _, stays := slices.BinarySearchFunc(now, l, lead.compare); !stays {
			p.out[l.pack] = append(p.out[l.pack], l.number)
		}
	}
}

func (p packing) steps() []engine.Step {
	steps := make([]engine.Step, 0, len(p.in)+len(p.out))
	for pack, numbers := range p.out {
		steps = append(steps, engine.Exclude(pack.name(), numbers...))
	}
	for pack, numbers := range p.in {
		steps = append(steps, engine.Include(pack.name(), numbers...))
	}
	return steps
}
