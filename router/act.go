package router

import (
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// act is a mail while its commands run.
type act struct {
	d      *decider
	queue  *ticket.Queue
	ticket *ticket.Ticket // nil where there is none
	writer *ticket.Participant
	// argument is what follows the command that runs.
	argument string
	// problem is why the command cannot be done as it is written: nothing of the
	// mail runs then.
	problem string

	// private is set once the text is a note, quiet where no transcript is wanted,
	// wantsHelp where the commands are asked for.
	private, quiet, wantsHelp bool
	// listed is set where the ticket is one of a list's, and the mail is kept
	// elsewhere.
	listed bool
	// after is where the ticket stands once the text has left as an answer.
	after ticket.State
	// undone is set when the act takes another back, and is not one to take back.
	undone bool
	// text is what the commands leave of the mail's words, canned what is to stand
	// before them, drafted a canned answer that is wanted back.
	text, canned, drafted string
	// opened is set once the mail has opened a ticket for somebody.
	opened bool
	// wrote is set once the text is filed.
	wrote bool
	// redeem are the challenges whose codes were read out.
	redeem []*ticket.Challenge
	// events are what the commands made happen, told to the colleagues.
	events []happened
}

// happened is an event of a command.
type happened struct {
	event  ticket.Event
	detail string
}

// weight puts what somebody must know last.
func (h happened) weight() int {
	if h.event == ticket.EventAssigned {
		return 1
	}
	return 0
}

// happens notes what a command made happen.
func (a *act) happens(e ticket.Event, detail string) {
	a.events = append(a.events, happened{e, detail})
}

// refuse says why a command cannot be done as it is written.
func (a *act) refuse(problem string) ticket.TranscriptLine {
	a.problem = problem
	return ticket.TranscriptLine{}
}

// runAll runs the commands in order. Where one cannot be done, it gives what to
// say of it: whoever called undoes the rest.
func (a *act) runAll(commands []written) (done []ticket.TranscriptLine, problem *ticket.TranscriptBody) {
	for _, c := range commands {
		a.argument = c.argument
		line := c.command.run(a)
		if a.problem != "" {
			return nil, &ticket.TranscriptBody{Problem: a.problem, Line: c.line, Nearest: c.command.written(c.command.name)}
		}
		if a.writer != nil {
			a.writer, _ = a.ticket.Participant(a.writer.Number) // who joins may move the others
		}
		line.Line = c.line
		done = append(done, line)
	}
	return done, nil
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
	private := s.private() || w.purpose == ticket.NoteToken
	if answer, ok := d.overtaken(w); ok && !private && s.canned() {
		return d.ask(w, ticket.TranscriptBody{Problem: ticket.ProblemAnswered, Written: d.in.Message.Reply})
	} else if ok && !private && d.says(s.text) {
		return d.park(w, s, answer)
	}
	before, change := w.ticket.Clone(), d.copyOfChange()
	a := &act{d: d, queue: w.queue, ticket: w.ticket, writer: w.participant, text: s.text, private: private, after: ticket.Waiting}
	d.alter(w.ticket) // so that whatever a command does to it is done to this copy
	done, problem := a.runAll(s.commands)
	if problem != nil {
		d.change, w.ticket = change, before
		w.participant, _ = before.Participant(a.writer.Number)
		problem.Written = d.in.Message.Reply
		return d.ask(w, *problem)
	}
	text := strings.TrimSpace(a.canned + "\n\n" + a.text)
	if !a.private && d.says(text) {
		d.joinCopied(w.ticket, a.writer.Number)
		a.writer, _ = w.ticket.Participant(a.writer.Number)
	}
	w.participant = a.writer
	o := d.agentWrites(w, a, text)
	for _, c := range a.redeem {
		d.redeem(c)
	}
	undo := d.undoable(a, before)
	done = unlisted(done)
	if len(done) > 0 && !a.quiet {
		if o.Did == Answered {
			done = append(done, ticket.TranscriptLine{Result: ticket.ResultSent})
		}
		d.transcript(w.ticket, w.participant, ticket.TranscriptBody{Done: done, Help: a.wantsHelp, Draft: a.drafted, Undo: undo})
	}
	return o
}

// copyOfChange is what was decided so far, to come back to.
func (d *decider) copyOfChange() *ticket.Change {
	c := *d.change
	c.Tickets = slices.Clone(c.Tickets)
	for i := range c.Tickets {
		c.Tickets[i].Ticket = c.Tickets[i].Ticket.Clone()
	}
	return &c
}

// undoable keeps where the ticket stood, so that the act can be taken back, and
// reports whether there is anything of it to take back. Where there is not, an
// earlier act still can be.
func (d *decider) undoable(a *act, before *ticket.Ticket) bool {
	was := before.Standing()
	switch {
	case a.undone:
		a.ticket.Undo = nil
		return false
	case was.Equal(a.ticket.Standing()) && len(a.ticket.Pending) <= len(before.Pending):
		return false
	}
	a.ticket.Undo = &ticket.Undo{By: a.writer.Number, At: d.in.Now, Articles: before.Articles, After: a.ticket.Articles, Wrote: a.wrote, Standing: was}
	return true
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
	var opened *ticket.Ticket
	if s.problem == "" {
		opened, body = d.runWithoutTicket(q, s)
	}
	if body.Problem != "" {
		body.Done, body.Written = nil, d.in.Message.Reply
	}
	if opened != nil {
		writer, _ := opened.Who(d.from)
		d.transcript(opened, writer, body)
		return Outcome{Did: Opened, Why: "opened by an agent for somebody", Ticket: opened.ID, Proof: d.in.Envelope.Evidence.Proof}
	}
	d.held(q, nil, ticket.HeldCommand)
	o := Outcome{Did: Acted, Why: "an agent's commands, without a ticket", Proof: d.in.Envelope.Evidence.Proof}
	if body.Done = unlisted(body.Done); body.Problem == "" && len(body.Done) == 0 {
		return o // each is answered by a mail of its own
	}
	n := d.letter(ticket.Transcript, q, d.sender(), d.locale())
	n.Transcript = &body
	n.Brakes = ticket.TranscriptBrakes(d.from)
	return o
}

// unlisted leaves out what is answered by a mail of its own.
func unlisted(done []ticket.TranscriptLine) []ticket.TranscriptLine {
	return slices.DeleteFunc(done, func(l ticket.TranscriptLine) bool { return l.Result == ticket.ResultListed })
}

// runWithoutTicket runs the commands of a mail to the queue itself. All of them
// need no ticket, or come behind one that opens it, which is then given too.
func (d *decider) runWithoutTicket(q *ticket.Queue, s script) (*ticket.Ticket, ticket.TranscriptBody) {
	opens := false
	claim := ticket.Claim{Proof: d.in.Envelope.Evidence.Proof, Method: d.in.Envelope.Evidence.Method, ListedAgent: q.Agent(d.from)}
	for _, c := range s.commands {
		if opens = opens || c.command.opens; !opens && !c.command.anywhere {
			return nil, ticket.TranscriptBody{Problem: ticket.ProblemNoTicket, Line: c.line, Help: true}
		}
		if !c.command.action.Permits(claim) {
			return nil, ticket.TranscriptBody{Problem: ticket.ProblemNotAllowed, Line: c.line}
		}
	}
	if opens { // what is below goes to somebody: read as any answer is
		var problem *ticket.TranscriptBody
		if s, problem = d.agentWords(ticket.ReplyToken); problem != nil {
			return nil, *problem
		}
	}
	change := d.copyOfChange()
	a := &act{d: d, queue: q, text: s.text, private: s.private()}
	done, problem := a.runAll(s.commands)
	if problem == nil && a.opened && a.text == "" {
		problem = &ticket.TranscriptBody{Problem: ticket.ProblemEmpty}
	}
	if problem != nil {
		d.change = change
		return nil, *problem
	}
	if !a.opened {
		return nil, ticket.TranscriptBody{Done: done, Help: a.wantsHelp}
	}
	d.openedFor(a, a.text)
	w := writer{ticket: a.ticket, queue: q, participant: a.writer, claim: ticket.Claim{Proof: d.in.Envelope.Evidence.Proof}}
	d.writeEvents(w, a)
	return a.ticket, ticket.TranscriptBody{Done: done}
}
