package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guichet/store/blob"
	"guichet/store/engine"
)

// A backup is four files in a directory, named after when it was begun:
//
//	guichet-20260302T090000Z.data    everything but keys, sealed as it lies
//	guichet-20260302T090000Z.keys    the wrapped keys of tickets and sites
//	guichet-20260302T090000Z.blobs   which large contents belong to it
//	guichet-20260302T090000Z.json    the manifest, written last
//
// Beside them, blobs holds the large contents of all backups, each once, and
// erased.ledger what was erased until the last of them. The first three are
// lines of JSON under zstd.
//
// Data without keys is noise, so a backup is forgotten by deleting its key file:
// what was erased since is in no later one, and everything else still opens with
// a later one. The master key is in none of them.
//
// Daemons go on while it is made. Each ticket is whole and of one moment, with
// its key; two tickets may be of two moments within the time that it took. What
// was made meanwhile may be missing, as if it had been made after.
const (
	backupPrefix   = "guichet-"
	backupData     = ".data"
	backupKeys     = ".keys"
	backupBlobs    = ".blobs"
	backupManifest = ".json"
	backupStamp    = "20060102T150405Z"
	backupDir      = "blobs"
	backupLedger   = "erased.ledger"
	backupFormat   = 1
)

// Manifest says what a backup holds.
type Manifest struct {
	Format int `json:"format"`
	// Schema is the version of the store; 0, in older backups, is one that every
	// program knows that reads this.
	Schema int       `json:"schema"`
	Stamp  string    `json:"stamp"`
	Begun  time.Time `json:"begun"`
	Ended  time.Time `json:"ended"`
	// MasterKey is the id of the master key that wraps the keys.
	MasterKey string `json:"master_key"`
	// Data, Keys and Blobs are its files.
	Data  BackupFile `json:"data"`
	Keys  BackupFile `json:"keys"`
	Blobs BackupFile `json:"blobs"`
	// BlobBytes is how much the large contents take; Copied is how many of them
	// were not in the directory yet.
	BlobBytes int64 `json:"blob_bytes"`
	Copied    int   `json:"copied"`
	// Sites are how many tickets each has.
	Sites map[string]int `json:"sites"`
}

// BackupFile is one file of a backup.
type BackupFile struct {
	Name string `json:"name"`
	// Lines is how many things it holds: fields and entries, keys, or contents.
	Lines  int    `json:"lines"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// blobLine is one large content of a backup.
type blobLine struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// isKey reports whether an item of a store is a wrapped key, or says which
// master key wraps them.
func isKey(item engine.Item) bool {
	switch {
	case item.Space == global:
		return item.Record == recordKeys
	case item.Record == recordInUse:
		return item.Name == fieldWrap
	}
	return item.Index == "" && item.Name == fieldKey
}

// leftOut reports whether an item is of no use to another store.
func leftOut(item engine.Item) bool {
	return item.Space.Volatile() || mark(item) || strings.HasPrefix(item.Record, recordChore(""))
}

// backup is one that is being made.
type backup struct {
	*Store
	dir               *os.Root
	path              string
	at                time.Time
	data, keys, blobs *backupWriter
	files             *blob.Dir
	known             map[string]blobLine // of the backup before
	manifest          Manifest
	progress          Progress
	tickets, total    int
	seen              int     // things of any kind
	ticket            keyName // the last one seen
}

// backupTries is how often a backup is begun again because keys changed while it
// was made: it would hold some of before and some of after.
const backupTries = 3

var errKeysChanged = errors.New("store: backup: keys changed while it was made; make it again when that is over")

// Backup writes the whole store into a directory, which it makes, while daemons
// go on. What an earlier one left there of large contents is not written again.
func (s *Store) Backup(ctx context.Context, dir string, progress Progress) (m Manifest, err error) {
	for range backupTries {
		if m, err = s.backUp(ctx, dir, progress); !errors.Is(err, errKeysChanged) {
			break
		}
	}
	return m, err
}

func (s *Store) backUp(ctx context.Context, dir string, progress Progress) (m Manifest, err error) {
	before, err := s.keysNow(ctx)
	if err != nil {
		return m, err
	}
	b, err := s.beginBackup(ctx, dir, progress)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for item, err := range s.engine.Dump(ctx) {
		if err == nil && !leftOut(item) {
			err = b.add(ctx, item)
		}
		if err != nil {
			return m, fmt.Errorf("store: backup: %w", err)
		}
	}
	after, err := s.keysNow(ctx)
	if err == nil && after != before {
		err = errKeysChanged
	}
	if err != nil {
		return m, err
	}
	return b.finish()
}

// keysNow tells apart which keys there are, and which are in use. It gives
// ErrRenewing while names change, and ErrSuperseded once a newer program has begun
// with a site.
func (s *Store) keysNow(ctx context.Context) (string, error) {
	rooms, err := s.writtenSites(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(rooms, func(a, b room) int { return strings.Compare(a.Name, b.Name) })
	h, all := sha256.New(), ""
	names, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Names: &all})
	if err != nil {
		return "", fmt.Errorf("store: reading keys: %w", err)
	}
	slices.Sort(names[0].Names)
	keys, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: names[0].Names})
	if err != nil {
		return "", fmt.Errorf("store: reading keys: %w", err)
	}
	for _, name := range names[0].Names {
		h.Write(appendPart(nil, name))
		h.Write(appendPart(nil, string(keys[0].Rows[0].Fields[name])))
	}
	for _, r := range rooms {
		fresh, err := r.renew()
		if err != nil {
			return "", err
		}
		if _, underWay, _ := fresh.use.looksRenewed(); underWay {
			return "", fmt.Errorf("%w (site %s)", ErrRenewing, r.Name)
		}
		if err := r.stillOurs(ctx); err != nil {
			return "", err
		}
		h.Write(appendPart(nil, string(fresh.use.look)))
	}
	return string(h.Sum(nil)), nil
}

func (s *Store) beginBackup(ctx context.Context, path string, progress Progress) (*backup, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("store: backup: %w", err)
	}
	at := s.now().UTC().Truncate(time.Second)
	b := &backup{Store: s, path: path, at: at, progress: progress}
	if b.progress == nil {
		b.progress = func(int, int) {}
	}
	b.manifest = Manifest{Format: backupFormat, Schema: schemaVersion, Stamp: at.Format(backupStamp), Begun: at, MasterKey: s.secrets.master.Load().id, Sites: map[string]int{}}
	for name := range *s.sites.Load() {
		counts, err := s.Counts(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, n := range counts.Tickets {
			b.total += n
		}
	}
	var err error
	if b.dir, err = os.OpenRoot(path); err != nil {
		return nil, fmt.Errorf("store: backup: %w", err)
	}
	if err := b.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("store: backup: %w", err), b.close())
	}
	return b, nil
}

func (b *backup) open() (err error) {
	if _, err := b.dir.Stat(backupName(b.manifest.Stamp, backupManifest)); err == nil {
		return fmt.Errorf("there is one of this second already: %s", b.manifest.Stamp)
	}
	if b.files, err = blob.Open(filepath.Join(b.path, backupDir)); err != nil {
		return err
	}
	if b.known, err = lastBlobs(b.dir); err != nil {
		return err
	}
	for _, part := range []struct {
		w   **backupWriter
		end string
	}{{&b.data, backupData}, {&b.keys, backupKeys}, {&b.blobs, backupBlobs}} {
		if *part.w, err = newBackupWriter(b.dir, backupName(b.manifest.Stamp, part.end)); err != nil {
			return err
		}
	}
	return nil
}

func backupName(stamp, end string) string { return backupPrefix + stamp + end }

// close removes what was not finished.
func (b *backup) close() error {
	var err error
	for _, w := range []*backupWriter{b.data, b.keys, b.blobs} {
		if w != nil {
			err = errors.Join(err, w.abandon())
		}
	}
	if b.files != nil {
		err = errors.Join(err, b.files.Close())
	}
	return errors.Join(err, b.dir.Close())
}

// add writes an item into the file where it belongs.
func (b *backup) add(ctx context.Context, item engine.Item) error {
	line := backupLine{Item: item}
	if item.Left > 0 {
		expires := b.now().UTC().Add(item.Left)
		line.Expires, line.Left = &expires, 0
	}
	if isKey(item) {
		return b.keys.line(line)
	}
	if err := b.data.line(line); err != nil {
		return err
	}
	if strings.HasPrefix(item.Name, prefixBlobField) {
		if mark, _, ok := filed(item.Value); ok {
			if err := b.addBlob(ctx, fileName(string(item.Space), item.Record, item.Name, mark)); err != nil {
				return err
			}
		}
	}
	is := keyName{item.Space, item.Record}
	another := is != b.ticket && strings.HasPrefix(item.Record, prefixTicket)
	if another {
		b.ticket = is
		b.tickets++
		b.manifest.Sites[string(item.Space)]++
	}
	if b.seen++; another || b.seen%toldEvery == 0 {
		b.progress(min(b.tickets, b.total), b.total+1)
	}
	return nil
}

// addBlob copies a large content, if an earlier backup has not. One that is gone
// was removed in the same moment.
func (b *backup) addBlob(ctx context.Context, name string) error {
	r, size, err := b.Store.blobs.OpenSealed(name)
	if errors.Is(err, blob.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	line := b.known[name]
	if has, there := b.files.Size(name); !there || has != size || line.Size != size {
		h := sha256.New()
		if err := b.files.PutSealed(ctx, name, io.TeeReader(r, h)); err != nil {
			return err
		}
		line = blobLine{name, size, hex.EncodeToString(h.Sum(nil))}
		b.manifest.Copied++
	}
	b.manifest.BlobBytes += size
	return b.blobs.line(line)
}

// finish makes the files durable, the manifest last: with it, the backup is one.
func (b *backup) finish() (Manifest, error) {
	m := &b.manifest
	fail := func(err error) (Manifest, error) { return Manifest{}, fmt.Errorf("store: backup: %w", err) }
	var err error
	for _, part := range []struct {
		w    *backupWriter
		file *BackupFile
	}{{b.data, &m.Data}, {b.blobs, &m.Blobs}, {b.keys, &m.Keys}} {
		if *part.file, err = part.w.finish(); err != nil {
			return fail(err)
		}
	}
	known, err := readLedger(b.ledger.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := (ledger{filepath.Join(b.path, backupLedger)}).merge(known); err != nil {
		return fail(err)
	}
	m.Ended = b.now().UTC()
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fail(err)
	}
	name := backupName(m.Stamp, backupManifest)
	if err := writeOnce(b.path, filepath.Join(b.path, name), string(text)+"\n"); err != nil {
		return fail(err)
	}
	b.progress(b.total+1, b.total+1)
	return *m, nil
}
