package store_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"guichet/ticket"
)

// reportable opens a ticket and moves it on, as it is now.
func (w *world) reportable(queue string, state ticket.State) {
	w.Helper()
	c, t := w.opening("Cold heating")
	t.Queue = queue
	if state.Done() {
		t.SetState(state, w.now())
	}
	t.State = state
	w.commit(c)
}

func TestReportsCountATime(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		body := func(queues ...string) ticket.ReportBody {
			b := ticket.ReportUntil(ticket.Day, w.now().Add(time.Second))
			b.Queues, b.Whole = queues, len(queues) == 0
			return b
		}
		w.reportable("help", ticket.Closed) // long over
		w.reportable("help", ticket.Open)   // and this one still open
		w.advance(10 * day)
		for range 3 {
			w.reportable("help", ticket.New)
		}
		w.reportable("billing", ticket.Solved)
		for _, each := range []struct {
			name                 string
			body                 ticket.ReportBody
			opened, closed, open int
			queues               int
			oldest               time.Duration
		}{
			{"the whole site", body(), 4, 1, 4, 2, 10 * day},
			{"one queue", body("help"), 3, 0, 4, 1, 10 * day},
			{"another", body("billing"), 1, 1, 0, 1, 0},
			{"none that there is", body("none"), 0, 0, 0, 0, 0},
		} {
			r, err := w.Report(ctx, "acme", each.body)
			if err != nil {
				t.Fatal(err)
			}
			if r.Total.Opened != each.opened || r.Total.Closed != each.closed || r.Total.Open != each.open || len(r.Queues) != each.queues ||
				r.Total.Oldest != each.oldest || r.Beyond {
				t.Errorf("%s: %+v, queues %+v", each.name, r.Total, r.Queues)
			}
		}
		m := w.material(ticket.Notice{Kind: ticket.ReportMail, Queue: "help", Mailbox: ticket.Mailbox{Address: "anna@acme.example"}, Report: new(body("help"))})
		if m.Report == nil || m.Report.Total.Opened != 3 {
			t.Errorf("the mail is written from %+v", m.Report)
		}
		other, err := w.Report(ctx, "globex", body())
		if err != nil || other.Total != (ticket.Figures{}) || len(other.Queues)+len(other.Agents)+len(other.Tags) != 0 {
			t.Errorf("another site's report counts %+v, %v", other, err)
		}
	})
}

// A report reads page by page, and no more once its reader is gone.
func TestReportsReadInPages(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c := &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now()}
		const many = 600 // more than two pages
		for range many {
			one, _ := w.opening("One of many")
			if c.Tickets = append(c.Tickets, one.Tickets...); len(c.Tickets) == 100 {
				w.commit(c)
				c = &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now()}
			}
		}
		b := ticket.ReportUntil(ticket.Week, w.now().Add(time.Hour))
		b.Whole = true
		r, err := w.Report(ctx, "acme", b)
		if err != nil || r.Total.Opened != many || r.Ages[0] != many {
			t.Fatalf("%v: %+v", err, r)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := w.Report(gone, "acme", b); err == nil {
			t.Error("it went on")
		}
	})
}

// BenchmarkReport counts ten thousand tickets: what one costs says how long a
// report at its bound takes.
func BenchmarkReport(b *testing.B) {
	w := inFiles(b).open(b)
	const many = 10_000
	c := &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now()}
	for range many {
		one, _ := w.opening("One of many")
		if c.Tickets = append(c.Tickets, one.Tickets...); len(c.Tickets) == 500 {
			w.commit(c)
			c = &ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now()}
		}
	}
	body := ticket.ReportUntil(ticket.Month, w.now().Add(time.Hour))
	body.Whole = true
	for b.Loop() {
		r, err := w.Report(ctx, "acme", body)
		if err != nil || r.Total.Opened != many {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/many, "µs/ticket")
}
