package store

import (
	"context"

	"guichet/store/engine/redis"
)

// Condition is how one Redis that takes writes is set up and how it fares.
type Condition = redis.Condition

// Inspect asks every Redis behind a URL that takes writes how it is. It opens no
// store and changes nothing.
func Inspect(ctx context.Context, url string) ([]Condition, error) { return redis.Inspect(ctx, url) }
