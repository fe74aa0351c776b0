package main

import (
	"fmt"
	"strings"

	"guichet/envelope"
	"guichet/parser"
	"guichet/router"
	"guichet/smtpd/proof"
	"guichet/ticket"
)

// didWords say what would be done with a message.
var didWords = map[router.Did]string{
	router.Opened:     "opens a ticket",
	router.Added:      "goes into the ticket, and its agents get it",
	router.Answered:   "goes to the requester as an agent's answer",
	router.Acted:      "is an agent's note or commands; nothing goes to the requester",
	router.Asked:      "does nothing; the agent is asked what was meant",
	router.Filed:      "is filed on the ticket as a machine's mail",
	router.Challenged: "asks for something, which is told to the stored address, or done once a code comes back",
	router.Redeemed:   "brings a code back, and what that is for is done",
	router.Refused:    "brings a code that allows nothing, and its writer is told",
	router.HeldBack:   "is held for a person's decision",
	router.Repeated:   "changes nothing: it was delivered before",
}

// ruleWords say how a message found its ticket.
var ruleWords = map[router.Rule]string{
	router.ByToken:       "by the reply token in its address",
	router.ByOurID:       "by a Message-ID of ours that it answers",
	router.ByMessageID:   "by the Message-ID of an earlier message of the ticket",
	router.ByReference:   "by the reference in its subject",
	router.ByChallenge:   "by the address to which a code is to come back",
	router.ByBounceToken: "by our envelope sender, to which it bounced",
}

// text is the explanation for people.
func (x *explanation) text(p *program) string {
	var b strings.Builder
	b.WriteString(x.arrival(p))
	if len(x.envelope.Recipients) == 0 {
		fmt.Fprintf(&b, "\n%s\n", p.style.wary(x.nobody()))
	}
	if x.verdict.Doubt && len(x.decisions) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.style.wary("DNS did not answer what would matter: the door would answer 451 4.4.3 first, for at most 4 hours."))
	}
	if x.turnedAway() {
		fmt.Fprintf(&b, "\n%s\n", p.style.wary("Its From domain wants such mail refused: the door would answer 550 5.7.26. By a relay or an alias it would be held:"))
	}
	if limit := int64(x.settings.SMTP.MaxSize); int64(len(x.envelope.Data)) > limit {
		fmt.Fprintf(&b, "\n%s\n", p.style.wary("It is larger than smtp.max_size, "+size(limit)+": the door would refuse it."))
	}
	if x.noStore {
		fmt.Fprintf(&b, "\nThere is no store in %s yet, so no ticket is known.\n", x.settings.Data)
	}
	if x.repeated {
		b.WriteString("\nIt was delivered before: coming again, it changes nothing. If it came for the first time:\n")
	}
	for _, d := range x.decisions {
		for _, o := range d.Outcomes {
			b.WriteString("\n" + x.outcome(p, d, o))
		}
	}
	return b.String()
}

// arrival is who sends what to whom, and what proves it.
func (x *explanation) arrival(p *program) string {
	e, m := &x.envelope, x.message
	f := fields{p: p}
	f.add("Subject", m.Subject)
	f.add("From", person(ticket.Mailbox{Name: m.From.Name, Address: ticket.Address(m.From.Address)}))
	f.add("Message-ID", m.MessageID)
	client := e.Client.String()
	if e.Helo != "" {
		client += ", which calls itself " + e.Helo
	}
	f.add("Client", client+" ("+x.clientFrom+")")
	f.add("Mail from", fmt.Sprintf("<%s> (%s)", e.From, x.senderFrom))
	name := "Recipients"
	for _, r := range x.recipients {
		f.add(name, fmt.Sprintf("%s: %s (%s)", r.address, r.leads(), x.recipientsFrom))
		name = ""
	}
	level := e.Evidence.Proof.String()
	if e.Evidence.Method != ticket.ByNothing {
		level += " by " + string(e.Evidence.Method)
	}
	f.add("Proof", level+": "+e.Evidence.Reason)
	f.add("SPF", checked(x.verdict.SPF.Result, x.verdict.SPF.Domain, ""))
	for _, signature := range x.verdict.DKIM {
		f.add("DKIM", checked(signature.Result, signature.Domain, signature.Reason))
	}
	if r := x.verdict.DMARC(); r != "" && r != proof.None {
		f.add("DMARC", checked(r, "", string(e.Evidence.Policy)))
	}
	if x.verdict.ARC != proof.None {
		f.add("ARC", string(x.verdict.ARC))
	}
	if m.Automatic != parser.ByPerson {
		f.add("Written by", "a machine: "+string(m.Automatic))
	}
	f.add("Problems", strings.Join(m.Problems, ", "))
	return f.text()
}

// checked is the result of a check and whom it is about.
func checked(r proof.Result, domain, reason string) string {
	text := strings.TrimSpace(string(r) + " " + domain)
	if reason != "" {
		text += " (" + reason + ")"
	}
	return text
}

// leads says what an address is.
func (r recipient) leads() string {
	switch {
	case r.refused == envelope.ErrNoRelay:
		return "not ours, " + r.refused.Error()
	case r.refused != nil:
		return "nobody here, " + r.refused.Error()
	case r.place.Postmaster:
		return "the admin of site " + r.place.Site.Name
	}
	text := "site " + r.place.Site.Name + ", queue " + r.place.Queue.Name
	switch _, token := ticket.ParseToken(r.place.Extension); {
	case token:
		text += ", with a reply token"
	case r.place.Extension != "":
		text += ", with the extension " + r.place.Extension
	}
	if r.place.Alias {
		text += ", an alias"
	}
	return text
}

// nobody says that the message is not for us.
func (x *explanation) nobody() string {
	if len(x.recipients) == 0 {
		return "It names no recipient in To or Cc, so it would come to nobody; --rcpt names one."
	}
	return "None of its recipients is ours: the door would refuse each of them, and nothing would be kept."
}

// outcome is what would be done for one queue.
func (x *explanation) outcome(p *program, d router.Decision, o router.Outcome) string {
	f := fields{p: p}
	f.add("Decision", didWords[o.Did])
	f.add("Why", o.Why)
	switch {
	case o.Did == router.Opened && o.Rule != router.NoRule:
		f.add("Ticket", "a new one that follows up another, found "+ruleWords[o.Rule])
	case o.Did == router.Opened:
		f.add("Ticket", "a new one")
	case o.Reference != "":
		f.add("Ticket", o.Reference+", found "+ruleWords[o.Rule])
	}
	if o.Proof > x.envelope.Evidence.Proof {
		f.add("Proof", o.Proof.String()+", raised by the reply token")
	}
	mails := mailsOf(d, o)
	name := "Mails"
	for _, m := range mails {
		text := string(m.kind) + " to " + person(m.to)
		if m.braked {
			text += ", unless a brake keeps it"
		}
		f.add(name, text)
		name = ""
	}
	if len(mails) == 0 {
		f.add("Mails", "none")
	}
	title := "Site " + d.Site + ", the admin"
	if o.Queue != "" {
		title = "Site " + d.Site + ", queue " + o.Queue
	}
	return p.style.bold(title) + "\n" + f.text()
}

// The explanation for programs.

type explanationObject struct {
	Subject        string            `json:"subject"`
	MessageID      string            `json:"message_id"`
	Client         string            `json:"client"`
	ClientFrom     string            `json:"client_from"`
	Helo           string            `json:"helo"`
	MailFrom       ticket.Address    `json:"mail_from"`
	MailFromFrom   string            `json:"mail_from_from"`
	RecipientsFrom string            `json:"recipients_from"`
	Recipients     []recipientObject `json:"recipients"`
	Proof          proofObject       `json:"proof"`
	Automatic      string            `json:"automatic"`
	// Repeated is set when it was delivered before; Outcomes are then those of a
	// first time.
	Repeated bool            `json:"repeated"`
	Outcomes []outcomeObject `json:"outcomes"`
}

type recipientObject struct {
	Address    ticket.Address `json:"address"`
	Site       string         `json:"site"`
	Queue      string         `json:"queue"`
	Postmaster bool           `json:"postmaster"`
	Alias      bool           `json:"alias"`
	Refused    string         `json:"refused"` // the door's answer, or ""
}

type proofObject struct {
	Level  string          `json:"level"`
	Method ticket.Method   `json:"method"`
	Domain string          `json:"domain"`
	Reason string          `json:"reason"`
	Doubt  bool            `json:"doubt"` // DNS failed where it mattered
	SPF    checkedObject   `json:"spf"`
	DKIM   []checkedObject `json:"dkim"`
	DMARC  proof.Result    `json:"dmarc"`  // "" where it was not asked
	Policy ticket.Policy   `json:"policy"` // what the From domain wants done, where that matters
	ARC    proof.Result    `json:"arc"`
	// Refused is set when the door would turn the message away for that policy.
	Refused bool `json:"refused"`
}

type checkedObject struct {
	Result proof.Result `json:"result"` // "" where it was not asked
	Domain string       `json:"domain"`
}

type outcomeObject struct {
	Site   string       `json:"site"`
	Queue  string       `json:"queue"`
	Did    router.Did   `json:"did"`
	Why    string       `json:"why"`
	Rule   router.Rule  `json:"rule"`
	Ticket string       `json:"ticket"` // "" for none, and for a new one
	Proof  string       `json:"proof"`
	Mails  []owedObject `json:"mails"`
}

type owedObject struct {
	Kind   ticket.NoticeKind `json:"kind"`
	To     personObject      `json:"to"`
	Braked bool              `json:"braked"` // leaves only if the brakes let it
}

func (x *explanation) object() explanationObject {
	e, v := &x.envelope, x.verdict
	o := explanationObject{
		Subject: x.message.Subject, MessageID: x.message.MessageID, Client: e.Client.String(), ClientFrom: x.clientFrom,
		Helo: e.Helo, MailFrom: e.From, MailFromFrom: x.senderFrom, RecipientsFrom: x.recipientsFrom,
		Recipients: []recipientObject{}, Automatic: string(x.message.Automatic), Repeated: x.repeated, Outcomes: []outcomeObject{},
		Proof: proofObject{Level: e.Evidence.Proof.String(), Method: e.Evidence.Method, Domain: e.Evidence.Domain,
			Reason: e.Evidence.Reason, Doubt: v.Doubt, SPF: checkedObject{v.SPF.Result, v.SPF.Domain}, DKIM: []checkedObject{},
			DMARC: v.DMARC(), Policy: e.Evidence.Policy, ARC: v.ARC, Refused: x.turnedAway()},
	}
	for _, s := range v.DKIM {
		o.Proof.DKIM = append(o.Proof.DKIM, checkedObject{s.Result, s.Domain})
	}
	for _, r := range x.recipients {
		o.Recipients = append(o.Recipients, r.object())
	}
	for _, d := range x.decisions {
		for _, outcome := range d.Outcomes {
			o.Outcomes = append(o.Outcomes, outcomeOf(d, outcome))
		}
	}
	return o
}

func (r recipient) object() recipientObject {
	o := recipientObject{Address: r.address, Alias: r.place.Alias, Postmaster: r.place.Postmaster}
	if r.refused != nil {
		o.Refused = r.refused.Error()
		return o
	}
	o.Site = r.place.Site.Name
	if r.place.Queue != nil {
		o.Queue = r.place.Queue.Name
	}
	return o
}

func outcomeOf(d router.Decision, o router.Outcome) outcomeObject {
	object := outcomeObject{Site: d.Site, Queue: o.Queue, Did: o.Did, Why: o.Why, Rule: o.Rule, Ticket: o.Reference,
		Proof: o.Proof.String(), Mails: []owedObject{}}
	for _, m := range mailsOf(d, o) {
		object.Mails = append(object.Mails, owedObject{m.kind, personOf(m.to), m.braked})
	}
	return object
}
