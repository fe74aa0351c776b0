//go:build linux

package main

import (
	"fmt"
	"time"

	"guichet/ticket"
)

// article is a mail as the store has it.
type article struct {
	ticket string // or heldAside
	// whole is set when mail, attachment and text are what was sent.
	whole bool
}

// heldAside stands in the place of a ticket for mail that is held. Only what
// nothing proves may be.
const heldAside = "held"

// notice is a mail that the store says is owed, or was.
type notice struct {
	state ticket.DeliveryState
	to    string
}

// found is all that the store holds once the daemon has stopped.
type found struct {
	articles map[string][]article // by Message-ID
	notices  map[string]notice    // by Message-ID
	// half are tickets that lack something that was written with them.
	half []string
	// differences is what guichet reindex --check says.
	differences []string
}

// verdict is what came of a fault.
type verdict struct {
	Fault  string `json:"fault"`
	Engine string `json:"engine"`
	Faults int    `json:"faults"` // how often it struck
	Sent   int    `json:"sent"`
	// Accepted are mails that got 250; the others are answers.
	Accepted int `json:"accepted"`
	Deferred int `json:"answers_4xx"`
	Unheard  int `json:"no_answer"`
	Repeats  int `json:"repeats"`

	Lost      int `json:"lost"`      // answered 250 and not there
	Truncated int `json:"truncated"` // there with other bytes
	Doubled   int `json:"doubled"`   // there more than once
	Stuck     int `json:"stuck"`     // repeated to the end and never taken
	Refused   int `json:"refused"`   // answered 5xx
	Half      int `json:"half"`      // tickets that lack something
	Held      int `json:"held"`      // there, and kept aside

	takenOver span

	Notices int `json:"notices"` // sent or to be sent
	Braked  int `json:"braked"`
	// Unsent are notices that the store calls delivered and the relay never
	// took, or that are still owed.
	Unsent int `json:"unsent"`
	// Again are notices that were sent twice where that cannot be helped: their
	// answer was cut, or never written down because of a kill.
	Again          int `json:"sent_again"`
	DoubledNotices int `json:"doubled_notices"`
	Strange        int `json:"strange"` // mails to the relay that the store knows nothing of

	Check   string        `json:"check"`
	Took    time.Duration `json:"took"`
	Skipped string        `json:"skipped,omitempty"`
	Wrong   []string      `json:"wrong,omitempty"`
}

// mostSaid bounds how many things that are wrong are named.
const mostSaid = 20

func (v *verdict) blame(count *int, format string, args ...any) {
	*count++
	if len(v.Wrong) < mostSaid {
		v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...))
	}
}

// judge holds what the senders and the relay know to what the store has. killed
// says when a life of the daemon was ended by force.
func (v *verdict) judge(fates []*fate, f *found, mails []handed, killed map[int]time.Time) {
	v.judgeMails(fates, f)
	v.judgeNotices(f, mails, killed)
	for _, text := range f.half {
		v.blame(&v.Half, "half a ticket: %s", text)
	}
	v.Check = "agrees"
	if len(f.differences) > 0 {
		v.Check = "differs"
		v.Wrong = append(v.Wrong, f.differences[:min(mostSaid, len(f.differences))]...)
	}
}

func (v *verdict) judgeMails(fates []*fate, f *found) {
	v.Sent += len(fates)
	known := map[string]bool{}
	for _, fate := range fates {
		id := fate.messageID()
		known[id] = true
		v.Repeats += max(0, fate.tries-1)
		if fate.accepted > 0 {
			v.Accepted++
		}
		there := f.articles[id]
		switch {
		case fate.accepted > 0 && len(there) == 0:
			v.blame(&v.Lost, "lost: %s was answered 250", id)
		case fate.accepted == 0 && !fate.abandoned:
			v.blame(&v.Stuck, "stuck: %s was sent %d times and never answered 250", id, fate.tries)
		}
		if len(there) > 1 {
			v.blame(&v.Doubled, "doubled: %s is there %d times: %v", id, len(there), there)
		}
		for _, a := range there {
			if !a.whole {
				v.blame(&v.Truncated, "truncated: %s in %s", id, a.ticket)
			}
			if a.ticket == heldAside {
				v.Held++
			}
		}
		v.judgeThread(fate, f)
	}
	for id, there := range f.articles {
		if !known[id] {
			v.blame(&v.Strange, "strange: %v came by %s, which nobody sent", there, id)
		}
	}
}

// judgeThread holds that an answer stands where what it answers does.
func (v *verdict) judgeThread(fate *fate, f *found) {
	if fate.answers == nil {
		return
	}
	there, before := f.articles[fate.messageID()], f.articles[fate.answers.messageID()]
	if len(there) != 1 || len(before) != 1 || there[0].ticket == heldAside || before[0].ticket == heldAside {
		return // an answer to what nobody let in yet is a matter of its own
	}
	if there[0].ticket != before[0].ticket {
		v.blame(&v.Half, "torn: %s is in %s, what it answers in %s", fate.messageID(), there[0].ticket, before[0].ticket)
	}
}

// span is when a newer program took a store over from one that went on. From some
// moment of it on, the older one could write nothing down.
type span struct{ from, to time.Time }

// forgets reports whether a mail that was handed over then may be sent again.
func (s span) forgets(at time.Time) bool {
	return at.After(s.from.Add(-writtenWithin)) && at.Before(s.to)
}

// writtenWithin is how long a daemon may take to write down that a mail left.
const writtenWithin = 5 * time.Second

func (v *verdict) judgeNotices(f *found, mails []handed, killed map[int]time.Time) {
	taken, failed := map[string][]handed{}, map[string]bool{}
	for _, h := range mails {
		failed[h.MessageID] = failed[h.MessageID] || h.Failed
		if h.Taken {
			taken[h.MessageID] = append(taken[h.MessageID], h)
		}
	}
	for id, n := range f.notices {
		v.Notices++
		got := taken[id]
		switch {
		case n.state == ticket.Braked:
			v.Braked++
			if len(got) > 0 {
				v.blame(&v.DoubledNotices, "notice %s was kept back by a brake, and sent", id)
			}
		case n.state != ticket.Delivered && !(n.state == ticket.Failed && failed[id]):
			v.blame(&v.Unsent, "notice %s to %s is %s", id, n.to, n.state)
		case n.state == ticket.Delivered && len(got) == 0:
			v.blame(&v.Unsent, "notice %s to %s is said to be delivered, and never was", id, n.to)
		}
		v.judgeRepeats(id, n, got, killed)
	}
	for id := range taken {
		if _, known := f.notices[id]; !known {
			v.blame(&v.Strange, "strange: the relay was given %q, which is no notice", id)
		}
	}
}

// judgeRepeats excuses each repeat whose mail before had no answer that the daemon
// could write down.
func (v *verdict) judgeRepeats(id string, n notice, got []handed, killed map[int]time.Time) {
	for i, h := range got {
		if h.To != n.to {
			v.blame(&v.Strange, "notice %s went to %s instead of %s", id, h.To, n.to)
		}
		if i == 0 {
			continue
		}
		before := got[i-1]
		end, wasKilled := killed[before.Life]
		if !before.Answered || wasKilled && end.Sub(before.At) < writtenWithin || v.takenOver.forgets(before.At) {
			v.Again++
			continue
		}
		v.blame(&v.DoubledNotices, "notice %s to %s was sent again without need", id, n.to)
	}
}

// good reports whether the promise was kept.
func (v *verdict) good() bool { return len(v.Wrong) == 0 }
