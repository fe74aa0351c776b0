package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

// Many workers settle at once, of whom one has lost its lease: all others are
// settled, and the same again is still the same.
func TestOneLostLeaseKeepsNoOther(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		const n, lost = 20, 7
		for i := range n {
			w.open(fmt.Sprintf("Cold heating in room %d", i))
		}
		leased := w.lease(n, time.Minute)
		if len(leased) != n {
			t.Fatalf("leased %d", len(leased))
		}
		leased[lost].Lease = "1"
		delivered := ticket.Outcome{State: ticket.Delivered, Try: &ticket.Try{At: w.now(), Host: "relay.example"}}
		for range 2 { // as a network error would have it
			for i, err := range atOnce(n, func(i int) error { return w.Settle(ctx, leased[i], delivered) }) {
				if i == lost != errors.Is(err, store.ErrLeaseLost) || i != lost && err != nil {
					t.Errorf("notice %d: %v", i, err)
				}
			}
		}
		page, err := w.Outbox(ctx, "acme", nil, "", 2*n)
		if err != nil || len(page.Items) != 1 || page.Items[0].Notice.ID != leased[lost].Notice.ID {
			t.Errorf("outbox is %v, %v", page, err)
		}
		late := ticket.Outcome{State: ticket.Delivered, Try: &ticket.Try{At: w.now().Add(time.Second)}}
		wantError(t, w.Settle(ctx, leased[0], late), store.ErrLeaseLost)
	})
}

// What workers read at once is what each would read alone, and their own.
func TestMaterialReadTogetherIsTheSame(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.write(w.open("Cold heating"), ticket.PublicArticle, ticket.InternalArticle)
		other := w.open("Warm cellar")
		notices := []ticket.Notice{
			{ID: "a", Kind: ticket.Acknowledgement, Site: "acme", Ticket: made.ID, To: 1, Article: 1},
			{ID: "b", Kind: ticket.AgentNew, Site: "acme", Ticket: made.ID, To: 1, Article: 1},
			{ID: "c", Kind: ticket.AgentNote, Site: "acme", Ticket: made.ID, To: 1, Article: 3},
			{ID: "d", Kind: ticket.AgentNew, Site: "acme", Ticket: other.ID, To: 1, Article: 1},
			{ID: "e", Kind: ticket.AgentNew, Site: "acme", Ticket: ticket.NewID(rand.Reader), To: 1, Article: 1},
		}
		alone, together := make([]ticket.Material, len(notices)), make([]ticket.Material, len(notices))
		for i, n := range notices {
			var err error
			if alone[i], err = w.Material(ctx, n); (err != nil) != (n.ID == "e") {
				t.Fatal(n.ID, err)
			}
		}
		for i, err := range atOnce(len(notices), func(i int) (err error) { together[i], err = w.Material(ctx, notices[i]); return err }) {
			if gone := notices[i].ID == "e"; gone != errors.Is(err, store.ErrNotFound) || !gone && err != nil {
				t.Error(notices[i].ID, err)
			}
		}
		if diff := cmp.Diff(alone, together); diff != "" {
			t.Error(diff)
		}
		if alone[0].Ticket == nil || len(alone[2].History) != 2 || together[0].Ticket == together[1].Ticket {
			t.Errorf("read %+v", together)
		}
	})
}

// atOnce gives what came of n calls at the same time.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = call(i) })
	}
	all.Wait()
	return errs
}
