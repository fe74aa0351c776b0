package redis

import (
	"context"
	"fmt"
	"strings"
)

// Compact lets each master write its append-only file anew, so that what was
// erased is gone from it. Redis does it in the background, and its replicas when
// their own settings say so. One that keeps no such file has nothing to forget.
func (e *Engine) Compact(ctx context.Context) error {
	nodes, err := e.masters(ctx)
	if err != nil {
		return fmt.Errorf("redis: rewriting the append-only file: %w", err)
	}
	for _, node := range nodes {
		if infoOf(ctx, node)["aof_enabled"] != "1" {
			continue
		}
		err := node.BgRewriteAOF(ctx).Err()
		if err != nil && !strings.Contains(err.Error(), "in progress") {
			return fmt.Errorf("redis: rewriting the append-only file: %w", err)
		}
	}
	return nil
}
