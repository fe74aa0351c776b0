package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneDiskIsToldOnce, whatever lies on it; and one that is not made yet is
// looked at where it will be.
func TestOneDiskIsToldOnce(t *testing.T) {
	w := perfect(t)
	device := uint64(0)
	w.Space = func(string) (Space, error) {
		return Space{Device: device, Free: 50 << 30, Size: 100 << 30}, nil
	}
	w.Dirs = []Dir{{"data", w.Data}, {"blobs", w.path("blobs")}}
	e := &exam{Outside: w.Outside, Installation: w.Installation}
	if all := e.disks(t.Context()); len(all) != 2 || all[0].Check != "disk" || all[1].Check != "fsync" {
		t.Errorf("one device: %+v", all)
	}
	w.Space = func(string) (Space, error) {
		device++
		return Space{Device: device, Free: 50 << 30, Size: 100 << 30}, nil
	}
	e.Outside = w.Outside
	if all := e.disks(t.Context()); len(all) != 3 || all[2].Subject != w.path("blobs") {
		t.Errorf("two devices: %+v", all)
	}
	if left, err := filepath.Glob(filepath.Join(w.Data, ".doctor-*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %s (%v)", left, err)
	}
}

func TestSpaceOfThisMachine(t *testing.T) {
	space, err := spaceOf(t.TempDir())
	if err != nil || space.Size == 0 || space.Free > space.Size {
		t.Errorf("%+v, %v", space, err)
	}
	if _, err := spaceOf(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a directory that is not there has space")
	}
}

// TestFilesOfAnotherUser: what root left behind stops the daemon.
func TestFilesOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	w := perfect(t)
	w.write(t, "data/guichet.db", "")
	if err := os.Chown(filepath.Join(w.Data, "guichet.db"), 12345, -1); err != nil {
		t.Fatal(err)
	}
	e := &exam{Outside: w.Outside, Installation: w.Installation}
	if f := e.data()[0]; f.State != Problem || !strings.Contains(f.What, "guichet.db") || !strings.HasPrefix(f.Record, "chown ") {
		t.Errorf("%+v", f)
	}
}
