package store

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

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
	Format int       `json:"format"`
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

// backupLine is one field or entry of a backup's data or keys.
type backupLine struct {
	engine.Item
	// Expires is when the record vanishes; Left counts from no known time.
	Expires *time.Time `json:"expires,omitempty"`
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
	if item.Space == global {
		return item.Record == recordKeys
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
	ticket            keyName // the last one seen
}

// Backup writes the whole store into a directory, which it makes, while daemons
// go on. What an earlier one left there of large contents is not written again.
func (s *Store) Backup(ctx context.Context, dir string, progress Progress) (m Manifest, err error) {
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
	return b.finish()
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
	b.manifest = Manifest{Format: backupFormat, Stamp: at.Format(backupStamp), Begun: at, MasterKey: s.secrets.master.Load().id, Sites: map[string]int{}}
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
	if is := (keyName{item.Space, item.Record}); is != b.ticket && strings.HasPrefix(item.Record, prefixTicket) {
		b.ticket = is
		b.tickets++
		b.manifest.Sites[string(item.Space)]++
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

// backupWriter writes lines of JSON under zstd, and knows what it wrote.
type backupWriter struct {
	dir   *os.Root
	name  string
	file  *os.File
	buf   *bufio.Writer
	pack  *zstd.Encoder
	json  *json.Encoder
	sum   hash.Hash
	lines int
}

// unfinished ends the name of a file until it is complete.
const unfinished = ".unfinished"

// unfinishedFor is how long a backup may take.
const unfinishedFor = 24 * time.Hour

func newBackupWriter(dir *os.Root, name string) (*backupWriter, error) {
	f, err := dir.OpenFile(name+unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	w := &backupWriter{dir: dir, name: name, file: f, sum: sha256.New()}
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 1<<18)
	if w.pack, err = zstd.NewWriter(w.buf, zstd.WithEncoderConcurrency(2)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w.json = json.NewEncoder(w.pack)
	w.json.SetEscapeHTML(false)
	return w, nil
}

func (w *backupWriter) line(v any) error {
	w.lines++
	return w.json.Encode(v)
}

func (w *backupWriter) finish() (BackupFile, error) {
	err := errors.Join(w.pack.Close(), w.buf.Flush())
	info, statErr := w.file.Stat()
	err = errors.Join(err, statErr, w.file.Sync(), w.file.Close())
	w.file = nil
	if err == nil {
		err = w.dir.Rename(w.name+unfinished, w.name)
	}
	if err != nil {
		return BackupFile{}, err
	}
	return BackupFile{Name: w.name, Lines: w.lines, Size: info.Size(), SHA256: hex.EncodeToString(w.sum.Sum(nil))}, nil
}

func (w *backupWriter) abandon() error {
	if w.file == nil {
		return nil
	}
	_ = w.pack.Close()
	return errors.Join(w.file.Close(), w.dir.Remove(w.name+unfinished))
}

// lines reads a file of a backup.
func lines[T any](dir *os.Root, name string, give func(T) error) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	unpack, err := zstd.NewReader(bufio.NewReaderSize(f, 1<<18), zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return err
	}
	defer unpack.Close()
	in := json.NewDecoder(unpack)
	for {
		var v T
		err := in.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = give(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// stamps gives the backups whose files end so, the oldest first.
func stamps(dir *os.Root, end string) ([]string, error) {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		stamp, is := strings.CutPrefix(e.Name(), backupPrefix)
		stamp, ends := strings.CutSuffix(stamp, end)
		if _, err := time.Parse(backupStamp, stamp); is && ends && err == nil {
			out = append(out, stamp)
		}
	}
	slices.Sort(out)
	return out, nil
}

// lastBlobs are the large contents of the newest backup that is there.
func lastBlobs(dir *os.Root) (map[string]blobLine, error) {
	all, err := stamps(dir, backupManifest)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	known := map[string]blobLine{}
	err = lines(dir, backupName(all[len(all)-1], backupBlobs), func(b blobLine) error {
		known[b.Name] = b
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return known, err
}

// Pruned is what was removed of old backups.
type Pruned struct {
	// Keys are the backups whose key file was deleted, Whole those of which
	// nothing is left, by their stamps.
	Keys, Whole []string
	// Blobs is how many large contents belonged to none that is left.
	Blobs int
	// Overdue is the newest backup, when it is so old that its keys would go.
	Overdue string
}

// PruneBackups deletes the key files of a directory that are older than keys,
// and everything of backups that are older than whole; 0 deletes none. The key
// file of the newest backup stays: with it, older data opens too, save what was
// erased. A directory that is not there has no backups.
func PruneBackups(ctx context.Context, dir string, now time.Time, keys, whole time.Duration) (p Pruned, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	defer root.Close()
	if p.Keys, err = removeOlder(root, now, keys, backupKeys); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if err := removeUnfinished(root, now); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if p.Overdue, err = overdue(root, now, keys); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if p.Whole, err = removeOlder(root, now, whole, backupData, backupManifest, backupKeys, backupBlobs); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if len(p.Whole) > 0 {
		p.Blobs, err = pruneBlobs(ctx, root, filepath.Join(dir, backupDir))
	}
	return p, errors.Join(err, syncDir(dir))
}

// removeUnfinished deletes what backups left that were broken off: there are keys
// in it too.
func removeUnfinished(dir *os.Root, now time.Time) error {
	for _, end := range []string{backupData, backupKeys, backupBlobs} {
		all, err := stamps(dir, end+unfinished)
		for _, stamp := range all {
			made, parseErr := time.Parse(backupStamp, stamp)
			if err == nil && parseErr == nil && now.Sub(made) > unfinishedFor {
				err = dir.Remove(backupName(stamp, end+unfinished))
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// overdue gives the newest backup, if its keys are older than they may be kept.
func overdue(dir *os.Root, now time.Time, keep time.Duration) (string, error) {
	all, err := stamps(dir, backupKeys)
	if err != nil || len(all) == 0 || keep <= 0 {
		return "", err
	}
	newest := all[len(all)-1]
	made, err := time.Parse(backupStamp, newest)
	if err != nil || now.Sub(made) <= keep {
		return "", err
	}
	return newest, nil
}

// removeOlder deletes files of backups that are older than keep.
func removeOlder(dir *os.Root, now time.Time, keep time.Duration, ends ...string) (removed []string, err error) {
	all, err := stamps(dir, ends[0])
	if err != nil || keep <= 0 {
		return nil, err
	}
	for i, stamp := range all {
		made, err := time.Parse(backupStamp, stamp)
		if err != nil || now.Sub(made) <= keep || i == len(all)-1 {
			continue
		}
		for _, end := range ends {
			if err := dir.Remove(backupName(stamp, end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return removed, err
			}
		}
		removed = append(removed, stamp)
	}
	return removed, nil
}

// pruneBlobs removes the large contents that no backup names any more.
func pruneBlobs(ctx context.Context, dir *os.Root, path string) (removed int, err error) {
	named := map[string]bool{}
	all, err := stamps(dir, backupBlobs)
	for _, stamp := range all {
		if err == nil {
			err = lines(dir, backupName(stamp, backupBlobs), func(b blobLine) error {
				named[b.Name] = true
				return nil
			})
		}
	}
	if err != nil {
		return 0, fmt.Errorf("store: old backups: %w", err)
	}
	files, err := blob.Open(path)
	if err != nil {
		return 0, err
	}
	defer files.Close()
	var gone []string
	for name, err := range files.All(ctx) {
		if err != nil {
			return 0, err
		}
		if !named[name] {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		if err := files.Remove(name); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// readManifest reads what a backup says of itself; without a stamp that of the
// newest.
func readManifest(dir *os.Root, stamp string) (m Manifest, err error) {
	if stamp == "" {
		all, err := stamps(dir, backupManifest)
		if err != nil {
			return m, err
		}
		if len(all) == 0 {
			return m, errors.New("there is no backup here")
		}
		stamp = all[len(all)-1]
	}
	text, err := dir.ReadFile(backupName(stamp, backupManifest))
	if errors.Is(err, fs.ErrNotExist) {
		all, _ := stamps(dir, backupManifest)
		return m, fmt.Errorf("there is no backup %s here; there is %s", stamp, cmp.Or(strings.Join(all, ", "), "none"))
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("manifest of %s: %w", stamp, err)
	}
	if m.Format != backupFormat || m.Stamp != stamp {
		return m, fmt.Errorf("manifest of %s: it is of another kind, perhaps of a newer guichet", stamp)
	}
	return m, nil
}

// verify holds a file to what its manifest says.
func (f BackupFile) verify(dir *os.Root) error {
	if f.Name != filepath.Base(f.Name) {
		return fmt.Errorf("%q is no file of a backup", f.Name)
	}
	file, err := dir.Open(f.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s is damaged: it is not what its manifest says", f.Name)
	}
	return nil
}
