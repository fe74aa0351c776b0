package store

import (
	"context"

	"golang.org/x/sync/errgroup"

	"guichet/store/engine"
)

// fill writes what do gives into an engine that nobody uses yet. All is durable
// when it returns. written is told of what is done after do.
func fill(ctx context.Context, into engine.Engine, do func(give func(engine.Item) error) error, written Progress) error {
	if f, ok := bare(into).(engine.Filler); ok {
		return f.Fill(ctx, do, written)
	}
	under, within := errgroup.WithContext(ctx)
	under.SetLimit(poured)
	p := pouring{ctx: within, engine: into, under: under}
	err := do(p.put)
	if err == nil {
		p.flush()
	}
	if failed := under.Wait(); failed != nil {
		return failed // which is why do could not go on
	}
	return err
}

// pouring writes items many in one commit, and some commits at a time: none
// depends on another.
type pouring struct {
	ctx    context.Context
	engine engine.Engine
	under  *errgroup.Group
	space  engine.Space
	steps  []engine.Step
	bytes  int
}

// poured is how many commits are under way; pouredAtOnce and pouredBytes bound
// each.
const (
	poured       = 3
	pouredAtOnce = 5000
	pouredBytes  = 4 << 20
)

func (p *pouring) put(item engine.Item) error {
	if item.Space != p.space || len(p.steps) >= pouredAtOnce || p.bytes >= pouredBytes {
		p.flush()
	}
	p.space = item.Space
	p.steps = append(p.steps, stepsOf(item)...)
	p.bytes += len(item.Value)
	return p.ctx.Err()
}

func (p *pouring) flush() {
	if len(p.steps) == 0 {
		return
	}
	space, steps := p.space, p.steps
	p.steps, p.bytes = make([]engine.Step, 0, len(steps)), 0
	p.under.Go(func() error {
		_, err := p.engine.Commit(p.ctx, space, engine.Batch{Steps: steps})
		return err
	})
}

func stepsOf(item engine.Item) []engine.Step {
	switch {
	case item.Pack != "":
		return []engine.Step{{Do: engine.DoInclude, Pack: item.Pack, Value: item.Value}}
	case item.Index != "":
		return []engine.Step{engine.Add(item.Index, item.Name, item.Score)}
	case item.Left > 0:
		return []engine.Step{engine.Put(item.Record, item.Name, item.Value), engine.Expire(item.Record, max(item.Left, 1e6))}
	}
	return []engine.Step{engine.Put(item.Record, item.Name, item.Value)}
}
