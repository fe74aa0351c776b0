package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCannedAnswersBesideTheSettings(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("refund.txt", "Dear {name}, it comes.\n")
	write("refund.fr.txt", "Bonjour {name}, il arrive.\n")
	write("README.md", "not one")
	texts, err := cannedOf(dir, "en")
	if err != nil {
		t.Fatal(err)
	}
	english, _ := texts.Find("refund", "en")
	french, _ := texts.Find("REFUND", "fr")
	if len(texts) != 1 || english != "Dear {name}, it comes." || french != "Bonjour {name}, il arrive." {
		t.Errorf("%+v", texts)
	}
	write("hours.txt", "We are {open}.")
	if _, err := cannedOf(dir, "en"); err == nil || !strings.Contains(err.Error(), "hours.txt") || !strings.Contains(err.Error(), "{open}") {
		t.Errorf("says %v", err)
	}
	if _, err := cannedOf(filepath.Join(dir, "nowhere"), "en"); err == nil {
		t.Error("a directory that is not there is none")
	}
	if texts, err := cannedOf("", "en"); err != nil || texts != nil {
		t.Errorf("%v, %v", texts, err)
	}
}
