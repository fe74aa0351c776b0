package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/ticket"
)

// The steps of a way, in the order in which those of one moment come.
const (
	stepReceived  = "received"  // the door had it whole
	stepProof     = "proof"     // who stands behind its sender
	stepDecided   = "decided"   // what was done, by which rule, and why
	stepCommitted = "committed" // what was written, in one commit
	stepHeld      = "held"      // it waits for a person
	stepOwed      = "owed"      // a notice was made
	stepAttempt   = "attempt"   // it was given to a host, or was to be
	stepStands    = "stands"    // where it stands, if it did not leave
)

// step is one line of a trace.
type step struct {
	At     *time.Time `json:"at"` // null where that is not kept
	Step   string     `json:"step"`
	Site   string     `json:"site"`
	Ticket string     `json:"ticket"`
	// ID is that of the transaction, the held mail, or the notice.
	ID string `json:"id"`

	// Of mail that came.
	Client    string `json:"client,omitempty"`
	Encrypted bool   `json:"encrypted,omitempty"`
	MessageID string `json:"message_id,omitempty"`
	Proof     string `json:"proof,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Did       string `json:"did,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Articles  []int  `json:"articles,omitempty"`
	Notices   int    `json:"notices,omitempty"`

	// Of notices.
	Kind   ticket.NoticeKind    `json:"kind,omitempty"`
	To     *personObject        `json:"to,omitempty"`
	State  ticket.DeliveryState `json:"state,omitempty"`
	Host   string               `json:"host,omitempty"`
	Code   int                  `json:"code,omitempty"`
	Answer string               `json:"answer,omitempty"`
	TookMS int64                `json:"took_ms,omitempty"`

	order int
}

// title names what is traced, above the steps.
func (w *way) title(p *program) string {
	if w.ticket == nil {
		return p.style.bold("No ticket") + "  " + w.site + "\n\n"
	}
	return p.style.bold(w.ticket.Reference.String()) + "  " + printable(where(w.ticket.Site, w.ticket.Queue)+"  "+string(w.ticket.State)+"  "+w.ticket.ID.String()) + "\n\n"
}

// steps are those of the way in the order of time.
func (w *way) steps() []step {
	var all []step
	if w.held != nil {
		all = w.arrived(w.held.At, w.held.MessageID, w.held.Proof, w.held.Reason, w.held.Way)
		all = append(all, w.step(w.held.At, stepHeld, w.held.ID, step{Reason: whyHeld[w.held.Why]}))
	}
	for i := 0; i < len(w.articles); {
		n := i + 1 // what one commit wrote has one time
		for n < len(w.articles) && w.articles[n].At.Equal(w.articles[i].At) {
			n++
		}
		all = append(all, w.written(w.articles[i:n])...)
		i = n
	}
	slices.SortFunc(w.notices, func(a, b ticket.Delivery) int {
		return cmp.Or(a.Notice.Created.Compare(b.Notice.Created), cmp.Compare(a.Notice.To, b.Notice.To), cmp.Compare(a.Notice.ID, b.Notice.ID))
	})
	for _, d := range w.notices {
		all = append(all, w.left(d)...)
	}
	for i := range all {
		all[i].Site, all[i].Ticket = w.site, referenceOf(w.ticket)
	}
	slices.SortStableFunc(all, func(a, b step) int {
		switch {
		case a.At == nil && b.At == nil:
			return 0
		case a.At == nil: // what has no time stands last
			return 1
		case b.At == nil:
			return -1
		}
		return cmp.Or(a.At.Compare(*b.At), cmp.Compare(a.order, b.order))
	})
	return all
}

var stepOrder = []string{stepReceived, stepProof, stepDecided, stepCommitted, stepHeld, stepOwed, stepAttempt, stepStands}

func (w *way) step(at time.Time, name, id string, s step) step {
	s.At, s.Step, s.ID, s.order = orNil(at), name, id, slices.Index(stepOrder, name)
	return s
}

// arrived is how a mail came.
func (w *way) arrived(at time.Time, messageID string, proof ticket.Proof, reason string, how *ticket.Way) []step {
	if how == nil {
		how = &ticket.Way{} // it was kept before this was
	}
	received := step{MessageID: messageID, Encrypted: how.TLS}
	if how.Client.IsValid() {
		received.Client = how.Client.String()
	}
	all := []step{w.step(at, stepReceived, how.ID, received), w.step(at, stepProof, how.ID, step{Proof: proof.String(), Reason: reason})}
	if how.Did != "" {
		all = append(all, w.step(at, stepDecided, how.ID, step{Did: how.Did, Rule: how.Rule, Reason: how.Why}))
	}
	return all
}

// written is what one commit wrote to the ticket, and the mail that it did so
// for.
func (w *way) written(articles []ticket.Article) (all []step) {
	id, committed := "", step{}
	if i := slices.IndexFunc(articles, func(a ticket.Article) bool { return a.Way != nil || a.MessageID != "" }); i >= 0 {
		a := articles[i]
		all = w.arrived(a.At, a.MessageID, a.Proof, a.Reason, a.Way)
		id = all[0].ID
	}
	var names []string
	for _, a := range articles {
		committed.Articles = append(committed.Articles, a.Number)
		names = append(names, articleName(a))
	}
	for _, d := range w.notices {
		if d.Notice.Created.Equal(articles[0].At) {
			committed.Notices++
		}
	}
	committed.Reason = strings.Join(names, ", ")
	return append(all, w.step(articles[0].At, stepCommitted, id, committed))
}

// articleName is an article in a few words.
func articleName(a ticket.Article) string {
	name := fmt.Sprintf("#%d %s", a.Number, kindWords[a.Kind])
	if a.Kind == ticket.EventArticle {
		name += " " + string(a.Event)
	}
	return name
}

// left is what became of a notice.
func (w *way) left(d ticket.Delivery) []step {
	n := d.Notice
	to := personOf(recipientOf(n, w.ticket))
	all := []step{w.step(n.Created, stepOwed, n.ID, step{Kind: n.Kind, To: &to, MessageID: n.MessageID})}
	for i, try := range d.Tries {
		state := ticket.Queued // but for the last, each was to be tried again
		if last := i == len(d.Tries)-1; last && (d.State == ticket.Delivered || d.State == ticket.Failed) {
			state = d.State
		}
		all = append(all, w.step(try.At, stepAttempt, n.ID, step{Kind: n.Kind, State: state, Host: try.Host, Code: try.Code,
			Answer: try.Answer, TookMS: try.Took.Milliseconds()}))
	}
	if ended := d.State == ticket.Delivered || d.State == ticket.Failed; !ended || len(d.Tries) == 0 {
		all = append(all, w.step(time.Time{}, stepStands, n.ID, step{Kind: n.Kind, State: d.State, Answer: d.Error}))
	}
	return all
}

// words are a step as people read it.
func (s step) words() string {
	switch s.Step {
	case stepReceived:
		text := "<" + s.MessageID + ">"
		if s.Client != "" {
			text = "from " + s.Client + map[bool]string{true: ", encrypted", false: ", in clear"}[s.Encrypted] + ", " + text
		}
		return text
	case stepProof:
		return s.Proof + ": " + s.Reason
	case stepDecided:
		text := s.Did + ": " + s.Reason
		if s.Rule != "" {
			text += " (its ticket was found by " + s.Rule + ")"
		}
		return text
	case stepCommitted:
		if s.Notices == 0 {
			return s.Reason
		}
		return s.Reason + "; " + count(s.Notices, "mail") + " owed"
	case stepHeld:
		return s.Reason
	case stepOwed:
		return fmt.Sprintf("%s to %s", s.Kind, s.To.Address)
	case stepAttempt:
		return s.attempted()
	}
	return strings.TrimSuffix(fmt.Sprintf("%s is %s: %s", s.Kind, stateWords[s.State], s.Answer), ": ")
}

func (s step) attempted() string {
	result := map[ticket.DeliveryState]string{ticket.Delivered: "delivered", ticket.Failed: "given up", ticket.Queued: "put off"}[s.State]
	text := fmt.Sprintf("%s %s", s.Kind, result)
	if s.Host != "" {
		text += " by " + s.Host
	}
	answer := s.Answer
	if code := fmt.Sprint(s.Code); s.Code != 0 && !strings.HasPrefix(answer, code) {
		answer = strings.TrimSpace(code + " " + answer)
	}
	if answer != "" {
		text += ": " + answer
	}
	return fmt.Sprintf("%s (%d ms)", text, s.TookMS)
}

// stateWords say where a notice stands.
var stateWords = map[ticket.DeliveryState]string{
	ticket.Queued: "queued", ticket.OnHold: "on hold", ticket.Failed: "given up", ticket.Delivered: "delivered",
	ticket.Braked: "kept back by a brake", ticket.Dropped: "dropped",
}

// exactly is a time to the millisecond, in the zone of now.
func exactly(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return t.In(now.Location()).Format("2006-01-02 15:04:05.000")
}
