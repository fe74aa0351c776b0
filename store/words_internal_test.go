package store

import (
	"slices"
	"testing"

	"guichet/store/engine"
)

func TestBlocksHoldEveryNumberOnce(t *testing.T) {
	number := uint64(0)
	for b := block(0); number < 100_000; b++ {
		if b.first() != number || b.size() < firstBlock || b.size() > fullBlock || b.packs()*perPack != int(b.size()) {
			t.Fatalf("block %d begins with %d, not %d, and has %d in %d packs", b, b.first(), number, b.size(), b.packs())
		}
		for last := number + b.size() - 1; number <= last; number++ {
			if blockOf(number) != b {
				t.Fatalf("%d lies in block %d, not %d", number, blockOf(number), b)
			}
		}
	}
	if last := block(20); last.size() != 8_192 || last.packs() != 1_024 || block(0).packs() != 32 {
		t.Errorf("the packs of the blocks are %d and %d", block(0).packs(), last.packs())
	}
}

func TestLeadsNameTheirTicketAndWord(t *testing.T) {
	for _, number := range []uint64{1, 255, 256, 7_935, 7_936, 16_127, 16_128, 1_000_000} {
		for _, w := range []word{0, 1, 1 << 13, 0xffffffffffff, 0x123456789abc} {
			leads := leadsTo(number, []word{w, w})
			if len(leads) != 1 || leads[0].ticket() != number {
				t.Fatalf("%x of %d: %+v", w, number, leads)
			}
			asked := w.ask(blockOf(number)).Pack
			if n := leads[0].number; n == 0 || asked.Pack != leads[0].pack.name() || n < asked.From || n > asked.To {
				t.Errorf("%x of %d: %+v is not among %+v", w, number, leads[0], asked)
			}
			if p, ok := parsePack(leads[0].pack.name()); !ok || p != leads[0].pack {
				t.Errorf("%s is read as %+v", leads[0].pack.name(), p)
			}
		}
	}
	for _, name := range []string{"", "words:", "words:1", "words:1.64", "words:1.-1", "words:-1.0", "search:1.0"} {
		if p, ok := parsePack(name); ok {
			t.Errorf("%q is read as %+v", name, p)
		}
	}
}

// What two words share stays until both are gone.
func TestPackingKeepsWhatWordsShare(t *testing.T) {
	one, two := word(0x2_0001_2345), word(0x2_0001_2346) // alike but for the bits that only fields hold
	if a, b := leadsTo(7, []word{one}), leadsTo(7, []word{two}); !slices.Equal(a, b) {
		t.Fatalf("%v, %v", a, b)
	}
	p := newPacking()
	p.turn(leadsTo(7, []word{one, two}), leadsTo(7, []word{two}))
	if steps := p.steps(); len(steps) != 0 {
		t.Errorf("%+v", steps)
	}
	p.turn(leadsTo(7, []word{two}), nil)
	if steps := p.steps(); len(steps) != 1 || steps[0].Do != engine.DoExclude {
		t.Errorf("%+v", steps)
	}
}

func TestAFieldHoldsWhatATicketIsFoundBy(t *testing.T) {
	f := foundBy{
		opened: 1772442000000,
		placed: []spot{{"i9uB0g4b1QyWnT5c", 1772442000000}, {"AAAAAAAAAAAAAAAA", -5}, {"________________", 1772442000000}},
		words:  []word{0, 1, 0xffffffffffff},
	}
	back := readFoundBy(f.field())
	slices.SortFunc(back.placed, func(a, b spot) int { return int(a.at - b.at) })
	slices.SortFunc(f.placed, func(a, b spot) int { return int(a.at - b.at) })
	if back.opened != f.opened || !slices.Equal(back.placed, f.placed) || !slices.Equal(back.words, f.words) {
		t.Errorf("%+v is read as %+v", f, back)
	}
	for n := range len(f.field()) {
		readFoundBy(f.field()[:n]) // what is cut off is no reason to fail
	}
}
