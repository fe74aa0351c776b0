package redis

import (
	"context"
	"errors"
	"io"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"guichet/store/engine"
)

// cutOff answers as a Redis does whose connection breaks when it has answered the
// first of the questions what two keys hold: that there is no such key any more.
type cutOff struct{ goredis.Hook }

func (cutOff) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (cutOff) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (cutOff) ProcessPipelineHook(goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(_ context.Context, cmds []goredis.Cmder) error {
		if kind, is := cmds[0].(*goredis.StatusCmd); is {
			kind.SetVal("string")
			cmds[2].(*goredis.StatusCmd).SetVal("hash")
			return nil
		}
		cmds[0].SetErr(goredis.Nil)
		cmds[1].SetErr(io.ErrUnexpectedEOF)
		return goredis.Nil
	}
}

// A pack that has gone meanwhile hides no error of what was read with it: a backup
// would lack records.
func TestScanTellsOfWhatItCouldNotRead(t *testing.T) {
	node := goredis.NewClient(&goredis.Options{Addr: "none.invalid:1"})
	defer node.Close()
	node.AddHook(cutOff{})
	keys := []string{prefixOf("acme") + "words:0.1", prefixOf("acme") + "ticket:1"}
	err := scanKeys(t.Context(), node, keys, nil, func(item engine.Item) error {
		t.Errorf("%v is given", item)
		return nil
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}
