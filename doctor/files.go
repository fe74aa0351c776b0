package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// files looks who may read keys and data, and reminds of what must be kept
// elsewhere.
func (e *exam) files(context.Context) []Finding {
	all := e.data()
	for _, s := range e.Secrets {
		all = append(all, secret(s))
	}
	return append(all, e.masterKey())
}

// data looks at the directory of the daemon and at whose the files in it are.
func (e *exam) data() []Finding {
	const check = "data"
	info, err := os.Stat(e.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{note(check, e.Data, "is not there yet; guichet serve makes it")}
	case err != nil:
		return []Finding{problem(check, e.Data, "cannot be looked at: %s", reason(err))}
	case !info.IsDir():
		return []Finding{problem(check, e.Data, "is no directory").so("set data to a directory")}
	case info.Mode().Perm()&0o077 != 0:
		return []Finding{problem(check, e.Data, "is open to others (%04o)", info.Mode().Perm()).so("run:").publish("chmod 700 " + shell(e.Data))}
	}
	entries, err := os.ReadDir(e.Data)
	if err != nil {
		return []Finding{note(check, e.Data, "only its owner may look into it; ask again as that user")}
	}
	var strange []string
	for _, entry := range entries {
		if inside, err := entry.Info(); err == nil && owner(inside) != owner(info) {
			strange = append(strange, entry.Name())
		}
	}
	if len(strange) > 0 {
		return []Finding{problem(check, e.Data, "holds files of another user, which the daemon may not be able to write: %s", strings.Join(strange, ", ")).
			so("run:").publish("chown -R --reference=" + shell(e.Data) + " " + shell(e.Data))}
	}
	return []Finding{ok(check, e.Data, "is its owner's alone")}
}

func owner(info fs.FileInfo) uint32 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Uid
	}
	return 0
}

// secret looks who may read a key.
func secret(s Secret) Finding {
	const check = "key"
	info, err := os.Stat(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem(check, s.Path, "%s is not there", s.What).so("put it there, or correct the setting")
	case err != nil:
		return problem(check, s.Path, "%s cannot be looked at: %s", s.What, reason(err))
	}
	mode := info.Mode().Perm()
	may := fs.FileMode(0o600)
	if s.Group {
		may = 0o640
	}
	if mode&^(may|0o100) != 0 {
		return problem(check, s.Path, "%s is open to others (%04o)", s.What, mode).so("run:").publish("chmod " + map[bool]string{true: "640 ", false: "600 "}[s.Group] + shell(s.Path))
	}
	return ok(check, s.Path, "%s is closed to others (%04o)", s.What, mode)
}

// masterKey reminds of the copy. Nothing here can see whether there is one.
func (e *exam) masterKey() Finding {
	const check = "key"
	info, err := os.Stat(e.MasterKey)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (e.Store.Founded || e.Store.Redis):
		return problem(check, e.MasterKey, "the master key is not there; without it the store cannot be read").so("put back the copy that you kept; a store that is new makes its own")
	case errors.Is(err, fs.ErrNotExist):
		return note(check, e.MasterKey, "the master key is not there yet; it is made with the store").so("then keep a copy on another machine")
	case err != nil:
		return problem(check, e.MasterKey, "the master key cannot be looked at: %s", reason(err))
	case info.Mode().Perm()&0o037 != 0: // its group may be the daemon's alone
		return problem(check, e.MasterKey, "the master key is open to others (%04o)", info.Mode().Perm()).so("run:").publish("chmod 600 " + shell(e.MasterKey))
	}
	return note(check, e.MasterKey, "the master key is closed to others; is there a copy on another machine?").so("without it nobody can read the store, you included")
}

// shell is a path as a shell takes it.
func shell(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// clockByFiles compares our clock with files that it must be younger than. That
// finds a clock that fell back, as after a flat battery, and no more.
func (e *exam) clockByFiles() Finding {
	const check = "clock"
	now := e.Now()
	newest, name := time.Time{}, ""
	entries, _ := os.ReadDir(e.Data)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.ModTime().After(newest) {
			newest, name = info.ModTime(), entry.Name()
		}
	}
	if newest.Sub(now) > offTime {
		return problem(check, filepath.Join(e.Data, name), "was written %s after now, so the clock of this machine fell back", newest.Sub(now).Round(time.Second)).so("set the clock: timedatectl set-ntp true")
	}
	return note(check, now.UTC().Format("2006-01-02 15:04:05 MST"), "there is no other clock here to compare with").so("timedatectl tells whether NTP keeps it")
}
