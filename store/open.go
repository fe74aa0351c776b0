package store

import (
	"context"
	"time"

	"guichet/store/engine"
	"guichet/store/engine/bolt"
)

// OpenEngine opens the database alone, as copying one into another needs it.
// The warnings say what its settings can lose.
func OpenEngine(ctx context.Context, opt Options) (e engine.Engine, warnings []string, err error) {
	e, err = bolt.Open(bolt.Options{Dir: opt.Data, Wait: 5 * time.Second, Now: opt.Now})
	return e, nil, err
}
