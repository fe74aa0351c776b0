package bolt

import (
	"bytes"
	"unsafe"

	"github.com/tidwall/btree"
)

// overlay is what changed and is not in the file yet: one table a bucket. A
// value of nil is a deletion. Once it is published nobody changes it; the next
// group of writes changes a copy, which shares what stays as it is.
type overlay struct {
	tables []*table // as buckets lists them
	size   int      // about how many bytes of memory it takes
	memory *arena   // its own and its copies'
}

type table = btree.Map[string, []byte]

const (
	// tableDegree keeps small what a group copies of a table.
	tableDegree = 12
	// entryCost is about what an entry takes beside its bytes.
	entryCost = 64
)

func newOverlay() *overlay {
	o := &overlay{tables: make([]*table, len(buckets)), memory: &arena{}}
	for i := range o.tables {
		o.tables[i] = btree.NewMap[string, []byte](tableDegree)
	}
	return o
}

func (o *overlay) copy() *overlay {
	c := &overlay{tables: make([]*table, len(o.tables)), size: o.size, memory: o.memory}
	for i, t := range o.tables {
		c.tables[i] = t.Copy()
	}
	return c
}

func (o *overlay) empty() bool { return o.size == 0 }

// get gives the value, nil for what was deleted, and whether it is known here.
func (o *overlay) get(bucket int, key []byte) (value []byte, known bool) {
	return o.tables[bucket].Get(text(key))
}

// put keeps a copy of a value.
func (o *overlay) put(bucket int, key, value []byte) { o.set(bucket, key, o.memory.keep(value)) }

// mark notes a deletion.
func (o *overlay) mark(bucket int, key []byte) { o.set(bucket, key, nil) }

func (o *overlay) set(bucket int, key, value []byte) {
	was, known := o.tables[bucket].Set(text(o.memory.keep(key)), value)
	o.size += len(value)
	if known {
		o.size -= len(was)
	} else {
		o.size += len(key) + entryCost
	}
}

// forget takes out what the layers below do not know either.
func (o *overlay) forget(bucket int, key []byte) {
	if was, known := o.tables[bucket].Delete(text(key)); known {
		o.size -= len(key) + len(was) + entryCost
	}
}

// arena is where an overlay keeps keys and values: much at a time, or collecting
// garbage would look at each of them.
type arena struct{ rest []byte }

const arenaSize = 64 << 10

// keep gives a copy that nobody changes; it is never nil.
func (a *arena) keep(b []byte) []byte {
	if len(b) > arenaSize/8 {
		return bytes.Clone(b)
	}
	if len(b) > len(a.rest) || a.rest == nil {
		a.rest = make([]byte, arenaSize)
	}
	kept := a.rest[:len(b):len(b)]
	a.rest = a.rest[copy(kept, b):]
	return kept
}

// text is b as a string, and not a copy of it: b stays as it is for as long as
// the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// plain is the way back.
func plain(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// changes walks through an overlay, bucket by bucket, in the order of keys.
type changes struct {
	tables []*table
	bucket int
	at     btree.MapIter[string, []byte]
	more   bool
}

func (o *overlay) changes() *changes {
	c := &changes{tables: o.tables, bucket: -1}
	c.advance()
	return c
}

// advance moves to the next change, if there is more.
func (c *changes) advance() {
	if c.more = c.more && c.at.Next(); c.more {
		return
	}
	for c.bucket+1 < len(c.tables) && !c.more {
		c.bucket++
		c.at = c.tables[c.bucket].Iter()
		c.more = c.at.First()
	}
}
