package outbox

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/templates"
	"guichet/ticket"
)

func TestRepeatsGrowApartAndEnd(t *testing.T) {
	made := opened
	now, giveUp := made, 5*24*time.Hour
	var gaps []time.Duration
	for {
		next, more := nextAttempt(made, now, giveUp, 0)
		if !more {
			break
		}
		if !next.After(now) {
			t.Fatalf("at %v the next attempt is at %v", now.Sub(made), next.Sub(made))
		}
		gaps = append(gaps, next.Sub(now))
		now = next
	}
	if now.Sub(made) != giveUp {
		t.Errorf("the last attempt is after %v, want %v", now.Sub(made), giveUp)
	}
	if len(gaps) < 30 || len(gaps) > 60 {
		t.Errorf("%d attempts in five days", len(gaps))
	}
	for i := 1; i < len(gaps)-1; i++ {
		if gaps[i] < gaps[i-1] {
			t.Errorf("after a gap of %v one of %v", gaps[i-1], gaps[i])
		}
	}
	early, _ := nextAttempt(made, made, giveUp, 0)
	late, _ := nextAttempt(made, made, giveUp, 0.999)
	if early.Sub(made) != time.Minute || late.Sub(early) < 10*time.Second || late.Sub(early) > 12*time.Second {
		t.Errorf("first repeat after %v to %v", early.Sub(made), late.Sub(made))
	}
}

func TestAMailThatCannotLeaveFailsVisiblyAfterFiveDays(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.relay.Refuse["marie@customer.example"] = "451 4.7.1 not now"
		o.store.conflicts = 2 // somebody writes to the ticket meanwhile
		n := o.notice(ticket.Acknowledgement, 1, 1)
		o.store.queue(n)
		o.runFor(t, 6*24*time.Hour)
		var last settled
		tries := 0
		for _, s := range o.store.outcomes() {
			if s.id == n.ID {
				last = s
				tries++
			}
		}
		if last.State != ticket.Failed || last.Error != "451 4.7.1 not now" {
			t.Fatalf("after %d attempts %s: %s", tries, last.State, last.Error)
		}
		if age := last.at.Sub(n.Created); age < 5*24*time.Hour || age > 5*24*time.Hour+time.Minute {
			t.Errorf("given up after %v", age)
		}
		articles := o.store.articles[o.t.ID]
		event := articles[len(articles)-1]
		if event.Event != ticket.EventDeliveryFailed || event.Detail != "451 4.7.1 not now" || event.Text != "marie@customer.example" {
			t.Errorf("the ticket says %+v", event)
		}
		told := map[string]bool{}
		for _, m := range o.relay.Mails() {
			told[m.To] = true
			if !strings.Contains(m.Data, "could not be delivered") && !strings.Contains(m.Data, "pas pu =C3=AAtre remis") {
				t.Errorf("to %s: %s", m.To, m.Data)
			}
		}
		if len(told) != 2 || !told["anna@acme.example"] || !told["ben@acme.example"] {
			t.Errorf("told: %v", told)
		}
	})
}

func TestARefusalForGoodFailsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.relay.Refuse["marie@customer.example"] = "550 5.1.1 no such user"
		o.store.queue(o.notice(ticket.Answer, 1, o.write(ticket.Article{Kind: ticket.PublicArticle, Author: 2, Text: "It is done."})))
		o.runFor(t, time.Minute)
		o.expect(t, "failed: 550 5.1.1 no such user", "delivered", "delivered")
	})
}

func TestWhatWasSentIsNotSentAgainWhenTheStoreIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.store.faults = settleAttempts + 2
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		o.runFor(t, 2*leaseTime)
		o.expect(t, "delivered")
		if n := len(o.relay.Mails()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

// TestWhatWasSentIsNotSentAgainByAnotherStore: a replica that has become the
// master does not know that the notice was leased, and gives it once more.
func TestWhatWasSentIsNotSentAgainByAnotherStore(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.store.takeovers = 1
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		o.runFor(t, 2*leaseTime)
		o.expect(t, "delivered")
		if n := len(o.relay.Mails()); n != 1 {
			t.Errorf("sent %d times", n)
		}
		if n := len(o.outbox.sent); n != 0 {
			t.Errorf("%d notices are still remembered", n)
		}
	})
}

// TestWhatIsUnderWayIsNotBegunAgain: the store's clock leaps over the end of a
// lease while its mail is on its way.
func TestWhatIsUnderWayIsNotBegunAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.parts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(25 * time.Second) // two polls, and less than connecting may take
			return o.relay.Dial(ctx, network, address)
		}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		stop := o.start(t)
		time.Sleep(5 * time.Second)
		o.store.mu.Lock()
		o.store.now = func() time.Time { return time.Now().Add(2 * leaseTime) }
		o.store.mu.Unlock()
		time.Sleep(2 * leaseTime)
		stop()
		if n := len(o.relay.Mails()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

func TestPausedMailWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.settings.Sites = map[string]Outgoing{"acme": o.settings.Outgoing}
		paused := o.settings.Outgoing
		paused.Paused = true
		free := o.settings
		o.settings.Sites = map[string]Outgoing{"acme": paused}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		stop := o.start(t)
		time.Sleep(6 * 24 * time.Hour)
		if n := len(o.relay.Mails()); n != 0 {
			t.Errorf("%d mails left while paused", n)
		}
		free.Sites = map[string]Outgoing{"acme": o.settings.Outgoing}
		if err := o.outbox.Update(free); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		stop()
		if n := len(o.relay.Mails()); n != 1 {
			t.Errorf("%d mails left afterwards, want 1", n)
		}
	})
}

func TestBrakes(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.store.refuses = &ticket.Brake{Counter: "hour"}
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1))
		o.runFor(t, time.Second)
		o.expect(t, "braked")
		if n := len(o.store.articles[o.t.ID]); n != 1 {
			t.Errorf("an ordinary brake left %d articles", n)
		}
		o.store.refuses = &ticket.Brake{Counter: "body", Trips: "muted"}
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1))
		stop := o.start(t)
		synctestWait(func() bool { return len(o.store.outcomes()) >= 2 })
		o.store.mu.Lock()
		o.store.refuses = nil
		o.store.mu.Unlock()
		time.Sleep(time.Minute)
		stop()
		articles := o.store.articles[o.t.ID]
		if e := articles[len(articles)-1]; e.Event != ticket.EventMuted || e.Text != "marie@customer.example" {
			t.Errorf("the ticket says %+v", e)
		}
		if len(o.relay.Mails()) == 0 {
			t.Error("nobody of the team was told")
		}
	})
}

// synctestWait lets the bubble's time pass until something holds.
func synctestWait(holds func() bool) {
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestThoseWhoLeftGetNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.site.Queues[0].Agents = []ticket.Address{"anna@acme.example"} // Ben is no longer of the team
		o.store.queue(o.notice(ticket.AgentNew, 3, 1))
		removed, _ := o.t.Participant(4)
		n := o.notice(ticket.Answer, 4, 1)
		removed.Removed = true
		o.store.queue(n)
		gone := o.notice(ticket.AgentNew, 2, 1)
		gone.Ticket = ticket.ID{9}
		o.store.queue(gone)
		o.runFor(t, time.Second)
		for _, s := range o.store.outcomes() {
			if s.State != ticket.Dropped || s.Error == "" {
				t.Errorf("%s: %s", s.State, s.Error)
			}
		}
		if n := len(o.store.outcomes()); n != 3 || len(o.relay.Mails()) != 0 {
			t.Errorf("%d settled, %d sent", n, len(o.relay.Mails()))
		}
	})
}

func TestStoppingFinishesWhatIsUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		slow := make(chan struct{})
		o.store.blobs["b1"] = []byte("file")
		article := o.write(ticket.Article{Kind: ticket.PublicArticle, Author: 1, Text: "x", Attachments: []ticket.Attachment{{Name: "a.bin", Type: "application/octet-stream", Blob: "b1"}}})
		o.parts.Store = slowStore{o.store, slow}
		o.store.queue(o.notice(ticket.AgentReply, 2, article))
		stop := o.start(t)
		time.Sleep(time.Second)
		time.AfterFunc(10*time.Second, func() { close(slow) })
		began := time.Now()
		stop()
		if took := time.Since(began); took < 10*time.Second || took > drainTime {
			t.Errorf("stopped after %v", took)
		}
		o.expect(t, "delivered")
	})
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.relay.StallInData = true
		o.settings.Outgoing.Concurrency = 1
		o.store.queue(o.notice(ticket.AgentNew, 2, 1), o.notice(ticket.AgentNew, 3, 1))
		stop := o.start(t)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > drainTime+time.Second {
			t.Errorf("stopped after %v", took)
		}
		// One waited for its turn and is given back; one was under way and is cut.
		states := o.states()
		if !strings.Contains(states, "queued: cut short because we stop") || strings.Count(states, "queued") != 2 {
			t.Errorf("outcomes:\n%s", states)
		}
	})
}

// slowStore opens files only when it is let.
type slowStore struct {
	*fakeStore
	slow chan struct{}
}

func (s slowStore) OpenBlob(ctx context.Context, site string, id ticket.ID, b ticket.BlobID) (io.ReadCloser, error) {
	select {
	case <-s.slow:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.fakeStore.OpenBlob(ctx, site, id, b)
}

// awayStore settles nothing until it is let.
type awayStore struct {
	*fakeStore
	back chan struct{}
}

func (s awayStore) Settle(ctx context.Context, d ticket.Delivery, o ticket.Outcome) error {
	<-s.back
	return s.fakeStore.Settle(ctx, d, o)
}

// TestAWorkerGoesOnWhileTheStoreSettles: but never has more leased than it may.
func TestAWorkerGoesOnWhileTheStoreSettles(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.settings.Workers = 1
		away := awayStore{o.store, make(chan struct{})}
		o.parts.Store = away
		for range 2 * leasesEach {
			o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		}
		stop := o.start(t)
		time.Sleep(time.Second)
		if n := len(o.relay.Mails()); n != leasesEach {
			t.Errorf("%d mails left that were not settled, want %d", n, leasesEach)
		}
		close(away.back)
		time.Sleep(time.Second)
		stop()
		if n := len(o.relay.Mails()); n != 2*leasesEach || strings.Count(o.states(), "delivered") != n {
			t.Errorf("%d mails left; outcomes:\n%s", n, o.states())
		}
	})
}

// lateStore takes its time to read what the first notice brings.
type lateStore struct {
	*fakeStore
	once *sync.Once
}

func (s lateStore) Material(ctx context.Context, n ticket.Notice) (ticket.Material, error) {
	s.once.Do(func() { time.Sleep(workerWithin + time.Second) })
	return s.fakeStore.Material(ctx, n)
}

// TestWhatWaitedTooLongForAWorkerIsGivenBack: an attempt must end before its lease.
func TestWhatWaitedTooLongForAWorkerIsGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.settings.Workers = 1
		o.parts.Store = lateStore{o.store, new(sync.Once)}
		o.store.queue(o.notice(ticket.AgentNew, 2, 1), o.notice(ticket.AgentNew, 3, 1))
		o.runFor(t, 2*workerWithin)
		states := o.states()
		if strings.Count(states, "queued") != 1 || strings.Count(states, "delivered") != 2 || len(o.relay.Mails()) != 2 {
			t.Errorf("%d mails left; outcomes:\n%s", len(o.relay.Mails()), states)
		}
	})
}

// TestLogsTellNoSecrets: a line an attempt, and nobody's words in it.
func TestLogsTellNoSecrets(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		var log bytes.Buffer
		o.parts.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.relay.Refuse["marie@customer.example"] = "550 5.1.1 <marie@customer.example> is not here"
		o.login("right")
		o.settings.Outgoing.Route.TLS = "none"
		o.store.queue(o.notice(ticket.Acknowledgement, 1, 1), o.notice(ticket.AgentNew, 2, 1))
		o.runFor(t, time.Minute)
		lines := strings.Count(log.String(), "msg=delivery ")
		if settled := len(o.store.outcomes()); lines != settled || lines < 2 {
			t.Errorf("%d lines for %d attempts:\n%s", lines, settled, log.String())
		}
		for _, secret := range []string{"marie", "customer.example", "anna@", "leaks", "34679", "right", "help+"} {
			if strings.Contains(strings.ToLower(log.String()), secret) {
				t.Errorf("the log tells %q:\n%s", secret, log.String())
			}
		}
	})
}

func TestNewWordsAndSettingsAreTakenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		stop := o.start(t)
		settings := o.settings
		settings.Hostname = "new.guichet.test"
		if err := o.outbox.Update(settings); err != nil {
			t.Fatal(err)
		}
		words, err := templates.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		o.outbox.UpdateTemplates(words)
		o.store.queue(o.notice(ticket.AgentNew, 2, 1))
		time.Sleep(time.Second)
		stop()
		if mails := o.relay.Mails(); len(mails) != 1 || mails[0].Hello != "new.guichet.test" {
			t.Errorf("sent %v", mails)
		}
		if o.outbox.words() != words {
			t.Error("the new words are not in force")
		}
		if err := o.outbox.Update(Settings{}); err == nil {
			t.Error("settings without a hostname were taken")
		}
	})
}
