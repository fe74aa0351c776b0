package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// ToAgent is what a mail to one of the team is made from.
type ToAgent struct {
	Kind   ticket.NoticeKind
	Locale string
	Site   *ticket.Site
	Queue  *ticket.Queue
	// Ticket may be nil where the mail is about none.
	Ticket *ticket.Ticket
	// To is the number of the participant it is for.
	To uint16
	// ReplyTo and NoteTo are the addresses with their own tokens.
	ReplyTo, NoteTo ticket.Address
	Article         *ticket.Article
	// History is the articles before, oldest first.
	History []ticket.Article
	Held    *ticket.Held
	// Waiting is the held mail that a digest lists, oldest first; Further counts
	// what waits besides, Aside what nobody waits for.
	Waiting        []*ticket.Held
	Further, Aside int
	Transcript     *ticket.TranscriptBody
	// List is what was asked for, of Tickets; Morning what a digest tells beside
	// Waiting. Now is when they are read, and Recipient who reads them.
	List      *ticket.ListBody
	Tickets   []*ticket.Ticket
	Morning   *ticket.Morning
	Now       time.Time
	Recipient ticket.Address
	// Undelivered is why an answer did not arrive; Article is that answer.
	Undelivered *ticket.Undelivered
	// FilesKept tells that the article's files are too large to go along.
	FilesKept bool
	// Chat is set where their program shows mail as a chat: a few lines will do.
	Chat bool
	// Commands are those that can be given, for the list in a transcript.
	Commands []CommandHelp
}

// CommandHelp is a line of the list of commands.
type CommandHelp struct {
	Name  string // close
	Usage string // #close
	// Text says in each language what it does.
	Text map[string]string
}

// agentView is what the source of a mail to an agent may name.
type agentView struct {
	Author, AuthorAddress, Requester, Queue string
	Reference, State, Assignee, Subject     string
	Proof                                   string
	Proved, Files, History, Written, Help   bool
	Mine, Closed, Accept                    bool
	Event, Reason                           string
	Why, HeldSubject                        string
	Problem, Line, Nearest                  string
	Undo, Overtaken, Draft, Listed          bool

	Whom, Size, Limit                                string
	TooLarge                                         bool
	ListTitle, ListAsked, Count                      string
	Numbered, More, Waiting                          bool
	MorningDue, MorningNew, MorningLong, MorningMine bool
	MorningFailed, LegalHold, Unproved               bool
	Priority, Tags, Due, Snoozed, Opened, Changed    string

	// Service is what was promised and is due next; Outside is set for a recipient
	// who is not of the team.
	Service string
	Outside bool
}

// ToAgent writes a mail to one of the team.
func (s *Set) ToAgent(in ToAgent) (Mail, error) {
	if !in.Kind.ForAgents() {
		return Mail{}, fmt.Errorf("templates: %s is no mail to an agent", in.Kind)
	}
	return in.write(s.catalogue(in.Site, in.Locale))
}

func (in ToAgent) write(c *catalogue) (Mail, error) {
	view := agentView{Queue: team(in.Queue), Requester: c.word("somebody")}
	subject := "Re: " + in.Queue.Title
	if t := in.Ticket; t != nil {
		subject = Subject(t.Reference, t.Subject)
		view.Reference, view.Subject = t.Reference.String(), Line(t.Subject, largestSubject)
		view.State = c.word("state." + string(t.State))
		view.Assignee, view.Service = in.assignee(c), c.service(t, in.Now, in.Site.Zone)
		view.Outside = in.To == 0
		view.Mine, view.Closed = t.Assignee == in.To && in.To != 0, t.State == ticket.Closed
		view.Requester = name(t.Requester().Mailbox)
	}
	bring := map[string]block{":article": {}, ":card": {}, ":files": {}, ":history": {}, ":transcript": {}, ":commands": {}, ":waiting": in.waiting(c, subject),
		":list": {}, ":people": {}, ":all": {}, "[next]": {Kind: buttonsBlock, Buttons: []button{{}}}}
	view.Accept = in.deciding()
	in.buttons(subject, bring)
	in.article(c, &view, bring)
	in.history(c, &view, bring)
	in.held(c, &view, bring)
	in.transcript(c, &view, bring)
	in.draft(&view, subject, bring)
	in.list(c, &view, subject, bring)
	in.morning(c, &view, subject, bring)
	in.show(c, &view, bring)
	in.undelivered(c, &view)
	if in.Chat && in.short() {
		return c.finish(chatName(in.Kind), view, bring, subject, "")
	}
	return c.finish(string(in.Kind), view, bring, subject, "")
}

// short reports whether all that the mail has to say fits a chat.
func (in ToAgent) short() bool {
	t := in.Transcript
	long := t != nil && (t.Help || t.Draft != "" || t.Problem == ticket.ProblemOvertaken || t.Problem == ticket.ProblemUnknown)
	return slices.Contains(chats, in.Kind) && in.Ticket != nil && !long
}

func (in ToAgent) assignee(c *catalogue) string {
	switch p, ok := in.Ticket.Participant(in.Ticket.Assignee); {
	case !ok || p.Removed:
		return c.word("assignee.none")
	case p.Number == in.To:
		return c.word("assignee.you")
	default:
		return c.word("assignee.other", "who", name(p.Mailbox))
	}
}

func (in ToAgent) buttons(subject string, bring map[string]block) {
	commands := []string{"take", "close", "reopen", "undo", "send", "drop", "help"}
	for _, c := range in.Commands {
		if !slices.Contains(commands, c.Name) {
			commands = append(commands, c.Name)
		}
	}
	empty := mailto(in.ReplyTo, subject, "")
	for _, c := range commands {
		bring["[#"+c+"]"] = commandButton(empty, "#"+c)
	}
	bring["[note]"] = noteButton(in.NoteTo, subject)
	id := ""
	if in.Held != nil {
		id = in.Held.ID
	}
	for i, b := range in.decide(id, subject) {
		bring["[#"+decisions[i]+"]"] = block{Kind: buttonsBlock, Buttons: []button{b}}
	}
}

// decisions are the commands that decide on a held mail.
var decisions = [...]string{"accept", "reject", "spam"}

// decide are the buttons that decide on a held mail. They name it, so that a
// reply which quotes them does, too.
func (in ToAgent) decide(id, subject string) []button {
	var buttons []button
	empty := mailto(in.ReplyTo, subject, "")
	for _, name := range decisions {
		command := "#" + name + " " + id
		buttons = append(buttons, button{Command: command, Link: empty})
	}
	return buttons
}

// deciding reports whether agents can decide on held mail.
func (in ToAgent) deciding() bool {
	return !slices.ContainsFunc(decisions[:], func(name string) bool { return !in.can(name) })
}

// can reports whether there is a command of that name.
func (in ToAgent) can(name string) bool {
	return slices.ContainsFunc(in.Commands, func(c CommandHelp) bool { return c.Name == name })
}

// article tells who wrote what.
func (in ToAgent) article(c *catalogue, view *agentView, bring map[string]block) {
	if in.Article == nil {
		return
	}
	a := in.Article
	author := in.author(a)
	view.Author, view.AuthorAddress = c.called(author), full(author)
	view.Proof, view.Proved = c.proof(a.Proof, author)
	if a.Kind == ticket.EventArticle {
		view.Event = c.event(a, author, in.Site.Zone)
		if a.Event == ticket.EventDeliveryFailed {
			view.Reason = Line(a.Detail, 500)
		}
		if !textIsWhom[a.Event] {
			bring[":article"] = block{Kind: cardBlock, Text: passages(a.Text)}
		}
		return
	}
	text := passages(a.Text)
	if len(text) == 0 {
		text = passages(a.Whole)
	}
	if len(text) == 0 {
		text = passages(c.word("no-text"))
	}
	written := block{Kind: articleBlock, Text: text}
	files, any := c.files(a.Attachments)
	if in.FilesKept {
		for i := range files.Rows {
			files.Rows[i].Side = c.word("file-kept", "size", files.Rows[i].Side)
		}
	} else {
		written.Images = images(a.Attachments)
	}
	bring[":article"], bring[":files"], view.Files = written, files, any
}

// undelivered tells why an answer did not arrive.
func (in ToAgent) undelivered(c *catalogue, view *agentView) {
	u := in.Undelivered
	if u == nil {
		return
	}
	view.Whom, view.Reason, view.TooLarge, view.Size = showAddress(u.To), Line(u.Reason, 500), u.TooLarge, c.size(u.Size)
	if u.Limit > 0 {
		view.Limit = c.size(u.Limit)
	}
}

// author is who wrote an article; nobody where Guichet did.
func (in ToAgent) author(a *ticket.Article) ticket.Mailbox {
	if in.Ticket == nil {
		return ticket.Mailbox{}
	}
	p, ok := in.Ticket.Participant(a.Author)
	if !ok {
		return ticket.Mailbox{}
	}
	return p.Mailbox
}

// historyLength is how many earlier articles a mail shows.
const historyLength = 3

// history shows the newest few, the newest first.
func (in ToAgent) history(c *catalogue, view *agentView, bring map[string]block) {
	b := block{Kind: historyBlock}
	for _, a := range slices.Backward(in.History) {
		if len(b.Rows) == historyLength {
			break
		}
		r := in.headed(c, &a)
		if a.Kind != ticket.EventArticle {
			r.Text = passages(compact(shorten(a.Text, 4, 300)))
		}
		b.Rows = append(b.Rows, r)
	}
	bring[":history"], view.History = b, len(b.Rows) > 0
}

// headed is an article without its text: when it was written and by whom, or what
// happened.
func (in ToAgent) headed(c *catalogue, a *ticket.Article) row {
	who := in.author(a)
	r := row{Head: c.when(a.At, in.Site.Zone), Side: c.called(who), Note: a.Kind == ticket.InternalArticle}
	switch a.Kind {
	case ticket.EventArticle:
		r.Side = c.event(a, who, in.Site.Zone)
	case ticket.InternalArticle:
		r.Side += " (" + c.word("history.note") + ")"
	}
	return r
}

func (in ToAgent) held(c *catalogue, view *agentView, bring map[string]block) {
	if in.Held != nil {
		view.AuthorAddress = full(in.Held.From)
		view.Why, view.HeldSubject = c.why(in.Held.Why), Line(in.Held.Subject, largestSubject)
		view.Proof, view.Proved = c.proof(in.Held.Proof, in.Held.From)
		bring[":card"] = block{Kind: cardBlock, Text: passages(in.Held.Text)}
		bring[":files"], view.Files = c.files(in.Held.Attachments)
	}
}

// longestDigest is how many held mails a digest shows.
const longestDigest = 50

func (in ToAgent) waiting(c *catalogue, subject string) block {
	b := block{Kind: historyBlock}
	shown := in.Waiting[:min(len(in.Waiting), longestDigest)]
	for _, h := range shown {
		text := Line(h.Subject, largestSubject) + "\n" + c.why(h.Why)
		r := row{Head: c.when(h.At, in.Site.Zone), Side: full(h.From), Text: passages(text)}
		if in.deciding() {
			r.Buttons = in.decide(h.ID, subject)
			if h.From.Address == "" {
				r.Buttons = r.Buttons[1:2] // nobody could be answered
			}
		}
		b.Rows = append(b.Rows, r)
	}
	if further := len(in.Waiting) - len(shown) + in.Further; further > 0 {
		b.Rows = append(b.Rows, row{Head: c.word("and-more", "count", strconv.Itoa(further))})
	}
	if in.Aside > 0 {
		b.Rows = append(b.Rows, row{Head: c.word("and-aside", "count", strconv.Itoa(in.Aside))})
	}
	return b
}

func (in ToAgent) transcript(c *catalogue, view *agentView, bring map[string]block) {
	t := in.Transcript
	if t == nil {
		return
	}
	view.Line, view.Nearest = Line(t.Line, 200), Line(t.Nearest, 200)
	view.Undo, view.Overtaken, view.Listed = t.Undo, t.Problem == ticket.ProblemOvertaken, t.Listed
	if t.Problem != "" {
		view.Problem = c.word("problem." + t.Problem)
	}
	done := block{Kind: transcriptBlock}
	for _, l := range t.Done {
		result := c.word("result."+l.Result, "detail", c.detail(l.Detail, in.Site.Zone), "requester", view.Requester)
		if l.Ticket != "" {
			result = Line(l.Ticket, 40) + ": " + result
		}
		done.Rows = append(done.Rows, row{Head: Line(l.Line, 60), Side: result})
	}
	bring[":transcript"] = done
	if view.Written = strings.TrimSpace(t.Written) != ""; view.Written {
		bring[":card"] = block{Kind: cardBlock, Text: passages(t.Written)}
	}
	if view.Help = t.Help || t.Problem == ticket.ProblemUnknown; view.Help {
		list := block{Kind: commandsBlock}
		for _, h := range in.Commands {
			text, ok := h.Text[c.locale]
			if !ok {
				text = h.Text[fallback]
			}
			list.Rows = append(list.Rows, row{Head: h.Usage, Side: text})
		}
		bring[":commands"] = list
	}
}

// draft is a text to be changed and sent: the button opens it in a mail.
func (in ToAgent) draft(view *agentView, subject string, bring map[string]block) {
	text := ""
	if in.Transcript != nil {
		text = strings.TrimSpace(in.Transcript.Draft)
	}
	bring["[draft]"] = block{Kind: buttonsBlock, Buttons: []button{{Address: string(in.ReplyTo), Link: mailto(in.ReplyTo, subject, strings.ReplaceAll(text, "\n", "\r\n"))}}}
	bring[":draft"] = block{}
	if view.Draft = text != ""; view.Draft {
		bring[":draft"] = block{Kind: cardBlock, Text: passages(text)}
	}
}

// ToAdmin is what mail for postmaster is passed on with.
type ToAdmin struct {
	Locale string
	Site   *ticket.Site
	Held   ticket.Held
}

// ToAdmin writes a mail to the site's admin.
func (s *Set) ToAdmin(in ToAdmin) (Mail, error) {
	return in.write(s.catalogue(in.Site, in.Locale))
}

func (in ToAdmin) write(c *catalogue) (Mail, error) {
	view := agentView{}
	bring := map[string]block{":files": {}, ":card": {}}
	ToAgent{Held: &in.Held}.held(c, &view, bring)
	return c.finish(string(ticket.Postmaster), view, bring, "", "")
}
