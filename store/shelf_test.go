package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

// shelve puts on shelves what has rested, and gives of how many tickets.
func (w *world) shelve() int {
	w.Helper()
	n, err := w.Shelve(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// rest lets closed tickets rest until their texts are on shelves.
func (w *world) rest() {
	w.Helper()
	w.advance(16 * day)
	w.timers()
	w.shelve()
}

// onShelves wants no text of that many tickets in their records.
func (w *world) onShelves(tickets int) {
	w.Helper()
	inRecords, shelves, err := w.ShelvedFields(ctx)
	if err != nil || inRecords != 0 || shelves != tickets {
		w.Errorf("%d fields in records, %d shelves, want %d; %v", inRecords, shelves, tickets, err)
	}
}

// closed opens a ticket with two articles, closes and indexes it.
func (w *world) closed(subject string) (*ticket.Ticket, []ticket.Article) {
	w.Helper()
	t := w.open(subject)
	t.Articles++
	t.SetState(ticket.Closed, w.now())
	t.Changed = w.now()
	w.commit(&ticket.Change{Site: "acme", Operation: "close " + t.ID.String(), At: w.now(), Tickets: []ticket.TicketChange{{Ticket: t,
		Articles: []ticket.Article{{Number: 2, Kind: ticket.PublicArticle, Author: 1, At: w.now(), Text: "The plumber has been there."}}}}})
	w.index()
	articles, err := w.Articles(ctx, "acme", t.ID, 0, 9)
	if err != nil || len(articles) != 2 {
		w.Fatalf("%d articles, %v", len(articles), err)
	}
	return w.ticket(t.ID), articles
}

// isWhole wants a ticket and its articles as they were, by every way to it.
func (w *world) isWhole(want *ticket.Ticket, articles []ticket.Article) {
	w.Helper()
	same := func(way string, got *ticket.Ticket, err error) {
		w.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			w.Errorf("%s: %v %s", way, err, diff)
		}
	}
	same("by id", w.ticket(want.ID), nil)
	t, err := w.ByReference(ctx, want.Reference)
	same("by number", t, err)
	t, err = w.ByTracking(ctx, "acme", want.Tracking)
	same("by tracking code", t, err)
	t, err = w.ByMessageID(ctx, "acme", articles[0].MessageID)
	same("by Message-ID", t, err)
	facts := w.facts(ticket.Query{Address: want.Requester().Address})
	same("among the requester's own", facts.Tickets[want.ID], nil)
	page, err := w.Tickets(ctx, "acme", store.Filter{States: []ticket.State{want.State}}, "", 99)
	for _, t := range page.Items {
		if t.ID == want.ID {
			same("in a list", t, err)
		}
	}
	got, err := w.Articles(ctx, "acme", want.ID, 0, 9)
	if diff := cmp.Diff(articles, got); err != nil || diff != "" {
		w.Errorf("articles: %v %s", err, diff)
	}
}

func TestTicketsThatRestLieOnShelvesAndAreRead(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold, ofCold := w.closed("Cold heating")
		w.advance(time.Second)
		open := w.open("Wet cellar")
		w.index()
		files := len(w.files())
		w.advance(14 * day)
		w.timers()
		if n := w.shelve(); n != 0 && !w.shelved {
			w.Errorf("%d tickets were put on shelves too early", n)
		}
		w.advance(2 * day)
		if n := w.shelve(); n != 1 && !w.shelved {
			w.Errorf("%d tickets were put on shelves, want the closed one", n)
		}
		if !w.shelved && len(w.files()) != files+1 {
			w.Errorf("%d files, once %d", len(w.files()), files)
		}
		if n := w.shelve(); n != 0 {
			w.Errorf("%d tickets were put on shelves again", n)
		}
		w.isWhole(cold, ofCold)
		w.finds(words("plumber"), "Cold heating")
		w.finds(words("room"), "Wet cellar", "Cold heating")
		live := words("room")
		live.States = []ticket.State{ticket.New}
		if !w.shelved {
			w.finds(live, "Wet cellar")
		}
		w.ticket(open.ID)
		w.consistent()
	})
}

// A ticket that rests no more is written as ever, and put on a new shelf when it
// rests again.
func TestATicketLeavesItsShelfWhenItChanges(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold, _ := w.closed("Cold heating")
		w.rest()
		w.onShelves(1)
		cold.Articles, cold.Subject, cold.Changed = 3, "Cold heating again", w.now()
		cold.SetState(ticket.Open, w.now())
		w.commit(&ticket.Change{Site: "acme", Operation: "again", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: cold, Publish: []int{2},
			Articles: []ticket.Article{{Number: 3, Kind: ticket.PublicArticle, Author: 1, At: w.now(), Text: "It is cold once more, and the boiler hums."}}}}})
		w.index()
		w.finds(words("boiler"), "Cold heating again")
		w.finds(words("plumber"), "Cold heating again")
		w.consistent()
		cold = w.ticket(cold.ID)
		articles, err := w.Articles(ctx, "acme", cold.ID, 0, 9)
		if err != nil || len(articles) != 3 || articles[2].Text != "It is cold once more, and the boiler hums." || articles[0].Text == "" {
			w.Fatalf("%+v %v", articles, err)
		}
		w.isWhole(cold, articles)
		cold.SetState(ticket.Closed, w.now())
		cold.Changed = w.now()
		w.change(cold)
		w.index()
		cold = w.ticket(cold.ID)
		w.rest()
		w.onShelves(1)
		w.advance(365 * day) // files are of the true time
		if _, err := w.SweepBlobs(ctx); err != nil || len(w.files()) != 1 {
			w.Errorf("%d files, want one shelf; %v", len(w.files()), err)
		}
		w.isWhole(cold, articles)
		w.consistent()
	})
}

func TestErasingEmptiesTheShelf(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold, _ := w.closed("Cold heating")
		w.rest()
		w.onShelves(1)
		w.advance(180 * day)
		w.timers()
		if !w.gone(cold.ID) || len(w.files()) != 0 {
			w.Errorf("gone %v, files %v", w.gone(cold.ID), w.files())
		}
		if err := w.Each(ctx, func(item string) {
			if strings.Contains(item, "search:") || strings.Contains(item, "words:") || strings.Contains(item, cold.ID.String()) {
				w.Errorf("%s is left", item)
			}
		}); err != nil {
			w.Error(err)
		}
	})
}

// What is lost or damaged with a file is told, keeps no other ticket from being
// read, and can be erased.
func TestAShelfThatCannotBeRead(t *testing.T) {
	eachEngine(t, func(w *world) {
		lost, _ := w.closed("Lost")
		w.advance(time.Second)
		damaged, _ := w.closed("Damaged")
		w.advance(time.Second)
		whole, articles := w.closed("Whole")
		w.rest()
		for _, file := range w.files() {
			var err error
			switch name := filepath.Base(file); {
			case strings.Contains(name, lost.ID.String()):
				err = os.Remove(file)
			case strings.Contains(name, damaged.ID.String()):
				err = os.Truncate(file, 60)
			}
			if err != nil {
				w.Fatal(err)
			}
		}
		for _, t := range []*ticket.Ticket{lost, damaged} {
			_, err := w.Ticket(ctx, "acme", t.ID)
			wantError(w, err, store.ErrSealed)
			_, err = w.Articles(ctx, "acme", t.ID, 0, 9)
			wantError(w, err, store.ErrSealed)
		}
		if got := w.ticket(whole.ID); cmp.Diff(whole, got) != "" {
			w.Errorf("the other is %+v", got)
		}
		if got, err := w.Articles(ctx, "acme", whole.ID, 0, 9); err != nil || cmp.Diff(articles, got) != "" {
			w.Errorf("its articles are %+v, %v", got, err)
		}
		told, text := w.differences(true)
		if told["ticket:"+lost.ID.String()] != 2 || told["ticket:"+damaged.ID.String()] != 1 || len(told) != 2 || !strings.Contains(text, "is missing") {
			w.Errorf("told %s", text)
		}
		for _, t := range []*ticket.Ticket{lost, damaged} {
			if err := w.Erase(ctx, "acme", t.ID); err != nil || !w.gone(t.ID) {
				w.Errorf("%s: %v", t.Subject, err)
			}
		}
	})
}

// New look-up keys bring what tickets are found by back into their records, until
// they rest on shelves again.
func TestNewLookUpKeysLeaveNothingInRecords(t *testing.T) {
	w := embedded(t)
	cold, articles := w.closed("Cold heating")
	w.advance(time.Second)
	w.closed("Wet cellar")
	w.advance(16 * day)
	w.timers()
	for round := range 2 {
		if n := w.shelve(); n != 2 {
			t.Errorf("round %d: %d were put on shelves", round, n)
		}
		w.onShelves(2)
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			t.Fatal(err)
		}
		w.index()
	}
	w.isWhole(cold, articles)
	w.finds(words("plumber"), "Wet cellar", "Cold heating")
	w.consistent()
}

// However many there are, each look goes on behind the one before.
func TestManyRestingTickets(t *testing.T) {
	w := embedded(t)
	for i := range 230 {
		c := w.open(fmt.Sprint("Heating ", i))
		c.SetState(ticket.Closed, w.now())
		w.change(c)
		if i%100 == 50 {
			w.advance(time.Second) // many have the same time
		}
	}
	w.advance(15 * day)
	w.timers()
	if n := w.shelve(); n != 0 {
		t.Errorf("%d were put on shelves that are to be indexed", n)
	}
	w.index()
	late := w.open("Late")
	late.SetState(ticket.Closed, w.now())
	w.change(late)
	w.index()
	w.advance(2 * day)
	if n := w.shelve(); n != 230 {
		t.Errorf("%d were put on shelves", n)
	}
	w.advance(14 * day)
	if n := w.shelve(); n != 1 {
		t.Errorf("%d were put on shelves, want the late one", n)
	}
	w.onShelves(231)
}

// What changes while its texts are being moved stays where it is, as it is by then.
func TestATicketThatChangesMeanwhileIsNotShelved(t *testing.T) {
	eachEngine(t, func(w *world) {
		if w.shelved {
			w.Skip("all is on shelves")
		}
		cold, _ := w.closed("Cold heating")
		w.advance(16 * day)
		w.timers()
		other := w.Beside(false, func() error {
			if cold.Subject != "Warm heating" {
				cold.Subject, cold.Changed = "Warm heating", w.now()
				w.change(cold)
			}
			return nil
		})
		if n, err := other.Shelve(ctx); n != 0 || err != nil {
			w.Errorf("%d tickets, %v", n, err)
		}
		w.advance(365 * day) // files are of the true time
		if _, err := w.SweepBlobs(ctx); err != nil {
			w.Fatal(err)
		}
		if got := w.ticket(cold.ID); got.Subject != "Warm heating" || len(w.files()) != 0 {
			w.Errorf("%+v, files %v", got, w.files())
		}
	})
}

// A client that hears no answer sends a commit again, and is told of a conflict with
// what it did itself: the shelf that is named by then stays.
func TestAShelfIsKeptWhoseAnswerWasLost(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold, articles := w.closed("Cold heating")
		w.advance(16 * day)
		w.timers()
		if _, err := w.Repeating().Shelve(ctx); err != nil {
			w.Error(err)
		}
		w.onShelves(1)
		w.isWhole(cold, articles)
	})
}

// A ticket that is erased when its turn comes is passed over.
func TestAnErasedTicketIsNotShelved(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold, _ := w.closed("Cold heating")
		w.advance(16 * day)
		w.timers()
		if err := w.Erase(ctx, "acme", cold.ID); err != nil {
			w.Fatal(err)
		}
		if done, err := w.ShelveMember(ctx, "acme", cold.ID); done || err != nil {
			w.Errorf("done %v, %v", done, err)
		}
	})
}

// Who reads a ticket while its shelf is replaced gets it all the same.
func TestTicketsAreReadWhileShelvesAreReplaced(t *testing.T) {
	for _, open := range []func(testing.TB) *world{embedded, onRedis} {
		w := open(t)
		w.ShelveAtOnce()
		cold, articles := w.closed("Cold heating")
		w.advance(365 * day) // files are of the true time: what is no shelf any more is swept at once
		done := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < 30 && err == nil; i++ {
				cold.Subject = fmt.Sprint("Cold heating ", i)
				_, err = w.Commit(ctx, &ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: cold}}})
				cold.Version++
				if err == nil {
					_, err = w.SweepBlobs(ctx)
				}
			}
			done <- err
		}()
		for running := true; running; {
			select {
			case err := <-done:
				if running = false; err != nil {
					t.Fatal(err)
				}
			default:
			}
			if _, err := w.Ticket(ctx, "acme", cold.ID); err != nil {
				t.Fatal(err)
			}
			if got, err := w.Articles(ctx, "acme", cold.ID, 0, 9); err != nil || len(got) != len(articles) {
				t.Fatalf("%d articles, %v", len(got), err)
			}
		}
		if got := w.ticket(cold.ID); got.Subject != "Cold heating 29" {
			t.Errorf("it is %q", got.Subject)
		}
	}
}

// What is written with a time that the last look went past, as imports are, goes on
// a shelf all the same.
func TestOldMailThatIsImportedGoesOnShelves(t *testing.T) {
	eachEngine(t, func(w *world) {
		if w.shelved {
			w.Skip("all is on shelves")
		}
		w.closed("Cold heating")
		w.advance(16 * day)
		w.timers()
		if n := w.shelve(); n != 1 {
			w.Errorf("%d tickets", n)
		}
		c, old := w.opening("Of last year")
		c.Tickets[0].Notices = nil
		old.Opened, old.Changed = w.now().Add(-300*day), w.now().Add(-300*day)
		old.SetState(ticket.Closed, old.Changed)
		w.commit(c)
		w.index()
		if n := w.shelve(); n != 1 {
			w.Errorf("%d tickets, want the imported one", n)
		}
		w.onShelves(2)
	})
}

// A daemon that has another directory of blobs than those before it moves nothing
// there.
func TestShelvesAreInOneDirectory(t *testing.T) {
	w := onRedis(t)
	cold, _ := w.closed("Cold heating")
	w.rest()
	w.onShelves(1)
	opt := w.opt
	opt.Blobs = t.TempDir()
	wet, articles := w.closed("Wet cellar")
	w.advance(16 * day)
	w.timers()
	astray := openWorld(t, opt, w.advance)
	if n, err := astray.Shelve(ctx); n != 0 || err == nil || !strings.Contains(err.Error(), "one directory for all daemons") {
		t.Errorf("%d tickets, %v", n, err)
	}
	_, err := astray.Ticket(ctx, "acme", cold.ID)
	wantError(t, err, store.ErrSealed)
	if n := w.shelve(); n != 1 {
		t.Errorf("%d tickets", n)
	}
	w.isWhole(wet, articles)
}
