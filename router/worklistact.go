package router

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// numbered is a command for one ticket of a list, by its number there.
type numbered struct {
	number   int
	command  *command
	argument string
}

// line is how it is told, and parked.
func (n numbered) line() string {
	return strings.TrimSpace(strconv.Itoa(n.number) + " " + n.command.name + " " + n.argument)
}

const (
	// fewTickets is how many an agent may act on at once without a code.
	fewTickets = 3
	// linesMax is how many commands one answer to a list may hold.
	linesMax = 200
)

// numbersFirst finds the numbers at the beginning of a piece of a line: 4, 4-6,
// 4 to 6.
var numbersFirst = regexp.MustCompile(`^(\d{1,3})(?: ?(?:-|\.\.|to|à) ?(\d{1,3}))?(?:[.):]+|\b)(?: |$)`)

// readNumbered reads the answer to a list: 1 close, 3 take, 4-6 snooze 2d. It
// gives no lines where the text begins with no number, and otherwise all or a
// problem, as agents' commands are read.
func readNumbered(text string) ([]numbered, *ticket.TranscriptBody) {
	var all []numbered
	for line := range strings.Lines(text) {
		line = strings.Map(plainSign, strings.Join(strings.Fields(strings.Map(plainSpace, line)), " "))
		if line == "" {
			continue
		}
		read, problem := readNumberedLine(line)
		switch {
		case problem == nil && len(read) == 0 && len(all) == 0:
			return nil, nil
		case problem == nil && len(read) == 0 || len(all)+len(read) > linesMax:
			problem = &ticket.TranscriptBody{Problem: ticket.ProblemListText}
		}
		if problem != nil {
			problem.Line = line
			return nil, problem
		}
		all = append(all, read...)
	}
	return all, nil
}

// readNumberedLine reads one line. A comma may part numbers, commands, or the
// words of one command: what follows it tells.
func readNumberedLine(line string) (all []numbered, problem *ticket.TranscriptBody) {
	var numbers []int
	begun := 0 // commands of the last piece that has one: a further piece may go on with its words
	for piece := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' || r == '，' || r == '、' }) {
		piece = strings.TrimSpace(piece)
		these, rest, ok := leadingNumbers(piece)
		switch {
		case piece == "":
			continue
		case !ok && len(numbers) == 0 && begun == 0:
			return nil, nil
		case !ok && len(numbers) == 0:
			for i := range all[len(all)-begun:] {
				all[len(all)-begun+i].argument += " " + piece
			}
			continue
		case !ok:
			return nil, &ticket.TranscriptBody{Problem: ticket.ProblemListText}
		}
		numbers = append(numbers, these...)
		if rest == "" {
			continue
		}
		c, argument, problem := listCommand(rest)
		if problem != nil {
			return nil, problem
		}
		begun = 0
		for _, n := range numbers {
			all = append(all, numbered{n, c, argument})
			begun++
		}
		numbers = nil
	}
	if len(numbers) > 0 {
		return nil, &ticket.TranscriptBody{Problem: ticket.ProblemArgument, Nearest: strconv.Itoa(numbers[0]) + " close"}
	}
	return all, nil
}

// leadingNumbers takes the numbers off the beginning of a piece: 4, 4-6, 4 5 6.
func leadingNumbers(piece string) (numbers []int, rest string, ok bool) {
	for rest = piece; ; {
		found := numbersFirst.FindStringSubmatch(rest)
		if found == nil {
			return numbers, rest, len(numbers) > 0
		}
		first, _ := strconv.Atoi(found[1])
		last := first
		if found[2] != "" {
			last, _ = strconv.Atoi(found[2])
		}
		if last < first || last-first >= linesMax {
			return nil, piece, false
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
		rest = strings.TrimSpace(rest[len(found[0]):])
		for _, and := range []string{"and ", "et ", "& "} {
			rest = strings.TrimPrefix(rest, and)
		}
	}
}

// listCommand reads a command behind numbers, with or without its sign.
func listCommand(text string) (*command, string, *ticket.TranscriptBody) {
	name, argument, ok := commandLine("#" + strings.TrimLeft(text, signs+" "))
	c, known := find(name)
	switch {
	case !ok || !known:
		return nil, "", &ticket.TranscriptBody{Problem: ticket.ProblemUnknown, Nearest: strings.TrimPrefix(nearest(name), "#")}
	case !c.many:
		return nil, "", &ticket.TranscriptBody{Problem: ticket.ProblemNotInList, Nearest: "#" + c.name}
	case argument != "" && c.usage == "", argument == "" && c.needs():
		return nil, "", &ticket.TranscriptBody{Problem: ticket.ProblemArgument, Nearest: "1 " + strings.TrimPrefix(c.written(name), "#")}
	}
	return c, argument, nil
}

// answersList reports whether a mail looks like the answer of an agent to a list
// that is no more: it is not to open a ticket.
func (d *decider) answersList() bool {
	if !d.in.fromAgent() || d.in.asksNothing() {
		return false
	}
	lines, problem := readNumbered(d.in.Message.Reply)
	return len(lines) > 0 || problem != nil
}

// listMail decides on what came back to a list; c is nil for one that is no more.
func (d *decider) listMail(t Target, c *ticket.Challenge) Outcome {
	q, claim := t.Queue, ticket.Claim{Proof: d.in.Envelope.Evidence.Proof, Method: d.in.Envelope.Evidence.Method}
	if c != nil {
		if own, ok := d.in.Site.Queue(c.Queue); ok {
			q = own
		}
		claim.Proof = ticket.Prove(d.in.Envelope.Evidence, c.Mailbox.Address.Same(d.from))
	}
	claim.ListedAgent = q.Agent(d.from)
	if d.in.Envelope.Null || d.in.Message.Automatic != parser.ByPerson {
		return d.hold(q, nil, ticket.HeldAutoReply, "no person's answer to a list")
	}
	if !ticket.AgentRead.Permits(claim) {
		return d.hold(q, nil, ticket.HeldUnproved, "an answer to a list, from nobody who is proved to be of the team")
	}
	if s := read(d.in.Message.Reply); len(s.commands) > 0 || s.problem == ticket.ProblemUnknown || s.problem == ticket.ProblemArgument {
		return d.answerWithoutTicket(q)
	}
	d.held(q, nil, ticket.HeldCommand)
	lines, problem := readNumbered(d.in.Message.Reply)
	switch {
	case problem != nil:
	case d.in.Message.QuoteOnly || strings.Contains(d.in.Message.Reply, ticket.QuoteMarker):
		problem = &ticket.TranscriptBody{Problem: ticket.ProblemQuoteOnly}
	case len(lines) == 0:
		problem = &ticket.TranscriptBody{Problem: ticket.ProblemListText}
	case c == nil || !c.Live(d.in.Now):
		problem = &ticket.TranscriptBody{Problem: ticket.ProblemListGone}
	}
	if problem != nil {
		return d.askOfList(q, c, *problem, claim)
	}
	return d.actOnList(q, c, lines, claim)
}

// askOfList says why nothing of an answer to a list was done.
func (d *decider) askOfList(q *ticket.Queue, c *ticket.Challenge, body ticket.TranscriptBody, claim ticket.Claim) Outcome {
	body.Written = d.in.Message.Reply
	d.listTranscript(q, c, body)
	return Outcome{Did: Asked, Why: body.Problem, Proof: claim.Proof}
}

// listTranscript answers the answer to a list. Replies to it go to the list.
func (d *decider) listTranscript(q *ticket.Queue, c *ticket.Challenge, body ticket.TranscriptBody) {
	n := d.letter(ticket.Transcript, q, d.sender(), d.locale())
	n.Transcript, n.Brakes = &body, ticket.TranscriptBrakes(d.from)
	if c != nil {
		n.Challenge, n.Locale = c.ID, c.Locale
		n.MessageID = d.mint.Signer.SignChallenge(d.in.Site.Name, c.ID) + "." + n.MessageID
	}
}

// actOnList does what an answer to a list says, all or none. For many tickets it
// is parked until a code comes: what a forged mail could do to a few, an agent
// sees and undoes.
func (d *decider) actOnList(q *ticket.Queue, c *ticket.Challenge, lines []numbered, claim ticket.Claim) Outcome {
	before := d.copyOfChange()
	done, problem := d.runNumbered(c.Parked.Tickets, lines, claim)
	if problem != nil {
		return d.askOfList(q, c, *problem, claim)
	}
	if touched(lines) > fewTickets && !ticket.AgentMany.Permits(claim) {
		d.change = before
		return d.parkMany(q, c, lines, done, claim)
	}
	if done = unlisted(done); len(done) > 0 {
		d.listTranscript(q, c, ticket.TranscriptBody{Done: done, Listed: true})
	}
	return Outcome{Did: Acted, Why: "an agent's commands, by the numbers of a list", Proof: claim.Proof}
}

// touched counts the tickets that lines change.
func touched(lines []numbered) int {
	var numbers []int
	for _, l := range lines {
		if l.command.action == ticket.AgentWrite && !slices.Contains(numbers, l.number) {
			numbers = append(numbers, l.number)
		}
	}
	return len(numbers)
}

// parkMany asks for a code before many tickets are changed, and says which.
func (d *decider) parkMany(q *ticket.Queue, list *ticket.Challenge, lines []numbered, would []ticket.TranscriptLine, claim ticket.Claim) Outcome {
	parked := ticket.Parked{Tickets: list.Parked.Tickets}
	for _, l := range lines {
		parked.Lines = append(parked.Lines, l.line())
	}
	d.challenge(q, ticket.Challenge{Action: ticket.AgentMany, Mailbox: list.Mailbox, Locale: list.Locale, Parked: parked}, claim.Proof)
	n := &d.change.Notices[len(d.change.Notices)-1]
	for _, l := range would {
		n.About.Lines = append(n.About.Lines, l.Line+" ("+l.Ticket+")")
	}
	answerTo(n, d.in.Message.MessageID)
	return Outcome{Did: Challenged, Why: "acts on many tickets", Proof: claim.Proof}
}

// actOnMany does what was parked, now that its code came.
func (d *decider) actOnMany(r redemption) {
	c := r.challenge
	lines, problem := readNumbered(strings.Join(c.Parked.Lines, "\n"))
	var done []ticket.TranscriptLine
	if problem == nil {
		d.from = c.Mailbox.Address
		done, problem = d.runNumbered(c.Parked.Tickets, lines, r.claim)
	}
	body := ticket.TranscriptBody{Done: unlisted(done), Listed: true}
	if problem != nil {
		body = *problem
	}
	// The tickets keep their numbers, so that each can be taken back.
	list := d.mint.ListRecord(d.in.Site.Name, r.queue.Name, c.Mailbox, c.Locale, c.Parked.Tickets, d.in.Now)
	d.change.Challenges = append(d.change.Challenges, list)
	d.listTranscript(r.queue, &list, body)
}

// turn is one ticket of a list while commands run on it.
type turn struct {
	w      writer
	a      *act
	before *ticket.Ticket
}

// runNumbered runs commands on tickets of a list. One that cannot be done, and
// none is: the change is then as it was.
func (d *decider) runNumbered(ids []ticket.ID, lines []numbered, claim ticket.Claim) (done []ticket.TranscriptLine, problem *ticket.TranscriptBody) {
	before := d.copyOfChange()
	turns := map[int]*turn{}
	var order []*turn
	for _, l := range lines {
		x := turns[l.number]
		if x == nil {
			if x, problem = d.turnOf(ids, l.number, claim); problem == nil {
				turns[l.number], order = x, append(order, x)
			}
		}
		if problem == nil {
			var line ticket.TranscriptLine
			line, problem = x.run(l)
			done = append(done, line)
		}
		if problem != nil {
			problem.Line = l.line()
			d.change = before
			return nil, problem
		}
	}
	for _, x := range order {
		x.w.participant = x.a.writer
		d.tellEvents(x.w, x.a)
		d.undoable(x.a, x.before)
	}
	return done, nil
}

// turnOf begins with the ticket of a number. The list of agents is read again at
// this moment: a ticket that has moved to a team of others is not there.
func (d *decider) turnOf(ids []ticket.ID, number int, claim ticket.Claim) (*turn, *ticket.TranscriptBody) {
	if number < 1 || number > len(ids) {
		return nil, &ticket.TranscriptBody{Problem: ticket.ProblemNoLine}
	}
	found := d.facts.Tickets[ids[number-1]]
	if found == nil || !found.Merged.IsZero() {
		return nil, &ticket.TranscriptBody{Problem: ticket.ProblemNoSuchTicket}
	}
	q, ok := d.in.Site.Queue(found.Queue)
	if !ok || !q.Agent(d.from) {
		return nil, &ticket.TranscriptBody{Problem: ticket.ProblemNoSuchTicket}
	}
	claim.ListedAgent = true
	w := d.writer(q, match{ticket: found})
	if w.claim.Proof = claim.Proof; w.participant == nil || w.participant.Role != ticket.AgentRole || !ticket.AgentWrite.Permits(claim) {
		return nil, &ticket.TranscriptBody{Problem: ticket.ProblemNotAllowed}
	}
	a := &act{d: d, queue: q, ticket: w.ticket, writer: w.participant, listed: true, after: ticket.Waiting}
	return &turn{w: w, a: a, before: w.ticket.Clone()}, nil
}

// run runs one command.
func (x *turn) run(l numbered) (ticket.TranscriptLine, *ticket.TranscriptBody) {
	a := x.a
	a.argument = l.argument
	if l.command.action == ticket.AgentWrite {
		a.d.alter(a.ticket)
	}
	line := l.command.run(a)
	if a.problem != "" {
		return line, &ticket.TranscriptBody{Problem: a.problem, Nearest: "1 " + strings.TrimPrefix(l.command.written(l.command.name), "#")}
	}
	a.writer, _ = a.ticket.Participant(a.writer.Number) // who joins may move the others
	line.Line, line.Ticket = l.line(), a.ticket.Reference.String()
	return line, nil
}
