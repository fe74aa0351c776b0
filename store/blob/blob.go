// Package blob keeps large contents as sealed files in a directory. Contents
// stream: neither writing nor reading holds more than some chunks in memory.
package blob

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"time"
)

// Dir is a directory of blobs. Its methods may be called at the same time, also
// by several daemons on a directory that they share.
type Dir struct{ root *os.Root }

// ErrGone is what a blob gives that is not there, or no more.
var ErrGone = errors.New("blob: gone")

// Open opens a directory, or makes it with mode 0700.
func Open(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return &Dir{root}, nil
}

// Close lets go of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Put keeps what r holds under a name with slashes that no file had before,
// sealed under the key and bound to bind. When it returns, the file is durable and
// complete. It gives how many bytes r held.
func (d *Dir) Put(ctx context.Context, name string, key [32]byte, bind []byte, r io.Reader) (n int64, err error) {
	err = d.create(name, func(w io.Writer) error {
		n, err = seal(w, key, bind, reader{ctx, r})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("blob: writing: %w", err)
	}
	return n, nil
}

// PutPacked is Put for a content that is packed already, as one zstd frame with a
// window of at most maxWindow.
func (d *Dir) PutPacked(name string, key [32]byte, bind, frame []byte) error {
	err := d.create(name, func(w io.Writer) error { return sealPacked(w, key, bind, frame) })
	if err != nil {
		return fmt.Errorf("blob: writing: %w", err)
	}
	return nil
}

// create makes a new file durable. It has its name from the start, which nobody
// looks for before this returns: so the directory has one change to write and not
// three, and file systems with a journal write it together with the file.
func (d *Dir) create(name string, write func(io.Writer) error) (err error) {
	dir, err := d.open(path.Dir(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := fill(dir, path.Base(name), write); err != nil {
		return err
	}
	return syncDir(dir, ".")
}

// tempPrefix begins the names of files that are still being replaced.
const tempPrefix = ".writing-"

// replace makes a file durable under a name that another may have, and never a
// part of one.
func (d *Dir) replace(name string, write func(io.Writer) error) (err error) {
	dir, err := d.open(path.Dir(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	temp := tempPrefix + rand.Text()
	if err := fill(dir, temp, write); err != nil {
		return err
	}
	if err := dir.Rename(temp, path.Base(name)); err != nil {
		_ = dir.Remove(temp)
		return err
	}
	return syncDir(dir, ".")
}

// open opens one of the directories, and makes it first if it has to.
func (d *Dir) open(dir string) (*os.Root, error) {
	opened, err := d.root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.makeDirs(dir); err != nil {
			return nil, err
		}
		return d.root.OpenRoot(dir)
	}
	return opened, err
}

// makeDirs makes directories and their names durable.
func (d *Dir) makeDirs(dir string) error {
	err := d.root.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist) && dir != ".":
		if err := d.makeDirs(path.Dir(dir)); err != nil {
			return err
		}
		return d.makeDirs(dir)
	case err != nil:
		return err
	}
	return syncDir(d.root, path.Dir(dir))
}

func syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fill makes a new file durable, but for its name; one that cannot be completed
// is removed.
func fill(dir *os.Root, name string, write func(io.Writer) error) (err error) {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = dir.Remove(name)
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	return f.Sync()
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// Get opens a blob of that many bytes. Reading gives an error instead of a
// wrong or short content.
func (d *Dir) Get(name string, key [32]byte, bind []byte, size int64) (io.ReadCloser, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	r, err := unseal(f, key, bind, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Remove forgets a blob. One that is not there is no error.
func (d *Dir) Remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: removing: %w", err)
	}
	return nil
}

// Old gives the names of the files that were last written before a time, also
// of those whose writing was broken off.
func (d *Dir) Old(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return d.walk(ctx, func(info fs.FileInfo) bool { return info.ModTime().Before(before) })
}

// walk gives the names of the files that are wanted.
func (d *Dir) walk(ctx context.Context, wanted func(fs.FileInfo) bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
			}
			if err != nil {
				return err
			}
			if wanted(info) && !yield(name, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", fmt.Errorf("blob: %w", err))
		}
	}
}

// Broken reports whether a name that Old gave is of a file that was never
// completed.
func Broken(name string) bool { return strings.HasPrefix(path.Base(name), tempPrefix) }

var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewMark draws what keeps two files of one blob apart: 18 characters. Earlier ones
// were 16, by which the store knows where their files are.
func NewMark() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return lower.EncodeToString(b[:])
}
