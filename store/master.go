package store

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"guichet/store/engine"
)

// master is the key outside the store under which all its keys are wrapped.
type master struct {
	// id tells which master key wrapped a key, and nothing about it.
	id   string
	wrap key
}

// masterLine begins the one line of a master key file that counts.
const masterLine = "guichet-master-key-1 "

// masterFileOf is where the master key of a store is.
func masterFileOf(opt Options) string {
	return cmp.Or(opt.MasterKey, filepath.Join(opt.Data, "master.key"))
}

// masterOf reads the master key of a store, or makes it for a store that is to
// be founded. For one that is there a new key would open nothing.
func masterOf(ctx context.Context, e engine.Engine, path string, attach bool) (master, error) {
	m, missing := readMaster(path)
	if !errors.Is(missing, fs.ErrNotExist) {
		return m, missing
	}
	answers, err := e.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: []string{fieldMaster}})
	if err != nil {
		return master{}, fmt.Errorf("store: reading its keys: %w", err)
	}
	if len(answers[0].Rows[0].Fields) == 0 && !attach {
		return createMaster(path)
	}
	if m, err := readMaster(path); err == nil {
		return m, nil // another daemon founds the store in this moment
	}
	return master{}, fmt.Errorf("%w; nothing in this store can be read without the key that it was made with", missing)
}

// ensureMaster reads a master key file, or makes it when there is none.
func ensureMaster(path string) (master, error) {
	m, err := readMaster(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createMaster(path)
	}
	return m, err
}

// readMaster reads a master key file.
func readMaster(path string) (master, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return master{}, fmt.Errorf("store: master key: %w", err)
	}
	if err := PrivateFile(path); err != nil {
		return master{}, fmt.Errorf("store: master key: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		encoded, found := strings.CutPrefix(strings.TrimSpace(line), masterLine)
		if !found {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || len(raw) != len(key{}) {
			break
		}
		return deriveMaster(key(raw)), nil
	}
	return master{}, fmt.Errorf("store: master key: %s holds none", path)
}

// PrivateFile refuses the file of a key that everybody on the machine may read or change, or
// whose directory lets everybody exchange it. A group may read it: the
// administrator has chosen who is of it.
func PrivateFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o027 != 0 {
		return fmt.Errorf("others on this machine may read or change %s (its mode is %04o); chmod 600 %[1]s", path, info.Mode().Perm())
	}
	dir := filepath.Dir(path)
	if info, err = os.Stat(dir); err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody on this machine may put another key into %s (its mode is %04o); chmod 700 %[1]s", dir, info.Mode().Perm())
	}
	return nil
}

// createMaster writes a new key. Two daemons that begin at once end with the
// same one: the link fails for the second, who then reads the first's.
func createMaster(path string) (master, error) {
	k := newKey()
	text := "# Everything personal in Guichet's store is sealed under this key.\n" +
		"# Keep a copy elsewhere: without it the store cannot be read by anybody.\n" +
		masterLine + base64.StdEncoding.EncodeToString(k[:]) + "\n"
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return master{}, fmt.Errorf("store: master key: %w", err)
	}
	if err := writeOnce(dir, path, text); errors.Is(err, fs.ErrExist) {
		return readMaster(path)
	} else if err != nil {
		return master{}, fmt.Errorf("store: master key: %w", err)
	}
	return deriveMaster(k), nil
}

// writeOnce makes a file appear whole, durable, and only if there is none.
func writeOnce(dir, path, text string) error {
	temp, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(text)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func deriveMaster(k key) master {
	return master{
		id:   hex.EncodeToString(derive(k, "guichet master id"))[:16],
		wrap: key(derive(k, "guichet master wrap")),
	}
}

// derive gives 32 bytes for one purpose (RFC 5869).
func derive(k key, purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k[:], nil, purpose, 32)
	if err != nil {
		panic("store: " + err.Error()) // only for impossible lengths
	}
	return out
}
