package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"guichet/store/engine"
)

// answering is an engine whose commits all end alike.
type answering struct {
	engine.Engine
	err error
}

func (a answering) Commit(context.Context, engine.Space, engine.Batch) (engine.Committed, error) {
	return engine.Committed{}, a.err
}

func (answering) Compact(context.Context) error { return nil }

func TestConflictsAreNoFaults(t *testing.T) {
	var told []bool
	called := func(call string, took time.Duration, failed bool) {
		if call != "commit" || took < 0 {
			t.Errorf("%s took %v", call, took)
		}
		told = append(told, failed)
	}
	for _, err := range []error{nil, &engine.Conflict{Check: 1}, errors.New("gone")} {
		e := measure(answering{err: err}, called)
		if _, got := e.Commit(t.Context(), "acme", engine.Batch{}); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if !slices.Equal(told, []bool{false, false, true}) {
		t.Errorf("faults: %v", told)
	}
}

// What an engine can beside its calls must not be hidden.
func TestMeasuringHidesNoAbility(t *testing.T) {
	e := measure(answering{}, func(string, time.Duration, bool) {})
	if _, ok := bare(e).(engine.Compacter); !ok {
		t.Error("it can no longer be compacted")
	}
	if plain := (answering{}); measure(plain, nil) != engine.Engine(plain) || bare(plain) != engine.Engine(plain) {
		t.Error("an engine that nobody measures is not itself")
	}
}
