package store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

// differences runs a reindex and gives how often each record was named.
func (w *world) differences(check bool) (all map[string]int, text string) {
	w.Helper()
	all = map[string]int{}
	err := w.Reindex(ctx, check, nil, func(d store.Difference) error {
		all[d.Record]++
		text += d.Record + ": " + d.What + "\n"
		if d.Site != "acme" || d.Mended == check {
			w.Errorf("%+v", d)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return all, text
}

func TestReindexPutsRightWhatTheRecordsSay(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		maries, _ := w.office()
		w.consistent()
		page, err := w.HeldMail(ctx, "acme", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var held string
		for _, h := range page.Items {
			if h.Ticket.IsZero() {
				held = h.ID
			}
		}
		notices, err := w.Notices(ctx, "acme", maries[1].ID)
		if err != nil || len(notices) != 1 {
			t.Fatalf("%v, %v", notices, err)
		}
		want, err := w.Spoil(ctx, "acme", maries[0], held, notices[0].Notice.ID)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // looking changes nothing
			if got, text := w.differences(true); !cmp.Equal(got, want) {
				t.Errorf("%s\n%s", cmp.Diff(want, got), text)
			}
		}
		if got, _ := w.differences(false); len(got) < len(want)-1 { // a ticket's mending may mend its posting too
			t.Errorf("mended %v", got)
		}
		w.consistent()
		for i, made := range maries {
			if diff := cmp.Diff(made, w.ticket(made.ID)); diff != "" {
				t.Errorf("ticket %d: %s", i, diff)
			}
		}
		if n := len(w.lease(10, 1e9)); n != 4 {
			t.Errorf("%d notices are due", n)
		}
		if _, err := w.ByReference(ctx, maries[0].Reference); err != nil {
			t.Error(err)
		}
		if err := w.Erase(ctx, "acme", maries[0].ID); err != nil {
			t.Error(err) // there is no legal hold
		}
		c, _ := w.opening("The next")
		if got := w.commit(c).References[0].Number; got != 4 {
			t.Errorf("the next number is %d", got)
		}
	})
}

func TestReindexTellsWhatCannotBePutRight(t *testing.T) {
	w := embedded(t)
	maries, _ := w.office()
	w.swapSealed(maries[0].ID, maries[1].ID)
	for _, file := range w.files() {
		if strings.Contains(file, maries[1].ID.String()) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		var broken []string
		err := w.Reindex(ctx, false, nil, func(d store.Difference) error {
			if !d.Mended {
				broken = append(broken, d.What)
			}
			return nil
		})
		text := strings.Join(broken, "\n")
		if err != nil || strings.Count(text, "is missing") != 2 || strings.Count(text, "cannot be opened") != 3 {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestActsNameNobody(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		whoever, err := w.Who(ctx, "acme", eve)
		who := whoever[0]
		if err != nil || strings.Contains(who, "eve") {
			t.Fatalf("%q, %v", who, err)
		}
		other, err := w.Who(ctx, "globex", eve)
		if err != nil || other[0] == who {
			t.Errorf("two sites have the same digest: %v", err)
		}
		for _, did := range []store.ActKind{store.ActHeld, store.ActErased} {
			w.advance(day)
			if err := w.RecordAct(ctx, store.Act{Site: "acme", Did: did, By: "anna", Why: "she asked", Who: who, Tickets: 2}); err != nil {
				t.Fatal(err)
			}
		}
		page, err := w.Acts(ctx, "acme", "", 10)
		if err != nil || len(page.Items) != 2 || page.Items[0].Did != store.ActErased || page.Items[0].Who != who || page.Items[1].Tickets != 2 {
			t.Errorf("%+v, %v", page, err)
		}
		if again, err := w.Who(ctx, "acme", ticket.MustAddress("Eve@Elsewhere.Example")); err != nil || again[0] != who {
			t.Errorf("another spelling has another digest: %v", err)
		}
		w.consistent()
	})
}

func TestWhatLeftIsNamed(t *testing.T) {
	w := embedded(t)
	made := w.open("Cold heating")
	if sent, err := w.Sent(ctx, made); err != nil || len(sent) != 0 {
		t.Errorf("nothing has left: %v, %v", sent, err)
	}
	d := w.lease(1, day)[0]
	if err := w.Settle(ctx, d, ticket.Outcome{State: ticket.Delivered}); err != nil {
		t.Fatal(err)
	}
	want := []store.Sent{{MessageID: d.Notice.MessageID, To: "marie@customer.example", At: d.Notice.Created}}
	sent, err := w.Sent(ctx, made)
	if diff := cmp.Diff(want, sent); err != nil || diff != "" {
		t.Errorf("%s, %v", diff, err)
	}
	// When the notice itself is forgotten, the conversation still names it.
	w.advance(31 * day)

	if sent, err = w.Sent(ctx, made); err != nil || len(sent) != 1 || sent[0].MessageID != want[0].MessageID || !sent[0].At.IsZero() {
		t.Errorf("%v, %v", sent, err)
	}
}
