package bolt

import (
	"bytes"
	"encoding/binary"

	"guichet/store/engine"
)

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
