//go:build linux

package main

import (
	"os"
	"os/exec"
	"slices"
)

// fault is one way in which the world fails.
type fault struct {
	name    string
	engines []string
	// strikes is set for a fault that is counted (-kills), not timed (-for).
	strikes bool
	// tools are the programs of the machine that it needs; root whether it needs
	// to be root.
	tools []string
	root  bool
	// unproved is set for one whose mails nothing proves, so that some are held.
	unproved bool
	// apart is set for one that all does not play: it needs more, or breaks a
	// promise on purpose, to show that the judge sees it.
	apart bool
	// play plays it under load, n times where it is counted, and gives how often
	// it struck. When it returns the fault is over and a daemon takes mail.
	play func(s *stage, n int) (strikes int, err error)
}

var (
	anyEngine = []string{"embedded", "redis"}
	onRedis   = []string{"redis"}
)

// faults are all, in the order in which all plays them.
var faults = []fault{
	{name: "kill", engines: anyEngine, strikes: true, play: playKills},
	{name: "kill-both", engines: onRedis, play: playBothKills},
	{name: "redis-kill", engines: onRedis, play: playRedisKills},
	{name: "redis-restart", engines: onRedis, play: playRedisRestarts},
	{name: "redis-pause", engines: onRedis, play: playRedisPauses},
	{name: "redis-memory", engines: onRedis, play: playRedisMemory},
	{name: "redis-readonly", engines: onRedis, play: playRedisReadOnly},
	{name: "redis-failover", engines: onRedis, tools: []string{"redis-sentinel"}, play: playFailovers},
	{name: "redis-late-replicas", engines: onRedis, tools: []string{"redis-sentinel"}, play: playLateReplicas},
	{name: "disk-full", engines: anyEngine, root: true, play: playFullDisk},
	{name: "disk-slow", engines: anyEngine, tools: []string{"strace"}, play: playSyncs(slowSyncs)},
	{name: "disk-error", engines: anyEngine, tools: []string{"strace"}, play: playSyncs(brokenSyncs)},
	{name: "dns", engines: anyEngine, root: true, unproved: true, play: playDNS},
	{name: "relay-defers", engines: anyEngine, play: playRelay(defers)},
	{name: "relay-refuses", engines: anyEngine, play: playRelay(fails)},
	{name: "relay-stalls", engines: anyEngine, play: playRelay(stalls)},
	{name: "relay-cuts", engines: anyEngine, play: playRelay(cuts)},
	{name: "relay-hangs-up", engines: anyEngine, play: playRelay(hangsUp)},
	{name: "relay-changes", engines: anyEngine, play: playRelay(changing)},
	{name: "upgrade", engines: anyEngine, apart: true, play: playUpgrade},
	{name: "local-failover", engines: onRedis, tools: []string{"redis-sentinel"}, apart: true, play: playLocal},
}

// missing says why a fault cannot be played on this machine, or "".
func (f fault) missing(engine string) string {
	tools := f.tools
	if engine == "redis" {
		tools = append(slices.Clone(tools), "redis-server")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not on this machine"
		}
	}
	if f.root && os.Geteuid() != 0 {
		return "only root may do that"
	}
	return ""
}

func names() (all []string) {
	for _, f := range faults {
		all = append(all, f.name)
	}
	return all
}

// ordinary are the faults that all means.
func ordinary() []fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.apart })
}
