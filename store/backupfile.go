package store

import (
	"bufio"
	"cmp"
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
)

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

// lines reads a file of a backup, a line at a time by read.
func lines[T any](dir *os.Root, name string, read func([]byte) (T, error), give func(T) error) error {
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
	in := bufio.NewReaderSize(unpack, 1<<16)
	var text []byte
	for {
		text, err = nextLine(in, text[:0])
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return nil
		}
		var v T
		if err == nil {
			v, err = read(text)
		}
		if err == nil {
			err = give(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// nextLine appends a line to what it is given.
func nextLine(in *bufio.Reader, text []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

// asJSON reads a line of any kind.
func asJSON[T any](text []byte) (v T, err error) {
	err = json.Unmarshal(text, &v)
	return v, err
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
	err = lines(dir, backupName(all[len(all)-1], backupBlobs), asJSON, func(b blobLine) error {
		known[b.Name] = b
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return known, err
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
			return m, fmt.Errorf("there is no backup in %s", dir.Name())
		}
		stamp = all[len(all)-1]
	}
	text, err := dir.ReadFile(backupName(stamp, backupManifest))
	if errors.Is(err, fs.ErrNotExist) {
		all, _ := stamps(dir, backupManifest)
		return m, fmt.Errorf("there is no backup %s in %s; there is %s", stamp, dir.Name(), cmp.Or(strings.Join(all, ", "), "none"))
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

// verify holds files to what their manifests say.
func verify(dir *os.Root, tell Progress, files ...BackupFile) error {
	read := &reading{tell: tell}
	for _, f := range files {
		read.total += f.Size
	}
	for _, f := range files {
		if err := f.verify(dir, read); err != nil {
			return err
		}
	}
	return nil
}

// reading tells how much of some files was read.
type reading struct {
	tell        Progress
	done, total int64
}

func (r *reading) Write(p []byte) (int, error) {
	r.done += int64(len(p))
	r.tell(int(r.done>>10), int(r.total>>10))
	return len(p), nil
}

func (f BackupFile) verify(dir *os.Root, read *reading) error {
	if f.Name != filepath.Base(f.Name) {
		return fmt.Errorf("%q is no file of a backup", f.Name)
	}
	file, err := dir.Open(f.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, read), file)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s is damaged: it is not what its manifest says", f.Name)
	}
	return nil
}
