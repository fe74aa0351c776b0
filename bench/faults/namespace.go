//go:build linux

package main

// inOwnNamespace does it all again where mounts are our own.
func inOwnNamespace() (code int, done bool) { return 0, false }
