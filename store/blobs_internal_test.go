package store

import (
	"testing"

	"guichet/store/blob"
)

func TestFilesSpreadOverDirectories(t *testing.T) {
	const record, field, earlier = "ticket:ngsvdef6422fvci7", "blob:CV0ZfvH_3IZ73IGG3tY3bA", "q3mzv7abcdefghij"
	now := blob.NewMark()
	for mark, want := range map[string]string{
		now:     "acme/ngs/ticket-ngsvdef6422fvci7.CV0ZfvH_3IZ73IGG3tY3bA." + now,
		earlier: "acme/ng/ticket-ngsvdef6422fvci7.CV0ZfvH_3IZ73IGG3tY3bA." + earlier,
	} {
		name := fileName("acme", record, field, mark)
		if name != want {
			t.Errorf("%s is not %s", name, want)
		}
		site, r, f, m, ok := parseFileName(name)
		if !ok || site != "acme" || r != record || f != field || m != mark {
			t.Errorf("%s is read as %s %s %s %s, %v", name, site, r, f, m, ok)
		}
	}
}
