package router

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"guichet/parser"
	"guichet/ticket"
)

// choosing are the commands by which agents say what they want to hear, and
// whether they are there.
var choosing = []command{
	{name: "follow", names: map[string][]string{"fr": {"suivre"}}, action: ticket.AgentWrite, run: (*act).follow,
		help: map[string]string{
			"en": "You get every mail about this ticket.",
			"fr": "Vous recevez tous les messages de cette demande."}},
	{name: "unfollow", names: map[string][]string{"fr": {"neplussuivre"}}, action: ticket.AgentWrite, run: (*act).unfollow,
		help: map[string]string{
			"en": "You get no more mail about this ticket, unless it is yours.",
			"fr": "Vous ne recevez plus de message de cette demande, sauf si elle est à vous."}},
	{name: "notify", names: map[string][]string{"fr": {"notifier"}}, usage: "all|mine|digest|off [22:00-07:00]", action: ticket.AgentRead, anywhere: true, run: (*act).notify,
		example: "#notify mine 19:00-08:00",
		help: map[string]string{
			"en": "Says which mails you want: of all tickets, of mine (that you have or follow, and new ones), the daily digest alone, or off; and in which hours none.",
			"fr": "Dit quels messages vous voulez : toutes les demandes (tout), les miennes (que vous avez ou suivez, et les nouvelles), le résumé quotidien seul (résumé), ou aucun ; et à quelles heures rien."}},
	{name: "away", names: map[string][]string{"fr": {"absent", "absente"}}, usage: "WHEN", action: ticket.AgentRead, anywhere: true, run: (*act).away,
		example: "#away until 2026-12-20",
		help: map[string]string{
			"en": "You are not there until then: when a customer of yours writes, the ticket goes back to the team. With - you are back.",
			"fr": "Vous êtes absent jusque-là : si un de vos demandeurs écrit, la demande revient à l’équipe. Avec - vous êtes de retour."}},
}

func (a *act) follow() ticket.TranscriptLine {
	a.writer.Watch = ticket.Follow
	return ticket.TranscriptLine{Result: ticket.ResultFollowed}
}

func (a *act) unfollow() ticket.TranscriptLine {
	a.writer.Watch = ticket.Unfollow
	return ticket.TranscriptLine{Result: ticket.ResultUnfollowed}
}

// notifies are the words for what agents want to hear, in all languages, folded.
var notifies = map[string]ticket.Notify{
	"all": ticket.NotifyAll, "mine": ticket.NotifyMine, "digest": ticket.NotifyDigest, "off": ticket.NotifyOff,
	"tout": ticket.NotifyAll, "miennes": ticket.NotifyMine, "resume": ticket.NotifyDigest, "rien": ticket.NotifyOff,
}

var hoursOfDay = regexp.MustCompile(`^(\d{1,2})(?:[:h](\d{2})?)?-(\d{1,2})(?:[:h](\d{2})?)?$`)

// readHours reads 22:00-07:00, 22h-7h, 22-7.
func readHours(text string) (ticket.Hours, bool) {
	found := hoursOfDay.FindStringSubmatch(text)
	if found == nil {
		return ticket.Hours{}, false
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(found[i+1]) // minutes may be left out
	}
	h := ticket.Hours{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
	const day = 24 * 60
	return h, h.From < day && h.To <= day && n[1] < 60 && n[3] < 60
}

func (a *act) notify() ticket.TranscriptLine {
	words := strings.Fields(strings.ToLower(strings.ReplaceAll(a.argument, " - ", "-")))
	p := a.d.profile()
	p.Quiet = ticket.Hours{}
	notify, ok := notifies[ticket.Fold(words[0])]
	if len(words) == 2 && ok {
		p.Quiet, ok = readHours(words[1])
	}
	if !ok || len(words) > 2 {
		return a.refuse(ticket.ProblemArgument)
	}
	p.Notify = notify
	return ticket.TranscriptLine{Result: ticket.ResultNotify, Detail: strings.Join(words, " ")}
}

func (a *act) away() ticket.TranscriptLine {
	p := a.d.profile()
	if a.argument == "-" {
		p.Away = time.Time{}
		return ticket.TranscriptLine{Result: ticket.ResultBack}
	}
	text := strings.ToLower(a.argument)
	for _, word := range []string{"until ", "jusqu'au ", "jusqu'à "} {
		text = strings.TrimPrefix(text, word)
	}
	at, ok := readWhen(text, a.d.in.Now, a.d.in.Site.Zone, endOfDay)
	if !ok {
		return a.refuse(ticket.ProblemWhen)
	}
	p.Away = at
	return ticket.TranscriptLine{Result: ticket.ResultAway, Detail: at.Format(time.RFC3339)}
}

// profile is the writer's, to change.
func (d *decider) profile() *ticket.Profile {
	for i := range d.change.Profiles {
		if d.change.Profiles[i].Address.Same(d.from) {
			return &d.change.Profiles[i]
		}
	}
	p := ticket.Profile{Address: d.from}
	if read := d.facts.Profiles[d.in.Envelope.Evidence.From.Key()]; read != nil {
		p = *read
	}
	d.change.Profiles = append(d.change.Profiles, p)
	return &d.change.Profiles[len(d.change.Profiles)-1]
}

// listedAs is the address under which the settings know the author: their own,
// or that of an agent who has shown that this one is theirs too.
func (d *decider) listedAs(from ticket.Address) ticket.Address {
	p := d.facts.Profiles[from.Key()]
	if p == nil || !d.in.Site.Agent(p.Address) || d.in.Site.Agent(from) {
		return from
	}
	return p.Address
}

// passOn gives a ticket back to the team whose agent is away, so that its
// requester is not left waiting.
func (d *decider) passOn(t *ticket.Ticket) {
	p, ok := t.Participant(t.Assignee)
	if !ok || !d.facts.Profiles[p.Address.Key()].Gone(d.in.Now) {
		return
	}
	t.Assignee = 0
	d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventPassedOn, Detail: p.Called()})
}

// absent gives a ticket back to the team whose agent's own vacation notice says
// that they are not there.
func (d *decider) absent(t *ticket.Ticket, p *ticket.Participant) {
	if p.Role != ticket.AgentRole || t.Assignee != p.Number || d.in.Message.Automatic != parser.AutoReply || t.State.Done() {
		return
	}
	t.Assignee = 0
	number := d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventPassedOn, Detail: p.Called()})
	d.tellOfMachine(t, p, number)
}

// unknownAddressOf is the agent who may have written a mail from an address that
// nobody knows: it came with their token.
func (d *decider) unknownAddressOf(w writer, found match) (*ticket.Participant, bool) {
	if found.owner == nil || found.void || w.participant != nil || w.removed || d.in.Message.Automatic != parser.ByPerson ||
		d.in.Envelope.Null || d.in.Site.Agent(d.from) || d.in.Envelope.Evidence.Proof < ticket.ProofDomain {
		return nil, false
	}
	p, ok := w.ticket.Participant(found.owner.Number)
	return p, ok && p.Role == ticket.AgentRole && !p.Removed
}

// askAlias holds a mail that may be an agent's from another address, and asks them
// at the address that is known whether it is theirs.
func (d *decider) askAlias(w writer, agent *ticket.Participant) Outcome {
	o := d.holdInto(w, ticket.HeldAlias, "an agent's token, from an address that is not known as theirs")
	held := d.change.Held[len(d.change.Held)-1].ID
	w.participant, w.claim.Proof = agent, ticket.ProofNone // whose address it is nothing shows
	d.challengeIn(w, ticket.Challenge{Action: ticket.AgentAlias, Parked: ticket.Parked{Address: d.from, Held: held}})
	return o
}

// aliasShown remembers a further address of an agent. The mail that waited is
// filed as a note: nobody saw yet what of it was meant for the requester.
func (d *decider) aliasShown(r redemption) {
	other := r.challenge.Parked.Address
	if d.in.Ours(other) || d.in.Site.Agent(other) {
		return
	}
	if p := d.profile(); !p.Has(other) {
		p.Others = append(p.Others, other)
	}
	agent := r.who()
	if !agent.Is(other) {
		agent.Other = append(agent.Other, other)
	}
	if h := d.facts.Held[r.challenge.Parked.Held]; h != nil {
		d.change.Release = append(d.change.Release, h.ID)
		d.releaseInto(r.queue, h, func(id ticket.BlobID) (io.ReadCloser, error) { return d.in.OpenHeld(h, id) })
	}
	n := d.letter(ticket.Done, r.queue, r.challenge.Mailbox, r.challenge.Locale)
	n.About = &ticket.About{Action: ticket.AgentAlias, Address: other}
}
