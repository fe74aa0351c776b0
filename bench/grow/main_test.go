package main

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// What is filled in is what a daemon leaves: everything opens and leads where it
// should, old tickets are closed, and no mail is owed but where that is asked for.
func TestAStoreIsFilled(t *testing.T) {
	t.Run("with what left", func(t *testing.T) { filled(t, false, 0) })
	t.Run("with what is owed", func(t *testing.T) { filled(t, true, 9*5) })
}

func filled(t *testing.T, owed bool, mails int) {
	data := t.TempDir()
	opt := store.Options{Data: data, MasterKey: filepath.Join(data, "master.key"), Now: time.Now, Sites: sites}
	g := &growth{opt: opt, tickets: 40, recent: 9, raw: true, owed: owed, together: 10, workers: 3}
	if err := g.run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	counts, err := s.Counts(t.Context(), site)
	if err != nil || counts.Tickets[ticket.Closed] != 31 || counts.Tickets[ticket.Waiting] != 9 {
		t.Errorf("%+v, %v", counts, err)
	}
	page, err := s.Outbox(t.Context(), site, nil, "", 10)
	if err != nil || page.Total != mails {
		t.Errorf("%d mails are owed, %v", page.Total, err)
	}
	err = s.Reindex(t.Context(), true, nil, func(d store.Difference) error {
		t.Errorf("%+v", d)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
