package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
)

// A backup takes files as they lie, sealed, and puts them back.

// OpenSealed opens the file of a blob as it lies, and gives its size. It gives
// ErrGone when there is none.
func (d *Dir) OpenSealed(name string) (io.ReadCloser, int64, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrGone
	}
	if err != nil {
		return nil, 0, fmt.Errorf("blob: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("blob: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

// Size is that of the file of a blob; ok is false when there is none.
func (d *Dir) Size(name string) (size int64, ok bool) {
	info, err := d.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// PutSealed keeps a file that OpenSealed gave. When it returns, the file is
// durable and complete.
func (d *Dir) PutSealed(ctx context.Context, name string, r io.Reader) (err error) {
	dir := path.Dir(name)
	if err := d.makeDirs(dir); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	temp := path.Join(dir, tempPrefix+rand.Text())
	if err = d.copy(ctx, temp, r); err == nil {
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		_ = d.root.Remove(temp)
		return fmt.Errorf("blob: copying: %w", err)
	}
	return d.sync(dir)
}

func (d *Dir) copy(ctx context.Context, name string, r io.Reader) (err error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, reader{ctx, r}); err != nil {
		return err
	}
	return f.Sync()
}

// All gives the names of all files, also of those whose writing was broken off.
func (d *Dir) All(ctx context.Context) iter.Seq2[string, error] {
	return d.walk(ctx, func(fs.FileInfo) bool { return true })
}
