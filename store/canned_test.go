package store_test

import (
	"testing"

	"guichet/ticket"
)

func TestCannedAnswersAreKept(t *testing.T) {
	eachEngine(t, func(w *world) {
		read := func() ticket.Canned {
			t.Helper()
			facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Canned: true})
			if err != nil {
				t.Fatal(err)
			}
			return facts.Canned
		}
		c := read()
		c.Texts.Put("refund", "en", "It comes.")
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Canned: &c})
		_, err := w.Commit(ctx, &ticket.Change{Site: "acme", At: w.now(), Canned: &c})
		wantError(t, err, ticket.ErrConflict)
		c = read()
		if text, ok := c.Texts.Find("refund", "fr"); !ok || text != "It comes." {
			t.Fatalf("%+v", c)
		}
		c.Texts.Put("hours", "en", "Always.")
		w.commit(&ticket.Change{Site: "acme", At: w.now(), Canned: &c})
		if names := read().Texts.Names(); len(names) != 2 {
			t.Fatalf("%v", names)
		}
	})
}
