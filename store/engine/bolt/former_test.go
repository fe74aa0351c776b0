package bolt

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// TestFormerFile opens a file of before: it holds what it held, and lies as files
// do now.
func TestFormerFile(t *testing.T) {
	clock := func() time.Time { return noon }
	items := someItems()
	dir, path := t.TempDir(), ""
	e, want := openAt(t, dir, clock), openAt(t, t.TempDir(), clock)
	commitItems(t, e, items)
	commitItems(t, want, items)
	shut(t, e)
	path = filepath.Join(dir, "guichet.db")
	formerly(t, path)
	for range 2 { // the second time there is nothing to do
		e := openAt(t, dir, clock)
		if diff := cmp.Diff(holds(t, want), holds(t, e)); diff != "" {
			t.Fatal(diff)
		}
		err := e.durable.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if !slices.Contains(buckets, string(name)) || b.Stats().KeyN == 0 {
					t.Errorf("bucket %s has %d keys", name, b.Stats().KeyN)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		shut(t, e)
	}
	nothingIn(t, dir, "guichet.db")
}

// formerly rewrites a file as it lay before.
func formerly(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		put := func(bucket string, key, value []byte) {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err == nil {
				err = b.Put(key, value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		was := map[string][][2][]byte{}
		for _, name := range buckets {
			_ = tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
				was[name] = append(was[name], [2][]byte{slices.Clone(k), slices.Clone(v)})
				return nil
			})
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		for name, pairs := range was {
			for _, p := range pairs {
				key, value := p[0], p[1]
				switch {
				case isOwn(key) && name == bucketFields:
					put(formerExpiry, append(key, 0), value)
				case isOwn(key):
					put(formerTotals, append(key, 0), value)
				case name == bucketPlaces:
					index, member := readPlaceKey(key)
					put(formerScores, join(index, member), value)
				case name == bucketPacks:
					_ = eachKey(key, value, func(number []byte) error { put(bucketPacks, number, nil); return nil })
				default:
					put(name, key, value)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A journal that was left by the program of before cannot be read, and is left as
// it is.
func TestFormerJournal(t *testing.T) {
	head := append(make([]byte, 0, headSize), magic...)
	head = append(head, make([]byte, 8+markerSize)...)
	names := "fields expiry expiring entries scores totals packs"
	head = append(binary.BigEndian.AppendUint16(head, uint16(len(names))), names...)
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(head, sums))
	_, err := new(journal).replay(head[:headSize])
	if err == nil || !strings.Contains(err.Error(), `started once more and stopped: it has "expiry"`) {
		t.Errorf("error is %v", err)
	}
}

// TestNewerFile: what a newer program keeps in places of its own would go unseen
// and unwritten here.
func TestNewerFile(t *testing.T) {
	dir := t.TempDir()
	shut(t, openAt(t, dir, time.Now))
	db, err := bbolt.Open(filepath.Join(dir, "guichet.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("shelves"))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), `guichet.db was written by a newer guichet: it has "shelves"`) {
		t.Errorf("error is %v", err)
	}
}
