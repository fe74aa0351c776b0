package router

import (
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// agentWords reads what an agent wrote, or says why it cannot be acted on.
func (d *decider) agentWords(purpose ticket.Purpose) (script, *ticket.TranscriptBody) {
	m := d.in.Message
	if m.Encrypted != "" || m.Unreadable || m.Calendar != nil && m.Calendar.Method == "reply" {
		return script{}, &ticket.TranscriptBody{Problem: ticket.ProblemUnreadable}
	}
	files := d.sendsFiles()
	if m.QuoteOnly && files && read(m.Reply).plain() {
		return script{}, nil // only files were sent
	}
	if m.QuoteOnly || strings.Contains(m.Reply, ticket.QuoteMarker) {
		return script{}, &ticket.TranscriptBody{Problem: ticket.ProblemQuoteOnly, Written: m.Reply}
	}
	s := read(m.Reply)
	if purpose == ticket.NoteToken {
		// What comes to the note's address is a note, whatever it says.
		s = script{text: strings.TrimSpace(m.Reply)}
	} else if !s.private() {
		s.text = ownLines(s.text)
	}
	switch {
	case s.problem != "":
		return s, &ticket.TranscriptBody{Problem: s.problem, Line: s.line, Nearest: s.nearest, Written: m.Reply,
			Help: s.problem == ticket.ProblemUnknown}
	case len(s.commands) == 0 && s.text == "" && !files:
		return s, &ticket.TranscriptBody{Problem: ticket.ProblemEmpty}
	}
	return s, nil
}

// ownLines leaves out the lines that an answer quotes between its words. What
// an agent quotes is a mail of ours, and those show agents notes as well.
func ownLines(text string) string {
	var own []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(strings.Map(plainSpace, line)), ">") {
			own = append(own, line)
		}
	}
	return strings.TrimSpace(strings.Join(own, "\n"))
}

// sendsFiles reports whether the message brings files that are worth a mail of
// their own. Pictures within the text are not: they are mostly a signature's.
func (d *decider) sendsFiles() bool {
	return slices.ContainsFunc(d.in.Message.Attachments, func(a parser.Attachment) bool { return !a.Inline })
}

// says reports whether a mail brings more than commands: words, or such files.
func (d *decider) says(words string) bool { return words != "" || d.sendsFiles() }

// agentWrites files the text as an answer or a note, moves the ticket, and
// tells whom it concerns.
func (d *decider) agentWrites(w writer, a *act, text string) Outcome {
	t, o := w.ticket, Outcome{Did: Acted, Why: "an agent's commands", Proof: w.claim.Proof}
	a.wrote = d.says(text)
	d.remember(t, w.queue, w.participant)
	if name := d.in.Message.From.Name; name != "" {
		w.participant.Name = name
	}
	if from := d.in.Envelope.Evidence.From; !w.participant.Is(from) {
		w.participant.Other = append(w.participant.Other, from) // not to be seen, either, in what they wrote
	}
	switch {
	case a.wrote && a.private:
		number := d.write(t, d.article(ticket.InternalArticle, w.participant.Number, text, w.claim.Proof))
		d.tellAgents(ticket.AgentNote, t, w.participant, number)
		o.Why = "an agent's note"
	case a.wrote:
		o = d.answer(w, a, text)
	}
	d.tellEvents(w, a)
	return o
}

// tellEvents writes down what commands made happen, and tells whom it concerns:
// the colleagues of all in one mail, unless words of the same mail do that.
func (d *decider) tellEvents(w writer, a *act) {
	// The mail begins with the last: whom the ticket was given to reads that first.
	slices.SortStableFunc(a.events, func(x, y happened) int { return x.weight() - y.weight() })
	number := d.writeEvents(w, a)
	if a.wrote && !a.private {
		return // the answer shows the new state
	}
	for _, e := range a.events {
		switch e.event {
		case ticket.EventClosed:
			d.tellRequesters(ticket.ClosedNotice, w.ticket, 0)
		case ticket.EventReopened:
			d.tellRequesters(ticket.ReopenedNotice, w.ticket, 0)
		}
	}
	if number > 0 && !a.wrote { // else the note shows it
		d.tellAgents(ticket.AgentEvent, w.ticket, w.participant, number)
	}
}

// writeEvents writes down what commands made happen, and gives the number of the
// last, or 0. Where no other entry keeps the message, the first does.
func (d *decider) writeEvents(w writer, a *act) (last int) {
	for i, e := range a.events {
		event := d.event(e.event, w, i == 0 && !a.wrote && !a.listed)
		event.Detail = e.detail
		last = d.write(w.ticket, event)
	}
	return last
}

// tellRequesters owes the requester, and those copied, a mail each.
func (d *decider) tellRequesters(kind ticket.NoticeKind, t *ticket.Ticket, article int) {
	for _, role := range []ticket.Role{ticket.Requester, ticket.Copied} {
		for _, p := range t.Active(role) {
			d.notify(kind, t, p, article)
		}
	}
}

// ask gives an agent's mail back with a question: nothing of it ran, nothing of
// it left. The ticket keeps it, so that it is not lost.
func (d *decider) ask(w writer, body ticket.TranscriptBody) Outcome {
	event := d.article(ticket.EventArticle, w.participant.Number, d.in.Message.Reply, w.claim.Proof)
	event.Event, event.Detail = ticket.EventAsked, body.Problem
	d.write(w.ticket, event)
	d.remember(w.ticket, w.queue, w.participant)
	d.transcript(w.ticket, w.participant, body)
	return Outcome{Did: Asked, Why: body.Problem, Proof: w.claim.Proof}
}

func (d *decider) transcript(t *ticket.Ticket, p *ticket.Participant, body ticket.TranscriptBody) {
	n := d.transcriptTo(t, p)
	n.Transcript = &body
	n.Brakes = ticket.TranscriptBrakes(p.Address)
}

// transcriptTo owes an agent the answer to their commands. Who has just moved
// the ticket to a team that they are not in hears of it outside of its thread.
func (d *decider) transcriptTo(t *ticket.Ticket, p *ticket.Participant) *ticket.Notice {
	if queue, ok := d.in.Site.Queue(t.Queue); p.Removed && ok {
		return d.letter(ticket.Transcript, queue, p.Mailbox, p.Locale)
	}
	return d.notify(ticket.Transcript, t, p, 0)
}
