package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSettingsDocIsFresh(t *testing.T) {
	want, err := Settings("../config.go")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/settings.md is stale; run go generate ./config (-is +should be):\n%s", diff)
	}
}
