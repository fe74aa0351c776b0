package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"guichet/store/engine"
)

// That words lead to their tickets is looked at a block at a time: what the fields
// of all its tickets name, against all its packs. Ticket by ticket, each pack would
// be read a hundred times.

// pack remembers how far the packs of a site reach.
func (x *reindexing) pack(item engine.Item) {
	if p, ok := parsePack(item.Pack); ok {
		x.blocks[item.Space] = max(x.blocks[item.Space], p.block)
	}
}

// words holds every pack to what the fields of tickets name.
func (x *reindexing) words(ctx context.Context) error {
	for space, r := range x.rooms {
		last := max(x.blocks[space], blockOf(x.highest[space]))
		for b := block(0); b <= last; b++ {
			if err := x.block(ctx, r, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// blockAtOnce is how many tickets, and packsAtOnce how many packs, one round trip
// reads of a block.
const blockAtOnce = 500

// block holds the packs of a block to its tickets. The two are read one after the
// other, so what differs is looked at again.
func (x *reindexing) block(ctx context.Context, r room, b block) error {
	wanted, err := r.wantedLeads(ctx, b)
	if err != nil {
		return err
	}
	doubtful := map[uint64][]lead{} // by the ticket
	for n := 0; n < b.packs(); n += packsAtOnce {
		var asks []engine.Ask
		for i := n; i < min(n+packsAtOnce, b.packs()); i++ {
			asks = append(asks, engine.Ask{Pack: &engine.PackRange{Pack: pack{b, i}.name(), To: math.MaxUint32}})
		}
		answers, err := r.read(ctx, "packs", asks...)
		if err != nil {
			return err
		}
		for i, a := range answers {
			for _, l := range differences(pack{b, n + i}, wanted[n+i], a.Numbers) {
				doubtful[l.ticket()] = append(doubtful[l.ticket()], l)
			}
		}
	}
	for _, number := range slices.Sorted(maps.Keys(doubtful)) {
		leads := doubtful[number]
		if err := patiently(func() error { return x.leads(ctx, r, number, leads) })(); err != nil {
			return err
		}
	}
	return nil
}

// wantedLeads are the numbers that each pack of a block should have, sorted.
func (r room) wantedLeads(ctx context.Context, b block) ([][]uint32, error) {
	wanted := make([][]uint32, b.packs())
	end := b.first() + b.size()
	for from := b.first(); from < end; from += blockAtOnce {
		var asks []engine.Ask
		for number := from; number < min(from+blockAtOnce, end); number++ {
			asks = append(asks, askLeads(number))
		}
		answers, err := r.read(ctx, "what tickets are found by", asks...)
		if err != nil {
			return nil, err
		}
		for i, a := range answers {
			for _, l := range leadsTo(from+uint64(i), readFoundBy(a.Rows[0].Followed[fieldFoundBy]).words) {
				wanted[l.pack.n] = append(wanted[l.pack.n], l.number)
			}
		}
	}
	for _, numbers := range wanted {
		slices.Sort(numbers)
	}
	return wanted, nil
}

// askLeads asks for what the ticket of a number is found by.
func askLeads(number uint64) engine.Ask {
	return postingOfNumber(number).ask(withShelf(fieldFoundBy)...)
}

// differences are the numbers that only one of two lists has; both are sorted.
func differences(p pack, one, other []uint32) (all []lead) {
	for len(one) > 0 && len(other) > 0 {
		switch {
		case one[0] == other[0]:
			one, other = one[1:], other[1:]
		case one[0] < other[0]:
			all, one = append(all, lead{p, one[0]}), one[1:]
		default:
			all, other = append(all, lead{p, other[0]}), other[1:]
		}
	}
	for _, n := range slices.Concat(one, other) {
		all = append(all, lead{p, n})
	}
	return all
}

// leads looks, at one moment, whether numbers of packs lead to a ticket that are
// to, and no others.
func (x *reindexing) leads(ctx context.Context, r room, number uint64, doubtful []lead) error {
	asks := []engine.Ask{askLeads(number)}
	for _, l := range doubtful {
		asks = append(asks, engine.Ask{Pack: &engine.PackRange{Pack: l.pack.name(), From: l.number, To: l.number}})
	}
	answers, err := r.read(ctx, "what leads to a ticket", asks...)
	if err != nil {
		return err
	}
	row := answers[0].Rows[0]
	field := row.Followed[fieldFoundBy]
	wanted := leadsTo(number, readFoundBy(field).words)
	var lacks, stray []lead
	for i, l := range doubtful {
		_, is := slices.BinarySearchFunc(wanted, l, lead.compare)
		switch there := len(answers[i+1].Numbers) > 0; {
		case is && !there:
			lacks = append(lacks, l)
		case there && !is:
			stray = append(stray, l)
		}
	}
	if len(lacks)+len(stray) == 0 || unreadable(row.Followed) {
		return nil
	}
	record, what := prefixTicket+row.Reached, fmt.Sprintf("%d of its words do not lead to it, and %d lead to it that it does not have", len(lacks), len(stray))
	check := engine.Equal(record, fieldFoundBy, field)
	switch {
	case row.Reached == "":
		p := postingOfNumber(number)
		record, what = p.record, fmt.Sprintf("%d words lead to ticket %d, and it is gone", len(stray), number)
		check = p.absent()
	case field == nil:
		check = engine.Absent(record, fieldFoundBy)
	}
	return x.differs(r, record, what, func() error {
		if err := r.bringBack(ctx, record, row.Followed); err != nil {
			return err
		}
		words := newPacking()
		words.turn(stray, lacks)
		_, err := r.commit(ctx, "mending packs", engine.Batch{Checks: []engine.Check{check}, Steps: words.steps()})
		return err
	})
}
