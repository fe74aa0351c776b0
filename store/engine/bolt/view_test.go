package bolt

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"guichet/store/engine"
)

// few are keys that are near each other, so that layers meet in them; numbered
// are those of packs.
var (
	few = rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte("\x00ab\xff")), 1, 3).Draw(t, "key"))
	})
	numbered = rapid.Custom(func(t *rapid.T) string {
		number := rapid.SliceOfN(rapid.SampledFrom([]byte("\x00\x01\xff")), engine.PackWidth, engine.PackWidth)
		return rapid.SampledFrom([]string{"a\x00p\x00", "a\x00q\x00", "b\x00\x00"}).Draw(t, "pack") + string(number.Draw(t, "number"))
	})
)

// viewed is a bucket that is held to a map.
type viewed struct {
	number int
	keys   *rapid.Generator[string]
	values *rapid.Generator[string]
	froms  *rapid.Generator[string] // where cursors seek
}

// TestViewIsOneBucket puts and deletes at random, lets layers sink at random, and
// holds what the layers say together to a map: in a bucket that lies in the file
// as it is, and in the one whose keys the file packs.
func TestViewIsOneBucket(t *testing.T) {
	nothing := rapid.Just("")
	for name, v := range map[string]viewed{
		bucketFields: {0, few, rapid.StringN(0, 2, -1), few},
		bucketPacks:  {len(buckets) - 1, numbered, nothing, rapid.OneOf(numbered, few)},
	} {
		t.Run(name, v.check)
	}
}

func (v viewed) check(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := makeBuckets(db); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		err := db.Update(func(tx *bbolt.Tx) error {
			if err := tx.DeleteBucket([]byte(buckets[v.number])); err != nil {
				return err
			}
			_, err := tx.CreateBucket([]byte(buckets[v.number]))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		l := layers{young: newOverlay()}
		want := map[string]string{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				if l.frozen == nil {
					l = layers{young: newOverlay(), frozen: l.young}
				}
			case 1:
				if l.frozen != nil {
					if err := pour(db, l.frozen); err != nil {
						t.Fatal(err)
					}
					l.frozen = nil
				}
			case 2, 3, 4:
				l.young = l.young.copy()
				v.change(t, db, l, func(b *bucket) {
					k := v.keys.Draw(t, "deleted")
					delete(want, k)
					_ = b.Delete([]byte(k))
				})
			default:
				l.young = l.young.copy()
				v.change(t, db, l, func(b *bucket) {
					key, value := v.keys.Draw(t, "put"), v.values.Draw(t, "value")
					want[key] = value
					_ = b.Put([]byte(key), []byte(value))
				})
			}
		}
		v.change(t, db, l, func(b *bucket) { v.same(t, b, want) })
	})
}

func (v viewed) change(t *rapid.T, db *bbolt.DB, l layers, do func(*bucket)) {
	err := db.View(func(tx *bbolt.Tx) error {
		do(&bucket{view: view{l, tx}, number: v.number, record: newRecord()})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (v viewed) same(t *rapid.T, b *bucket, want map[string]string) {
	sorted := slices.Sorted(maps.Keys(want))
	var got []string
	c := b.Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		got = append(got, string(k))
		if is, there := want[string(k)]; !there || is != string(value) || string(b.Get(k)) != is {
			t.Fatalf("%q holds %q, not %q", k, value, is)
		}
	}
	for range 5 {
		if k := v.keys.Draw(t, "asked"); (b.Get([]byte(k)) != nil) != slices.Contains(sorted, k) {
			t.Fatalf("%q: %v", k, b.Get([]byte(k)))
		}
	}
	if !slices.Equal(got, sorted) {
		t.Fatalf("keys are %q, not %q", got, sorted)
	}
	v.walk(t, b.Cursor(), sorted)
}

// walk moves a cursor about; place says where it should be.
func (v viewed) walk(t *rapid.T, c *cursor, sorted []string) {
	place := -1
	for range 30 {
		var k []byte
		switch rapid.IntRange(0, 8).Draw(t, "move") {
		case 0:
			k, _ = c.First()
			place = 0
		case 1:
			k, _ = c.Last()
			place = len(sorted) - 1
		case 2:
			from := v.froms.Draw(t, "from")
			k, _ = c.Seek([]byte(from))
			place, _ = slices.BinarySearch(sorted, from)
		case 3, 4, 5:
			if place < 0 || place >= len(sorted) {
				continue // it stands nowhere
			}
			k, _ = c.Next()
			place++
		default:
			if place < 0 || place >= len(sorted) {
				continue
			}
			k, _ = c.Prev()
			place--
		}
		var want []byte
		if place >= 0 && place < len(sorted) {
			want = []byte(sorted[place])
		}
		if !bytes.Equal(k, want) {
			t.Fatalf("the cursor is at %q, not %q", k, want)
		}
	}
}

// What was put and deleted before it came to the file leaves nothing behind.
func TestDeletionLeavesNoMarkOfWhatNoLayerHas(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := makeBuckets(db); err != nil {
		t.Fatal(err)
	}
	l := layers{young: newOverlay()}
	err = db.View(func(tx *bbolt.Tx) error {
		b := bucket{view: view{l, tx}, record: newRecord()}
		_ = b.Put([]byte("k"), []byte("v"))
		return b.Delete([]byte("k"))
	})
	if err != nil || l.young.size != 0 || l.young.tables[0].Len() != 0 {
		t.Errorf("%d entries and %d bytes are left, %v", l.young.tables[0].Len(), l.young.size, err)
	}
}
