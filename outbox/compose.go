package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"guichet/templates"
	"guichet/ticket"
)

// loopField marks every mail of ours, with our name as its value: mail that comes
// back with it is never answered.
const loopField = "X-Loop"

// errGone is why a notice is dropped: whom or what it was about is no more.
type errGone string

func (e errGone) Error() string { return string(e) }

// letter is a message in its envelope.
type letter struct {
	message
	sender ticket.Address // in From: whose domain signs
	from   ticket.Address // of the envelope; "" is <>
	to     ticket.Address
}

// composer makes the letter of a notice.
type composer struct {
	templates *templates.Set
	signer    *ticket.Signer
	accounts  Accounts
	commands  []templates.CommandHelp
	hostname  string
	open      func(ctx context.Context, site string, id ticket.ID, blob ticket.BlobID) (io.ReadCloser, error)

	site   *ticket.Site
	queue  *ticket.Queue
	notice ticket.Notice
	ticket.Material
	now time.Time
	// withoutFiles keeps back from an agent what is too large for a mail.
	withoutFiles bool
}

// compose writes the letter, or says why there is none to write, or none now.
func (c *composer) compose(ctx context.Context) (*letter, error) {
	if err := wanted(c.notice, c.Material, c.site, c.now); err != nil {
		return nil, err
	}
	if c.notice.Kind == ticket.Postmaster {
		return c.toAdmin()
	}
	if c.notice.Kind == ticket.ReportMail {
		return c.reportLetter()
	}
	if c.notice.Ticket.IsZero() && c.notice.Kind.ForAgents() {
		return c.withoutTicket()
	}
	if c.notice.Kind == ticket.Escalation && c.notice.To == 0 {
		return c.toNamed(ctx)
	}
	p, err := c.recipient()
	if err != nil {
		return nil, err
	}
	if !c.notice.Kind.ForAgents() {
		return c.toRequester(ctx, p)
	}
	// The list is read again at this moment: whoever was taken off the team
	// learns nothing more.
	if !c.queue.Agent(p.Address) {
		return nil, errGone("no longer of the team")
	}
	return c.toAgent(ctx, p)
}

// recipient is the participant whom the notice is for, or, with the number 0,
// whoever else it names.
func (c *composer) recipient() (*ticket.Participant, error) {
	if c.Ticket == nil && !c.notice.Ticket.IsZero() {
		return nil, errGone("the ticket is gone")
	}
	if c.notice.To == 0 && c.notice.Mailbox.Address != "" {
		return &ticket.Participant{Mailbox: c.notice.Mailbox, Locale: c.notice.Locale}, nil
	}
	if c.Ticket == nil {
		return nil, errGone("nobody to write to")
	}
	p, ok := c.Ticket.Participant(c.notice.To)
	if !ok || p.Removed {
		return nil, errGone("the participant was taken off the ticket")
	}
	if c.notice.Mailbox.Address != "" {
		// A code goes to the mailbox that it is to prove, which may be theirs yet.
		there := *p
		there.Mailbox = c.notice.Mailbox
		return &there, nil
	}
	return p, nil
}

// toRequester writes to whoever is not of the team. From here on there is no
// article but a public one.
func (c *composer) toRequester(ctx context.Context, p *ticket.Participant) (*letter, error) {
	tickets := c.Tickets
	if c.Ticket != nil {
		tickets = append([]*ticket.Ticket{c.Ticket}, tickets...)
	}
	scrub := scrubForRequester(c.site, c.queue, tickets, p)
	in := templates.ToRequester{
		Kind: c.notice.Kind, Locale: c.notice.Locale, Site: c.site, Queue: c.queue, Name: p.Name, ReplyTo: c.replyTo(p),
		Own:   c.Article != nil && p.Number != 0 && c.Article.Author == p.Number,
		About: c.notice.About, Code: c.notice.Code, Chat: c.chats(p),
	}
	if c.notice.Kind == ticket.Acknowledgement && p.Role == ticket.Requester { // whose mailbox is proved
		in.Account = c.accounts.Link(ctx, c.site.Name, p.Address)
	}
	var files []file
	if p.Number != 0 { // a stranger to the ticket learns nothing of it
		in.Request, in.History = request(c.Ticket, p, scrub), c.publicHistory(p, scrub)
		if c.notice.Kind == ticket.Reminder {
			in.History = in.History[max(0, len(in.History)-remindOf):]
		}
		files = c.publicArticle(ctx, &in, scrub)
	}
	whole := c.notice.About != nil && c.notice.About.Action == ticket.SeeSite && (c.site.Staff(p.Address) || c.Sight)
	for _, t := range c.Tickets {
		who, ok := t.Who(p.Address)
		switch {
		case ok:
			in.Requests = append(in.Requests, request(t, who, scrub))
		case whole:
			in.Requests = append(in.Requests, request(t, &ticket.Participant{}, scrub))
		}
	}
	if c.notice.Kind == ticket.Answer && in.Article == nil {
		return nil, fmt.Errorf("article %d is not one that may be answered with", c.notice.Article)
	}
	if c.notice.Kind == ticket.Export {
		f, err := c.export(p, scrub)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	written, err := c.templates.ToRequester(in)
	if err != nil {
		return nil, err
	}
	l := c.begin(p.Address, c.queue.Mailbox(), mailbox(p.Name, p.Address), written)
	l.add("Reply-To", mailbox(c.queue.Title, in.ReplyTo))
	c.finish(l, p, written)
	l.files = files
	return l, nil
}

// remindOf is how many articles a reminder repeats: the answer that waits for
// theirs, and what it was to.
const remindOf = 2

// publicArticle adds the article that the notice brings, if it is public, and
// gives its files where they go along.
func (c *composer) publicArticle(ctx context.Context, in *templates.ToRequester, scrub *scrubber) []file {
	if c.Article == nil {
		return nil
	}
	a, withheld, files := c.relayed(ctx, *c.Article, scrub)
	public, ok := a.Public()
	if !ok {
		return nil
	}
	in.Article = &public
	if author, ok := c.Ticket.Participant(a.Author); ok {
		in.Author = scrub.line(author.Name)
	}
	if c.notice.Kind != ticket.Answer {
		return nil
	}
	in.Withheld = withheld
	return files
}

// publicHistory is what the recipient may read of what was written before, and
// for a history all of it.
func (c *composer) publicHistory(p *ticket.Participant, scrub *scrubber) []templates.Entry {
	all := c.History
	if c.notice.Kind == ticket.History {
		if whole, ok := c.Entries[c.Ticket.ID]; ok {
			all = whole
		} else if c.Article != nil {
			all = append(slices.Clone(all), *c.Article)
		}
	}
	var out []templates.Entry
	for _, public := range ticket.PublicOnly(all) {
		a := public.Article()
		a.Text, a.Whole, a.Attachments = scrub.text(a.Text), "", nil
		e := templates.Entry{Own: a.Author == p.Number}
		if author, ok := c.Ticket.Participant(a.Author); ok {
			e.Author = scrub.line(author.Name)
		}
		e.Public, _ = a.Public()
		out = append(out, e)
	}
	return out
}

// request is what a recipient may know of a ticket.
func request(t *ticket.Ticket, p *ticket.Participant, scrub *scrubber) templates.Request {
	r := templates.Request{Reference: t.Reference, Subject: scrub.line(t.Subject), State: t.State, Changed: t.Changed}
	if p.Role == ticket.Requester { // theirs alone
		r.Tracking = t.Tracking
	}
	return r
}

// replyTo is where answers go: to the challenge that the mail is about, to the
// recipient's own place on the ticket, or to the queue.
func (c *composer) replyTo(p *ticket.Participant) ticket.Address {
	switch {
	case !c.notice.Challenge.IsZero():
		return c.queue.With(c.signer.SignChallenge(c.site.Name, c.notice.Challenge))
	case p.Number != 0:
		return c.token(ticket.ReplyToken, p)
	}
	return c.queue.Address
}

// toAgent writes to one of the team.
func (c *composer) toAgent(ctx context.Context, p *ticket.Participant) (*letter, error) {
	scrub := scrubForAgent(c.queue)
	in := templates.ToAgent{
		Kind: c.notice.Kind, Locale: c.notice.Locale, Site: c.site, Queue: c.queue, Ticket: c.Ticket, To: p.Number,
		ReplyTo: c.token(ticket.ReplyToken, p), NoteTo: c.token(ticket.NoteToken, p),
		Held: c.scrubbedHeld(scrub), Waiting: c.waiting(), Further: c.Further, Aside: c.Aside, Transcript: c.notice.Transcript, Commands: c.commands,
		Now: c.now, Recipient: p.Address,
		Undelivered: c.notice.Undelivered, FilesKept: c.withoutFiles, Chat: c.chats(p),
	}
	sender := c.queue.Mailbox()
	var files []file
	if c.Article != nil {
		a, _, passed := c.relayed(ctx, *c.Article, scrub)
		in.Article = &a
		if author, ok := c.Ticket.Participant(a.Author); ok && c.notice.Kind.ByPerson() {
			files = passed
			if !in.Chat { // which is one, whoever wrote
				sender.Name = c.templates.Via(c.site, c.notice.Locale, author.Mailbox, c.queue.Title)
			}
		}
	}
	if c.withoutFiles {
		files = nil
	}
	in.History = c.past(scrub)
	written, err := c.templates.ToAgent(in)
	if err != nil {
		return nil, err
	}
	l := c.begin(p.Address, sender, mailbox(p.Name, p.Address), written)
	l.add("Reply-To", mailbox(c.queue.Title, in.ReplyTo))
	c.finish(l, p, written)
	l.files = files
	return l, nil
}

// past is what was written before, for the team.
func (c *composer) past(scrub *scrubber) []ticket.Article {
	var past []ticket.Article
	for _, a := range c.History {
		a.Text, a.Whole = scrub.text(a.Text), ""
		past = append(past, a)
	}
	return past
}

// toNamed writes to somebody whom the settings want to be told of what was
// missed, and who is not of the team: no token goes out to them, so that they
// read and change nothing.
func (c *composer) toNamed(ctx context.Context) (*letter, error) {
	to := c.notice.Mailbox
	switch {
	case c.Ticket == nil:
		return nil, errGone("the ticket is gone")
	case !slices.ContainsFunc(c.queue.Service.Escalate, to.Address.Same):
		return nil, errGone("no longer among those who are told of what was missed")
	}
	scrub := scrubForAgent(c.queue)
	in := templates.ToAgent{Kind: c.notice.Kind, Locale: c.notice.Locale, Site: c.site, Queue: c.queue, Ticket: c.Ticket, Now: c.now,
		ReplyTo: c.queue.Address, NoteTo: c.queue.Address}
	if c.Article != nil {
		a, _, _ := c.relayed(ctx, *c.Article, scrub)
		in.Article = &a
	}
	in.History = c.past(scrub)
	written, err := c.templates.ToAgent(in)
	if err != nil {
		return nil, err
	}
	l := c.begin(to.Address, c.queue.Mailbox(), mailbox(to.Name, to.Address), written)
	c.finish(l, nil, written)
	return l, nil
}

// waiting is what a digest lists, with nothing in it that would lead elsewhere.
func (c *composer) waiting() []*ticket.Held {
	scrub := scrubForAgent(c.queue)
	var out []*ticket.Held
	for _, h := range c.Waiting {
		listed := *h
		listed.Subject, listed.Text, listed.Attachments = scrub.line(h.Subject), "", nil
		out = append(out, &listed)
	}
	return out
}

// withoutTicket writes to an agent about nothing in particular: the answer to a
// command that needs no ticket.
func (c *composer) withoutTicket() (*letter, error) {
	to := c.notice.Mailbox
	if !c.queue.Agent(to.Address) {
		return nil, errGone("no longer of the team")
	}
	if c.notice.Kind == ticket.HeldDigest && len(c.Waiting) == 0 && (c.Morning == nil || c.Morning.Empty()) {
		return nil, errGone("there is nothing to do any more")
	}
	replyTo := c.replyTo(&ticket.Participant{})
	written, err := c.templates.ToAgent(templates.ToAgent{
		Kind: c.notice.Kind, Locale: c.notice.Locale, Site: c.site, Queue: c.queue, ReplyTo: replyTo, NoteTo: c.queue.Address,
		List: c.notice.List, Tickets: c.visible(c.Tickets, to.Address), Morning: c.morning(to.Address), Now: c.now, Recipient: to.Address,
		Held: c.scrubbedHeld(scrubForAgent(c.queue)), Waiting: c.waiting(), Further: c.Further, Aside: c.Aside, Transcript: c.notice.Transcript, Commands: c.commands,
	})
	if err != nil {
		return nil, err
	}
	l := c.begin(to.Address, c.queue.Mailbox(), mailbox(to.Name, to.Address), written)
	if replyTo != c.queue.Address {
		l.add("Reply-To", mailbox(c.queue.Title, replyTo))
	}
	c.finish(l, nil, written)
	return l, nil
}

// visible are those tickets of a list that its reader may see at this moment: they
// may have moved to another team since it was asked for.
func (c *composer) visible(tickets []*ticket.Ticket, agent ticket.Address) (visible []*ticket.Ticket) {
	scrub := scrubForAgent(c.queue)
	for _, t := range tickets {
		if q, ok := c.site.Queue(t.Queue); ok && q.Agent(agent) {
			listed := *t
			listed.Subject = scrub.line(t.Subject)
			visible = append(visible, &listed)
		}
	}
	return visible
}

// morning is what a digest tells, as far as its reader may see it.
func (c *composer) morning(agent ticket.Address) *ticket.Morning {
	if c.Morning == nil {
		return nil
	}
	m := *c.Morning
	for _, l := range []*ticket.MorningList{&m.New, &m.Due, &m.Long, &m.Mine, &m.Failed} {
		l.Tickets = c.visible(l.Tickets, agent)
	}
	return &m
}

// toAdmin passes on mail for postmaster. A reply goes to whoever wrote it.
func (c *composer) toAdmin() (*letter, error) {
	if c.Held == nil {
		return nil, errGone("the mail for postmaster is gone")
	}
	held := c.scrubbedHeld(scrubForAgent(c.queue))
	written, err := c.templates.ToAdmin(templates.ToAdmin{Locale: c.notice.Locale, Site: c.site, Held: *held})
	if err != nil {
		return nil, err
	}
	to := c.notice.Mailbox
	if to.Address == "" {
		to.Address = c.site.Admin
	}
	if to.Address == "" {
		return nil, errGone("the site names no admin")
	}
	sender := ticket.Mailbox{Name: c.templates.Via(c.site, c.notice.Locale, held.From, "postmaster"), Address: c.queue.Address}
	l := c.begin(to.Address, sender, mailbox(to.Name, to.Address), written)
	if held.From.Address != "" {
		l.add("Reply-To", mailbox(held.From.Name, held.From.Address))
	}
	c.finish(l, nil, written)
	return l, nil
}

// begin starts a letter: the fields that people see.
func (c *composer) begin(to ticket.Address, sender ticket.Mailbox, shownTo string, written templates.Mail) *letter {
	sum := sha256.Sum256([]byte(c.notice.ID + c.notice.MessageID))
	l := &letter{to: to, sender: sender.Address, message: message{
		// "=_" stands in neither quoted-printable nor base64.
		boundary: "=_" + hex.EncodeToString(sum[:12]), locale: written.Locale, text: written.Text, html: written.HTML,
	}}
	l.add("Date", c.now.UTC().Format(time.RFC1123Z))
	l.add("From", mailbox(sender.Name, sender.Address))
	l.add("To", shownTo)
	l.add("Subject", words(written.Subject))
	return l
}

// finish adds the fields that programs read.
func (c *composer) finish(l *letter, p *ticket.Participant, written templates.Mail) {
	n := c.notice
	l.add("Message-ID", identifiers(n.MessageID))
	l.add("In-Reply-To", identifiers(n.InReplyTo))
	l.add("References", identifiers(n.References...))
	if t := c.Ticket; t != nil && p != nil && p.Number != 0 {
		l.add("Thread-Topic", words(strings.TrimPrefix(written.Subject, "Re: ")))
		l.add("Thread-Index", threadIndex(t.ID, t.Opened, n.Created))
		l.from = c.token(ticket.BounceToken, p)
	}
	switch n.Kind {
	case ticket.Acknowledgement, ticket.Receipt, ticket.Transcript, ticket.AgentList, ticket.AgentShow, ticket.Validation, ticket.CodeFailed, ticket.Asked,
		ticket.Done, ticket.Status, ticket.History, ticket.Export:
		l.add("Auto-Submitted", "auto-replied") // RFC 3834 §5
		l.add("X-Auto-Response-Suppress", "All")
	case ticket.Answer:
		// Somebody's absence is worth knowing here, and so is a bounce.
		l.add("X-Auto-Response-Suppress", "DR, RN, NRN")
	default:
		if n.Kind.ByPerson() {
			l.add("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply")
			break
		}
		l.add("Auto-Submitted", "auto-generated")
		l.add("X-Auto-Response-Suppress", "All")
	}
	if n.Kind.ForAgents() && !c.chats(p) { // a chat that is a list takes no answers
		list := c.queue.Address.Local() + "." + c.queue.Address.Domain()
		l.add("List-Id", strings.TrimSpace(listName(c.queue.Title)+" <"+list+">")) // RFC 2919
		if c.Ticket != nil && p != nil && p.Number != 0 && p.Role == ticket.AgentRole {
			// What mail programs offer as leaving the list is no more mail of this ticket.
			to := strings.ReplaceAll(string(c.token(ticket.ReplyToken, p)), "+", "%2B")
			l.add("List-Unsubscribe", "<mailto:"+to+"?subject=unfollow&body=%23unfollow>") // RFC 2369 §3.2
		}
	}
	l.add(loopField, "guichet@"+c.hostname)
	l.add("Content-Language", written.Locale)
	l.add("MIME-Version", "1.0")
	if c.chats(p) {
		l.add("Chat-Version", "1.0")
		l.html = ""
	}
}

// chats reports whether the recipient's program shows mail as a chat.
func (c *composer) chats(p *ticket.Participant) bool {
	if c.notice.Kind.ForAgents() {
		return c.Profile != nil && c.Profile.Chat
	}
	return p != nil && p.Chat
}

// token puts a participant's token on the queue's address.
func (c *composer) token(purpose ticket.Purpose, p *ticket.Participant) ticket.Address {
	return c.queue.With(c.signer.Sign(purpose, c.site.Name, c.Ticket.ID, p))
}

func (c *composer) scrubbedHeld(s *scrubber) *ticket.Held {
	if c.Held == nil {
		return nil
	}
	h := *c.Held
	h.Text, h.Subject = s.text(h.Text), s.line(h.Subject)
	h.Attachments = nil
	for _, a := range c.Held.Attachments {
		a.Name = s.fileName(a.Name)
		h.Attachments = append(h.Attachments, a)
	}
	return &h
}

// listName is a title as the phrase of a List-Id.
func listName(title string) string {
	written := mailbox(title, "x@x.test")
	name, _, _ := strings.Cut(written, "<")
	return strings.TrimSpace(name)
}

// identifiers writes Message-IDs for a field, leaving out what is none.
func identifiers(ids ...string) string {
	var out []string
	for _, id := range ids {
		if id = strings.Trim(id, "<> "); validID(id) {
			out = append(out, "<"+id+">")
		}
	}
	return strings.Join(out, " ")
}

// validID reports whether an identifier can be written: theirs come from mail
// that anybody may have sent.
func validID(id string) bool {
	if len(id) == 0 || len(id) > 900 {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) < 0
}

// errQuiet says that a mail waits for its recipient's quiet hours to end.
type errQuiet struct{ until time.Time }

func (errQuiet) Error() string { return "quiet hours" }

// wanted reports whether an agent wants the mail, and now: errGone where they
// chose not to get it, errQuiet in their quiet hours.
func wanted(n ticket.Notice, m ticket.Material, site *ticket.Site, now time.Time) error {
	if m.Ticket != nil && n.Kind.ForAgents() && !m.Profile.Wants(n.Kind, m.Ticket, n.To) {
		return errGone("its recipient chose not to get such mail")
	}
	if until := m.Profile.Waits(n.Kind, now, site.Zone); !until.IsZero() {
		return errQuiet{until}
	}
	return nil
}

// isGone tells a notice that has nothing to say any more from a fault.
func isGone(err error) (string, bool) {
	var gone errGone
	ok := errors.As(err, &gone)
	return string(gone), ok
}
