package templates

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// list tells of the tickets that an agent asked for. Each has its number, by
// which the answer to the mail names it.
func (in ToAgent) list(c *catalogue, view *agentView, subject string, bring map[string]block) {
	l := in.List
	if l == nil {
		return
	}
	view.ListTitle = c.word("list."+string(l.View), "who", showPerson(l.From))
	asked := l.Worklist
	if len(in.Site.Queues) == 1 {
		asked.Queues = nil // which goes without saying
	}
	if l.View == ticket.ViewSearch {
		view.ListAsked = Line(strings.TrimPrefix(asked.Command(1), "#search "), 200)
	} else if len(l.Tags) > 0 {
		view.ListAsked = Line(strings.Join(l.Tags, ", "), 200)
	}
	b := block{Kind: worklistBlock}
	for _, t := range in.Tickets {
		if n := slices.Index(l.Tickets, t.ID) + 1; n > 0 {
			r := in.listed(c, t)
			r.Number = strconv.Itoa(n)
			r.Buttons = in.lineButtons(c, t, r.Number, subject)
			b.Rows = append(b.Rows, r)
		}
	}
	view.Numbered = len(b.Rows) > 0
	view.Count = in.counted(c, len(b.Rows))
	bring[":list"] = b
	if next := l.Page + 1; l.Page*ticket.WorklistPage < l.Total && next <= ticket.WorklistPages {
		view.More = true
		bring["[next]"] = commandButton(mailto(in.ReplyTo, subject, ""), l.Command(next))
	}
}

// counted says how many there are, and how many of them the mail shows.
func (in ToAgent) counted(c *catalogue, shown int) string {
	l := in.List
	if l.View == ticket.ViewHeld {
		if len(in.Waiting) == 0 {
			return c.word("list-count.none")
		}
		return ""
	}
	pairs := []string{"total", strconv.Itoa(l.Total), "live", strconv.Itoa(l.Live), "shown", strconv.Itoa(shown), "page", strconv.Itoa(l.Page),
		"pages", strconv.Itoa(min(ticket.WorklistPages, (l.Total+ticket.WorklistPage-1)/ticket.WorklistPage))}
	key := "list-count.all"
	switch {
	case l.Total == 0:
		key = "list-count.none"
	case l.Beyond:
		key = "list-count.beyond"
	case l.View == ticket.ViewContact:
		key = "list-count.contact"
	case shown < l.Total:
		key = "list-count.page"
	}
	return c.word(key, pairs...)
}

// showPerson is the address, or domain, of whom a list is.
func showPerson(from string) string {
	if from == "" || strings.HasPrefix(from, "@") {
		return Line(from, 254)
	}
	return showAddress(ticket.Address(from))
}

// listed is a ticket as a line of a list.
func (in ToAgent) listed(c *catalogue, t *ticket.Ticket) row {
	facts := []string{c.word("state." + string(t.State))}
	if t.Priority != ticket.Normal {
		facts = append(facts, c.word("priority."+string(t.Priority)))
	}
	facts = append(facts, c.age(in.Now.Sub(t.Changed)))
	if p, ok := t.Participant(t.Assignee); ok && !p.Removed {
		who := name(p.Mailbox)
		if p.Is(in.Recipient) {
			who = c.word("you")
		}
		facts = append(facts, who)
	}
	if promised := c.service(t, in.Now, in.Site.Zone); promised != "" {
		facts = append(facts, promised)
	}
	if !t.Due.IsZero() {
		facts = append(facts, c.word("due-by", "when", c.when(t.Due, in.Site.Zone)))
	}
	if !t.Snoozed.IsZero() {
		facts = append(facts, c.word("aside-until", "when", c.when(t.Snoozed, in.Site.Zone)))
	}
	return row{Head: t.Reference.String(), Side: strings.Join(facts, " · "),
		Title: Line(t.Subject, largestSubject), Text: passages(full(t.Requester().Mailbox))}
}

// lineButtons are what is done most to a ticket of a list.
func (in ToAgent) lineButtons(c *catalogue, t *ticket.Ticket, number, subject string) []button {
	commands := []string{"show"}
	if p, ok := t.Participant(t.Assignee); !t.State.Done() && (!ok || !p.Is(in.Recipient)) {
		commands = append(commands, "take")
	}
	last := "close"
	if t.State == ticket.Closed {
		last = "reopen"
	}
	var buttons []button
	empty := mailto(in.ReplyTo, subject, "")
	for _, command := range append(commands, last) {
		line := number + " " + command
		buttons = append(buttons, button{Command: line, Label: c.word("do." + command), Link: empty})
	}
	return buttons
}

// age is a span of time in its largest unit.
func (c *catalogue) age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return c.word("age.now")
	case d < time.Hour:
		return c.word("age.minutes", "n", strconv.Itoa(int(d/time.Minute)))
	case d < 48*time.Hour:
		return c.word("age.hours", "n", strconv.Itoa(int(d/time.Hour)))
	}
	return c.word("age.days", "n", strconv.Itoa(int(d/(24*time.Hour))))
}

// morning tells what there is to do. Its tickets have no numbers: each is shown
// by its reference.
func (in ToAgent) morning(c *catalogue, view *agentView, subject string, bring map[string]block) {
	m := in.Morning
	if m == nil {
		m = &ticket.Morning{}
	}
	empty := mailto(in.ReplyTo, subject, "")
	for _, part := range []struct {
		name string
		list ticket.MorningList
		says *bool
	}{
		{"due", m.Due, &view.MorningDue}, {"new", m.New, &view.MorningNew}, {"long", m.Long, &view.MorningLong},
		{"mine", m.Mine, &view.MorningMine}, {"failed", m.Failed, &view.MorningFailed},
	} {
		b := block{Kind: worklistBlock}
		for _, t := range part.list.Tickets {
			r := in.listed(c, t)
			command := "#show " + t.Reference.String()
			r.Buttons = []button{{Command: command, Label: c.word("do.show"), Link: empty}}
			b.Rows = append(b.Rows, r)
		}
		if further := part.list.Total - len(part.list.Tickets); further > 0 {
			b.Rows = append(b.Rows, row{Side: c.word("and-more", "count", strconv.Itoa(further))})
		}
		bring[":"+part.name], *part.says = b, len(b.Rows) > 0
	}
	view.Waiting = len(in.Waiting) > 0
}

// These bound how much of a ticket one mail shows.
const (
	shownText  = 4000   // characters of an article
	shownLines = 60     // and lines
	shownAll   = 60_000 // characters of all
)

// show tells all of a ticket: facts, people, and what was written, the newest
// first.
func (in ToAgent) show(c *catalogue, view *agentView, bring map[string]block) {
	if in.Kind != ticket.AgentShow || in.Ticket == nil {
		return
	}
	t := in.Ticket
	zone := in.Site.Zone
	view.Priority, view.Tags = c.word("priority."+cmp.Or(string(t.Priority), "normal")), Line(strings.Join(t.Tags, ", "), 500)
	view.Opened, view.Changed = c.when(t.Opened, zone), c.when(t.Changed, zone)
	if !t.Due.IsZero() {
		view.Due = c.when(t.Due, zone)
	}
	if !t.Snoozed.IsZero() {
		view.Snoozed = c.when(t.Snoozed, zone)
	}
	view.LegalHold, view.Unproved = t.LegalHold, t.Unproved
	people := block{Kind: factsBlock}
	for _, p := range t.Participants {
		if !p.Removed {
			people.Facts = append(people.Facts, fact{Label: c.word("role." + string(p.Role)), Value: line{{Text: full(p.Mailbox)}}})
		}
	}
	bring[":people"] = people
	all, used := block{Kind: historyBlock}, 0
	for _, a := range slices.Backward(in.History) {
		text := shorten(a.Text, shownLines, shownText)
		if used += len(text); used > shownAll {
			break
		}
		all.Rows = append(all.Rows, in.entry(c, &a, text))
	}
	if further := t.Articles - len(all.Rows); further > 0 {
		all.Rows = append(all.Rows, row{Head: c.word("and-more", "count", strconv.Itoa(further))})
	}
	bring[":all"] = all
}

// entry is an article of the whole of a ticket.
func (in ToAgent) entry(c *catalogue, a *ticket.Article, text string) row {
	r := in.headed(c, a)
	if a.Kind == ticket.EventArticle && textIsWhom[a.Event] {
		text = ""
	}
	for _, f := range a.Attachments {
		text += "\n" + c.word("attached", "name", Line(f.Name, 120), "size", c.size(f.Size))
	}
	r.Text = passages(strings.TrimSpace(text))
	return r
}
