package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"guichet/store/blob"
)

// Pruned is what was removed of old backups.
type Pruned struct {
	// Keys are the backups whose key file was deleted, Whole those of which
	// nothing is left, by their stamps.
	Keys, Whole []string
	// Blobs is how many large contents belonged to none that is left.
	Blobs int
	// Overdue is the newest backup, when it is so old that its keys would go.
	Overdue string
}

// PruneBackups deletes the key files of a directory that are older than keys,
// and everything of backups that are older than whole; 0 deletes none. The key
// file of the newest backup stays: with it, older data opens too, save what was
// erased. A directory that is not there has no backups.
func PruneBackups(ctx context.Context, dir string, now time.Time, keys, whole time.Duration) (p Pruned, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	defer root.Close()
	if p.Keys, err = removeOlder(root, now, keys, backupKeys); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if err := removeUnfinished(root, now); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if p.Overdue, err = overdue(root, now, keys); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if p.Whole, err = removeOlder(root, now, whole, backupData, backupManifest, backupKeys, backupBlobs); err != nil {
		return p, fmt.Errorf("store: old backups: %w", err)
	}
	if len(p.Whole) > 0 {
		p.Blobs, err = pruneBlobs(ctx, root, filepath.Join(dir, backupDir))
	}
	return p, errors.Join(err, syncDir(dir))
}

// removeUnfinished deletes what backups left that were broken off: there are keys
// in it too.
func removeUnfinished(dir *os.Root, now time.Time) error {
	for _, end := range []string{backupData, backupKeys, backupBlobs} {
		all, err := stamps(dir, end+unfinished)
		for _, stamp := range all {
			made, parseErr := time.Parse(backupStamp, stamp)
			if err == nil && parseErr == nil && now.Sub(made) > unfinishedFor {
				err = dir.Remove(backupName(stamp, end+unfinished))
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// overdue gives the newest backup, if its keys are older than they may be kept.
func overdue(dir *os.Root, now time.Time, keep time.Duration) (string, error) {
	all, err := stamps(dir, backupKeys)
	if err != nil || len(all) == 0 || keep <= 0 {
		return "", err
	}
	newest := all[len(all)-1]
	made, err := time.Parse(backupStamp, newest)
	if err != nil || now.Sub(made) <= keep {
		return "", err
	}
	return newest, nil
}

// removeOlder deletes files of backups that are older than keep.
func removeOlder(dir *os.Root, now time.Time, keep time.Duration, ends ...string) (removed []string, err error) {
	all, err := stamps(dir, ends[0])
	if err != nil || keep <= 0 {
		return nil, err
	}
	for i, stamp := range all {
		made, err := time.Parse(backupStamp, stamp)
		if err != nil || now.Sub(made) <= keep || i == len(all)-1 {
			continue
		}
		for _, end := range ends {
			if err := dir.Remove(backupName(stamp, end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return removed, err
			}
		}
		removed = append(removed, stamp)
	}
	return removed, nil
}

// pruneBlobs removes the large contents that no backup names any more.
func pruneBlobs(ctx context.Context, dir *os.Root, path string) (removed int, err error) {
	named := map[string]bool{}
	all, err := stamps(dir, backupBlobs)
	for _, stamp := range all {
		if err == nil {
			err = lines(dir, backupName(stamp, backupBlobs), asJSON, func(b blobLine) error {
				named[b.Name] = true
				return nil
			})
		}
	}
	if err != nil {
		return 0, fmt.Errorf("store: old backups: %w", err)
	}
	files, err := blob.Open(path)
	if err != nil {
		return 0, err
	}
	defer files.Close()
	var gone []string
	for name, err := range files.All(ctx) {
		if err != nil {
			return 0, err
		}
		if !named[name] {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		if err := files.Remove(name); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
