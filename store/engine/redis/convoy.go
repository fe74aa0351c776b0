package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// convoy takes scripts to one server. Alone, a call goes at once; what comes
// while others are on their way waits for them to return, and then goes together
// in one pipeline, in as few wagons as can be: so many calls share a write, a read,
// a flush of the append-only file, and one wait for the replicas. Two groups on
// their way at a time would be smaller, and a server does one after the other.
type convoy struct {
	engine *Engine
	node   goredis.Cmdable

	mu      sync.Mutex
	waiting []*passenger
	away    bool // a group, or a call alone, is on its way
}

const (
	// maxGroup bounds how many calls go together, and with it how long the first
	// waits for the last.
	maxGroup = 64
	// groupPatience is how long a group may be on its way. Whoever asked may give
	// up before.
	groupPatience = 15 * time.Second
)

// passenger is one call on its way, and what its caller waits for.
type passenger struct {
	ctx     context.Context
	script  *script
	call    *call
	durable bool

	done  chan struct{} // closed when reply and err are set
	reply any
	err   error
	group *group // once it is on its way with others
}

// group is calls that travel together, for as long as one of their callers waits.
type group struct {
	calls  []*passenger
	given  int // up
	giveUp context.CancelFunc
}

// carry gives the reply to a call. When its context ends first, the call may
// still be done: that is what operation ids are for.
func (c *convoy) carry(p *passenger) (any, error) {
	c.mu.Lock()
	if !c.away {
		c.away = true
		c.mu.Unlock()
		defer c.next()
		c.send(p.ctx, []*passenger{p})
		return p.reply, p.err
	}
	p.done = make(chan struct{})
	c.waiting = append(c.waiting, p)
	c.mu.Unlock()
	select {
	case <-p.done:
		return p.reply, p.err
	case <-p.ctx.Done():
		c.abandon(p)
		return nil, p.ctx.Err()
	}
}

// abandon turns a group back when nobody waits for it any more.
func (c *convoy) abandon(p *passenger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := p.group; g != nil {
		if g.given++; g.given == len(g.calls) {
			g.giveUp()
		}
	}
}

// next lets what waits go on when a call has returned that went alone.
func (c *convoy) next() {
	if ctx, g := c.gather(); g != nil {
		go func() {
			for ; g != nil; ctx, g = c.gather() {
				c.send(ctx, g.calls)
				g.giveUp()
				for _, p := range g.calls {
					close(p.done)
				}
			}
		}()
	}
}

// gather takes the next group of those whose callers still wait, or nil when
// there is none; then none is away.
func (c *convoy) gather() (context.Context, *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := &group{}
	for len(c.waiting) > 0 && len(g.calls) < maxGroup {
		if p := c.waiting[0]; p.ctx.Err() == nil {
			p.group, g.calls = g, append(g.calls, p)
		}
		c.waiting[0], c.waiting = nil, c.waiting[1:]
	}
	if len(g.calls) == 0 {
		c.away = false
		return nil, nil
	}
	var ctx context.Context
	ctx, g.giveUp = context.WithTimeout(context.Background(), groupPatience)
	return ctx, g
}

// send fills in the replies of a group.
func (c *convoy) send(ctx context.Context, group []*passenger) {
	wagons := couple(group)
	c.pipe(ctx, wagons, func(w *wagon) *goredis.Cmd { return w.command(ctx, "evalsha", w.script.hash) })
	unknown := slices.DeleteFunc(wagons, func(w *wagon) bool { return !goredis.HasErrorPrefix(w.calls[0].err, "NOSCRIPT") })
	if len(unknown) > 0 {
		c.pipe(ctx, unknown, func(w *wagon) *goredis.Cmd { return w.command(ctx, "eval", w.script.source) })
	}
}

// pipe sends a group in one piece. A wait at its end is for all before it.
func (c *convoy) pipe(ctx context.Context, wagons []*wagon, command func(*wagon) *goredis.Cmd) {
	pipe := c.node.Pipeline()
	cmds, durable := make([]*goredis.Cmd, len(wagons)), false
	for i, w := range wagons {
		cmds[i], durable = command(w), durable || w.durable()
		_ = pipe.Process(ctx, cmds[i]) // says nothing before Exec
	}
	var wait *goredis.Cmd
	if durable {
		wait = c.engine.wait(ctx, pipe)
	}
	_, pipeErr := pipe.Exec(ctx)
	for i, w := range wagons {
		w.unload(cmds[i])
		for _, p := range w.calls {
			if p.err != nil || !p.durable || conflicted(p.reply) {
				continue
			}
			if p.err = c.engine.waited(wait); p.err != nil && pipeErr != nil {
				p.err = fmt.Errorf("%w: %w", engine.ErrNotDurable, pipeErr)
			}
		}
	}
}
