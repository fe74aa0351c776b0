package router

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"guichet/ticket"
)

// deciding are the commands about mail that waits for a person, or for a code.
var deciding = []command{
	{name: "verify", names: map[string][]string{"fr": {"vérifier"}}, usage: "CODE", action: ticket.AgentWrite, run: (*act).verify,
		example: "#verify 347G-9CDF",
		help: map[string]string{
			"en": "Takes the validation code that the requester reads out to you.",
			"fr": "Prend le code de validation que le demandeur vous lit."}},
	{name: "accept", names: map[string][]string{"fr": {"accepter"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).accept,
		example: "#accept ngsvdeg6usrt6rzq",
		help: map[string]string{
			"en": "Takes a held mail, and its writer for somebody who belongs to the ticket. Of a wish to see the whole site, grants it.",
			"fr": "Accepte un message retenu, et son auteur comme participant à la demande. S’il demande à voir tout le site, l’y autorise."}},
	{name: "reject", names: map[string][]string{"fr": {"rejeter"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).reject,
		example: "#reject ngsvdeg6usrt6rzq",
		help: map[string]string{
			"en": "Throws a held mail away.",
			"fr": "Jette un message retenu."}},
	{name: "spam", names: map[string][]string{"fr": {"indésirable"}}, usage: "[MAIL]", action: ticket.AgentWrite, anywhere: true, run: (*act).spam,
		example: "#spam ngsvdeg6usrt6rzq",
		help: map[string]string{
			"en": "Throws a held mail away, or closes the ticket without a word, and sets aside unanswered what its sender writes later.",
			"fr": "Jette un message retenu, ou ferme la demande sans un mot, et met de côté sans réponse ce que son auteur écrira ensuite."}},
	{name: "sight", names: map[string][]string{"fr": {"vue"}}, usage: "-ADDRESS", action: ticket.AgentWrite, anywhere: true, run: (*act).sight,
		example: "#sight -lea@customer.example",
		help: map[string]string{
			"en": "Takes back that somebody sees the whole site, which #accept had granted.",
			"fr": "Retire à quelqu’un la vue de tout le site que #accepter avait donnée."}},
}

// verify meets a challenge of the ticket with a code that its owner read out.
func (a *act) verify() ticket.TranscriptLine {
	codes := a.d.in.Site.Validation.Find(a.argument)
	for _, id := range a.ticket.Challenges {
		c := a.d.facts.Challenges[id]
		own := c != nil && c.Action == ticket.AgentAlias // which its agent alone sends back
		if c == nil || own || slices.Contains(a.redeem, c) || !a.d.tried(c, 0).Live(a.d.in.Now) {
			continue
		}
		if a.d.mint.Pepper.Meets(c, codes) {
			a.redeem = append(a.redeem, c)
			return ticket.TranscriptLine{Result: ticket.ResultVerified, Detail: string(c.Action)}
		}
		a.d.tried(c, max(1, len(codes)))
	}
	return ticket.TranscriptLine{Result: ticket.ResultNotVerified}
}

// accept files a held mail, reject throws it away, and spam remembers its
// sender besides. Without a name they mean the one that the mail quotes, if it
// is one.
func (a *act) accept() ticket.TranscriptLine { return a.decideHeld(ticket.ResultAccepted) }
func (a *act) reject() ticket.TranscriptLine { return a.decideHeld(ticket.ResultRejected) }
func (a *act) spam() ticket.TranscriptLine {
	if a.ticket != nil && a.argument == "" && len(a.d.facts.Held) == 0 {
		return a.spamTicket()
	}
	return a.decideHeld(ticket.ResultSpam)
}

// spamTicket closes a ticket without a word to its requester, whose later mail
// is set aside.
func (a *act) spamTicket() ticket.TranscriptLine {
	requester := a.ticket.Requester()
	if a.queue.Agent(requester.Address) {
		return a.refuse(ticket.ProblemNotAllowed)
	}
	a.d.change.Spammers = append(a.d.change.Spammers, ticket.Spammer{Address: requester.Address, Proved: !a.ticket.Unproved})
	a.ticket.SetState(ticket.Closed, a.d.in.Now)
	a.happens(ticket.EventSpam, "")
	return ticket.TranscriptLine{Result: ticket.ResultSpamTicket, Detail: requester.Called()}
}

func (a *act) decideHeld(result string) ticket.TranscriptLine {
	d := a.d
	h := d.facts.Held[strings.ToLower(a.argument)]
	if quoted := slices.Collect(maps.Values(d.facts.Held)); a.argument == "" && len(quoted) == 1 {
		h = quoted[0]
	}
	if h == nil || slices.Contains(slices.Concat(d.change.Release, d.change.Discard), h.ID) {
		return ticket.TranscriptLine{Result: ticket.ResultNoHeld}
	}
	queue, ok := d.in.Site.Queue(h.Queue)
	answerable := h.From.Address != "" && !d.in.Ours(h.From.Address)
	if !ok || !queue.Agent(d.from) || result == ticket.ResultAccepted && !answerable {
		return ticket.TranscriptLine{Result: ticket.ResultNoHeld}
	}
	if into := d.facts.Tickets[h.Ticket]; into != nil && into.LegalHold && result != ticket.ResultAccepted {
		return ticket.TranscriptLine{Result: ticket.ResultLegalHold, Detail: into.Reference.String()}
	}
	if result != ticket.ResultAccepted {
		d.change.Discard = append(d.change.Discard, h.ID)
	}
	switch {
	case result == ticket.ResultAccepted && h.Why == ticket.HeldSight:
		d.change.Release = append(d.change.Release, h.ID)
		d.letSee(queue, h)
		result = ticket.ResultSight
	case result == ticket.ResultAccepted:
		d.change.Release = append(d.change.Release, h.ID)
		d.change.Welcome = append(d.change.Welcome, h.From.Address)
		d.releaseInto(queue, h, func(id ticket.BlobID) (io.ReadCloser, error) { return d.in.OpenHeld(h, id) })
	case result == ticket.ResultSpam && answerable && !queue.Agent(h.From.Address):
		d.change.Spammers = append(d.change.Spammers, ticket.Spammer{Address: h.From.Address, Proved: h.Proof >= ticket.ProofDomain})
	}
	return ticket.TranscriptLine{Result: result, Detail: h.From.Called()}
}

// sight takes from somebody what #accept gave: they see their own alone again.
func (a *act) sight() ticket.TranscriptLine {
	bare, off := strings.CutPrefix(a.argument, "-")
	address, err := ticket.ParseAddress(strings.Trim(bare, "<>; "))
	switch {
	case !off:
		return a.refuse(ticket.ProblemArgument)
	case err != nil:
		return a.refuse(ticket.ProblemAddress)
	}
	a.d.change.NoSight = append(a.d.change.NoSight, address)
	return ticket.TranscriptLine{Result: ticket.ResultNoSight, Detail: string(address)}
}

var heldName = regexp.MustCompile(`#\S+[ \t\x{a0}]+([a-z2-7]{16})\b`)

// heldNamed are the held mails that a mail names, in its own words or in those
// of ours that it quotes.
func heldNamed(text string) []string {
	var ids []string
	for _, found := range heldName.FindAllStringSubmatch(text, heldMax) {
		if !slices.Contains(ids, found[1]) {
			ids = append(ids, found[1])
		}
	}
	return ids
}

const heldMax = 50
