//go:build !linux

package main

import "errors"

// peerProcess is known on Linux alone.
func peerProcess(string) (int, error) { return 0, errors.ErrUnsupported }
