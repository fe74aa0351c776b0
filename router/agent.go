package router

import (
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// act is a mail while its commands run.
type act struct {
	d       *decider
	ticket  *ticket.Ticket // nil where there is none
	writer  *ticket.Participant
	private bool // the text is a note
	closing bool
	list    bool // the commands are asked for
	// argument is what follows the command that runs.
	argument string
	// redeem are the challenges whose codes were read out.
	redeem []*ticket.Challenge
	// events are what the commands made happen, told to the colleagues.
	events []ticket.Event
}

// agentMail decides on the mail of a proved agent: commands, and an answer to
// the requester or a note.
func (d *decider) agentMail(w writer) Outcome {
	s, problem := d.agentWords(w.purpose)
	if problem != nil {
		return d.ask(w, *problem)
	}
	for _, c := range s.commands { // all are asked about before one runs
		if !c.command.action.Permits(w.claim) {
			return d.ask(w, ticket.TranscriptBody{Problem: ticket.ProblemNotAllowed, Line: c.line, Written: d.in.Message.Reply})
		}
	}
	a := &act{d: d, ticket: w.ticket, writer: w.participant, private: w.purpose == ticket.NoteToken}
	d.alter(w.ticket) // so that whatever a command does to it is done to this copy
	var done []ticket.TranscriptLine
	for _, c := range s.commands {
		done = append(done, a.run(c))
	}
	o := d.agentWrites(w, a, s.text)
	for _, c := range a.redeem {
		d.redeem(c)
	}
	if len(done) > 0 {
		if o.Did == Answered {
			done = append(done, ticket.TranscriptLine{Result: ticket.ResultSent})
		}
		d.transcript(w.ticket, w.participant, ticket.TranscriptBody{Done: done, Help: a.list})
	}
	return o
}

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

// agentWrites files the text as an answer or a note, moves the ticket, and
// tells whom it concerns.
func (d *decider) agentWrites(w writer, a *act, text string) Outcome {
	t, o := w.ticket, Outcome{Did: Acted, Why: "an agent's commands", Proof: w.claim.Proof}
	says := text != "" || d.sendsFiles()
	d.remember(t, w.queue, w.participant)
	if name := d.in.Message.From.Name; name != "" {
		w.participant.Name = name
	}
	switch {
	case says && a.private:
		number := d.write(t, d.article(ticket.InternalArticle, w.participant.Number, text, w.claim.Proof))
		d.tellAgents(ticket.AgentNote, t, w.participant, number)
		o.Why = "an agent's note"
	case says:
		if t.Assignee == 0 {
			t.Assignee = w.participant.Number
		}
		if !a.closing {
			t.SetState(ticket.Waiting, d.in.Now)
		}
		number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, text, w.claim.Proof))
		d.tellRequesters(ticket.Answer, t, number)
		d.tellAgents(ticket.AgentAnswer, t, w.participant, number)
		o.Did, o.Why = Answered, "an agent's answer"
	}
	for i, e := range a.events {
		number := d.write(t, d.event(e, w, i == 0 && !says))
		if !says { // else the answer or the note shows it
			d.tellAgents(ticket.AgentEvent, t, w.participant, number)
		}
		switch {
		case o.Did == Answered: // which shows the new state
		case e == ticket.EventClosed:
			d.tellRequesters(ticket.ClosedNotice, t, 0)
		case e == ticket.EventReopened:
			d.tellRequesters(ticket.ReopenedNotice, t, 0)
		}
	}
	return o
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
	n := d.notify(ticket.Transcript, t, p, 0)
	n.Transcript = &body
	n.Brakes = ticket.TranscriptBrakes(p.Address)
}

// commandsWithoutTicket reports whether a proved agent wrote commands to the
// queue itself.
func (d *decider) commandsWithoutTicket(q *ticket.Queue, proof ticket.Proof) bool {
	claim := ticket.Claim{Proof: proof, Method: d.in.Envelope.Evidence.Method, ListedAgent: q.Agent(d.from)}
	if d.silent(q) || d.in.Message.Automatic != parser.ByPerson || !ticket.AgentRead.Permits(claim) {
		return false
	}
	s := read(d.in.Message.Reply)
	return len(s.commands) > 0 || s.problem == ticket.ProblemUnknown || s.problem == ticket.ProblemArgument
}

// answerWithoutTicket runs what needs no ticket, and says of the rest that it
// does. The mail is kept either way.
func (d *decider) answerWithoutTicket(q *ticket.Queue) Outcome {
	s := read(d.in.Message.Reply)
	body := ticket.TranscriptBody{Problem: s.problem, Line: s.line, Nearest: s.nearest, Help: true}
	a := &act{d: d}
	for _, c := range s.commands {
		if !c.command.anywhere {
			body = ticket.TranscriptBody{Problem: ticket.ProblemNoTicket, Line: c.line}
			break
		}
		body.Done = append(body.Done, a.run(c))
	}
	if body.Problem != "" {
		body.Done, body.Written = nil, d.in.Message.Reply
	}
	d.held(q, nil, ticket.HeldCommand)
	var thread ticket.Thread
	thread.Add(d.in.Message.MessageID) // which leaves out what could not be written
	d.change.Notices = append(d.change.Notices, ticket.Notice{
		ID: ticket.NewID(d.mint.Random).String(), Kind: ticket.Transcript, Site: d.in.Site.Name, Queue: q.Name,
		Mailbox: d.sender(), Locale: d.locale(), Created: d.in.Now, Transcript: &body,
		MessageID: ticket.NewID(d.mint.Random).String() + "@" + d.mint.Hostname,
		InReplyTo: thread.Parent(), References: thread.References(),
		Brakes: ticket.TranscriptBrakes(d.from),
	})
	return Outcome{Did: Acted, Why: "an agent's commands, without a ticket", Proof: d.in.Envelope.Evidence.Proof}
}

// run does one command.
func (a *act) run(c written) ticket.TranscriptLine {
	a.argument = c.argument
	line := c.command.run(a)
	line.Line = c.line
	return line
}

// What the commands do.

func (a *act) note() ticket.TranscriptLine {
	a.private = true
	return ticket.TranscriptLine{Result: ticket.ResultNoted}
}

func (a *act) close() ticket.TranscriptLine {
	a.closing = true
	if a.ticket.State == ticket.Closed {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyClosed}
	}
	a.ticket.SetState(ticket.Closed, a.d.in.Now)
	a.events = append(a.events, ticket.EventClosed)
	return ticket.TranscriptLine{Result: ticket.ResultClosed}
}

func (a *act) reopen() ticket.TranscriptLine {
	if !a.ticket.State.Done() {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyOpen}
	}
	a.ticket.SetState(ticket.Open, a.d.in.Now)
	a.events = append(a.events, ticket.EventReopened)
	return ticket.TranscriptLine{Result: ticket.ResultReopened}
}

func (a *act) take() ticket.TranscriptLine {
	if a.ticket.Assignee == a.writer.Number {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyTaken, Detail: a.writer.Called()}
	}
	a.ticket.Assignee = a.writer.Number
	a.events = append(a.events, ticket.EventTaken)
	return ticket.TranscriptLine{Result: ticket.ResultTaken}
}

func (a *act) help() ticket.TranscriptLine {
	a.list = true
	return ticket.TranscriptLine{Result: ticket.ResultHelp}
}
