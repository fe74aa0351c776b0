//go:build !linux

package bolt

import "os"

// datasync returns when what the file holds is on the disk.
func datasync(f *os.File) error { return f.Sync() }
