package store_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

func TestNoticeIsLeasedSettledAndTraced(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.opening("Cold heating")
		w.commit(c)
		select {
		case <-w.NoticesDue():
		default:
			t.Error("the commit woke nobody")
		}
		leased := w.lease(10, time.Minute)
		if len(leased) != 1 || len(w.lease(10, time.Minute)) != 0 {
			t.Fatalf("leased %v, and again", leased)
		}
		if diff := cmp.Diff(c.Tickets[0].Notices[0], leased[0].Notice); diff != "" {
			t.Error(diff)
		}
		if err := w.Settle(ctx, leased[0], ticket.Outcome{State: ticket.Delivered}); err != nil {
			t.Fatal(err)
		}
		wantError(t, w.Settle(ctx, leased[0], ticket.Outcome{State: ticket.Failed}), store.ErrLeaseLost)
		page, err := w.Outbox(ctx, "acme", nil, "", 10)
		if err != nil || len(page.Items) != 0 {
			t.Errorf("outbox is %v, %v", page, err)
		}
		traced, err := w.Notices(ctx, "acme", made.ID)
		if err != nil || len(traced) != 1 || traced[0].State != ticket.Delivered || traced[0].Attempts != 1 {
			t.Errorf("traced %+v, %v", traced, err)
		}
		w.advance(31 * day)
		if traced, err = w.Notices(ctx, "acme", made.ID); err != nil || len(traced) != 0 {
			t.Errorf("a month later %+v, %v", traced, err)
		}
	})
}

// A notice that cannot be read is put aside where it is seen, among the others.
func TestNoticeThatDoesNotOpenIsKeptBack(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.open("Cold heating")
		w.open("Broken window")
		page, err := w.Outbox(ctx, "acme", nil, "", 10)
		if err != nil || len(page.Items) < 2 {
			w.Fatalf("%d mails are due, %v", len(page.Items), err)
		}
		spoilt := page.Items[0].Notice.ID
		if err := w.SpoilNotice(ctx, "acme", spoilt, false); err != nil {
			w.Fatal(err)
		}
		if n := len(w.lease(10, time.Minute)); n != len(page.Items)-1 {
			w.Errorf("%d of %d are leased", n, len(page.Items))
		}
		for _, states := range [][]ticket.DeliveryState{nil, {ticket.Failed}} {
			now, err := w.Outbox(ctx, "acme", states, "", 10)
			if err != nil {
				w.Fatal(err)
			}
			seen := slices.ContainsFunc(now.Items, func(d ticket.Delivery) bool {
				return d.Notice.ID == spoilt && d.State == ticket.Failed && d.Error != ""
			})
			if !seen || states == nil && len(now.Items) != len(page.Items) {
				w.Errorf("of %v there are %+v", states, now.Items)
			}
		}
	})
}

func TestSettlingIsRepeatable(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		w.open("Cold heating")
		leased := w.lease(1, time.Minute)
		for range 2 { // as a network error would have it
			if err := w.Settle(ctx, leased[0], ticket.Outcome{State: ticket.Delivered}); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestNoticeIsTriedAgainWhenDue(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		w.open("Cold heating")
		first := w.lease(1, time.Minute)[0]
		err := w.Settle(ctx, first, ticket.Outcome{State: ticket.Queued, Due: w.now().Add(time.Hour), Error: "421 busy"})
		if err != nil {
			t.Fatal(err)
		}
		w.advance(59 * time.Minute)
		if early := w.lease(1, time.Minute); len(early) > 0 {
			t.Fatalf("leased %v before it is due", early)
		}
		w.advance(2 * time.Minute)
		second := w.lease(1, time.Minute)
		if len(second) != 1 || second[0].Attempts != 1 || second[0].Error != "421 busy" || second[0].State != ticket.Queued {
			t.Fatalf("leased %+v", second)
		}
	})
}

func TestLeaseOfADeadWorkerIsTakenOver(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		w.open("Cold heating")
		dead := w.lease(1, time.Minute)[0]
		w.advance(2 * time.Minute)
		next := w.lease(1, time.Minute)
		if len(next) != 1 {
			t.Fatal("nobody took over")
		}
		wantError(t, w.Settle(ctx, dead, ticket.Outcome{State: ticket.Delivered}), store.ErrLeaseLost)
		if err := w.Settle(ctx, next[0], ticket.Outcome{State: ticket.Delivered}); err != nil {
			t.Error(err)
		}
	})
}

// Of the embedded store there is one daemon: when it starts, what another had
// taken is nobody's any more. What waits for its next attempt goes on waiting.
func TestLeasesOfADeadDaemonEndWhenTheNextStarts(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	w.open("Broken window")
	tried := w.lease(1, time.Minute)[0]
	later := w.now().Add(10 * time.Minute)
	if err := w.Settle(ctx, tried, ticket.Outcome{State: ticket.Queued, Due: later}); err != nil {
		t.Fatal(err)
	}
	taken := w.lease(1, 15*time.Minute)[0]
	w.advance(time.Second)
	w = w.again()
	again := w.lease(10, 15*time.Minute)
	if len(again) != 1 || again[0].Notice.ID != taken.Notice.ID {
		t.Fatalf("%d mails are leased, want the one that the dead daemon had", len(again))
	}
	wantError(t, w.Settle(ctx, taken, ticket.Outcome{State: ticket.Delivered}), ticket.ErrLeaseLost)
	w.advance(11 * time.Minute)
	if again = w.lease(10, time.Minute); len(again) != 1 || again[0].Notice.ID != tried.Notice.ID {
		t.Errorf("%d mails are leased, want the one whose next attempt is due", len(again))
	}
}

func TestGivingUpShowsOnTheTicketInTheSameStep(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		d := w.lease(1, time.Minute)[0]
		stale := made.Clone()
		stale.Version = 99
		outcome := func(of *ticket.Ticket) ticket.Outcome {
			return ticket.Outcome{State: ticket.Failed, Error: "550", Change: &ticket.Change{
				Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{w.mint.DeliveryFailed(of, d.Notice, nil, ticket.Undelivered{Reason: "550"}, w.now())},
			}}
		}
		wantError(t, w.Settle(ctx, d, outcome(stale)), ticket.ErrConflict)
		if page, err := w.Outbox(ctx, "acme", []ticket.DeliveryState{ticket.Failed}, "", 9); err != nil || page.Total != 0 {
			t.Errorf("a conflict settled half: %+v, %v", page, err)
		}
		if err := w.Settle(ctx, d, outcome(made)); err != nil {
			t.Fatal(err)
		}
		articles, err := w.Articles(ctx, "acme", made.ID, 1, 9)
		if err != nil || len(articles) != 1 || articles[0].Event != ticket.EventDeliveryFailed {
			t.Errorf("articles are %+v, %v", articles, err)
		}
		page, err := w.Outbox(ctx, "acme", []ticket.DeliveryState{ticket.Failed}, "", 9)
		if err != nil || len(page.Items) != 1 || page.Items[0].Error != "550" {
			t.Errorf("outbox is %+v, %v", page, err)
		}
		w.advance(31 * day)
		if n := w.timers(); n != 1 {
			t.Errorf("%d timers", n)
		}
		if page, err = w.Outbox(ctx, "acme", nil, "", 9); err != nil || page.Total != 0 {
			t.Errorf("a month later outbox is %+v, %v", page, err)
		}
	})
}

func TestNoticeIsRedirectedByHand(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, _ := w.opening("Cold heating")
		w.commit(c)
		id := c.Tickets[0].Notices[0].ID
		redirect := func(to ticket.DeliveryState) {
			t.Helper()
			if err := w.Redirect(ctx, "acme", id, to); err != nil {
				t.Fatal(err)
			}
		}
		redirect(ticket.OnHold)
		if n := len(w.lease(1, time.Minute)); n != 0 {
			t.Error("a notice on hold was leased")
		}
		redirect(ticket.Queued)
		d := w.lease(1, time.Minute)
		if len(d) != 1 {
			t.Fatal("a released notice was not leased")
		}
		for _, to := range []ticket.DeliveryState{ticket.Queued, ticket.OnHold, ticket.Dropped} {
			wantError(t, w.Redirect(ctx, "acme", id, to), store.ErrLeased)
		}
		w.advance(2 * time.Minute) // its worker died
		redirect(ticket.Dropped)
		wantError(t, w.Settle(ctx, d[0], ticket.Outcome{State: ticket.Delivered}), store.ErrLeaseLost)
		wantError(t, w.Redirect(ctx, "acme", id, ticket.Queued), store.ErrNotFound)
		if n, err := w.Notice(ctx, "acme", id); err != nil || n.State != ticket.Dropped {
			t.Errorf("notice is %+v, %v", n, err)
		}
		wantError(t, w.Redirect(ctx, "acme", "none", ticket.Queued), store.ErrNotFound)
	})
}

func TestBrakesAnswerOnceForANotice(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		brake := ticket.Brake{Counter: "hour marie@customer.example", Limit: 2, Window: time.Hour}
		var got []bool
		for range 4 {
			n := ticket.Notice{ID: rand.Text(), Site: "acme", Brakes: []ticket.Brake{brake}}
			for range 2 {
				refused, err := w.Allow(ctx, n)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, refused == nil)
			}
		}
		if diff := cmp.Diff([]bool{true, true, true, true, false, false, false, false}, got); diff != "" {
			t.Error(diff)
		}
		// Another site has its own counters.
		if refused, err := w.Allow(ctx, ticket.Notice{ID: "x", Site: "globex", Brakes: []ticket.Brake{brake}}); err != nil || refused != nil {
			t.Errorf("refused %v, %v", refused, err)
		}
	})
}

// TestOfANoticeThatIsOverOnlyItsRecordIsLeft: alone, and among others.
func TestOfANoticeThatIsOverOnlyItsRecordIsLeft(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		for _, brakes := range [][]ticket.Brake{nil, {{Counter: "hour marie@customer.example", Limit: 2, Window: time.Hour}}} {
			c, _ := w.opening("Cold heating")
			c.Tickets[0].Notices[0].Brakes = brakes
			w.commit(c)
		}
		leased := w.lease(10, time.Minute)
		for _, d := range leased {
			if refused, err := w.Allow(ctx, d.Notice); err != nil || refused != nil {
				t.Fatal(refused, err)
			}
		}
		var group sync.WaitGroup
		for _, d := range leased {
			group.Go(func() {
				if err := w.Settle(ctx, d, ticket.Outcome{State: ticket.Delivered}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		left := 0
		err := w.Each(ctx, func(item string) {
			for _, d := range leased {
				record, rest, _ := strings.Cut(item, " ")
				switch {
				case record == "notice:"+d.Notice.ID && !strings.HasPrefix(rest, " in-outbox "):
					left++
				case !strings.HasPrefix(record, "ticket:") && strings.Contains(item, d.Notice.ID):
					t.Errorf("left is %q", item)
				}
			}
		})
		if err != nil || left == 0 {
			t.Errorf("%d fields are left, %v", left, err)
		}
	})
}

func TestMaterialOfANotice(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		first := w.lease(1, time.Minute)[0].Notice
		for range 20 {
			made.Articles++
			w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Tickets: []ticket.TicketChange{{
				Ticket: made, Articles: []ticket.Article{{Number: made.Articles, Kind: ticket.InternalArticle, At: w.now()}},
			}}})
			made = w.ticket(made.ID)
		}
		for _, c := range []struct {
			article, history int
			want             int
		}{{1, 0, 1}, {5, 4, 5}, {20, 12, 20}, {0, 13, 0}} {
			n := first
			n.Article = c.article
			m, err := w.Material(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			if m.Ticket.ID != made.ID || len(m.History) != c.history {
				t.Errorf("article %d: history has %d, want %d", c.article, len(m.History), c.history)
			}
			if (m.Article != nil) != (c.want != 0) || m.Article != nil && m.Article.Number != c.want {
				t.Errorf("article %d: brings %+v", c.article, m.Article)
			}
		}
	})
}

func TestNoticeWithoutATicket(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		n := ticket.Notice{ID: rand.Text(), Kind: ticket.Postmaster, Site: "acme", Locale: "en",
			Mailbox: ticket.Mailbox{Name: "Admin", Address: "admin@acme.example"}, MessageID: "x@mx.example.com", Created: w.now()}
		w.commit(&ticket.Change{Site: "acme", Operation: "op", At: w.now(), Notices: []ticket.Notice{n}})
		d := w.lease(1, time.Minute)
		if len(d) != 1 || d[0].Notice.Mailbox != n.Mailbox {
			t.Fatalf("leased %+v", d)
		}
		if m, err := w.Material(ctx, d[0].Notice); err != nil || m.Ticket != nil {
			t.Errorf("material is %+v, %v", m, err)
		}
		if err := w.Settle(ctx, d[0], ticket.Outcome{State: ticket.Delivered}); err != nil {
			t.Error(err)
		}
	})
}

// TestBacklogOfOneSiteHoldsUpNoOther has a site with a backlog and one with a
// single notice that came later, both hinted at in one place.
func TestBacklogOfOneSiteHoldsUpNoOther(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		other := "x"
		for !store.SharesShard("acme", other) {
			other += "x"
		}
		w.SetSites(append(w.opt.Sites, store.Site{Name: other, Prefix: "X"}))
		for range 6 {
			w.open("A backlog")
		}
		w.advance(time.Second)
		n := ticket.Notice{ID: rand.Text(), Kind: ticket.Postmaster, Site: other, Created: w.now()}
		w.commit(&ticket.Change{Site: other, Operation: "op", At: w.now(), Notices: []ticket.Notice{n}})
		w.advance(time.Minute)
		var sites []string
		for range 7 {
			for _, d := range w.lease(1, time.Hour) {
				sites = append(sites, d.Notice.Site)
			}
			w.advance(time.Millisecond)
		}
		if diff := cmp.Diff([]string{"acme", other, "acme", "acme", "acme", "acme", "acme"}, sites); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWorkIsFoundAfterARestart(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.open("Cold heating")
		next := w.again()
		next.advance(2 * time.Minute) // any lost hint is healed by then
		if n := len(next.lease(5, time.Minute)); n != 1 {
			w.Errorf("leased %d notices", n)
		}
	})
}

func TestUnknownSite(t *testing.T) {
	w := embedded(t)
	_, err := w.Facts(ctx, ticket.Query{Site: "nobody"})
	wantError(t, err, store.ErrNotFound)
	_, err = w.Commit(ctx, &ticket.Change{Site: "nobody"})
	wantError(t, err, store.ErrNotFound)
	if errors.Is(err, ticket.ErrConflict) {
		t.Error("it is no conflict")
	}
}

// TestNoticeAboutATicketThatIsNotChanged is sealed under that ticket's key, not
// under none.
func TestNoticeAboutATicketThatIsNotChanged(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		n := w.mint.Notice(ticket.AgentHeld, made, &made.Participants[0], 0, w.now())
		w.commit(&ticket.Change{Site: "acme", Operation: "op", At: w.now(), Notices: []ticket.Notice{n}})
		if got := w.lease(9, time.Minute); len(got) != 2 {
			t.Errorf("leased %d, want 2", len(got))
		}
		if err := w.Erase(ctx, "acme", made.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Notice(ctx, "acme", n.ID)
		wantError(t, err, store.ErrNotFound)
	})
}
