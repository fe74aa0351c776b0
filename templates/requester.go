package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// ToRequester is what a mail to a requester, to somebody copied, or to anybody
// about a code is made from. It has no room for an internal article.
type ToRequester struct {
	Kind   ticket.NoticeKind
	Locale string
	Site   *ticket.Site
	Queue  *ticket.Queue
	// Name is what the recipient calls themselves, or "".
	Name string
	// ReplyTo is the address with their own token, or with that of the challenge.
	ReplyTo ticket.Address
	// Request is the zero value where the mail is about no ticket.
	Request Request
	// Own is set where the recipient closed or reopened the request themselves.
	Own bool
	// Author is who wrote the article, by name alone.
	Author  string
	Article *ticket.Public
	History []Entry
	// Account is the page on which the recipient, who has an account with the
	// site, may go on with it; "" where none is known.
	Account string
	// Withheld names files of the article that are not passed on.
	Withheld []string

	// Chat is set where their program shows mail as a chat: a few lines will do.
	Chat bool

	// About is what was asked for, and Code the one that allows it.
	About *ticket.About
	Code  string
	// Requests are those of which a status tells: the recipient's own, or for the
	// site's staff all that are open.
	Requests []Request
}

// Request is what a requester may know of a ticket.
type Request struct {
	Reference ticket.Reference
	Tracking  string
	Subject   string
	State     ticket.State
	Changed   time.Time
}

// Entry is a public article in a history.
type Entry struct {
	ticket.Public
	// Own is set on what the recipient wrote; Author is anybody else by name, and
	// "" the team.
	Own    bool
	Author string
}

// requesterView is what the source of a mail to a requester may name.
type requesterView struct {
	Name, Author                       string
	Team, Organisation, Phone          string
	Reference, Code, Subject, Withheld string
	Quoted, Own                        bool

	Asked, Done, Problem, ValidationCode, Until, Left string
	Undone, Retry, Requests, History, Account         bool

	// Whole is set where it is about the whole site, and Further where there is
	// more than is shown.
	Whole   bool
	Further string
}

// ToRequester writes a mail to a requester.
func (s *Set) ToRequester(in ToRequester) (Mail, error) {
	if in.Kind.ForAgents() || in.Kind == ticket.Postmaster {
		return Mail{}, fmt.Errorf("templates: %s is no mail to a requester", in.Kind)
	}
	return in.write(s.catalogue(in.Site, in.Locale))
}

// fixed are the mails that say the same to everybody, because anybody may have
// called for them in another's name.
var fixed = map[ticket.NoticeKind]bool{ticket.Receipt: true, ticket.Asked: true}

func (in ToRequester) write(c *catalogue) (Mail, error) {
	view := requesterView{
		Team: team(in.Queue), Organisation: Line(in.Site.Organisation, 100), Phone: Line(in.Site.Phone, 40),
		ValidationCode: ticket.ShowCode(in.Code), Whole: in.About != nil && in.About.Action == ticket.SeeSite,
	}
	// The name of the company is said once.
	if view.Organisation == view.Team || strings.Contains(in.Site.Footer, view.Organisation) {
		view.Organisation = ""
	}
	subject := "Re: " + view.Team
	if in.Request.Reference.Number != 0 && in.Kind != ticket.Asked {
		view.Reference = in.Request.Reference.String()
		subject = Subject(in.Request.Reference, in.Request.Subject)
	}
	bring := map[string]block{":article": {}, ":quote": {}, ":history": {}, ":requests": {}}
	empty := mailto(in.ReplyTo, subject, "")
	for _, command := range []string{"#close", "#reopen", "#cancel"} {
		bring["["+command+"]"] = commandButton(empty, command)
	}
	bring["[account]"] = pageButton(in.Account)
	bring["[code]"] = codeButton(in.ReplyTo, view.Team, view.ValidationCode)
	if !fixed[in.Kind] {
		in.fill(c, &view)
		in.bring(c, &view, bring)
	}
	name := string(in.Kind)
	if in.Chat && slices.Contains(chats, in.Kind) {
		return c.finish(chatName(in.Kind), view, bring, subject, "")
	}
	if own := in.Site.Validation.Template; in.Kind == ticket.Validation && c.mails[own] != nil {
		name = own
	}
	return c.finish(name, view, bring, subject, in.Site.Footer)
}

// fill adds what is the recipient's own, or what somebody asked for.
func (in ToRequester) fill(c *catalogue, view *requesterView) {
	view.Account = in.Account != ""
	view.Name, view.Author, view.Own = greeting(in.Name), greeting(in.Author), in.Own
	view.Code, view.Subject = ticket.ShowCode(in.Request.Tracking), Line(in.Request.Subject, largestSubject)
	view.Withheld = Line(strings.Join(in.Withheld, ", "), 500)
	if in.Article != nil && signs(in.Article.Article().Text, view.Author) {
		view.Author = ""
	}
	a := in.About
	if a == nil {
		return
	}
	request := c.word("your-request")
	if view.Reference != "" {
		request = c.word("the-request", "reference", view.Reference)
	}
	pairs := []string{"request", request, "address", showAddress(a.Address), "organisation", Line(in.Site.Organisation, 100),
		"lines", Line(strings.Join(a.Lines, ", "), 500)}
	view.Asked = c.word("asked."+string(a.Action), pairs...)
	view.Done = c.word("done."+string(a.Action), pairs...)
	if a.Problem != "" {
		view.Problem = c.word("problem." + a.Problem)
	}
	if a.Further > 0 {
		view.Further = strconv.Itoa(a.Further)
	}
	view.Undone, view.Retry, view.Left = a.Undone, a.Left > 0, strconv.Itoa(a.Left)
	if !a.Until.IsZero() {
		view.Until = c.when(a.Until, in.Site.Zone)
	}
}

// bring adds the blocks that show articles and requests.
func (in ToRequester) bring(c *catalogue, view *requesterView, bring map[string]block) {
	if in.Article != nil {
		a := in.Article.Article()
		bring[":article"] = block{Kind: articleBlock, Written: a.Text, Images: images(a.Attachments)}
		bring[":quote"] = block{Kind: quoteBlock, Text: passages(shorten(a.Text, 8, 600))}
		view.Quoted = len(bring[":quote"].Text) > 0
	}
	history := block{Kind: historyBlock}
	for _, p := range in.History {
		a := p.Article()
		side := greeting(p.Author)
		switch {
		case p.Own:
			side = c.word("you")
		case side == "":
			side = view.Team
		}
		history.Rows = append(history.Rows, row{Head: c.when(a.At, in.Site.Zone), Side: side, Text: passages(a.Text)})
	}
	bring[":history"], view.History = history, len(history.Rows) > 0
	requests := block{Kind: historyBlock}
	told := "own-state."
	if view.Whole {
		told = "site-state."
	}
	for _, r := range in.Requests {
		state := c.word(told+string(r.State), "when", c.when(r.Changed, in.Site.Zone))
		requests.Rows = append(requests.Rows, row{Head: r.Reference.String(), Side: Line(r.Subject, largestSubject), Text: passages(state)})
	}
	bring[":requests"], view.Requests = requests, len(requests.Rows) > 0
}

// signs reports whether a text ends with its author's name, which then need not
// stand below it again.
func signs(text, author string) bool {
	if author == "" {
		return false
	}
	author = strings.ToLower(author)
	first, _, _ := strings.Cut(author, " ")
	text = Body(text)
	for range 3 {
		above := strings.LastIndexByte(text, '\n')
		l := strings.Trim(strings.ToLower(text[above+1:]), " ,.")
		if l == first || strings.Contains(l, author) {
			return true
		}
		text = strings.TrimRight(text[:max(above, 0)], "\n")
	}
	return false
}

func team(q *ticket.Queue) string {
	if t := Line(q.Title, 100); t != "" {
		return t
	}
	return q.Address.Local()
}
