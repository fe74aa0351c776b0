package router

import (
	"slices"
	"time"

	"guichet/ticket"
)

// answering are the commands about what an agent writes.
var answering = []command{
	{name: "note", action: ticket.AgentWrite, usage: "[TEXT]", text: true, private: true, run: (*act).note,
		example: "#note She called: it is the fuse.",
		help: map[string]string{
			"en": "The whole mail is an internal note. The requester never sees it.",
			"fr": "Tout le message est une note interne. Le demandeur ne la voit jamais."}},
	{name: "send", names: map[string][]string{"fr": {"envoyer"}}, usage: "[NAME]", action: ticket.AgentWrite, sends: true, wants: wantsCanned, run: (*act).send,
		example: "#send refund",
		help: map[string]string{
			"en": "Sends the canned answer of that name, before your own words if there are any; without a name, your answer that waits.",
			"fr": "Envoie la réponse type de ce nom, avant vos propres mots s’il y en a ; sans nom, votre réponse en attente."}},
	{name: "drop", names: map[string][]string{"fr": {"abandonner"}}, action: ticket.AgentWrite, run: (*act).drop,
		help: map[string]string{
			"en": "Keeps your answer that waits from leaving. It stays as a note.",
			"fr": "Retient définitivement votre réponse en attente. Elle reste comme note."}},
	{name: "undo", names: map[string][]string{"fr": {"défaire"}}, action: ticket.AgentWrite, many: true, run: (*act).undo,
		help: map[string]string{
			"en": "Takes back what was last done to the ticket, and an answer that has not left yet.",
			"fr": "Annule la dernière action sur la demande, et une réponse qui n’est pas encore partie."}},
	{name: "quiet", names: map[string][]string{"fr": {"discret"}}, action: ticket.AgentWrite, run: (*act).beQuiet,
		help: map[string]string{
			"en": "No mail tells you what your commands did.",
			"fr": "Aucun message ne vous confirme vos commandes."}},
}

// undoFor is how long an act can be taken back.
const undoFor = time.Hour

// answer files the text as an answer. It leaves at once, or once the queue's
// hold is over.
func (d *decider) answer(w writer, a *act, text string) Outcome {
	t := w.ticket
	if t.Assignee == 0 {
		t.Assignee = w.participant.Number
	}
	t.Snoozed = time.Time{}
	if hold := w.queue.Hold; hold > 0 {
		number := d.write(t, d.article(ticket.InternalArticle, w.participant.Number, text, w.claim.Proof))
		t.Pending = append(t.Pending, ticket.Pending{Article: number, By: w.participant.Number, Until: d.in.Now.Add(hold), State: a.after})
		return Outcome{Did: Acted, Why: "an agent's answer, on hold", Proof: w.claim.Proof}
	}
	number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, text, w.claim.Proof))
	d.leave(t, ticket.Pending{Article: number, By: w.participant.Number, State: a.after})
	return Outcome{Did: Answered, Why: "an agent's answer", Proof: w.claim.Proof}
}

// leave sends an answer to the requesters and tells the colleagues.
func (d *decider) leave(t *ticket.Ticket, p ticket.Pending) {
	t.AnsweredNow(p.By, d.in.Now)
	if t.Merged.IsZero() { // else it is closed, and goes on elsewhere
		t.SetState(p.State, d.in.Now)
	}
	d.tellRequesters(ticket.Answer, t, p.Article)
	for _, colleague := range t.Active(ticket.AgentRole) {
		if colleague.Number == p.By {
			colleague.Overtaken = ticket.Overtaken{}
			continue
		}
		n := d.notify(ticket.AgentAnswer, t, colleague, p.Article)
		colleague.Overtaken = ticket.Overtaken{Article: p.Article, MessageID: n.MessageID}
	}
}

// releasePending lets a pending answer leave.
func (d *decider) releasePending(t *ticket.Ticket, p ticket.Pending) {
	t.Settle(p)
	c := d.alter(t)
	c.Publish = append(c.Publish, p.Article)
	d.leave(t, p)
}

// overtaken gives the number of a colleague's answer that the writer had not
// seen: the mail that they reply to is older than the one that told them.
func (d *decider) overtaken(w writer) (article int, ok bool) {
	for _, p := range slices.Backward(w.ticket.Pending) {
		if p.By != w.participant.Number && !p.Until.IsZero() {
			return p.Article, true // a colleague's is about to leave
		}
	}
	told := w.participant.Overtaken
	if told.MessageID == "" {
		return 0, false
	}
	seen := w.participant.Thread.References()
	answered := -1
	for _, id := range threadIDs(d.in.Message) {
		if id == told.MessageID {
			return 0, false
		}
		answered = max(answered, slices.Index(seen, id))
	}
	return told.Article, answered >= 0 && answered < slices.Index(seen, told.MessageID)
}

// park keeps an answer back that was written without knowing of a colleague's,
// and shows its writer that one. Nothing of the mail runs.
func (d *decider) park(w writer, s script, overtakenBy int) Outcome {
	t := w.ticket
	number := d.write(t, d.article(ticket.InternalArticle, w.participant.Number, s.text, w.claim.Proof))
	t.Pending = append(t.Pending, ticket.Pending{Article: number, By: w.participant.Number, State: ticket.Waiting})
	d.remember(t, w.queue, w.participant)
	n := d.notify(ticket.Transcript, t, w.participant, overtakenBy)
	n.Transcript = &ticket.TranscriptBody{Problem: ticket.ProblemOvertaken, Written: d.in.Message.Reply}
	n.Brakes = ticket.TranscriptBrakes(w.participant.Address)
	w.participant.Overtaken = ticket.Overtaken{} // what they write from now on, they write knowing it
	return Outcome{Did: Asked, Why: ticket.ProblemOvertaken, Proof: w.claim.Proof}
}

func (a *act) note() ticket.TranscriptLine {
	a.private = true
	return ticket.TranscriptLine{Result: ticket.ResultNoted}
}

func (a *act) beQuiet() ticket.TranscriptLine {
	a.quiet = true
	return ticket.TranscriptLine{Result: ticket.ResultQuiet}
}

func (a *act) send() ticket.TranscriptLine {
	if a.argument != "" {
		return a.sendCanned()
	}
	p, ok := a.ticket.PendingOf(a.writer.Number)
	if !ok {
		return ticket.TranscriptLine{Result: ticket.ResultNothingPending}
	}
	a.d.releasePending(a.ticket, p)
	return ticket.TranscriptLine{Result: ticket.ResultSent}
}

func (a *act) drop() ticket.TranscriptLine {
	p, ok := a.ticket.PendingOf(a.writer.Number)
	if !ok {
		return ticket.TranscriptLine{Result: ticket.ResultNothingPending}
	}
	a.ticket.Settle(p)
	return ticket.TranscriptLine{Result: ticket.ResultDropped}
}

// undo takes the last act back: an answer that has not left, and whatever it
// changed of the ticket, as long as nothing has happened there since. What was
// mailed cannot be called back.
func (a *act) undo() ticket.TranscriptLine {
	u := a.ticket.Undo
	if u == nil || a.d.in.Now.Sub(u.At) > undoFor {
		return ticket.TranscriptLine{Result: ticket.ResultNothingToUndo}
	}
	if other := a.d.facts.Tickets[u.With]; other != nil && !a.mayAct(other) {
		return a.refuse(ticket.ProblemNotAllowed)
	}
	a.undone = true
	stopped := false
	for _, p := range slices.Clone(a.ticket.Pending) {
		if p.Article > u.Articles && p.Article <= u.After {
			a.ticket.Settle(p)
			stopped = true
		}
	}
	since := a.ticket.Articles != u.After
	switch {
	case since && !stopped:
		return ticket.TranscriptLine{Result: ticket.ResultNothingToUndo}
	case !since:
		a.restore(u)
	}
	a.happens(ticket.EventUndone, "")
	if u.Wrote && !stopped {
		return ticket.TranscriptLine{Result: ticket.ResultUndoneLate}
	}
	return ticket.TranscriptLine{Result: ticket.ResultUndone}
}

// restore puts the ticket back to where it stood, and another that the act was
// about too.
func (a *act) restore(u *ticket.Undo) {
	if other := a.d.facts.Tickets[u.With]; other != nil && other.Undo != nil {
		other = a.d.copyOf(other)
		other.Restore(other.Undo.Standing)
		other.Undo = nil
		a.d.write(other, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventUndone, Author: numberOf(other, a.d.from)})
	}
	a.ticket.Restore(u.Standing)
}
