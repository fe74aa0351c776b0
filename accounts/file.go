package accounts

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"guichet/ticket"
)

// largestFile bounds what is read: some million addresses.
const largestFile = 64 << 20

// file is a list of addresses and domains.
type file struct {
	path string

	mu sync.Mutex
	// as is the file as it was read.
	as    stamp
	lines map[string]bool // keys of addresses, and domains behind @
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

// known is directory's. The file is read again when it has changed.
func (f *file) known(_ context.Context, who ticket.Address) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return false, err
	}
	return f.lines[who.Key()] || f.lines["@"+who.Domain()], nil
}

func (f *file) refresh() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	now := stamp{info.ModTime(), info.Size()}
	if f.lines != nil && f.as == now {
		return nil
	}
	switch {
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrInvalid}
	case now.size > largestFile:
		return fmt.Errorf("%s has more than %d bytes", f.path, largestFile)
	}
	opened, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer opened.Close()
	lines, err := readLines(io.LimitReader(opened, largestFile))
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.as, f.lines = now, lines
	return nil
}

// readLines reads one address or @domain a line. Empty lines and those that
// begin with # are left out, and so is what is neither: one slip in a list of
// thousands does not turn the others away.
func readLines(r io.Reader) (map[string]bool, error) {
	lines := map[string]bool{}
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		text := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff"))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if domain, ok := strings.CutPrefix(text, "@"); ok {
			if a, err := ticket.ParseAddress("x@" + domain); err == nil {
				lines["@"+a.Domain()] = true
			}
			continue
		}
		if a, err := ticket.ParseAddress(text); err == nil {
			lines[a.Key()] = true
		}
	}
	return lines, scanner.Err()
}
