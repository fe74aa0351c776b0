package router

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"guichet/parser"
	"guichet/ticket"
)

// This file is about requests that somebody else brings: an agent who passes a
// customer's mail on or has a caller on the telephone, or a form of the site's.

// opening are the commands that open a ticket.
var opening = []command{
	{name: "for", names: map[string][]string{"fr": {"pour"}}, usage: "ADDRESS", action: ticket.AgentWrite, anywhere: true, opens: true, run: (*act).openFor,
		example: "#for marie@customer.example",
		help: map[string]string{
			"en": "Opens a ticket for somebody, as for a caller: in a new mail to the queue, with what it is about below. They get its reference and code by mail. Other commands may follow.",
			"fr": "Ouvre une demande pour quelqu’un, par exemple au téléphone : dans un nouveau message à la file, avec l’objet en dessous. La personne reçoit référence et code par mail. D’autres commandes peuvent suivre."}},
}

// openFor opens the ticket that the rest of the mail is about.
func (a *act) openFor() ticket.TranscriptLine {
	d := a.d
	address, err := ticket.ParseAddress(strings.Trim(a.argument, "<>+ "))
	switch {
	case a.ticket != nil:
		return a.refuse(ticket.ProblemHasTicket)
	case err != nil || d.in.Ours(address) || a.queue.Agent(address):
		return a.refuse(ticket.ProblemAddress)
	}
	a.ticket = d.begin(a.queue, ticket.Mailbox{Address: address}, d.in.Message.Subject, d.locale(), d.in.Envelope.Evidence.Proof)
	a.writer, _ = a.ticket.Who(d.from)
	a.opened = true
	d.alter(a.ticket)
	return ticket.TranscriptLine{Result: ticket.ResultOpenedFor, Detail: string(address)}
}

// openedFor writes down what a ticket is about that an agent opened for
// somebody, and tells them and the team.
func (d *decider) openedFor(a *act, text string) {
	t := a.ticket
	if name := d.in.Message.From.Name; name != "" {
		a.writer.Name = name
	}
	kind, proof := ticket.PublicArticle, d.in.Envelope.Evidence.Proof
	if a.private {
		kind = ticket.InternalArticle
	}
	number := d.write(t, d.article(kind, a.writer.Number, text, proof))
	a.wrote = true
	d.remember(t, a.queue, a.writer)
	n := d.notify(ticket.Acknowledgement, t, t.Requester(), publicOnly(kind, number))
	n.Brakes = ticket.TranscriptBrakes(d.from) // an agent's mails, as many as they may send
	for _, p := range t.Active(ticket.AgentRole) {
		if p.Number != a.writer.Number {
			d.notify(ticket.AgentNew, t, p, number)
		}
	}
}

// publicOnly is the number of an article for a mail to a requester: 0 where they
// may not read it.
func publicOnly(kind ticket.Kind, number int) int {
	if kind != ticket.PublicArticle {
		return 0
	}
	return number
}

// passedOn is the mail of somebody else that a proved agent passes on to the
// queue without a word of command: its matter is that person's.
func (d *decider) passedOn(q *ticket.Queue, proof ticket.Proof) (*parser.Forwarded, ticket.Mailbox, bool) {
	m := d.in.Message
	claim := ticket.Claim{Proof: proof, Method: d.in.Envelope.Evidence.Method, ListedAgent: q.Agent(d.from)}
	if m.Forwarded == nil || m.Automatic != parser.ByPerson || d.in.Envelope.Null || !ticket.AgentWrite.Permits(claim) {
		return nil, ticket.Mailbox{}, false
	}
	address, err := ticket.ParseAddress(m.Forwarded.From.Address)
	if err != nil || d.in.Ours(address) || q.Agent(address) {
		return nil, ticket.Mailbox{}, false
	}
	return m.Forwarded, ticket.Mailbox{Name: m.Forwarded.From.Name, Address: address}, true
}

// openPassedOn opens a ticket for the writer of a mail that an agent passed on.
// What the agent wrote above it is a note.
func (d *decider) openPassedOn(q *ticket.Queue, f *parser.Forwarded, requester ticket.Mailbox, proof ticket.Proof) Outcome {
	subject := f.Subject
	if subject == "" {
		subject = d.in.Message.Subject
	}
	t := d.begin(q, requester, subject, d.locale(), proof)
	agent, _ := t.Who(d.from)
	article := d.article(ticket.PublicArticle, t.Requester().Number, f.Text, ticket.ProofNone) // of whose words they are
	article.Whole, article.Reason = "", "passed on by an agent; "+article.Reason
	number := d.write(t, article)
	if own := strings.TrimSpace(d.in.Message.Reply); own != "" {
		d.write(t, ticket.Article{Kind: ticket.InternalArticle, Author: agent.Number, Text: own, Proof: proof})
	}
	d.remember(t, q, agent)
	if !parser.RobotAddress(string(requester.Address)) {
		n := d.notify(ticket.Acknowledgement, t, t.Requester(), number)
		n.Brakes = ticket.AnswerBrakes(t, requester.Address, proof, d.in.Message.Digest)
	}
	d.tellAgents(ticket.AgentNew, t, nil, number)
	return Outcome{Did: Opened, Why: "passed on by an agent", Ticket: t.ID, Proof: proof}
}

// form is what a site's own web form says.
type form struct {
	mailbox       ticket.Mailbox
	subject, text string
}

// Names of a form's fields, in all languages, folded.
var (
	formAddress = []string{"email", "e-mail", "mail", "address", "email address", "courriel", "adresse", "adresse e-mail", "adresse mail", "adresse electronique"}
	formName    = []string{"name", "full name", "your name", "nom", "nom complet", "votre nom"}
	formSubject = []string{"subject", "topic", "sujet", "objet"}
	formMessage = []string{"message", "text", "question", "request", "demande", "votre message", "votre demande"}
)

// formOf reads a mail of the site's own form: lines of "Field: value", or JSON,
// from an address that the settings name and that is proved.
func (d *decider) formOf(q *ticket.Queue, proof ticket.Proof) (form, bool) {
	if proof < ticket.ProofDomain || !slices.ContainsFunc(q.Forms, d.from.Same) {
		return form{}, false
	}
	fields, rest := d.formJSON()
	if fields == nil {
		fields, rest = formLines(d.in.Message.Text)
	}
	f := form{subject: d.in.Message.Subject, text: rest}
	var further []string
	for _, field := range fields {
		switch name := ticket.Fold(field.name); {
		case slices.Contains(formAddress, name) && f.mailbox.Address == "":
			f.mailbox.Address, _ = ticket.ParseAddress(strings.Trim(field.value, "<> "))
		case slices.Contains(formName, name):
			f.mailbox.Name = field.value
		case slices.Contains(formSubject, name):
			f.subject = field.value
		case slices.Contains(formMessage, name):
			f.text = strings.TrimSpace(field.value + "\n\n" + f.text)
		default:
			further = append(further, field.name+": "+field.value)
		}
	}
	f.text = strings.TrimSpace(f.text + "\n\n" + strings.Join(further, "\n"))
	return f, f.mailbox.Address != "" && !d.in.Ours(f.mailbox.Address)
}

// formField is one field of a form.
type formField struct{ name, value string }

// formLines takes the lines "Field: value" at the head of a text apart from the
// rest. A value goes on over lines that are indented.
func formLines(text string) (fields []formField, rest string) {
	lines := strings.Split(text, "\n")
	i := 0
	for ; i < len(lines); i++ {
		line := lines[i]
		name, value, ok := strings.Cut(line, ":")
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case strings.TrimSpace(line) == "" && len(fields) == 0:
		case indented && len(fields) > 0:
			fields[len(fields)-1].value += "\n" + strings.TrimSpace(line)
		case ok && !indented && name != "" && len(name) <= longestTag && !strings.Contains(name, "//"):
			fields = append(fields, formField{strings.TrimSpace(name), strings.TrimSpace(value)})
		default:
			return fields, strings.TrimSpace(strings.Join(lines[i:], "\n"))
		}
	}
	return fields, ""
}

// largestForm is how much JSON of a form is read, in bytes.
const largestForm = 256 << 10

// formJSON reads a form that comes as JSON, in a part of its own or as the text:
// one object whose members are strings, numbers or truths.
func (d *decider) formJSON() (fields []formField, rest string) {
	source := d.in.Message.Text
	for _, a := range d.in.Message.Attachments {
		if a.Type != "application/json" || a.Size > largestForm {
			continue
		}
		if b, err := io.ReadAll(io.LimitReader(a.Open(), largestForm)); err == nil {
			source, rest = string(b), d.in.Message.Text
			break
		}
	}
	var members map[string]any
	if json.Unmarshal([]byte(source), &members) != nil {
		return nil, ""
	}
	for name, value := range members {
		switch v := value.(type) {
		case string:
			fields = append(fields, formField{name, v})
		case float64, bool:
			text, _ := json.Marshal(v) // numbers and truths always have JSON
			fields = append(fields, formField{name, string(text)})
		}
	}
	slices.SortFunc(fields, func(a, b formField) int { return strings.Compare(a.name, b.name) })
	return fields, rest
}

// openForm opens a ticket for the address that a form gives. Nothing proves that
// it is its writer's: they are asked to confirm, as anybody unproved.
func (d *decider) openForm(q *ticket.Queue, f form) Outcome {
	t := d.begin(q, f.mailbox, f.subject, d.locale(), ticket.ProofNone)
	article := d.article(ticket.PublicArticle, t.Requester().Number, f.text, ticket.ProofNone)
	article.Whole, article.Reason = "", "by a form of the site; "+article.Reason
	number := d.write(t, article)
	if !parser.RobotAddress(string(f.mailbox.Address)) {
		id, n := d.confirmTo(q, f.mailbox, ticket.Challenge{Ticket: t.ID, Participant: t.Requester().Number})
		t.Challenges = append(t.Challenges, id)
		n.Brakes = ticket.AnswerBrakes(t, f.mailbox.Address, ticket.ProofNone, d.in.Message.Digest)
	}
	d.tellAgents(ticket.AgentNew, t, nil, number)
	return Outcome{Did: Opened, Why: "by a form of the site", Ticket: t.ID, Proof: ticket.ProofNone}
}
