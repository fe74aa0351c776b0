package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
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
func (d *Dir) PutSealed(ctx context.Context, name string, r io.Reader) error {
	err := d.replace(name, func(w io.Writer) error {
		_, err := io.Copy(w, reader{ctx, r})
		return err
	})
	if err != nil {
		return fmt.Errorf("blob: copying: %w", err)
	}
	return nil
}

// All gives the names of all files, also of those whose writing was broken off.
func (d *Dir) All(ctx context.Context) iter.Seq2[string, error] {
	return d.walk(ctx, func(fs.FileInfo) bool { return true })
}
