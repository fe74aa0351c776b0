package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/ticket"
)

// world is an open store with what a test needs around it.
type world struct {
	testing.TB
	*store.Store
	opt     store.Options
	server  testkit.Deployment  // nil on others than a real Redis
	advance func(time.Duration) // moves all clocks, also the engine's
	now     func() time.Time
	mint    ticket.Mint
	shelved bool // the texts of every ticket lie on a shelf at any time
}

const day = 24 * time.Hour

var ctx = context.Background()

// opening makes a change that opens a ticket of marie@customer.example with one
// article, the word of it to an agent and an acknowledgement.
func (w *world) opening(subject string) (*ticket.Change, *ticket.Ticket) {
	now := w.now()
	t := &ticket.Ticket{
		ID: ticket.NewID(rand.Reader), Site: "acme", Queue: "help", Subject: subject, State: ticket.New, Locale: "en",
		Tracking: ticket.DefaultTracking.Draw(rand.Reader), Articles: 1, Opened: now, Changed: now,
	}
	marie := t.Join(ticket.Participant{Role: ticket.Requester, Locale: "en",
		Mailbox: ticket.Mailbox{Name: "Marie Martin", Address: ticket.MustAddress("marie@customer.example")}})
	messageID := rand.Text() + "@customer.example"
	article := ticket.Article{Number: 1, Kind: ticket.PublicArticle, Author: marie.Number, At: now,
		Text: "The heating of room 12 is cold.", MessageID: messageID}
	return &ticket.Change{
		Site: "acme", Operation: rand.Text(), At: now, Seen: []string{messageID + " help"},
		Tickets: []ticket.TicketChange{{
			Ticket: t, Articles: []ticket.Article{article}, MessageIDs: []string{messageID},
			Notices: []ticket.Notice{w.mint.Notice(ticket.Acknowledgement, t, marie, 1, now)},
		}},
	}, t
}

// open commits an opening and gives the ticket as it is read back.
func (w *world) open(subject string) *ticket.Ticket {
	w.Helper()
	c, t := w.opening(subject)
	w.commit(c)
	return w.ticket(t.ID)
}

func (w *world) commit(c *ticket.Change) ticket.Result {
	w.Helper()
	result, err := w.Commit(ctx, c)
	if err != nil {
		w.Fatal(err)
	}
	return result
}

func (w *world) ticket(id ticket.ID) *ticket.Ticket {
	w.Helper()
	t, err := w.Ticket(ctx, "acme", id)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w *world) lease(n int, d time.Duration) []ticket.Delivery {
	w.Helper()
	deliveries, err := w.Lease(ctx, n, d)
	if err != nil {
		w.Fatal(err)
	}
	return deliveries
}

func (w *world) timers() int {
	w.Helper()
	n, err := w.RunTimers(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func blobOf(id string, content []byte) ticket.Blob {
	return ticket.Blob{ID: ticket.BlobID(id), Size: int64(len(content)), Open: func() io.Reader { return bytes.NewReader(content) }}
}

func readBlob(t testing.TB, r io.ReadCloser, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTicketIsReadAsItWasWritten(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		result := w.commit(c)
		if want := (ticket.Reference{Prefix: "ACM", Number: 1}); len(result.References) != 1 || result.References[0] != want {
			t.Fatalf("references are %v, want %v", result.References, want)
		}
		made.Reference, made.Version = result.References[0], 1
		if diff := cmp.Diff(made, w.ticket(made.ID)); diff != "" {
			t.Error(diff)
		}
		articles, err := w.Articles(ctx, "acme", made.ID, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.Tickets[0].Articles, articles, cmp.AllowUnexported(ticket.Token{})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFactsFindATicketEveryWay(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		w.commit(c)
		messageID, seen := c.Tickets[0].MessageIDs[0], c.Seen[0]
		stranger := ticket.NewID(rand.Reader)
		facts, err := w.Facts(ctx, ticket.Query{
			Site: "acme", Tickets: []ticket.ID{made.ID, stranger}, MessageIDs: []string{"unknown@x.test", messageID},
			References: []uint64{1, 99}, Seen: []string{seen, "never"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(facts.Tickets) != 1 || facts.Tickets[made.ID] == nil || facts.Tickets[made.ID].Reference.Number != 1 {
			t.Errorf("tickets are %v", facts.Tickets)
		}
		if diff := cmp.Diff(map[string]ticket.ID{messageID: made.ID}, facts.ByMessageID); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[uint64]ticket.ID{1: made.ID}, facts.ByReference); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]bool{seen: true}, facts.Seen); diff != "" {
			t.Error(diff)
		}
	})
}

// TestADuplicateWaitsForWhatItRepeats: who is told 250 because the message was
// taken before relies on that as on a commit.
func TestADuplicateWaitsForWhatItRepeats(t *testing.T) {
	w := embedded(t)
	c, _ := w.opening("Cold heating")
	w.commit(c)
	syncs := w.Syncs()
	for seen, want := range map[string]int{"never": 0, c.Seen[0]: 1} {
		*syncs = 0
		if _, err := w.Facts(ctx, ticket.Query{Site: "acme", Seen: []string{seen}}); err != nil {
			t.Fatal(err)
		}
		if *syncs != want {
			t.Errorf("%d syncs, want %d", *syncs, want)
		}
	}
}

func TestSitesShareNothing(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		w.commit(c)
		facts, err := w.Facts(ctx, ticket.Query{
			Site: "globex", Tickets: []ticket.ID{made.ID}, MessageIDs: c.Tickets[0].MessageIDs,
			References: []uint64{1}, Seen: c.Seen,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(facts.Tickets)+len(facts.ByMessageID)+len(facts.ByReference)+len(facts.Seen) > 0 {
			t.Errorf("another site's facts are %+v", facts)
		}
		_, err = w.ByTracking(ctx, "globex", made.Tracking)
		wantError(t, err, store.ErrNotFound)
	})
}

func TestRepeatedOperationIsDoneOnce(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		first := w.commit(c)
		again := w.commit(c)
		if !again.Repeat || again.References[0] != first.References[0] {
			t.Errorf("the repeat gave %+v, the first %+v", again, first)
		}
		if v := w.ticket(made.ID).Version; v != 1 {
			t.Errorf("version is %d", v)
		}
		if n := len(w.lease(10, time.Minute)); n != 1 {
			t.Errorf("%d notices, want 1", n)
		}
	})
}

// TestADeliveryIsAnOperation: what is remembered of it tells its repeat, and is
// forgotten in time.
func TestADeliveryIsAnOperation(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, _ := w.opening("Cold heating")
		c.Operation = c.Seen[0]
		first, again := w.commit(c), w.commit(c)
		if !again.Repeat || again.References[0] != first.References[0] {
			t.Errorf("the repeat gave %+v, the first %+v", again, first)
		}
		for _, seen := range []bool{true, false} {
			if f := w.facts(ticket.Query{Seen: c.Seen}); f.Seen[c.Operation] != seen {
				t.Errorf("seen: %v, want %v", f.Seen, seen)
			}
			w.advance(31 * day)
		}
	})
}

func TestChangeOfAnOlderVersionConflicts(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		read := w.open("Cold heating")
		mine, theirs := read.Clone(), read.Clone()
		theirs.State = ticket.Open
		w.commit(&ticket.Change{Site: "acme", Operation: "theirs", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: theirs}}})
		mine.State = ticket.Closed
		_, err := w.Commit(ctx, &ticket.Change{Site: "acme", Operation: "mine", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: mine}}})
		wantError(t, err, ticket.ErrConflict)
		if s := w.ticket(read.ID).State; s != ticket.Open {
			t.Errorf("state is %s", s)
		}
	})
}

func TestTrackingCodeIsUnique(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		first := w.open("One")
		c, second := w.opening("Two")
		second.Tracking = first.Tracking
		_, err := w.Commit(ctx, c)
		wantError(t, err, ticket.ErrConflict)
		second.Tracking = ticket.DefaultTracking.Draw(rand.Reader)
		if result := w.commit(c); result.References[0].Number != 2 {
			t.Errorf("the conflict used up a number: %v", result.References)
		}
		found, err := w.ByTracking(ctx, "acme", second.Tracking)
		if err != nil || found.ID != second.ID {
			t.Errorf("found %v, %v", found, err)
		}
	})
}

func TestSeveralTicketsInOneChange(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, one := w.opening("One")
		d, two := w.opening("Two")
		c.Tickets = append(c.Tickets, d.Tickets...)
		result := w.commit(c)
		for i, made := range []*ticket.Ticket{one, two} {
			if is := w.ticket(made.ID).Reference; is != result.References[i] || is.Number != uint64(i+1) {
				t.Errorf("ticket %d has %v, the result says %v", i, is, result.References)
			}
		}
	})
}

func TestConcurrentOpeningsDrawDifferentNumbers(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		const n = 20
		numbers := make(chan uint64, n)
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				c, _ := w.opening(fmt.Sprint("Ticket ", i))
				result, err := w.Commit(ctx, c)
				if err != nil {
					t.Error(err)
					return
				}
				numbers <- result.References[0].Number
			})
		}
		group.Wait()
		close(numbers)
		seen := map[uint64]bool{}
		for number := range numbers {
			if seen[number] || number < 1 || number > n {
				t.Errorf("number %d", number)
			}
			seen[number] = true
		}
	})
}

func TestTicketsAreListedByStateAndQueue(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		for i := range 5 {
			w.advance(time.Second)
			made := w.open(fmt.Sprint("Ticket ", i))
			if i%2 == 1 {
				made.State, made.Queue = ticket.Open, "billing"
				w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Tickets: []ticket.TicketChange{{Ticket: made}}})
			}
		}
		for _, c := range []struct {
			filter store.Filter
			want   []string
		}{
			{store.Filter{}, []string{"Ticket 4", "Ticket 3", "Ticket 2", "Ticket 1", "Ticket 0"}},
			{store.Filter{States: []ticket.State{ticket.Open}}, []string{"Ticket 3", "Ticket 1"}},
			{store.Filter{Queue: "help"}, []string{"Ticket 4", "Ticket 2", "Ticket 0"}},
			{store.Filter{Queue: "billing", States: []ticket.State{ticket.New}}, nil},
		} {
			var got []string
			var after store.Cursor
			for {
				page, err := w.Tickets(ctx, "acme", c.filter, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				if page.Total != len(c.want) {
					t.Errorf("%+v: total is %d, want %d", c.filter, page.Total, len(c.want))
				}
				for _, found := range page.Items {
					got = append(got, found.Subject)
				}
				if after = page.Next; after == "" {
					break
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%+v: %s", c.filter, diff)
			}
		}
	})
}
