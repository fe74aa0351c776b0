package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"guichet/store/engine"
)

// The buckets of the file. NUL separates the parts of a key; scores and times
// are 8 bytes, big-endian, so that bytes sort as they do. What changes together
// lies together, for each page that a flush touches is written whole: the time of
// a record before its fields, how many members an index has before its entries,
// all the places of a member next to one another.
const (
	bucketFields   = "fields"   // space, record; field → value. space, record → when it vanishes
	bucketExpiring = "expiring" // when; space, record → nothing
	bucketEntries  = "entries"  // space, index; score; member → nothing. space, index → how many members
	bucketPlaces   = "places"   // space, member, index → score
	bucketPacks    = "packs"    // space, pack → its numbers; in layers above: space, pack, number → nothing
)

var buckets = []string{bucketFields, bucketExpiring, bucketEntries, bucketPlaces, bucketPacks}

// page is one transaction at one moment: the primitives that everything else is
// made of.
type page struct {
	now                                      engine.Score
	fields, expiring, entries, places, packs bucket
	// written is what a transaction that writes has seen; nil in one that reads.
	written *written
}

// written spares the transaction of a group to look up and to put the same many
// times. Its time stands still: where the sweep has come to the end, nothing that
// it meets is over.
type written struct {
	totals map[string]int // to be put when the group is done
	swept  engine.Score   // nothing expires before it
}

// newPage is a page of a view. What it changes, it notes in r, which is nil for
// one that reads only.
func newPage(v view, now time.Time, r *record) *page {
	of := func(name string) bucket { return bucket{view: v, number: slices.Index(buckets, name), record: r} }
	return &page{
		now:      engine.At(now),
		fields:   of(bucketFields),
		expiring: of(bucketExpiring),
		entries:  of(bucketEntries),
		places:   of(bucketPlaces),
		packs:    of(bucketPacks),
	}
}

// newWriting is newPage for a group of writes, which is over with settle. It
// changes the young overlay of its view. Nothing is left that expires before
// swept.
func newWriting(v view, now time.Time, r *record, swept engine.Score) *page {
	p := newPage(v, now, r)
	p.written = &written{totals: map[string]int{}, swept: swept}
	return p
}

// settle puts what was held back.
func (p *page) settle() error {
	for index, n := range p.written.totals {
		var err error
		if n == 0 {
			err = p.entries.Delete(own([]byte(index)))
		} else {
			err = p.entries.Put(own([]byte(index)), binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// name joins the parts of a key; each is followed by NUL, so that no key is the
// beginning of another's name.
func name(parts ...string) []byte {
	n := len(parts)
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = append(append(b, p...), 0)
	}
	return b
}

// own is the key of what a name names itself, which comes right before the keys of
// what belongs to it.
func own(name []byte) []byte { return name[:len(name)-1] }

// isOwn tells such a key from those.
func isOwn(key []byte) bool { return bytes.Count(key, []byte{0}) == 1 }

// cutName cuts a key into the name with which it begins and what stands behind
// it; ok is false where it begins with none.
func cutName(key []byte) (name, behind []byte, ok bool) {
	space := bytes.IndexByte(key, 0) + 1
	end := space + bytes.IndexByte(key[space:], 0) + 1
	return key[:end], key[end:], space > 0 && end > space
}

// join is a name with one more part, which is the last.
func join(name []byte, last string) []byte {
	return append(append(make([]byte, 0, len(name)+len(last)), name...), last...)
}

func encodeScore(s engine.Score) []byte {
	// The sign bit is turned, so that scores before 1970 sort first.
	return binary.BigEndian.AppendUint64(nil, uint64(s)^1<<63)
}

func decodeScore(b []byte) engine.Score { return engine.Score(binary.BigEndian.Uint64(b) ^ 1<<63) }

// expired reports whether the time of a record is over: it is then no more
// there, even while its fields are.
func (p *page) expired(record []byte) bool {
	if p.written != nil && p.written.swept > p.now {
		return false
	}
	at := p.fields.Get(own(record))
	return at != nil && decodeScore(at) <= p.now
}

// get gives a copy of a field, or nil when there is none.
func (p *page) get(record []byte, field string) []byte {
	if p.expired(record) {
		return nil
	}
	v := p.fields.Get(join(record, field))
	if v == nil {
		return nil
	}
	return append([]byte{}, v...)
}

// names gives the record's field names that begin with prefix.
func (p *page) names(record []byte, prefix string) []string {
	if p.expired(record) {
		return nil
	}
	var out []string
	begin := join(record, prefix)
	c := p.fields.Cursor()
	for k, _ := c.Seek(begin); bytes.HasPrefix(k, begin); k, _ = c.Next() {
		out = append(out, string(k[len(record):]))
	}
	return out
}

// put sets a field; what had expired does not come back with it.
func (p *page) put(record []byte, field string, value []byte) error {
	if p.expired(record) {
		if err := p.drop(record); err != nil {
			return err
		}
	}
	return p.fields.Put(join(record, field), value)
}

func (p *page) delete(record []byte, field string) error {
	if err := p.fields.Delete(join(record, field)); err != nil {
		return err
	}
	if p.exists(record) {
		return nil
	}
	return p.endure(record)
}

func (p *page) exists(record []byte) bool {
	k, _ := p.fields.Cursor().Seek(record)
	return bytes.HasPrefix(k, record) && !p.expired(record)
}

func (p *page) drop(record []byte) error {
	var keys [][]byte
	c := p.fields.Cursor()
	for k, _ := c.Seek(record); bytes.HasPrefix(k, record); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := p.fields.Delete(k); err != nil {
			return err
		}
	}
	return p.endure(record)
}

// endure forgets when a record would vanish.
func (p *page) endure(record []byte) error {
	at := p.fields.Get(own(record))
	if at == nil {
		return nil
	}
	if err := p.expiring.Delete(append(bytes.Clone(at), record...)); err != nil {
		return err
	}
	return p.fields.Delete(own(record))
}

func (p *page) expire(record []byte, d time.Duration) error {
	if !p.exists(record) {
		return nil
	}
	if err := p.endure(record); err != nil {
		return err
	}
	when := p.now + engine.Score(d.Microseconds())
	p.written.swept = min(p.written.swept, when) // clocks are put back sometimes
	at := encodeScore(when)
	if err := p.expiring.Put(append(bytes.Clone(at), record...), nil); err != nil {
		return err
	}
	return p.fields.Put(own(record), at)
}

// sweepAtOnce bounds what one group of writes clears away. It is more than one
// group makes, so the heap never grows.
const sweepAtOnce = 4 * maxGroup

// sweep removes records whose time is over. It begins where the last sweep ended:
// what lies before are only marks of what was removed.
func (p *page) sweep() error {
	var over [][]byte
	swept := p.now + 1
	c := p.expiring.Cursor()
	for k, _ := c.Seek(encodeScore(p.written.swept)); k != nil && decodeScore(k) <= p.now; k, _ = c.Next() {
		if len(over) == sweepAtOnce {
			swept = decodeScore(k)
			break
		}
		over = append(over, bytes.Clone(k[8:]))
	}
	p.written.swept = swept
	for _, record := range over {
		if err := p.drop(record); err != nil {
			return err
		}
	}
	return nil
}

// score gives where a member stands in an index (its name).
func (p *page) score(index []byte, member string) (engine.Score, bool) {
	v := p.places.Get(placeKey(index, member))
	if v == nil {
		return 0, false
	}
	return decodeScore(v), true
}

func (p *page) add(index []byte, member string, score engine.Score) error {
	old, found := p.score(index, member)
	if found && old == score {
		return nil
	}
	if found {
		if err := p.entries.Delete(entryKey(index, engine.Entry{Member: member, Score: old})); err != nil {
			return err
		}
	} else {
		p.count(index, 1)
	}
	if err := p.entries.Put(entryKey(index, engine.Entry{Member: member, Score: score}), nil); err != nil {
		return err
	}
	return p.places.Put(placeKey(index, member), encodeScore(score))
}

func (p *page) remove(index []byte, member string) error {
	old, found := p.score(index, member)
	if !found {
		return nil
	}
	if err := p.entries.Delete(entryKey(index, engine.Entry{Member: member, Score: old})); err != nil {
		return err
	}
	if err := p.places.Delete(placeKey(index, member)); err != nil {
		return err
	}
	p.count(index, -1)
	return nil
}

func (p *page) total(index []byte) int {
	if p.written != nil {
		if n, known := p.written.totals[string(index)]; known {
			return n
		}
	}
	v := p.entries.Get(own(index))
	if v == nil {
		return 0
	}
	return int(binary.BigEndian.Uint64(v))
}

func (p *page) count(index []byte, by int) { p.written.totals[string(index)] = p.total(index) + by }

func entryKey(index []byte, e engine.Entry) []byte {
	b := make([]byte, 0, len(index)+8+len(e.Member))
	return append(append(append(b, index...), encodeScore(e.Score)...), e.Member...)
}

// placeKey names where a member of an index (its name) stands.
func placeKey(index []byte, member string) []byte {
	space := bytes.IndexByte(index, 0) + 1
	b := make([]byte, 0, len(index)+len(member)+1)
	b = append(append(append(b, index[:space]...), member...), 0)
	return append(b, index[space:]...)
}

// readPlaceKey reads what placeKey wrote.
func readPlaceKey(key []byte) (index []byte, member string) {
	space := bytes.IndexByte(key, 0) + 1
	end := space + bytes.IndexByte(key[space:], 0)
	index = append(make([]byte, 0, len(key)), key[:space]...)
	return append(index, key[end+1:]...), string(key[space:end])
}
