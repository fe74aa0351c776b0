package store

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/store/engine"
)

// TestALineIsReadAsItIsWritten: whatever a line holds, it is read as JSON reads it.
func TestALineIsReadAsItIsWritten(t *testing.T) {
	var reading lineReading
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a-z:-]{0,12}`), rapid.String())
		line := backupLine{Item: engine.Item{
			Space: engine.Space(name.Draw(t, "space")), Record: name.Draw(t, "record"), Index: name.Draw(t, "index"), Pack: name.Draw(t, "pack"), Name: name.Draw(t, "name"),
			Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value"), Score: engine.Score(rapid.Int64().Draw(t, "score")),
		}}
		if rapid.Bool().Draw(t, "vanishes") {
			at := time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "at")).UTC()
			line.Expires = &at
		}
		var text bytes.Buffer
		w := json.NewEncoder(&text)
		w.SetEscapeHTML(false)
		if err := w.Encode(line); err != nil {
			t.Fatal(err)
		}
		var want backupLine
		if err := json.Unmarshal(text.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got, err := reading.read(text.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestOrdinaryLinesAreReadQuickly: those that a store is full of need no JSON of
// any kind, and what is not as it should be is left to it.
func TestOrdinaryLinesAreReadQuickly(t *testing.T) {
	for text, want := range map[string]bool{
		`{"space":"acme","record":"number:1","name":"ticket","value":"dGhydjRxdXpndnhrNmhjYQ=="}` + "\n":             true,
		`{"space":"acme","record":"seen:a","name":"seen","value":"MQ==","expires":"2026-12-22T01:43:00.25Z"}` + "\n": true,
		`{"space":"acme","index":"own:a","name":"b","score":-12}` + "\n":                                             true,
		`{"space":"acme","pack":"words:0.1","value":"AAAAAQ=="}`:                                                     true,
		`{"space":"acme","index":"own:\u00e9","name":"b"}`:                                                           false,
		`{"space":"acme","new":"x"}`:                       false,
		`{"space":"acme","score":1.5}`:                     false,
		`{"space":"acme","value":"?"}`:                     false,
		`{"space":"acme","name":"a"} {}`:                   false,
		`{"space":"acme","name":"a"`:                       false,
		`{"space":"acme","name":`:                          false,
		`{"space":"acme","name"`:                           false,
		`{"space":"acme","expires":"yesterday","name":""}`: false,
		`{`: false,
		``:  false,
	} {
		if _, ok := new(lineReading).quickly([]byte(text)); ok != want {
			t.Errorf("%q is read quickly: %v", text, ok)
		}
	}
}

func BenchmarkReadingLines(b *testing.B) {
	text := []byte(`{"space":"acme","record":"ticket:miaieo6pzse6kbni","name":"article:3","value":"AfgLSHfdD1yNL8NkUbnUaL725Yw5fVCHgvfiet8SpRzV51tlWrjBfKLkVGD4/Obv72cOSuuyEsuanOSXKApxbImcKZKorI4ZqdnpF40Z5m6QeEAGZr0KJWUF9J+CbAngXA2O1tGfsmv9OxydfXtvL4ZygmJ+4EWC0Mt1bU54lgfe1ZgW2vYKeSF+mujqi1EKO/hNV/LeQbvr"}` + "\n")
	var reading lineReading
	for b.Loop() {
		if _, err := reading.read(text); err != nil {
			b.Fatal(err)
		}
	}
}
