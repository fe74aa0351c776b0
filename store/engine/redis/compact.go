package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// Compact gives back memory that packs do not need, and lets each master write its
// append-only file anew, so that what was erased is gone from it. Redis does the
// latter in the background, and its replicas when their own settings say so. One
// that keeps no such file has nothing to forget.
func (e *Engine) Compact(ctx context.Context) error {
	nodes, err := e.masters(ctx)
	if err != nil {
		return fmt.Errorf("redis: rewriting the append-only file: %w", err)
	}
	var errs []error
	for _, node := range nodes {
		if err := e.fitPacks(ctx, node); err != nil {
			errs = append(errs, fmt.Errorf("redis: fitting packs: %w", err))
		}
		if infoOf(ctx, node)["aof_enabled"] != "1" {
			continue
		}
		err := node.BgRewriteAOF(ctx).Err()
		if err != nil && !strings.Contains(err.Error(), "in progress") {
			errs = append(errs, fmt.Errorf("redis: rewriting the append-only file: %w", err))
		}
	}
	return errors.Join(errs...)
}

// fitAtOnce is how many packs one call of the script looks at: when all of them have
// holes, mail waits two milliseconds for it.
const fitAtOnce = 16

// fitPacks lets each pack of a master have no more room than it needs. While a pack
// grows it has up to twice that; most grow no more once their tickets are done.
func (e *Engine) fitPacks(ctx context.Context, node *goredis.Client) error {
	found := map[engine.Space][]string{}
	keys := node.ScanType(ctx, 0, keyPrefix+"*", scanAtOnce, "string").Iterator()
	for keys.Next(ctx) {
		item, ok := itemOf(keys.Val())
		if !ok {
			continue
		}
		packs := append(found[item.Space], item.Record)
		if len(packs) == fitAtOnce {
			if err := e.fit(ctx, item.Space, packs); err != nil {
				return err
			}
			packs = nil
		}
		found[item.Space] = packs
	}
	if err := keys.Err(); err != nil {
		return err
	}
	for space, packs := range found {
		if err := e.fit(ctx, space, packs); err != nil {
			return err
		}
	}
	return nil
}

// fit has the script look at some packs.
func (e *Engine) fit(ctx context.Context, space engine.Space, packs []string) error {
	if len(packs) == 0 {
		return nil
	}
	c := newCall(space)
	c.add(0, 0, 0, 0) // of no operation, without checks and draws
	for _, pack := range packs {
		c.add("fit", c.key(pack))
	}
	_, err := e.run(ctx, commitScript, c, false)
	return err
}
