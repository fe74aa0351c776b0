package outbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maildir delivers into a directory that mail programs read: for trials and
// tests. A mail is written to tmp, made durable, and appears whole in new.
type maildir struct{ path string }

func (d maildir) send(ctx context.Context, m *outgoing) error {
	m.host = "maildir"
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(d.path, sub), 0o700); err != nil {
			return err
		}
	}
	// The notice's id makes the name unique, and a repeat the same name.
	name := fmt.Sprintf("%d.%s.%s", m.made.Unix(), m.id, strings.NewReplacer("/", "_", ":", "_").Replace(m.hostname))
	temporary, final := filepath.Join(d.path, "tmp", name), filepath.Join(d.path, "new", name)
	if err := d.write(ctx, temporary, m); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	if err := os.Rename(temporary, final); err != nil {
		return err
	}
	return syncDirectory(filepath.Join(d.path, "new"))
}

func (d maildir) write(ctx context.Context, name string, m *outgoing) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(withoutCR{f})
	fmt.Fprintf(w, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", m.from, m.to)
	if err := m.writeTo(ctx, w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// withoutCR writes line ends as files have them. Each CR of ours is part of one.
type withoutCR struct{ w io.Writer }

func (c withoutCR) Write(p []byte) (int, error) {
	kept := make([]byte, 0, len(p))
	for _, b := range p {
		if b != '\r' {
			kept = append(kept, b)
		}
	}
	_, err := c.w.Write(kept)
	return len(p), err
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems cannot sync a directory, and say so.
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
