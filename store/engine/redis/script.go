package redis

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
)

// script is what Redis runs; it knows it by a hash of its source.
type script struct{ source, hash string }

var (
	//go:embed calls.lua
	callsSource string
	//go:embed commit.lua
	commitSource string
	//go:embed read.lua
	readSource string
	//go:embed lease.lua
	leaseSource string
	//go:embed take.lua
	takeSource string
)

var (
	commitScript = newScript(commitSource)
	readScript   = newScript(readSource)
	leaseScript  = newScript(leaseSource)
	takeScript   = newScript(takeSource)
)

func newScript(does string) *script {
	s := &script{source: callsSource + does}
	hash := sha1.Sum([]byte(s.source))
	s.hash = hex.EncodeToString(hash[:])
	return s
}
