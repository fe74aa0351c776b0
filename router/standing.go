package router

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"guichet/ticket"
)

// standing are the commands that change where a ticket stands.
var standing = []command{
	{name: "close", names: map[string][]string{"fr": {"fermer", "clore"}}, action: ticket.AgentWrite, many: true, run: (*act).close,
		help: map[string]string{
			"en": "Closes the ticket, after the answer below it if there is one.",
			"fr": "Ferme la demande, après la réponse écrite en dessous s’il y en a une."}},
	{name: "solved", names: map[string][]string{"fr": {"résolu", "résolue"}}, action: ticket.AgentWrite, many: true, run: (*act).solved,
		help: map[string]string{
			"en": "The matter is settled, as far as the team can tell. An answer of the requester opens it again.",
			"fr": "L’affaire est réglée, pour autant que l’équipe puisse le dire. Une réponse du demandeur la rouvre."}},
	{name: "reopen", names: map[string][]string{"fr": {"rouvrir"}}, action: ticket.AgentWrite, many: true, run: (*act).reopen,
		help: map[string]string{
			"en": "Opens a closed ticket again.",
			"fr": "Rouvre une demande fermée."}},
	{name: "take", names: map[string][]string{"fr": {"prendre"}}, action: ticket.AgentWrite, many: true, run: (*act).take,
		help: map[string]string{
			"en": "Assigns the ticket to you.",
			"fr": "Vous attribue la demande."}},
	{name: "assign", names: map[string][]string{"fr": {"attribuer"}}, usage: "WHO", action: ticket.AgentWrite, many: true, run: (*act).assign,
		example: "#assign ben@acme.example",
		help: map[string]string{
			"en": "Assigns the ticket to a colleague, by their address or what stands before its @.",
			"fr": "Attribue la demande à un collègue, par son adresse ou ce qui précède son @."}},
	{name: "release", names: map[string][]string{"fr": {"rendre"}}, action: ticket.AgentWrite, many: true, run: (*act).release,
		help: map[string]string{
			"en": "Gives the ticket back to the team: nobody has it.",
			"fr": "Rend la demande à l’équipe : personne ne l’a plus."}},
	{name: "priority", names: map[string][]string{"fr": {"priorité"}}, usage: "low|normal|high|urgent", action: ticket.AgentWrite, many: true, run: (*act).priority,
		example: "#priority high",
		help: map[string]string{
			"en": "Says how much the ticket presses: low, normal, high or urgent.",
			"fr": "Dit combien la demande presse : basse, normale, haute ou urgente."}},
	{name: "tag", names: map[string][]string{"fr": {"étiquette"}}, usage: "WORD -WORD …", action: ticket.AgentWrite, many: true, run: (*act).tag,
		example: "#tag billing -printer",
		help: map[string]string{
			"en": "Puts words on the ticket to find it by; one with - before it is taken off.",
			"fr": "Met des mots sur la demande pour la retrouver ; un mot précédé de - est retiré."}},
	{name: "due", names: map[string][]string{"fr": {"échéance"}}, usage: "WHEN", action: ticket.AgentWrite, many: true, run: (*act).due,
		example: "#due 2026-12-01",
		help: map[string]string{
			"en": "Says by when it should be done: a date, 3d, 2w, tomorrow, a day of the week; - takes it away.",
			"fr": "Dit pour quand cela doit être fait : une date, 3j, 2s, demain, un jour de la semaine ; - l’enlève."}},
	{name: "snooze", names: map[string][]string{"fr": {"reporter"}}, usage: "WHEN", action: ticket.AgentWrite, many: true, run: (*act).snooze,
		example: "#snooze 3d",
		help: map[string]string{
			"en": "Keeps the ticket out of the lists until then, or until somebody writes: a date, 4h, 3d, tomorrow, a day of the week.",
			"fr": "Sort la demande des listes jusque-là, ou jusqu’à ce que quelqu’un écrive : une date, 4h, 3j, demain, un jour de la semaine."}},
	{name: "queue", names: map[string][]string{"fr": {"file"}}, usage: "QUEUE", action: ticket.AgentWrite, many: true, run: (*act).moveQueue,
		example: "#queue billing",
		help: map[string]string{
			"en": "Moves the ticket to another queue and its team. Answers to earlier mails go on reaching it.",
			"fr": "Transfère la demande à une autre file et à son équipe. Les réponses aux anciens messages lui parviennent toujours."}},
}

func (a *act) close() ticket.TranscriptLine {
	if !a.end(ticket.Closed, ticket.EventClosed) {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyClosed}
	}
	return ticket.TranscriptLine{Result: ticket.ResultClosed}
}

func (a *act) solved() ticket.TranscriptLine {
	if !a.end(ticket.Solved, ticket.EventSolved) {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadySolved}
	}
	return ticket.TranscriptLine{Result: ticket.ResultSolved}
}

// end gives the ticket a state in which nobody has to act, now and once an answer
// has left. It reports false where it has that state already.
func (a *act) end(s ticket.State, e ticket.Event) bool {
	a.after = s
	if a.ticket.State == s {
		return false
	}
	a.ticket.SetState(s, a.d.in.Now)
	a.ticket.Snoozed = time.Time{}
	a.happens(e, "")
	return true
}

func (a *act) reopen() ticket.TranscriptLine {
	if !a.ticket.State.Done() {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyOpen}
	}
	a.ticket.SetState(ticket.Open, a.d.in.Now)
	a.happens(ticket.EventReopened, "")
	return ticket.TranscriptLine{Result: ticket.ResultReopened}
}

func (a *act) take() ticket.TranscriptLine {
	if a.ticket.Assignee == a.writer.Number {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyTaken, Detail: a.writer.Called()}
	}
	a.ticket.Assignee = a.writer.Number
	a.happens(ticket.EventTaken, "")
	return ticket.TranscriptLine{Result: ticket.ResultTaken}
}

func (a *act) assign() ticket.TranscriptLine {
	p, ok := colleague(a.ticket, a.argument)
	if !ok {
		return a.refuse(ticket.ProblemNobody)
	}
	if a.ticket.Assignee == p.Number {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyTaken, Detail: p.Called()}
	}
	a.ticket.Assignee = p.Number
	a.happens(ticket.EventAssigned, p.Called())
	return ticket.TranscriptLine{Result: ticket.ResultAssigned, Detail: p.Called()}
}

// colleague is the one agent of a ticket whose address that is, or begins with
// it before the @.
func colleague(t *ticket.Ticket, who string) (*ticket.Participant, bool) {
	who = strings.ToLower(strings.Trim(who, "<>@ "))
	var found *ticket.Participant
	for _, p := range t.Active(ticket.AgentRole) {
		switch address := strings.ToLower(string(p.Address)); {
		case address == who:
			return p, true
		case strings.ToLower(p.Address.Local()) == who && found != nil:
			return nil, false // two are called so
		case strings.ToLower(p.Address.Local()) == who:
			found = p
		}
	}
	return found, found != nil
}

func (a *act) release() ticket.TranscriptLine {
	if a.ticket.Assignee == 0 {
		return ticket.TranscriptLine{Result: ticket.ResultAlreadyFree}
	}
	a.ticket.Assignee = 0
	a.happens(ticket.EventReleased, "")
	return ticket.TranscriptLine{Result: ticket.ResultReleased}
}

// priorities are the words for each priority, in all languages.
var priorities = map[string]ticket.Priority{
	"low": ticket.Low, "normal": ticket.Normal, "high": ticket.High, "urgent": ticket.Urgent,
	"basse": ticket.Low, "normale": ticket.Normal, "haute": ticket.High, "urgente": ticket.Urgent,
}

func (a *act) priority() ticket.TranscriptLine {
	p, ok := priorities[strings.ToLower(a.argument)]
	if !ok {
		return a.refuse(ticket.ProblemArgument)
	}
	a.ticket.Priority = p
	name := cmp.Or(string(p), "normal")
	a.happens(ticket.EventPriority, name)
	return ticket.TranscriptLine{Result: ticket.ResultPriority, Detail: name}
}

// tagsMax is how many tags a ticket may have, and longestTag how many characters
// each.
const (
	tagsMax    = 20
	longestTag = 30
)

func (a *act) tag() ticket.TranscriptLine {
	tags := slices.Clone(a.ticket.Tags)
	for _, word := range strings.FieldsFunc(a.argument, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
		bare, off := strings.CutPrefix(word, "-")
		bare = strings.ToLower(strings.TrimPrefix(bare, "+"))
		i, has := slices.BinarySearch(tags, bare)
		switch {
		case bare == "" || len([]rune(bare)) > longestTag:
			return a.refuse(ticket.ProblemArgument)
		case off && has:
			tags = slices.Delete(tags, i, i+1)
		case !off && !has:
			tags = slices.Insert(tags, i, bare)
		}
	}
	if len(tags) > tagsMax {
		return a.refuse(ticket.ProblemArgument)
	}
	a.ticket.Tags = tags
	list := strings.Join(tags, ", ")
	a.happens(ticket.EventTagged, list)
	return ticket.TranscriptLine{Result: ticket.ResultTagged, Detail: list}
}

// endOfDay and startOfDay are the hours that a date alone means.
const (
	startOfDay = 8 * time.Hour
	endOfDay   = 18 * time.Hour
)

func (a *act) due() ticket.TranscriptLine {
	if a.argument == "-" {
		a.ticket.Due = time.Time{}
		a.happens(ticket.EventDue, "")
		return ticket.TranscriptLine{Result: ticket.ResultNotDue}
	}
	at, ok := readWhen(a.argument, a.d.in.Now, a.d.in.Site.Zone, endOfDay)
	if !ok {
		return a.refuse(ticket.ProblemWhen)
	}
	a.ticket.Due = at
	a.happens(ticket.EventDue, at.Format(time.RFC3339))
	return ticket.TranscriptLine{Result: ticket.ResultDue, Detail: at.Format(time.RFC3339)}
}

func (a *act) snooze() ticket.TranscriptLine {
	at, ok := readWhen(a.argument, a.d.in.Now, a.d.in.Site.Zone, startOfDay)
	if !ok {
		return a.refuse(ticket.ProblemWhen)
	}
	a.ticket.Snoozed = at
	a.happens(ticket.EventSnoozed, at.Format(time.RFC3339))
	return ticket.TranscriptLine{Result: ticket.ResultSnoozed, Detail: at.Format(time.RFC3339)}
}

func (a *act) moveQueue() ticket.TranscriptLine {
	q, ok := a.d.in.Site.Queue(strings.ToLower(a.argument))
	if !ok {
		return a.refuse(ticket.ProblemNoQueue)
	}
	if a.ticket.Queue == q.Name {
		return ticket.TranscriptLine{Result: ticket.ResultMoved, Detail: q.Name}
	}
	a.ticket.Queue = q.Name
	a.d.listAgents(a.ticket, q)
	if p, ok := a.ticket.Participant(a.ticket.Assignee); !ok || p.Removed {
		a.ticket.Assignee = 0
	}
	a.happens(ticket.EventMovedQueue, q.Name)
	return ticket.TranscriptLine{Result: ticket.ResultMoved, Detail: q.Name}
}
