package store_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"guichet/store"
)

// BenchmarkKeeping measures what keeps a store of 2,000 tickets, on the embedded
// engine: a backup of all, its restoration, and holding indexes to records.
func BenchmarkKeeping(b *testing.B) {
	const tickets = 2000
	w := embedded(b)
	for range tickets {
		w.open("Cold heating")
	}
	dir := filepath.Join(b.TempDir(), "backups")
	w.backup(dir)
	each := func(name string, do func(n int) error) {
		b.Run(name, func(b *testing.B) {
			for n := range b.N {
				if err := do(n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/tickets, "µs/ticket")
		})
	}
	stamp := 0
	each("backup", func(int) error {
		stamp++
		_, err := w.Backup(ctx, filepath.Join(dir, strconv.Itoa(stamp)), nil)
		return err
	})
	each("restore", func(int) error {
		opt := w.opt
		opt.Data = b.TempDir()
		opt.MasterKey = filepath.Join(w.opt.Data, "master.key")
		_, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir})
		return err
	})
	each("reindex", func(int) error {
		return w.Reindex(ctx, true, nil, func(store.Difference) error { return nil })
	})
	each("find a person", func(int) error {
		_, err := w.Person(ctx, eve, []string{"acme"}, nil)
		return err
	})
}
