package bolt

import (
	"bytes"
	"encoding/binary"
	"sort"

	"go.etcd.io/bbolt"

	"guichet/store/engine"
)

// In the layers above the file each number of a pack is a key of its own, behind
// the name of the pack: so a commit writes no more than what it adds, and two
// layers merge as those of any other bucket do. In the file a pack is one value,
// its numbers one after the other, sorted: a key of its own would be ten times as
// long as a number, and lie on one of ten times as many pages.

// include puts numbers, one after the other, into a pack (its name).
func (p *page) include(pack, numbers []byte) error {
	return eachKey(pack, numbers, func(key []byte) error { return p.packs.Put(key, nil) })
}

func (p *page) exclude(pack, numbers []byte) error {
	return eachKey(pack, numbers, p.packs.Delete)
}

func eachKey(pack, numbers []byte, do func(key []byte) error) error {
	for ; len(numbers) >= engine.PackWidth; numbers = numbers[engine.PackWidth:] {
		if err := do(join(pack, string(numbers[:engine.PackWidth]))); err != nil {
			return err
		}
	}
	return nil
}

// numbers gives those of a pack (its name) that are asked for.
func (p *page) numbers(pack []byte, asked *engine.PackRange) (found []uint32) {
	c := p.packs.Cursor()
	k, _ := c.Seek(binary.BigEndian.AppendUint32(bytes.Clone(pack), asked.From))
	for ; bytes.HasPrefix(k, pack) && (asked.N == 0 || len(found) < asked.N); k, _ = c.Next() {
		n := binary.BigEndian.Uint32(k[len(pack):])
		if n > asked.To {
			break
		}
		found = append(found, n)
	}
	return found
}

// dumpPacks gives some whole packs, and where the next one begins.
func (p *page) dumpPacks(from []byte) (items []engine.Item, next []byte) {
	c, k, _ := seek(&p.packs, from)
	var last []byte
	for n := 0; k != nil; k, _ = c.Next() {
		if last == nil || !bytes.HasPrefix(k, last) {
			if n >= dumpAtOnce {
				return items, bytes.Clone(k)
			}
			item, pack := itemOf(k)
			items = append(items, engine.Item{Space: item.Space, Pack: item.Record})
			last = pack
		}
		whole := &items[len(items)-1]
		whole.Value = append(whole.Value, k[len(last):]...)
		n++
	}
	return items, nil
}

// atOrAfter is where in the numbers of a pack the first stands that does not come
// before another.
func atOrAfter(numbers, number []byte) int {
	return engine.PackWidth * sort.Search(len(numbers)/engine.PackWidth, func(i int) bool {
		return bytes.Compare(numberAt(numbers, i*engine.PackWidth), number) >= 0
	})
}

func numberAt(numbers []byte, at int) []byte { return numbers[at : at+engine.PackWidth] }

// unpack gives what the key of a number holds, which is nothing, or nil where the
// file has no such number.
func unpack(packs *bbolt.Bucket, key []byte) []byte {
	pack, number, ok := cutName(key)
	if !ok {
		return nil
	}
	numbers := packs.Get(pack)
	at := atOrAfter(numbers, number)
	if at == len(numbers) || !bytes.Equal(numberAt(numbers, at), number) {
		return nil
	}
	return numbers[at:at]
}

// unpacking is bbolt's cursor over the numbers of packs.
type unpacking struct {
	packs         *bbolt.Cursor
	pack, numbers []byte // where it stands
	at            int
}

func (u *unpacking) First() (key, value []byte) { return u.low(u.packs.First()) }
func (u *unpacking) Last() (key, value []byte)  { return u.high(u.packs.Last()) }

func (u *unpacking) Next() (key, value []byte) {
	if u.at += engine.PackWidth; u.at >= len(u.numbers) {
		return u.low(u.packs.Next())
	}
	return u.here()
}

func (u *unpacking) Prev() (key, value []byte) {
	if u.at -= engine.PackWidth; u.at < 0 {
		return u.high(u.packs.Prev())
	}
	return u.here()
}

func (u *unpacking) Seek(from []byte) (key, value []byte) {
	pack, behind, ok := cutName(from)
	if !ok {
		return u.low(u.packs.Seek(from))
	}
	first, numbers := u.packs.Seek(pack)
	if !bytes.Equal(first, pack) {
		return u.low(first, numbers)
	}
	u.pack, u.numbers, u.at = first, numbers, atOrAfter(numbers, behind)
	if u.at == len(numbers) {
		return u.low(u.packs.Next())
	}
	return u.here()
}

// low stands on the first number of a pack, high on its last one.
func (u *unpacking) low(pack, numbers []byte) (key, value []byte) {
	u.pack, u.numbers, u.at = pack, numbers, 0
	return u.here()
}

func (u *unpacking) high(pack, numbers []byte) (key, value []byte) {
	u.pack, u.numbers, u.at = pack, numbers, len(numbers)-engine.PackWidth
	return u.here()
}

func (u *unpacking) here() (key, value []byte) {
	if u.pack == nil {
		return nil, nil
	}
	return join(u.pack, string(numberAt(u.numbers, u.at))), []byte{}
}

// pourPack writes all changes of the pack that comes next, passes them, and gives
// how many bytes they were.
func pourPack(packs *bbolt.Bucket, c *changes) (size int, err error) {
	pack, _, _ := cutName(plain(c.at.Key()))
	held, bucket := packs.Get(pack), c.bucket
	numbers := make([]byte, 0, len(held)+256)
	for ; c.more && c.bucket == bucket && bytes.HasPrefix(plain(c.at.Key()), pack); c.advance() {
		number := plain(c.at.Key())[len(pack):]
		before := atOrAfter(held, number)
		numbers, held = append(numbers, held[:before]...), held[before:]
		held = bytes.TrimPrefix(held, number)
		if c.at.Value() != nil {
			numbers = append(numbers, number...)
		}
		size += len(pack) + len(number)
	}
	if numbers = append(numbers, held...); len(numbers) == 0 {
		return size, packs.Delete(pack)
	}
	return size, packs.Put(pack, numbers)
}
