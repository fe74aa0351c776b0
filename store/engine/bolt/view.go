package bolt

import (
	"bytes"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
)

// layers are what lies above the file, the newest first. What a layer knows of a
// key hides what those below say of it.
type layers struct {
	young *overlay
	// frozen is being written to the file; nil while nothing is.
	frozen *overlay
}

// view is the store at one moment.
type view struct {
	layers
	tx *bbolt.Tx
}

// bucket is one of the file's with the layers above it.
type bucket struct {
	view
	number int           // its place in buckets
	file   *bbolt.Bucket // opened when it is asked first
	// record notes what changes; nil where nobody writes.
	record *record
}

// Get gives what a key holds, or nil. It may not be changed, and what the file
// holds is there until the transaction ends only.
func (b *bucket) Get(key []byte) []byte {
	if v, known := b.young.get(b.number, key); known {
		return v
	}
	return b.below(key)
}

// below is Get without the young overlay.
func (b *bucket) below(key []byte) []byte {
	if b.frozen != nil {
		if v, known := b.frozen.get(b.number, key); known {
			return v
		}
	}
	return b.stored(key)
}

// stored is Get of the file alone, and walk its cursor.
func (b *bucket) stored(key []byte) []byte {
	if b.packed() {
		return unpack(b.open(), key)
	}
	return b.open().Get(key)
}

func (b *bucket) walk() steps {
	if b.packed() {
		return &unpacking{packs: b.open().Cursor()}
	}
	return b.open().Cursor()
}

// packed reports whether the file holds many keys of the layers as one.
func (b *bucket) packed() bool { return buckets[b.number] == bucketPacks }

func (b *bucket) open() *bbolt.Bucket {
	if b.file == nil {
		b.file = b.tx.Bucket([]byte(buckets[b.number]))
	}
	return b.file
}

// Put lets a key hold a copy of value.
func (b *bucket) Put(key, value []byte) error {
	b.young.put(b.number, key, value)
	b.record.put(b.number, key, value)
	return nil
}

// Delete takes a key out. A mark of that stays only where a layer below has it,
// or those who look for the first key would have to pass all that ever were.
func (b *bucket) Delete(key []byte) error {
	was, known := b.young.get(b.number, key)
	if known && was == nil {
		return nil
	}
	if b.below(key) != nil {
		b.young.mark(b.number, key)
	} else if known {
		b.young.forget(b.number, key)
	} else {
		return nil
	}
	b.record.delete(b.number, key)
	return nil
}

// Cursor walks through the keys. It may not be used any more when something was
// put or deleted.
func (b *bucket) Cursor() *cursor {
	c := &cursor{}
	for _, o := range []*overlay{b.young, b.frozen} {
		if o != nil && o.tables[b.number].Len() > 0 {
			c.add(&walker{at: o.tables[b.number].Iter()})
		}
	}
	c.add(b.walk())
	return c
}

// cursor merges the layers of a bucket. Its methods are those of bbolt's cursor,
// and give nil behind the last key and before the first.
type cursor struct {
	layers  []position // the newest first
	key     []byte     // where it stands
	forward bool       // which way the layers' positions run
}

// position is the next key of a layer that the cursor has not passed, in the
// direction in which it goes; nil when there is none.
type position struct {
	steps
	key, value []byte
}

// steps is what bbolt's cursor does.
type steps interface {
	First() (key, value []byte)
	Last() (key, value []byte)
	Next() (key, value []byte)
	Prev() (key, value []byte)
	Seek(from []byte) (key, value []byte)
}

func (c *cursor) add(layer steps) { c.layers = append(c.layers, position{steps: layer}) }

// First moves to the first key.
func (c *cursor) First() (key, value []byte) {
	for i := range c.layers {
		p := &c.layers[i]
		p.key, p.value = p.steps.First()
	}
	c.forward = true
	return c.pick()
}

// Last moves to the last key.
func (c *cursor) Last() (key, value []byte) {
	for i := range c.layers {
		p := &c.layers[i]
		p.key, p.value = p.steps.Last()
	}
	c.forward = false
	return c.pick()
}

// Seek moves to the first key that is not before from.
func (c *cursor) Seek(from []byte) (key, value []byte) {
	for i := range c.layers {
		p := &c.layers[i]
		p.key, p.value = p.steps.Seek(from)
	}
	c.forward = true
	return c.pick()
}

// Next moves to the next key.
func (c *cursor) Next() (key, value []byte) {
	if c.key == nil {
		return nil, nil
	}
	if !c.forward {
		for i := range c.layers {
			p := &c.layers[i]
			p.key, p.value = p.steps.Seek(c.key)
		}
		c.forward = true
	}
	c.pass(c.key)
	return c.pick()
}

// Prev moves to the key before.
func (c *cursor) Prev() (key, value []byte) {
	if c.key == nil {
		return nil, nil
	}
	if c.forward {
		for i := range c.layers {
			c.layers[i].before(c.key)
		}
		c.forward = false
	} else {
		c.pass(c.key)
	}
	return c.pick()
}

// before moves a layer to the last key before another.
func (p *position) before(key []byte) {
	if k, _ := p.steps.Seek(key); k == nil {
		p.key, p.value = p.steps.Last()
	} else {
		p.key, p.value = p.steps.Prev()
	}
}

// pass moves the layers that stand on a key beyond it.
func (c *cursor) pass(key []byte) {
	for i := range c.layers {
		p := &c.layers[i]
		switch {
		case p.key == nil || !bytes.Equal(p.key, key):
		case c.forward:
			p.key, p.value = p.steps.Next()
		default:
			p.key, p.value = p.steps.Prev()
		}
	}
}

// pick finds which layer comes next and stands there, passing what was deleted.
func (c *cursor) pick() (key, value []byte) {
	for {
		var first *position
		for i := range c.layers {
			if p := &c.layers[i]; p.key != nil && (first == nil || c.comes(p.key, first.key)) {
				first = p
			}
		}
		if first == nil {
			c.key = nil
			return nil, nil
		}
		if first.value != nil {
			c.key = first.key
			return first.key, first.value
		}
		c.pass(first.key)
	}
}

// comes reports whether a comes before b on our way.
func (c *cursor) comes(a, b []byte) bool {
	if c.forward {
		return bytes.Compare(a, b) < 0
	}
	return bytes.Compare(a, b) > 0
}

// walker is bbolt's cursor over a table.
type walker struct {
	at btree.MapIter[string, []byte]
}

func (w *walker) First() (key, value []byte)           { return w.is(w.at.First()) }
func (w *walker) Last() (key, value []byte)            { return w.is(w.at.Last()) }
func (w *walker) Next() (key, value []byte)            { return w.is(w.at.Next()) }
func (w *walker) Prev() (key, value []byte)            { return w.is(w.at.Prev()) }
func (w *walker) Seek(from []byte) (key, value []byte) { return w.is(w.at.Seek(text(from))) }

func (w *walker) is(there bool) (key, value []byte) {
	if !there {
		return nil, nil
	}
	return plain(w.at.Key()), w.at.Value()
}
