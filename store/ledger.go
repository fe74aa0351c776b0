package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// ledger lists the keys that were erased. It is a file outside the store, so
// that a store that is taken back from a backup can be made to forget again what
// it had forgotten. What stands in it are random ids and digests: nothing
// personal, and nothing that opens anything.
//
// A line is a time, what was done, a site and a record:
//
//	2026-03-02T09:00:00Z erased acme ticket:ngsvdef6422fvci7
//
// It is written, and on the disk, before the key is deleted. When the deletion
// then does not take place, because the ticket changed in the same moment, a
// second line says kept.
type ledger struct{ path string }

// ledgerOf is where the ledger of a store is.
func ledgerOf(opt Options) string {
	return cmp.Or(opt.Ledger, filepath.Join(opt.Data, "erased.ledger"))
}

const (
	ledgerErased = "erased"
	ledgerKept   = "kept"
)

// erasing writes that the keys of records are about to be deleted.
func (l ledger) erasing(at time.Time, site string, records ...string) error {
	return l.note(at, ledgerErased, site, records)
}

// keeping takes back what erasing wrote.
func (l ledger) keeping(at time.Time, site string, records ...string) error {
	return l.note(at, ledgerKept, site, records)
}

func (l ledger) note(at time.Time, what, site string, records []string) error {
	if len(records) == 0 {
		return nil
	}
	var text bytes.Buffer
	for _, record := range records {
		fmt.Fprintf(&text, "%s %s %s %s\n", at.UTC().Format(time.RFC3339), what, site, record)
	}
	return l.write(text.Bytes())
}

// write appends lines; they are durable when it returns. Daemons and tools may
// share one file: each writes alone.
func (l ledger) write(lines []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("store: ledger of erased keys: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: ledger of erased keys: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // which unlocks it too
	err = errors.Join(giveToOwner(f, filepath.Dir(l.path)), syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	if err == nil {
		err = cutTorn(f)
	}
	if err == nil {
		_, err = f.Write(lines)
	}
	if err == nil {
		err = errors.Join(f.Sync(), syncDir(filepath.Dir(l.path)))
	}
	if err != nil {
		return fmt.Errorf("store: ledger of erased keys: %w", err)
	}
	return nil
}

// giveToOwner lets the daemon write to a file that root has made in its
// directory.
func giveToOwner(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// cutTorn removes a last line that was never finished: its writer was cut off
// before it could have deleted anything.
func cutTorn(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	tail := make([]byte, min(size, 4096))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	if torn := len(tail) - 1 - bytes.LastIndexByte(tail, '\n'); torn > 0 {
		return f.Truncate(size - int64(torn))
	}
	return nil
}

// erased are the keys that one or several ledgers name, and when each was
// erased last.
type erased map[keyName]time.Time

// keyName names a key by the record that it belongs to.
type keyName struct {
	site   engine.Space
	record string
}

// readLedgers reads ledgers together: what one of them says was erased, was. One
// that is not there is an error.
func readLedgers(paths ...string) (erased, error) {
	all := erased{}
	for _, path := range paths {
		one, err := readLedger(path)
		if err != nil {
			return nil, fmt.Errorf("store: ledger of erased keys: %w", err)
		}
		for key, at := range one {
			if at.After(all[key]) {
				all[key] = at
			}
		}
	}
	return all, nil
}

func readLedger(path string) (erased, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out, n := erased{}, 0
	for line := range strings.Lines(string(text)) {
		n++
		if !strings.HasSuffix(line, "\n") {
			break // torn: see cutTorn
		}
		parts := strings.Fields(line)
		if len(parts) == 0 {
			continue
		}
		if len(parts) != 4 || parts[1] != ledgerErased && parts[1] != ledgerKept {
			return nil, fmt.Errorf("%s: line %d is damaged; mend it by hand, for what it says may have to stay erased", path, n)
		}
		at, err := time.Parse(time.RFC3339, parts[0])
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		key := keyName{engine.Space(parts[2]), parts[3]}
		if parts[1] == ledgerKept {
			delete(out, key)
			continue
		}
		out[key] = at
	}
	return out, nil
}

// merge adds to the ledger what it does not say yet.
func (l ledger) merge(more erased) error {
	known, err := readLedger(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: ledger of erased keys: %w", err)
	}
	var text bytes.Buffer
	for key, at := range more {
		if _, found := known[key]; !found {
			fmt.Fprintf(&text, "%s %s %s %s\n", at.UTC().Format(time.RFC3339), ledgerErased, key.site, key.record)
		}
	}
	if text.Len() == 0 && known != nil {
		return nil
	}
	return l.write(text.Bytes()) // also without a line: it is there from now on
}

// ledgerSlack is how far the clocks of daemons may be apart, and how long a
// commit may take after its line in the ledger.
const ledgerSlack = time.Hour

// covers reports whether a key that was in the store at a time is to be
// forgotten. Ids are random and never come again, so for them the time does not
// matter; who was forgotten may have enrolled again, or chosen again.
func (e erased) covers(key keyName, at time.Time) bool {
	when, found := e[key]
	if found && (strings.HasPrefix(key.record, prefixEnrolled) || strings.HasPrefix(key.record, prefixProfile)) {
		return when.After(at.Add(-ledgerSlack))
	}
	return found
}

// last is when something was erased last, or zero.
func (e erased) last() (last time.Time) {
	for _, at := range e {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// commitErasing commits a batch that deletes the keys of records: first it is
// written down.
func (r room) commitErasing(ctx context.Context, what string, b engine.Batch, records []string) (engine.Committed, error) {
	if err := r.ledger.erasing(r.now(), r.Name, records...); err != nil {
		return engine.Committed{}, err
	}
	done, err := r.commit(ctx, what, b)
	if errors.Is(err, ticket.ErrConflict) || errors.Is(err, ErrSuperseded) {
		err = errors.Join(err, r.ledger.keeping(r.now(), r.Name, records...))
	}
	return done, err
}
