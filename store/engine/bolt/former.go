package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"guichet/store/engine"
)

// How a file lay before: each number of a pack was a key of its own, where a
// member stands lay by index, and when a record vanishes and how many members an
// index has lay in buckets of their own. All of that touched twice as many pages.
const (
	formerExpiry = "expiry" // space, record → when it vanishes
	formerScores = "scores" // space, index, member → score
	formerTotals = "totals" // space, index → how many members
)

var formerBuckets = []string{formerExpiry, formerScores, formerTotals}

// bringUp writes a file anew that lies as it did before. One that is broken off
// leaves it as it was.
func (f *file) bringUp(path string) error {
	former := false
	err := f.db.View(func(tx *bbolt.Tx) error {
		former = tx.Bucket([]byte(formerScores)) != nil
		return nil
	})
	if err != nil || !former {
		return err
	}
	g := filling{file: f, path: path, atOnce: sortedAtOnce, progress: func(int, int) {}}
	return g.fill(context.Background(), g.keepFormer, func(func(engine.Item) error) error { return nil })
}

// keepFormer is keep for such a file.
func (f *filling) keepFormer(p *page) error {
	for name, take := range map[string]func(k, v []byte) error{
		bucketFields: func(k, v []byte) error { return f.give(bucketFields, k, v) },
		formerExpiry: func(k, v []byte) error { return f.give(bucketFields, own(k), v) },
		formerScores: func(k, v []byte) error {
			index, member, _ := cutName(k)
			return f.give(bucketPlaces, placeKey(index, string(member)), v)
		},
		bucketPacks: func(k, _ []byte) error { return f.give(bucketPacks, k, nil) },
	} {
		if b := p.fields.tx.Bucket([]byte(name)); b != nil {
			if err := b.ForEach(take); err != nil {
				return err
			}
		}
	}
	return nil
}
