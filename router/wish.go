package router

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"guichet/parser"
	"guichet/ticket"
)

// wish is something that a person may ask for about what is theirs: by a word in
// the address (help+status@), or by a command on the first line of what they
// wrote. Agents have commands of their own.
type wish struct {
	name   string
	names  map[string][]string // in other languages, by language, folded
	action ticket.Action
	// argument is set for what needs an address: #cc +eve@example.com.
	argument bool
	// inThread is set for what is about one ticket.
	inThread bool
}

// wishes is all that can be asked for: one row a wish.
var wishes = []wish{
	{name: "status", names: map[string][]string{"fr": {"suivi", "statut"}}, action: ticket.AskStatus},
	{name: "site", action: ticket.SeeSite},
	{name: "history", names: map[string][]string{"fr": {"historique"}}, action: ticket.ReadHistory, inThread: true},
	{name: "close", names: map[string][]string{"fr": {"fermer", "clore"}}, action: ticket.CloseOwn, inThread: true},
	{name: "reopen", names: map[string][]string{"fr": {"rouvrir"}}, action: ticket.ReopenOwn, inThread: true},
	{name: "cc", names: map[string][]string{"fr": {"copie"}}, action: ticket.AddParticipant, argument: true, inThread: true},
	{name: "address", names: map[string][]string{"fr": {"adresse"}}, action: ticket.ChangeAddress, argument: true, inThread: true},
	{name: "mydata", names: map[string][]string{"fr": {"mesdonnees"}}, action: ticket.ExportOwn},
	{name: "forget", names: map[string][]string{"fr": {"oublier", "effacer"}}, action: ticket.EraseOwn},
	{name: "cancel", names: map[string][]string{"fr": {"annuler"}}, action: ticket.KeepOwn},
	{name: "enrol", names: map[string][]string{"fr": {"inscription"}}, action: ticket.Enrol},
}

// wished is a wish as it stands in a mail.
type wished struct {
	*wish
	address ticket.Address // of argument
	text    string         // what else they wrote
	// byAddress is set where the address asked, and not a line.
	byAddress bool
}

// wishNamed finds a wish by a name in any language.
func wishNamed(name string) (*wish, bool) {
	w, ok := wishesByName[ticket.Fold(name)]
	return w, ok
}

var wishesByName = func() map[string]*wish {
	by := map[string]*wish{}
	for i := range wishes {
		by[wishes[i].name] = &wishes[i]
		for _, names := range wishes[i].names {
			for _, name := range names {
				by[name] = &wishes[i]
			}
		}
	}
	return by
}()

// wishOf reads what a mail to a target asks for: the word of its address, else
// the first line of its own words. Anything else that begins with # is what its
// writer had to say.
func (in *Input) wishOf(t Target) (wished, bool) {
	if w, ok := wishNamed(t.Word); ok && !w.inThread {
		return wished{wish: w, text: strings.TrimSpace(in.Message.Reply), byAddress: true}, true
	}
	first, rest, _ := strings.Cut(strings.TrimSpace(in.Message.Reply), "\n")
	name, argument, ok := commandLine(first)
	if !ok {
		return wished{}, false
	}
	w, ok := wishNamed(name)
	if !ok || (argument != "") != w.argument {
		return wished{}, false
	}
	asked := wished{wish: w, text: strings.TrimSpace(rest)}
	if w.argument {
		address, err := ticket.ParseAddress(strings.Trim(argument, "+<> "))
		if err != nil {
			return wished{}, false
		}
		asked.address = address
	}
	return asked, true
}

// heldWish is why a wish without a ticket is kept. Below a command on the first
// line there may be words that are for the team to read; what stands in a mail to
// a wish's own address is the question itself.
func (in *Input) heldWish(w wished) ticket.Why {
	if w.byAddress {
		return ticket.HeldCommand
	}
	number := squeezed(in.Site.ClientNumber)
	for line := range strings.Lines(w.text) {
		names := number != "" && strings.Contains(squeezed(line), number)
		if strings.TrimSpace(line) != "" && !names && len(in.codesIn(line)) == 0 {
			return ticket.HeldWish
		}
	}
	return ticket.HeldCommand
}

// trackingCodes are the words of a request that may be tracking codes of the
// site, normalized: at most a few, so that nobody asks for thousands at once.
func (in *Input) trackingCodes() []string { return in.codesIn(in.Message.Subject, in.Message.Reply) }

func (in *Input) codesIn(texts ...string) []string {
	// What stands around a word and may be a part of a code is tried as one.
	around := strings.Map(func(r rune) rune {
		if strings.ContainsRune(in.Site.Tracking.Alphabet(), r) {
			return -1
		}
		return r
	}, ".,;:!?()[]<>\"'«»")
	var found []string
	for _, text := range texts {
		words := strings.Fields(text)
		for i := range words {
			code := ""
			for _, word := range words[i:min(len(words), i+5)] {
				code += in.Site.Tracking.Normalize(strings.Trim(word, around))
				if len(code) >= in.Site.Tracking.Length {
					break
				}
			}
			if in.Site.Tracking.Could(code) && !slices.Contains(found, code) {
				found = append(found, code)
			}
			if len(found) == trackingMax {
				return found
			}
		}
	}
	return found
}

const trackingMax = 4

// namesClientNumber reports whether the mail names the site's client number.
func (in *Input) namesClientNumber() bool {
	number := squeezed(in.Site.ClientNumber)
	text := in.Message.Subject + " " + in.Message.Reply[:min(len(in.Message.Reply), enrolMax)]
	return number != "" && strings.Contains(squeezed(text[:min(len(text), enrolMax)]), number)
}

// enrolMax is how far into a mail a client number is looked for, in bytes: a
// list of all that there might be is not read.
const enrolMax = 500

// squeezed makes two ways to write a number one.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
}

// person decides on a wish that came to no ticket: about whatever is its
// writer's, or the ticket whose tracking code they name. Whoever asks from a
// mailbox that proves nothing reads the same words whatever is true; what is
// told goes to the stored address alone.
func (d *decider) person(q *ticket.Queue, w wished) Outcome {
	if d.silent(q) {
		return d.hold(q, nil, ticket.HeldCommand, "a wish that may not be answered")
	}
	proof := ticket.Prove(d.in.Envelope.Evidence, false)
	why := d.in.heldWish(w)
	if w.action == ticket.SeeSite && d.maySeek(proof) {
		why = ticket.HeldSight
	}
	d.held(q, nil, why)
	o := Outcome{Did: Challenged, Why: "asks for " + w.name, Proof: proof}
	switch w.action {
	case ticket.AskStatus:
		d.statusWish(q, proof)
	case ticket.SeeSite:
		d.siteWish(q, proof)
	case ticket.KeepOwn:
		d.callOff(q, proof)
	case ticket.Enrol:
		if d.in.namesClientNumber() && proof >= ticket.ProofDomain {
			d.challenge(q, ticket.Challenge{Action: ticket.Enrol, Mailbox: d.sender(), Locale: d.locale()}, proof)
		} else {
			d.asked(q, w.action)
		}
	default: // mydata, forget
		if len(d.facts.Own) > 0 || d.facts.Enrolled {
			d.challenge(q, ticket.Challenge{Action: w.action, Mailbox: d.sender(), Locale: d.locale()}, proof)
		} else {
			d.asked(q, w.action)
		}
	}
	return o
}

// statusWish is about the ticket whose tracking code was named; without one,
// about all that are the writer's own, or for the site's staff about all that is
// open there.
func (d *decider) statusWish(q *ticket.Queue, proof ticket.Proof) {
	codes := d.in.trackingCodes()
	for _, code := range codes {
		t := d.facts.Tickets[d.facts.ByTracking[code]]
		if t == nil {
			continue
		}
		stored := t.Requester()
		claim := ticket.Claim{Proof: proof, Method: d.in.Envelope.Evidence.Method, Participant: stored.Is(d.from), TrackingCode: true}
		if ticket.AskStatus.Permits(claim) {
			d.status(q, t)
			return
		}
		if !stored.Is(d.from) {
			proof = ticket.ProofNone // of being the one whose code it is: their share is not used up
		}
		d.challenge(q, ticket.Challenge{Action: ticket.ReadHistory, Ticket: t.ID, Participant: stored.Number,
			Mailbox: stored.Mailbox, Locale: stored.Locale}, proof)
		if !stored.Is(d.from) {
			d.asked(q, ticket.AskStatus)
		}
		return
	}
	if len(codes) == 0 && d.in.Site.Staff(d.from) {
		d.siteWish(q, proof)
		return
	}
	if len(codes) == 0 && len(d.facts.Own) > 0 {
		d.challenge(q, ticket.Challenge{Action: ticket.AskStatus, Mailbox: d.sender(), Locale: d.locale()}, proof)
		return
	}
	d.asked(q, ticket.AskStatus)
}

// siteWish tells one of the site's staff, or somebody whom an agent let see it,
// how all that is open there stands, at once where their domain stands behind the
// question, else when a code comes back. To all others it says the same,
// whether the team is asked about them or not.
func (d *decider) siteWish(q *ticket.Queue, proof ticket.Proof) {
	if !d.seesSite(d.from) {
		d.asked(q, ticket.SeeSite)
		return
	}
	if ticket.SeeSite.Permits(ticket.Claim{Proof: proof, Method: d.in.Envelope.Evidence.Method, Staff: true}) {
		d.site(q, d.sender(), d.locale()).Brakes = ticket.TranscriptBrakes(d.from)
		return
	}
	d.challenge(q, ticket.Challenge{Action: ticket.SeeSite, Mailbox: d.sender(), Locale: d.locale()}, proof)
}

// seesSite reports whether all that is open at the site may be told to that
// address: as one of its staff, or because an agent said so of who wrote.
func (d *decider) seesSite(a ticket.Address) bool {
	return d.in.Site.Staff(a) || d.facts.Sight && d.in.Envelope.Evidence.From.Same(a)
}

// maySeek reports whether the team is asked to let the writer see the whole site:
// the site knows them, and their domain stands behind the wish.
func (d *decider) maySeek(proof ticket.Proof) bool {
	return d.facts.Enrolled && proof >= ticket.ProofDomain && !d.seesSite(d.from)
}

// letSee lets the writer of held mail see the whole site, and tells them how.
func (d *decider) letSee(q *ticket.Queue, h *ticket.Held) {
	d.change.Sight = append(d.change.Sight, h.From.Address)
	n := d.mint.Letter(ticket.Done, d.in.Site.Name, q.Name, h.From, d.in.Site.Locale(), d.in.Now)
	answerTo(&n, h.MessageID)
	n.About = &ticket.About{Action: ticket.SeeSite, Address: q.With("site")}
	d.change.Notices = append(d.change.Notices, n)
}

// site tells how all that is open at the site stands.
func (d *decider) site(q *ticket.Queue, to ticket.Mailbox, locale string) *ticket.Notice {
	n := d.letter(ticket.Status, q, to, locale)
	n.About = &ticket.About{Action: ticket.SeeSite, Tickets: slices.Clone(d.facts.Whole), Further: max(0, d.facts.Open-len(d.facts.Whole))}
	return n
}

// status tells the stored address how a ticket stands.
func (d *decider) status(q *ticket.Queue, t *ticket.Ticket) {
	stored := t.Requester()
	n := d.letter(ticket.Status, q, stored.Mailbox, stored.Locale)
	n.About = &ticket.About{Action: ticket.AskStatus, Tickets: []ticket.ID{t.ID}}
	n.Brakes = ticket.TranscriptBrakes(stored.Address)
}

// asked answers a wish from elsewhere, in words that tell nothing.
func (d *decider) asked(q *ticket.Queue, a ticket.Action) {
	n := d.letter(ticket.Asked, q, d.sender(), d.locale())
	n.About = &ticket.About{Action: a}
	n.Brakes = ticket.CodeBrakes(d.from, d.in.Envelope.Evidence.Proof, d.in.Site.Validation.Valid)
}

// callOff keeps what was to be erased. It needs less than erasing does: at worst
// something is kept a little longer.
func (d *decider) callOff(q *ticket.Queue, proof ticket.Proof) {
	kept := d.keepOwn(proof)
	if len(kept) == 0 {
		d.asked(q, ticket.KeepOwn)
		return
	}
	n := d.letter(ticket.Done, q, d.sender(), d.locale())
	n.About = &ticket.About{Action: ticket.EraseOwn, Undone: true, Tickets: kept}
	n.Brakes = ticket.TranscriptBrakes(d.from)
}

func (d *decider) keepOwn(proof ticket.Proof) (kept []ticket.ID) {
	claim := ticket.Claim{Proof: proof, Method: d.in.Envelope.Evidence.Method, Participant: true}
	for _, id := range d.facts.Own {
		if t := d.facts.Tickets[id]; t != nil && !t.EraseAt.IsZero() && ticket.KeepOwn.Permits(claim) {
			t = d.copyOf(t)
			t.EraseAt = time.Time{}
			d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventKept, Author: t.Requester().Number, Proof: proof})
			kept = append(kept, id)
		}
	}
	return kept
}

// ownWish decides on a wish of a requester in the thread of their ticket. What
// is proved well enough runs at once, all else is challenged.
func (d *decider) ownWish(w writer, asked wished) Outcome {
	t := w.ticket
	o := Outcome{Did: Challenged, Why: "asks for " + asked.name, Proof: w.claim.Proof}
	switch {
	case asked.action == ticket.Enrol, asked.action == ticket.SeeSite:
		return d.person(w.queue, asked)
	case asked.action == ticket.AskStatus && ticket.AskStatus.Permits(w.claim):
		d.status(w.queue, t)
	case asked.action == ticket.KeepOwn:
		d.callOff(w.queue, w.claim.Proof)
	case d.again != nil: // the code left when the wish first came
	default:
		about := asked.action
		if about == ticket.AskStatus {
			about = ticket.ReadHistory
		}
		d.challengeIn(w, ticket.Challenge{Action: about, Parked: ticket.Parked{Address: asked.address}})
	}
	said := d.saidBesides(w, asked)
	if d.again == nil {
		event := d.event(ticket.EventWished, w, !said)
		event.Detail = string(asked.action)
		d.write(t, event)
	}
	return o
}

// saidBesides takes the other words of a wish for what they are: an entry of the
// ticket where their writer may add one, else mail that is held for its agents.
// It reports whether there were any.
func (d *decider) saidBesides(w writer, asked wished) bool {
	t := w.ticket
	switch {
	case !d.says(asked.text):
		return false
	case !ticket.AddArticle.Permits(w.claim):
		d.holdInto(w, ticket.HeldUnproved, "what was said besides a wish, unproved")
	default:
		number := d.write(t, d.article(ticket.PublicArticle, w.participant.Number, asked.text, w.claim.Proof))
		if t.State != ticket.New && t.State != ticket.Closed {
			t.SetState(ticket.Open, d.in.Now)
		}
		d.tellAgents(ticket.AgentReply, t, nil, number)
	}
	return true
}

// challengeIn parks an action about a ticket, and mails the code to the stored
// address of its participant. A change of address wants a code from both.
func (d *decider) challengeIn(w writer, c ticket.Challenge) {
	t, p := w.ticket, w.participant
	c.Ticket, c.Participant, c.Mailbox, c.Locale = t.ID, p.Number, p.Mailbox, p.Locale
	if c.Action != ticket.ChangeAddress {
		t.Challenges = append(t.Challenges, d.challenge(w.queue, c, w.claim.Proof))
		return
	}
	other := c
	other.Mailbox = ticket.Mailbox{Name: p.Name, Address: c.Parked.Address}
	first, second := d.pair(w.queue, c, other, w.claim.Proof)
	t.Challenges = append(t.Challenges, first, second)
}

// challenge parks an action and owes the mail with its code.
func (d *decider) challenge(q *ticket.Queue, c ticket.Challenge, proof ticket.Proof) ticket.ID {
	c.Site, c.Queue = d.in.Site.Name, q.Name
	c, n := d.mint.Challenge(c, ticket.Validation, d.in.Site.Validation, d.in.Now)
	n.Brakes = ticket.CodeBrakes(c.Mailbox.Address, proof, d.in.Site.Validation.Valid)
	d.change.Challenges = append(d.change.Challenges, c)
	d.change.Notices = append(d.change.Notices, n)
	return c.ID
}

// pair parks an action that two mailboxes must allow.
func (d *decider) pair(q *ticket.Queue, a, b ticket.Challenge, proof ticket.Proof) (first, second ticket.ID) {
	first = d.challenge(q, a, proof)
	second = d.challenge(q, b, ticket.ProofNone)     // nothing shows yet that it is theirs
	d.change.Notices[len(d.change.Notices)-1].To = 0 // to the new mailbox, which nobody on the ticket has yet
	made := d.change.Challenges[len(d.change.Challenges)-2:]
	made[0].Parked.Other, made[1].Parked.Other = second, first
	return first, second
}

// asksNothing are mails that no wish is read from.
func (in *Input) asksNothing() bool {
	m := in.Message
	return in.Envelope.Null || m.Automatic != parser.ByPerson || m.QuoteOnly || m.Unreadable
}
