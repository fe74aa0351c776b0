package redis

import (
	"context"
	"slices"

	goredis "github.com/redis/go-redis/v9"
)

// wagon is calls of one script in one space that go as one command (calls.lua).
// Of commands one after the other Redis reads a few at a time, by their bytes, and
// flushes its append-only file before it reads on; one command is done as a whole.
type wagon struct {
	script *script
	prefix string
	calls  []*passenger
	size   int
}

// maxWagon bounds the contents of several calls that are one command, in bytes.
const maxWagon = 1 << 20

// couple puts calls into as few wagons as can be.
func couple(group []*passenger) []*wagon {
	var wagons []*wagon
	for _, p := range group {
		i := slices.IndexFunc(wagons, func(w *wagon) bool { return w.takes(p) })
		if i < 0 {
			i = len(wagons)
			wagons = append(wagons, &wagon{script: p.script, prefix: p.call.prefix})
		}
		wagons[i].calls = append(wagons[i].calls, p)
		wagons[i].size += p.call.size
	}
	return wagons
}

func (w *wagon) takes(p *passenger) bool {
	return w.script == p.script && w.prefix == p.call.prefix && w.size+p.call.size <= maxWagon
}

func (w *wagon) durable() bool {
	return slices.ContainsFunc(w.calls, func(p *passenger) bool { return p.durable })
}

// command runs a script, by its hash or its source, as calls.lua wants it.
func (w *wagon) command(ctx context.Context, eval, script string) *goredis.Cmd {
	keys, n := 0, 4
	for _, p := range w.calls {
		keys += len(p.call.keys)
		n += len(p.call.keys) + 2 + len(p.call.args)
	}
	args := append(make([]any, 0, n), eval, script, keys)
	for _, p := range w.calls {
		for i := range p.call.keys {
			args = append(args, &p.call.keys[i])
		}
	}
	args = append(args, w.prefix)
	for _, p := range w.calls {
		args = append(args, len(p.call.keys), len(p.call.args))
		for i := range p.call.args {
			args = append(args, &p.call.args[i])
		}
	}
	return goredis.NewCmd(ctx, args...)
}

// unload gives each call its reply, or its error.
func (w *wagon) unload(cmd *goredis.Cmd) {
	reply, err := cmd.Result()
	replies, _ := reply.([]any)
	if err == nil && len(replies) != len(w.calls) {
		err = errReply
	}
	for i, p := range w.calls {
		if p.reply, p.err = nil, err; err != nil {
			continue
		}
		if own, failed := replies[i].(error); failed {
			p.err = own
		} else {
			p.reply = replies[i]
		}
	}
}
