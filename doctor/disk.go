package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Space is what is left on a file system.
type Space struct {
	// Device tells file systems apart.
	Device uint64
	// Free and Size are in bytes; FreeFiles and Files count inodes, and are 0
	// where a file system has no bound on them.
	Free, Size, FreeFiles, Files uint64
}

// spaceOf asks the file system of a directory.
func spaceOf(dir string) (Space, error) {
	var fsys unix.Statfs_t
	if err := unix.Statfs(dir, &fsys); err != nil {
		return Space{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	var file unix.Stat_t
	if err := unix.Stat(dir, &file); err != nil {
		return Space{}, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	block := uint64(fsys.Bsize)
	return Space{Device: uint64(file.Dev), Free: fsys.Bavail * block, Size: fsys.Blocks * block, FreeFiles: fsys.Ffree, Files: fsys.Files}, nil
}

// disks looks at what is left, and how long a disk takes to keep something.
func (e *exam) disks(ctx context.Context) []Finding {
	var all []Finding
	var seen []uint64
	for _, d := range e.Dirs {
		at, there := existing(d.Path)
		space, err := e.Space(at)
		if err != nil {
			all = append(all, problem("disk", d.Path, "cannot be looked at: %s", reason(err)))
			continue
		}
		if slices.Contains(seen, space.Device) {
			continue
		}
		seen = append(seen, space.Device)
		all = append(all, e.space(d, space))
		if there {
			all = append(all, e.fsync(ctx, d))
		}
	}
	return all
}

// existing is the directory, or the nearest above it that is there.
func existing(dir string) (at string, there bool) {
	for at = filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return at, at == filepath.Clean(dir)
		}
	}
}

// What must be left: room for the largest mails, and for the store to write
// itself anew.
const (
	littleSpace = 1 << 30
	littleMails = 10 // of the largest size
	fewPercent  = 5
)

func (e *exam) space(d Dir, s Space) Finding {
	const check, remedy = "disk", "make room: mail is answered 451 once it is full"
	least := uint64(littleMails * max(e.MaxSize, 1<<20))
	left := fmt.Sprintf("%s free of %s", amount(s.Free), amount(s.Size))
	files := 100.0
	if s.Files > 0 {
		files = float64(s.FreeFiles) / float64(s.Files) * 100
	}
	switch {
	case s.Free < least:
		return problem(check, d.Path, "%s: %s", d.What, left).so(remedy)
	case files < 1:
		return problem(check, d.Path, "%s: %d files can still be made of %d", d.What, s.FreeFiles, s.Files).so(remedy)
	case s.Free < littleSpace || s.Size > 0 && s.Free < s.Size/100*fewPercent:
		return warning(check, d.Path, "%s: %s", d.What, left).so(remedy)
	case files < fewPercent:
		return warning(check, d.Path, "%s: %d files can still be made of %d", d.What, s.FreeFiles, s.Files).so(remedy)
	}
	return ok(check, d.Path, "%s: %s", d.What, left)
}

// amount is a size for people.
func amount(n uint64) string {
	for _, u := range []struct {
		name   string
		factor uint64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}} {
		if n >= u.factor {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.factor), u.name)
		}
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// slowSync is where the wait of each mail for the disk begins to be felt; a
// disk with a write cache that keeps its word needs about a millisecond.
const slowSync = 50 * time.Millisecond

// fsync measures how long a page takes until it is kept: no mail is answered 250
// before that.
func (e *exam) fsync(ctx context.Context, d Dir) Finding {
	const check = "fsync"
	took, err := e.measureSync(ctx, d.Path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return note(check, d.Path, "was not measured: only the daemon's user may write there")
	case err != nil:
		return problem(check, d.Path, "nothing can be kept there: %s", reason(err)).so("see that the daemon's user may write there")
	case took > slowSync:
		return warning(check, d.Path, "takes %s, and each mail waits for one", took.Round(time.Millisecond)).so("use a disk with a protected write cache, or an SSD")
	}
	return ok(check, d.Path, "takes %s", took.Round(10*time.Microsecond))
}

func (e *exam) measureSync(ctx context.Context, dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	var all []time.Duration
	for range 15 {
		began := e.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		if all = append(all, e.Now().Sub(began)); ctx.Err() != nil {
			break
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}
